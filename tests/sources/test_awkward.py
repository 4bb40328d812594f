"""Every awkward file goes in, goes in with a warning, or is refused with one clear message; by the command line."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import tests.sources.awkward as awkward
from anomaly_lstm.sources import read
from tests.cli.conftest import Said, anomaly_lstm
from tests.sources.awkward import Case, Rows, reference

CASES = [
    case
    for module in sorted(found.name for found in pkgutil.iter_modules(awkward.__path__))
    for case in importlib.import_module(f"{awkward.__name__}.{module}").CASES
]


def test_no_two_cases_have_the_same_name() -> None:
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_awkward_file_comes_to_what_it_must(case: Case, tmp_path: Path) -> None:
    said, out = _ingest(case, tmp_path)
    assert "Traceback" not in said.err
    assert not [c for c in said.err if not c.isprintable() and c != "\n"], "a terminal would obey it"
    if case.outcome == "refused":
        assert said.code in (1, 2), said.err
        assert said.err.count("Error: ") == 1
        assert not out.exists()
        told = said.err
    else:
        assert said.code == 0, said.err
        quality = json.loads((out / "quality.json").read_text())
        told = "\n".join(quality["notes"])
        for file in quality["files"]:
            assert file["rows_read"] == file["rows_kept"] + sum(file["dropped"].values())
        wanted = reference() if case.rows is None else case.rows
        expected = wanted if wanted and isinstance(next(iter(wanted)), str) else {"pump": wanted}
        assert _rows(out) == expected
        assert _read_again(out) == expected
    for pattern in case.says:
        assert re.search(pattern, re.sub(r"\s+", " ", told), re.IGNORECASE), f"{pattern!r} is not said: {told}"
    if case.outcome == "warned":
        assert case.says, "a warning says what was unsure"


def _ingest(case: Case, folder: Path) -> tuple[Said, Path]:
    """Run `ingest` on the files of a case."""
    source, out = folder / "source", folder / "out"
    for name, content in case.files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    place: list[str | Path] = [source / next(iter(case.files)) if len(case.files) == 1 else source]
    if case.pipeline:
        file = folder / "pump.toml"
        top, _, rest = case.pipeline.partition("[")
        text = f"[source]\npaths = ['{place[0]}']\n{top}\n[run]\nfolder = 'run'\n" + (f"[{rest}" if rest else "")
        file.write_text(text)
        place = ["--pipeline", file]
    return anomaly_lstm("ingest", *place, "--out", out, *case.options), out


def _read_again(out: Path) -> Mapping[str, Rows]:
    """What comes back when the ingested folder is read: asset → time → sensor → value."""
    return {
        raw.asset: {
            int(t): {name: float(v) for name, v in zip(raw.sensors, values, strict=True) if np.isfinite(v)}
            for t, values in zip(raw.time_us, raw.values, strict=True)
        }
        for raw in read(out).assets
    }


def _rows(out: Path) -> Mapping[str, Rows]:
    """What was written, as single-precision-proof numbers: asset → time → sensor → value."""
    found: dict[str, Rows] = {}
    for file in sorted((out / "data").rglob("*.parquet")):
        table = pq.ParquetFile(file).read()
        told = json.loads(table.schema.metadata[b"anomaly_lstm.ingested"])
        for row in table.to_pylist():
            time_us, asset = round(row.pop(told["time"]).timestamp() * 1e6), row.pop(told["asset"])
            found.setdefault(asset, {})[time_us] = {name: value for name, value in row.items() if value is not None}
    return found
