from __future__ import annotations

import hashlib
import json
import multiprocessing
import pickle
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm import store
from anomaly_lstm.errors import DataError, LockedError, ModelError, UsageError

DOCUMENT = {"scored": ["Δp 1"], "period_us": 60}
ARRAYS = {"network.lstm_1.kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "curve.normal_s": np.array(3.5)}


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def tampered(folder: Path, name: str, content: bytes) -> None:
    """Put other bytes in a model folder, with a manifest that vouches for them."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


# ---------------------------------------------------------------- model folders


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    written = store.write_model(tmp_path / "m", DOCUMENT, ARRAYS)
    document, arrays, model_id = store.read_model(tmp_path / "m")
    assert document == DOCUMENT
    assert model_id == written
    assert {name: (a.dtype, a.tolist()) for name, a in arrays.items()} == {
        name: (a.dtype, a.tolist()) for name, a in ARRAYS.items()
    }


def test_the_same_model_is_the_same_bytes_and_the_same_id(tmp_path: Path) -> None:
    ids = [store.write_model(tmp_path / name, DOCUMENT, ARRAYS) for name in ("a", "b")]
    assert ids[0] == ids[1]
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_another_weight_is_another_id(tmp_path: Path) -> None:
    other = {**ARRAYS, "curve.normal_s": np.array(3.6)}
    assert store.write_model(tmp_path / "a", DOCUMENT, ARRAYS) != store.write_model(tmp_path / "b", DOCUMENT, other)


def test_an_older_model_is_replaced_whole(tmp_path: Path) -> None:
    store.write_model(tmp_path / "m", DOCUMENT, {**ARRAYS, "old": np.zeros(3)})
    store.write_model(tmp_path / "m", DOCUMENT, ARRAYS)
    assert set(store.read_model(tmp_path / "m")[1]) == set(ARRAYS)
    assert not (tmp_path / "m" / "arrays" / "old.npy").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_foreign_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is not a model folder"):
        store.write_model(tmp_path / "thesis", DOCUMENT, ARRAYS)
    assert files_of(tmp_path) == {"thesis/chapter.txt": b"years of work"}


def test_a_file_is_never_overwritten_by_a_model(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("notes")
    with pytest.raises(UsageError, match="left as it is"):
        store.write_model(tmp_path / "m", DOCUMENT, ARRAYS)
    assert (tmp_path / "m").read_text() == "notes"


def test_an_empty_folder_takes_a_model(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    store.write_model(tmp_path / "m", DOCUMENT, ARRAYS)
    assert store.is_model(tmp_path / "m")


def test_a_model_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    store.write_model(tmp_path / "m", DOCUMENT, ARRAYS)
    before = files_of(tmp_path)
    with pytest.raises(ValueError, match="Object arrays"):
        store.write_model(tmp_path / "m", DOCUMENT, {"bad": np.array([object()])})
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write_model(tmp_path / "m", {"loss": float("nan")}, ARRAYS)
    assert files_of(tmp_path) == before


def test_a_missing_model_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"does not exist.*anomaly-lstm train"):
        store.read_model(tmp_path / "none")
    with pytest.raises(ModelError, match="holds no model"):
        store.read_model(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "arrays/network.lstm_1.kernel.npy"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    store.write_model(tmp_path, DOCUMENT, ARRAYS)
    content = bytearray((tmp_path / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{name} is damaged"):
        store.read_model(tmp_path)


def test_a_lost_file_is_named(tmp_path: Path) -> None:
    store.write_model(tmp_path, DOCUMENT, ARRAYS)
    (tmp_path / "arrays" / "curve.normal_s.npy").unlink()
    with pytest.raises(ModelError, match=r"curve\.normal_s\.npy cannot be read"):
        store.read_model(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": "x", "sha256": {}}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    store.write_model(tmp_path, DOCUMENT, ARRAYS)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match=r"manifest\.json is damaged"):
        store.read_model(tmp_path)


def test_a_newer_format_is_refused_with_both_numbers(tmp_path: Path) -> None:
    store.write_model(tmp_path, DOCUMENT, ARRAYS)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "format": store.MODEL_FORMAT + 1}))
    with pytest.raises(ModelError, match=rf"format {store.MODEL_FORMAT + 1}.*up to {store.MODEL_FORMAT}.*Update"):
        store.read_model(tmp_path)


def test_a_manifest_that_names_a_file_outside_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("{}")
    store.write_model(tmp_path / "m", DOCUMENT, ARRAYS)
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    manifest["sha256"]["../secret"] = hashlib.sha256(b"{}").hexdigest()
    (tmp_path / "m" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="outside the folder"):
        store.read_model(tmp_path / "m")


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (Path("bomb-went-off"), "boom"))


def test_an_array_that_would_run_code_is_refused_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store.write_model(tmp_path / "m", DOCUMENT, ARRAYS)
    np.save(tmp_path / "bomb.npy", np.array([_Bomb()], dtype=object), allow_pickle=True)
    for content in ((tmp_path / "bomb.npy").read_bytes(), pickle.dumps(_Bomb()), b"no array at all"):
        tampered(tmp_path / "m", "arrays/curve.normal_s.npy", content)
        with pytest.raises(ModelError, match=r"curve\.normal_s\.npy"):
            store.read_model(tmp_path / "m")
    assert not (tmp_path / "bomb-went-off").exists()


# ---------------------------------------------------------------- files


def _stopped_while_writing(replacing: AbstractContextManager[Path], name: str) -> None:
    with replacing as side:
        (side / name if name else side).write_text("half of the ne")
        raise KeyboardInterrupt


def test_a_file_is_replaced_only_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "scores.txt"
    store.write_text(path, "old")
    with pytest.raises(KeyboardInterrupt):
        _stopped_while_writing(store.replacing(path), "")
    assert files_of(tmp_path) == {"scores.txt": b"old"}
    store.write_text(path, "new")
    assert files_of(tmp_path) == {"scores.txt": b"new"}


def test_a_folder_is_replaced_only_when_all_of_it_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with store.replacing_folder(folder) as side:
        (side / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _stopped_while_writing(store.replacing_folder(folder), "a")
    assert files_of(tmp_path) == {"out/a": b"old"}
    with store.replacing_folder(folder) as side:
        (side / "b").write_text("new")
    assert files_of(tmp_path) == {"out/b": b"new"}


def test_a_place_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        store.write_text(tmp_path / "file" / "below", "x")
    with pytest.raises(DataError, match="cannot be written"), store.replacing_folder(tmp_path / "file" / "below"):
        pass
    with pytest.raises(UsageError, match="is a folder"):
        store.write_text(tmp_path, "x")


def test_a_json_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"state\.json cannot be read as JSON"):
        store.read_json(tmp_path / "state.json")


def test_json_keeps_the_plants_letters(tmp_path: Path) -> None:
    store.write_json(tmp_path / "a.json", {"unit": "°C", "sensor": "Área 2"})
    assert "Área 2" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert store.read_json(tmp_path / "a.json") == {"unit": "°C", "sensor": "Área 2"}


# ---------------------------------------------------------------- names of folders


@pytest.mark.parametrize(
    "asset",
    ["..", ".", "../../etc", "a/b", "asset=1", "50%", "Área 2", "a\\b", "\0", ".git", "_tmp", "P 101 (A)", "007"],
)
def test_a_folder_of_any_asset_stays_in_its_place_and_is_seen_when_read_back(asset: str, tmp_path: Path) -> None:
    name = store.folder_name(asset)
    (tmp_path / "data" / name).mkdir(parents=True)
    assert [p.name for p in (tmp_path / "data").iterdir()] == [name]
    assert "=" not in name
    assert not name.startswith((".", "_")), "sources pass over hidden folders"


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30))
@settings(deadline=None)
def test_different_assets_have_different_folders(assets: list[str]) -> None:
    encodable = [a for a in assets if not any(0xD800 <= ord(c) < 0xE000 for c in a)]
    assert len({store.folder_name(a) for a in encodable}) == len(encodable)


def test_a_plain_name_stays_readable() -> None:
    assert store.folder_name("pump-01.DE") == "pump-01.DE"


# ---------------------------------------------------------------- the lock


def _hold(folder: str, ready: Any, done: Any) -> None:
    with store.locked(Path(folder)):
        ready.set()
        done.wait(20)


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(str(tmp_path), ready, done))
    other.start()
    try:
        assert ready.wait(20)
        with pytest.raises(LockedError, match=f"process {other.pid}"), store.locked(tmp_path):
            pass
    finally:
        done.set()
        other.join(20)
    with store.locked(tmp_path):
        pass


def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    code = f"""
import os, pathlib
from anomaly_lstm.store import locked
with locked(pathlib.Path({str(tmp_path)!r})):
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with store.locked(tmp_path):
        assert (tmp_path / "run.lock").is_file()


def test_a_run_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"), store.locked(tmp_path / "file" / "run"):
        pass


# ---------------------------------------------------------------- tables


def small_table() -> pa.Table:
    time = pa.array([1_767_225_600_000_000, 1_767_225_660_000_000]).cast(pa.timestamp("us", "UTC"))
    return pa.table({"sensor": ["Δp, 1", None], "time": time, "p50": [0.1, None]})


def test_a_table_is_written_by_the_ending_of_its_name(tmp_path: Path) -> None:
    for ending in store.TABLE_SUFFIXES:
        store.write_table(tmp_path / f"t{ending}", small_table(), {"model_id": "m"})
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "sensor,time,p50",
        '"Δp, 1",2026-01-01T00:00:00Z,0.1',
        ",2026-01-01T00:01:00Z,",
    ]
    whole = json.loads((tmp_path / "t.json").read_text())
    assert whole["model_id"] == "m"
    assert whole["rows"] == store.rows_of(small_table())
    assert whole["rows"][1] == {"sensor": None, "time": "2026-01-01T00:01:00Z", "p50": None}
    assert pq.read_table(tmp_path / "t.parquet").equals(small_table())


def test_an_ending_that_says_no_form_is_refused() -> None:
    for name in ("t", "t.xlsx", "t.parquet.gz"):
        with pytest.raises(UsageError, match=r"\.parquet, \.csv or \.json"):
            store.check_table_name(Path(name))
