"""Scheduled runs on databases and on files elsewhere: each row counts once, whatever breaks on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline, sources
from anomaly_lstm.errors import DataError
from anomaly_lstm.pipeline.folder import RunFolder
from anomaly_lstm.sources.contract import Database, ReadOptions
from tests.servers import Postgres, Web, fresh_postgres, stop
from tests.sources.places import filled, more, put
from tests.test_running import N_ROWS, PERIOD, TAUGHT, alerts, history, lines, plan, scores, write
from tests.toys import START, names

OWN = {"alert_id", "updated_at", "model_id"}
"""Not the same where late rows came in other slices, or where times were text: a model knows how it reads."""


def table_of(rows: Sequence[int] | range) -> pa.Table:
    index = np.asarray(rows, np.int64)
    times = pa.array(START + PERIOD * index).cast(pa.timestamp("us", "UTC"))
    values = history()[index]
    return pa.table(
        {"time": times, "asset": ["pump"] * len(index), **{name: values[:, i] for i, name in enumerate(names())}}
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one run saw everything, in a file."""
    folder = tmp_path_factory.mktemp("clean")
    write(folder, "all.parquet", range(N_ROWS))
    pipeline.run(plan(folder))
    return folder


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found: str = (
        request.getfixturevalue("postgres")
        if request.param == "postgresql"
        else f"{request.param}:///{tmp_path}/plant.{request.param}"
    )
    monkeypatch.setenv("PLANT_DB", found)
    return found


def plan_of(folder: Path, database: Database) -> pipeline.RunPlan:
    return plan(folder, source=database, read=ReadOptions(time="time"))


def ends_like(folder: Path, clean: Path) -> bool:
    mine, others = (scores(one).drop_columns("model_id") for one in (folder, clean))
    assert mine.equals(others)
    return [_own(one) for one in alerts(folder)] == [_own(one) for one in alerts(clean)]


def _own(alert: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in alert.items() if name not in OWN}


def test_rows_that_come_to_a_database_late_twice_and_out_of_order_end_like_one_run(
    url: str, clean: Path, tmp_path: Path
) -> None:
    database = replace(filled(url, "pumps", table_of(range(TAUGHT))), overlap_us=100 * PERIOD)
    todo = plan_of(tmp_path, database)
    pipeline.run(todo)
    chance = np.random.default_rng(3)
    rows = np.arange(TAUGHT, N_ROWS)
    delivered = rows[np.argsort(rows + chance.integers(0, 90, len(rows)), kind="stable")]
    for part in np.array_split(delivered, 6):
        more(url, "pumps", table_of(np.r_[part, chance.choice(part, 5)]))
        assert sum(pipeline.run(todo).new.values()) >= len(part)
    assert ends_like(tmp_path, clean)


def test_a_run_without_new_rows_changes_nothing(url: str, tmp_path: Path) -> None:
    todo = plan_of(tmp_path, filled(url, "pumps", table_of(range(TAUGHT + 300))))
    pipeline.run(todo)
    more(url, "pumps", table_of(range(TAUGHT + 290, TAUGHT + 500)))
    pipeline.run(todo)
    files = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    result = pipeline.run(todo)
    assert not result.new
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_values_that_contradict_each_other_are_not_new_in_every_run(url: str, tmp_path: Path) -> None:
    rows = table_of(range(TAUGHT + 10))
    database = filled(url, "pumps", rows)
    other = rows.slice(TAUGHT, 3)
    more(url, "pumps", other.set_column(3, names()[1], pa.array([1.0, 2.0, 3.0])))
    todo = plan_of(tmp_path, database)
    pipeline.run(todo)
    assert not pipeline.run(todo).new


