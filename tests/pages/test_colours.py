"""The colours of the pages can be read by everybody, on a light screen, on a dark one and on paper.

Contrast as WCAG 2.2 counts it (1.4.3 for text, 1.4.11 for marks). What people with colour-blind eyes see is simulated
after Machado, Oliveira and Fernandes (2009) at full severity; how far two colours are apart is CIE76 in CIELAB, where
about 2 can just be noticed.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm.pages import colours

Colour = NDArray[np.float64]

TEXT, MARK = 4.5, 3.0
"""Least contrast of text, and of marks that carry meaning."""

APART = 15.0
"""Least distance of colours that mean different things."""

EYES = {
    "all colours": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}

SEVERITIES = ("advisory", "warning", "critical")
LOOKS = {"light": colours.LIGHT, "dark": colours.DARK, "print": colours.PRINTED}


def seen(look: str) -> dict[str, Colour]:
    """Name → linear RGB (3,) of the colours that nothing shines through."""
    return {name: linear(value) for name, value in LOOKS[look].items() if value.startswith("#")}


def linear(text: str) -> Colour:
    """sRGB as hex digits → linear RGB, as IEC 61966-2-1 has it."""
    channels = np.array([int(text[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def blended(colour: Colour, opacity: float, ground: Colour) -> Colour:
    """A colour that lets its ground shine through, as browsers blend: in sRGB, not linear."""
    mixed = opacity * _shown(colour) + (1 - opacity) * _shown(ground)
    return np.where(mixed <= 0.04045, mixed / 12.92, ((mixed + 0.055) / 1.055) ** 2.4)


def _shown(colour: Colour) -> Colour:
    return np.where(colour <= 0.0031308, colour * 12.92, 1.055 * np.maximum(colour, 0) ** (1 / 2.4) - 0.055)


def contrast(one: Colour, other: Colour) -> float:
    light = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ colour) + 0.05 for colour in (one, other))
    return light[1] / light[0]


def lab(colour: Colour) -> Colour:
    """CIELAB (3,) under D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        colour, 0, 1
    )
    part = xyz / np.array([0.9505, 1.0, 1.089])
    root = np.where(part > (6 / 29) ** 3, np.cbrt(part), part / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def apart(one: Colour, other: Colour, eye: str) -> float:
    return float(np.linalg.norm(lab(EYES[eye] @ one) - lab(EYES[eye] @ other)))


@pytest.mark.parametrize("look", LOOKS)
def test_text_stands_out_from_its_ground(look: str) -> None:
    have = seen(look)
    for name in ("ink", "faint", *SEVERITIES, "good", "bad"):
        for ground in ("paper", "wash"):
            found = contrast(have[name], have[ground])
            assert found >= TEXT, f"{name} on {ground}: {found:.2f}"


@pytest.mark.parametrize("look", LOOKS)
def test_the_words_of_a_severity_stand_out_from_its_own_band(look: str) -> None:
    have = seen(look)
    for name in SEVERITIES:
        band = blended(have[name], 0.16, have["paper"])
        found = contrast(have[name], band)
        assert found >= TEXT, f"{name} on its band: {found:.2f}"


@pytest.mark.parametrize("look", LOOKS)
def test_marks_and_lines_stand_out_from_the_paper(look: str) -> None:
    have = seen(look)
    for name in (*SEVERITIES, "failure", "anomaly", "quiet", "measured", "heat-full"):
        found = contrast(have[name], have["paper"])
        assert found >= MARK, f"{name} on paper: {found:.2f}"


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("look", LOOKS)
def test_severities_and_kinds_of_event_are_apart_for_every_eye(look: str, eye: str) -> None:
    have = seen(look)
    kinds = ("failure", "anomaly", "quiet")
    for one, other in (*itertools.combinations(SEVERITIES, 2), *itertools.combinations(kinds, 2)):
        found = apart(have[one], have[other], eye)
        assert found >= APART, f"{one} and {other}, {eye}: {found:.1f}"


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("look", LOOKS)
def test_what_is_measured_is_apart_from_what_is_expected_for_every_eye(look: str, eye: str) -> None:
    have = seen(look)
    assert apart(have["measured"], have["quiet"], eye) >= APART


def test_every_look_has_every_colour() -> None:
    assert set(colours.LIGHT) == set(colours.DARK) == set(colours.PRINTED)


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast(linear("#ffffff"), linear("#000000")) == pytest.approx(21)
    assert contrast(linear("#ffffff"), linear("#767676")) == pytest.approx(4.54, abs=0.01)
