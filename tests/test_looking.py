from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly_lstm import sources
from anomaly_lstm.errors import DataError
from anomaly_lstm.pipeline.looking import look
from anomaly_lstm.sources.contract import ReadOptions
from tests.toys import healthy, write_history

ROWS = 20_000


def test_of_a_small_source_all_is_looked_at(tmp_path: Path) -> None:
    source = write_history(tmp_path / "p.parquet", healthy(500, seed=1))
    looked, read = look(source, ReadOptions()), sources.read(source)
    assert looked.is_whole
    assert np.array_equal(looked.reading.assets[0].values, read.assets[0].values)
    assert looked.reading.notes == read.notes


def test_of_a_large_one_stretches_from_all_of_it_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "p.csv"
    source.write_text("time,a,b\n" + "".join(f"{1767225600 + 60 * i},{i},{i % 7}\n" for i in range(ROWS)))
    looked = look(source, ReadOptions(), cells=4000, part_bytes=30_000)
    rows = looked.reading.assets[0].values[:, 0]
    assert looked.rows == ROWS
    assert 1000 < looked.kept < 4000
    assert (np.diff(rows) == 1).mean() > 0.9
    assert rows.max() > 0.9 * ROWS
    assert "20000 rows" in looked.reading.notes[-1]


def test_an_asset_of_many_files_has_the_sensors_of_all_of_them(tmp_path: Path) -> None:
    for name in ("TT-1", "PT-2"):
        lines = "".join(f"{1767225600 + 60 * i},{i}\n" for i in range(3000))
        (tmp_path / f"{name}.csv").write_text("time,value\n" + lines)
    looked = look(tmp_path, ReadOptions(name="pump"), part_bytes=10_000)
    (asset,) = looked.reading.assets
    assert asset.asset == "pump"
    assert set(asset.sensors) == {"TT-1", "PT-2"}
    assert np.isfinite(asset.values).sum() == 6000


def test_no_row_is_an_error(tmp_path: Path) -> None:
    source = write_history(tmp_path / "p.parquet", healthy(50, seed=1))
    with pytest.raises(DataError, match="no row"):
        look(source, ReadOptions(end_us=0))