def test_only_what_may_be_new_is_asked_for(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    todo = plan_of(tmp_path, filled(url, "pumps", table_of(range(TAUGHT + 300))))
    pipeline.run(todo)
    more(url, "pumps", table_of(range(TAUGHT + 300, TAUGHT + 310)))
    came: list[int] = []
    kept = sources.sql.parts

    def counted(*words: Any) -> Iterator[Any]:
        for part in kept(*words):
            came.append(len(part.table))
            yield part

    monkeypatch.setattr(sources.sql, "parts", counted)
    assert pipeline.run(todo).new == {"pump": 10}
    assert 10 < sum(came) < 30


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_another_table_and_reprocessing_ask_for_everything(url: str, clean: Path, tmp_path: Path) -> None:
    todo = plan_of(tmp_path, filled(url, "pumps", table_of(range(TAUGHT + 300))))
    pipeline.run(todo)
    elsewhere = filled(url, "pumps2", table_of(range(N_ROWS)))
    pipeline.run(replace(todo, source=elsewhere))
    assert ends_like(tmp_path, clean)
    more(url, "pumps2", table_of(range(10)))
    assert not pipeline.run(replace(todo, source=elsewhere), reprocess=True).new


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_database_that_is_gone_is_one_error_and_the_next_run_goes_on(
    url: str, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = plan_of(tmp_path, filled(url, "pumps", table_of(range(TAUGHT + 300))))
    pipeline.run(todo)
    more(url, "pumps", table_of(range(TAUGHT + 300, N_ROWS)))
    monkeypatch.setenv("PLANT_DB", "postgresql://ann:s3cr3t@127.0.0.1:1/plant")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1/plant: the database cannot be reached") as caught:
        pipeline.run(todo)
    assert "s3cr3t" not in str(caught.value)
    monkeypatch.setenv("PLANT_DB", url)
    pipeline.run(todo)
    assert ends_like(tmp_path, clean)


@pytest.mark.parametrize("breaks_after", [0, 1, 3])
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_connection_that_breaks_between_parts_loses_and_doubles_nothing(
    url: str, breaks_after: int, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = plan_of(tmp_path, filled(url, "pumps", table_of(range(TAUGHT))))
    pipeline.run(todo)
    more(url, "pumps", table_of(range(TAUGHT, N_ROWS)))
    whole = sources.sql.parts

    def broken(path: Path, options: ReadOptions, _: int | None) -> Iterator[Any]:
        for part in list(whole(path, options, None)):
            for number, begin in enumerate(range(0, len(part.table), 250)):
                if number == breaks_after:
                    raise DataError("the connection broke")
                yield replace(part, table=part.table.slice(begin, 250))

    monkeypatch.setattr(sources.sql, "parts", broken)
    for _ in range(2):
        with pytest.raises(DataError, match="broke"):
            pipeline.run(todo)
    monkeypatch.undo()
    monkeypatch.setenv("PLANT_DB", url)
    pipeline.run(todo)
    assert ends_like(tmp_path, clean)
    assert len({line["change_id"] for line in lines(tmp_path)}) == len(lines(tmp_path))


@pytest.mark.parametrize("url", ["duckdb"], indirect=True)
def test_a_long_table_ends_the_same_wherever_its_parts_are_cut(
    url: str, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = table_of(range(N_ROWS))
    tags = [
        pa.table({"time": wide["time"], "asset": wide["asset"], "tag": [name] * len(wide), "value": wide[name]})
        for name in names()
    ]
    long = pa.concat_tables(tags).sort_by([("time", "ascending"), ("tag", "ascending")])
    database = filled(url, "long", long.slice(0, TAUGHT * len(tags)))
    todo = plan_of(tmp_path, database)
    pipeline.run(todo)
    more(url, "long", long.slice(TAUGHT * len(tags)))
    whole = sources.sql.parts

    def cut(path: Path, options: ReadOptions, _: int | None) -> Iterator[Any]:
        for part in whole(path, options, None):
            yield from (replace(part, table=part.table.slice(at, 1001)) for at in range(0, len(part.table), 1001))

    monkeypatch.setattr(sources.sql, "parts", cut)
    pipeline.run(todo)
    assert not pipeline.run(todo).new
    assert ends_like(tmp_path, clean)


# ---------------------------------------------------------------- files elsewhere


def test_files_in_a_bucket_are_read_once_each_and_again_when_they_change(
    s3: str, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = plan(tmp_path, source="s3://runs/pump/*.parquet")
    put(s3, "runs/pump/0.parquet", write(tmp_path, "0.parquet", range(TAUGHT)))
    pipeline.run(todo)
    put(s3, "runs/pump/1.parquet", write(tmp_path, "1.parquet", range(TAUGHT, TAUGHT + 500)))
    assert pipeline.run(todo).new == {"pump": 500}
    fetched: list[str] = []
    whole = sources.remote.fetch

    def noted(file: sources.Remote, to: Path) -> None:
        fetched.append(file.address)
        whole(file, to)

    monkeypatch.setattr(sources.remote, "fetch", noted)
    pipeline.run(todo)
    assert not fetched
    time.sleep(1.1)  # the store keeps whole seconds
    put(s3, "runs/pump/1.parquet", write(tmp_path, "1.parquet", range(TAUGHT, N_ROWS)))
    pipeline.run(todo)
    assert fetched == ["s3://runs/pump/1.parquet"]
    assert sorted(RunFolder(tmp_path / "run").state().files) == ["s3://runs/pump/0.parquet", "s3://runs/pump/1.parquet"]
    assert ends_like(tmp_path, clean)


def test_a_growing_file_on_the_web_is_read_on_and_one_that_breaks_off_is_tried_again(
    web: Web, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources.remote, "PAUSE_S", 0.01)
    todo = plan(tmp_path, source=f"{web.url}/pump.csv")

    def publish(rows: range) -> None:
        pa.csv.write_csv(table_of(rows), web.folder / "pump.csv")

    publish(range(TAUGHT))
    pipeline.run(todo)
    publish(range(TAUGHT + 400))
    web.handler.truncated = 2
    assert pipeline.run(todo).new == {"pump": 400}
    os.utime(web.folder / "pump.csv", (time.time() + 60, time.time() + 60))
    assert not pipeline.run(todo).new
    publish(range(N_ROWS))
    os.utime(web.folder / "pump.csv", (time.time() + 120, time.time() + 120))
    web.handler.truncated = 3
    failed = pipeline.run(todo).failed
    assert list(failed) == [todo.source]
    assert "bytes came" in failed[str(todo.source)]
    pipeline.run(todo)
    assert ends_like(tmp_path, clean)


# ---------------------------------------------------------------- millions of rows

MILLIONS = 10_000_000
SECONDS = 2_500_000


@dataclass
class Server:
    """A PostgreSQL that can fail and come back."""

    own: Postgres
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.running = self.own.start()

    def fail(self) -> None:
        """End at once, without a word to those who are connected, as when the machine fails."""
        assert self.running is not None
        self.running.send_signal(signal.SIGQUIT)
        self.running.wait(30)
        self.running = None

    def wait_for_row(self, row: int) -> None:
        """Return as soon as the server has sent so many rows of an answer."""
        with psycopg.connect(self.own.url, autocommit=True) as connection:
            for _ in range(6000):
                sent = connection.execute("select max(tuples_processed) from pg_stat_progress_copy").fetchone()
                if sent and sent[0] and sent[0] >= row:
                    return
                time.sleep(0.05)
        raise TimeoutError("the rows are not asked for")


@pytest.fixture
def server() -> Iterator[Server]:
    with fresh_postgres() as own:
        found = Server(own)
        found.start()
        try:
            yield found
        finally:
            if found.running:
                stop(found.running)


PEAK = """
import re, sys
from pathlib import Path
from anomaly_lstm.cli import main
try:
    main(sys.argv[1:])
finally:
    kilobytes = re.search("VmHWM: *([0-9]+)", Path("/proc/self/status").read_text().replace("\\t", " ")).group(1)
    print("peak", int(kilobytes) // 1024, file=sys.stderr)
"""
"""The memory of the process itself: what `getrusage` tells begins with that of the process that started it."""


def command(*words: str | Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PEAK, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PLANT_DB": url, "OPENBLAS_NUM_THREADS": "1"},
    )


def peak_of(said: str) -> int:
    return int(said.rpartition("peak ")[2])


def kept_rows(folder: Path) -> dict[str, int]:
    """Asset → how many distinct times are kept."""
    found: dict[str, int] = {}
    for home in (folder / "rows").iterdir():
        times = [pq.read_table(path, columns=["time"]).column("time").to_numpy() for path in home.glob("*.parquet")]
        found[home.name] = len(np.unique(np.concatenate(times)))
    return found


@pytest.mark.slow
def test_ten_million_rows_come_through_cut_connections_and_a_stopped_server_once_each(
    server: Server, tmp_path: Path
) -> None:
    """Four pumps, a row per second and pump: the first month taught, the rest is asked for while the server ails."""
    make = (
        "create table readings as select timestamptz '2026-01-01' + second * interval '1 second' as time, "
        "'pump-' || pump as asset, 50 + 10 * sin(second / 4000.0) + random() as load, "
        "20 + 4 * sin(second / 4000.0) + random() as current "
        f"from generate_series(0, {SECONDS - 1}) second, generate_series(1, 4) pump"
    )
    with psycopg.connect(server.own.url) as connection:
        connection.execute(make)
        connection.execute("create index on readings (time)")
    pipeline_file = tmp_path / "plant.toml"
    pipeline_file.write_text(
        '[source]\nkind = "sql"\nurl_env = "PLANT_DB"\ntable = "readings"\ntime = "time"\nperiod = "1min"\n'
        f'[run]\nfolder = "{tmp_path}/run"\n'
        '[train]\nmodel = "linear_predictor"\nuntil = "2026-01-02"\n'
    )
    begin = time.monotonic()
    first = command("run", pipeline_file, "--until", "2026-01-02", url=server.own.url)
    _, said = first.communicate()
    assert first.returncode == 0, said
    print(f"\ntraining on a day, {time.monotonic() - begin:.0f} s, peak {peak_of(said)} MB")

    for at_row, how in ((500_000, "cut"), (2_000_000, "cut"), (4_000_000, "stop"), (6_000_000, "kill the run")):
        run = command("run", pipeline_file, url=server.own.url)
        server.wait_for_row(at_row)
        if how == "cut":
            with psycopg.connect(server.own.url, autocommit=True) as connection:
                connection.execute("select pg_terminate_backend(pid) from pg_stat_progress_copy")
        elif how == "stop":
            server.fail()
        else:
            run.kill()
        _, said = run.communicate(timeout=600)
        print(f"{how}: exit {run.returncode}, {said.strip().splitlines()[0][:200] if said.strip() else ''}")
        if how != "kill the run":
            assert run.returncode == 1, said
            assert "broke after" in said
        assert "Traceback" not in said
        if how == "stop":
            server.start()

    begin = time.monotonic()
    last = command("run", pipeline_file, url=server.own.url)
    _, said = last.communicate(timeout=3000)
    assert last.returncode == 0, said
    whole = time.monotonic() - begin
    print(f"the run that came through: {whole:.0f} s, {MILLIONS / whole:,.0f} rows/s, peak {peak_of(said)} MB")
    kept = kept_rows(tmp_path / "run")
    assert sorted(kept) == [f"pump-{n}" for n in range(1, 5)]
    assert set(kept.values()) == {SECONDS}

    with psycopg.connect(server.own.url) as connection:
        connection.execute(
            "insert into readings select time + interval '2500000 second', asset, load, current from readings "
            "where time < '2026-01-01 00:10'"
        )
    begin = time.monotonic()
    again = command("run", pipeline_file, url=server.own.url)
    _, said = again.communicate(timeout=600)
    assert again.returncode == 0, said
    print(f"2,400 new rows: {time.monotonic() - begin:.1f} s, peak {peak_of(said)} MB")
    assert set(kept_rows(tmp_path / "run").values()) == {SECONDS + 600}

    out = tmp_path / "grid"
    begin = time.monotonic()
    ingested = command("ingest", "--pipeline", pipeline_file, "--out", out, url=server.own.url)
    _, said = ingested.communicate(timeout=3000)
    assert ingested.returncode == 0, said
    whole = time.monotonic() - begin
    print(f"ingest of all: {whole:.0f} s, {MILLIONS / whole:,.0f} rows/s, peak {peak_of(said)} MB")
