"""Units as plants write them: in a row below the names, in brackets in a name, behind the number in a cell."""

from __future__ import annotations

import re
from collections.abc import Sequence

KNOWN = frozenset(
    """
    % ‰ ppm ppb ppmv -
    °c ° °f °k k degc degf deg.c deg c deg degk grad c f gradc celsius kelvin
    bar mbar barg bara bar(g) bar(a) bar_g bar_a pa hpa kpa mpa kpag kpaa psi psig psia atm torr mmhg inhg inh2o mmh2o
    kg/cm2 kg/cm² kgf/cm2 kgf/cm² n/mm2 n/mm²
    m3/h m³/h nm3/h nm³/h sm3/h m3/s m³/s m3/min m³/min l/h l/min l/s lpm gpm cfm scfm ml/min kg/h kg/s kg/min t/h t/d
    lb/h lb/hr kscfh bbl/d stb/d m3 m³ l ml gal
    rpm 1/min min-1 u/min hz khz mhz rad/s r/min
    v kv mv µv a ma ka µa w kw mw gw va kva mva var kvar mvar wh kwh mwh gwh ohm kohm ω
    mm cm m km µm um nm in inch ft mil mils m/s mm/s cm/s in/s ips m/s2 m/s² mm/s2 mm/s² g grms mg kg t lb lbs
    mm/sec m/sec mm/srms mmrms
    s sec ms min h hr hrs d days n kn mn nm n·m knm j kj mj gj kj/kg kcal btu btu/h mmbtu mmbtu/h gj/h
    ph µs/cm us/cm ms/cm ntu cst cp mpas pa.s pa·s cp. mg/l g/l g/m3 g/m³ kg/m3 kg/m³ µg/m3 µg/m³ mg/m3 mg/m³ mg/nm3
    mg/nm³ %rh %vol vol% vol-% mol% wt% %wt % rh db dba db(a) lux lm w/m2 w/m²
    pct percent count counts step steps pcs bool bit none n/a
    """.split()  # noqa: SIM905  # a list of so many short words is read best like this
) | {"deg c", "deg f", "% rh", "mm/s rms", "g rms", "bar g", "bar a"}
"""Units that are known as such, in lower case; what is not among them is no unit of a cell."""

WIDEST = 12
BRACKETED = re.compile(r"^(?P<name>.*\S)\s*[\[(](?P<unit>[^\[\]()]{1,12}|bar\([ga]\))[\])]\s*$")
CLOCKS = re.compile(
    r"(utc|gmt|local|iso ?8601|timestamp|date(time)?|time|zeit|datum|y{2,4}.*|d{1,2}[./-]m.*|m{1,2}[./-]d.*|h{1,2}:m.*)"
    r"([+-]\d.*)?",
    re.IGNORECASE,
)


def is_unit(text: str) -> bool:
    """Whether a text is a unit that is known; brackets around it are no part of it."""
    return _bare(text).casefold() in KNOWN


def split_unit(name: str) -> tuple[str, str | None]:
    """``flow [m³/h]`` → (``flow``, ``m³/h``); a name without a known unit in brackets has none."""
    found = BRACKETED.match(name)
    if not found or not is_unit(found["unit"]):
        return name, None
    return found["name"], found["unit"].strip()


def units_in_row(cells: Sequence[str]) -> dict[int, str]:
    """Column number → unit where a row below the names holds units: most of its words are known or in brackets."""
    words = {number: cell.strip() for number, cell in enumerate(cells) if cell.strip()}
    clocks = {number for number, word in words.items() if CLOCKS.fullmatch(_bare(word))}
    telling = {number: word for number, word in words.items() if number not in clocks}
    sure = [number for number, word in telling.items() if is_unit(word) or re.fullmatch(r"[\[(].{1,14}[\])]", word)]
    if not telling or 2 * len(sure) < len(telling) or max(map(len, telling.values())) > WIDEST + 4:
        return {}
    return {number: _bare(word) for number, word in telling.items() if _bare(word) not in ("-", "", "none", "n/a")}


def _bare(text: str) -> str:
    """A unit without the brackets or quotes around it."""
    text = text.strip().strip("'\"")
    return text[1:-1].strip() if re.fullmatch(r"\[.*\]|\([^()]*\)", text) else text


def same_unit(one: str, other: str) -> bool:
    """Whether two ways to write a unit mean the same: ``degC`` and ``°C``, ``m3/h`` and ``m³/h``."""
    return _folded(one) == _folded(other)


def _folded(unit: str) -> str:
    plain = _bare(unit).casefold().replace("³", "3").replace("²", "2").replace("µ", "u").replace("sec", "s")
    plain = {"celsius": "c", "gradc": "c", "percent": "%", "pct": "%", "kelvin": "k"}.get(plain, plain)
    return re.sub(r"^(deg|grad|°)|[\s._·()]", "", plain)
