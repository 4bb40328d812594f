"""What `bench.ablation` takes out is really there, really goes, and really comes back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from anomaly_lstm import evidence
from bench import ablation
from bench.ablation import HEADLINES, WHOLE, WITHOUT
from bench.quality import SETS
from bench.quality.contract import Budget, Measured, Series


def test_every_set_has_its_headlines() -> None:
    assert set(HEADLINES) == set(SETS)


@pytest.mark.parametrize("name", [name for name in WITHOUT if name != WHOLE])
def test_what_is_taken_out_is_there_and_is_no_longer_the_same(name: str) -> None:
    for module, attribute, instead in WITHOUT[name]:
        assert getattr(module, attribute) != instead


def test_each_idea_is_out_once_and_back_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    used: list[int] = []

    def measured(data: Any, series: Sequence[Series], network: str) -> Measured:
        used.append(len(evidence.HALF_LIVES))
        return Measured(dict.fromkeys(HEADLINES[data.NAME], 0.5), Budget(3, 2.0, 100, 10))

    monkeypatch.setattr(ablation, "measured", measured)
    monkeypatch.setattr(SETS["ims"], "find", lambda folder: ["one"])
    monkeypatch.setattr(SETS["nab"], "find", lambda folder: [])
    out = tmp_path / "ablation.json"
    before = dict(evidence.HALF_LIVES)
    assert ablation.main([str(tmp_path), "--only", "nab,ims"], out) == 0
    assert before == evidence.HALF_LIVES
    assert used == [3, 1, 2, 2, 2] + [3] * (len(WITHOUT) - 5)
    assert list(json.loads(out.read_text("utf-8"))) == list(WITHOUT)
    assert "3 / 2.0" in capsys.readouterr().out


def test_without_any_set_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ablation.main([str(tmp_path)], tmp_path / "out.json") == 1
    assert "Nothing was measured" in capsys.readouterr().out
    assert not (tmp_path / "out.json").exists()
