"""All assets of a run on the command line, and the pages that a run leaves behind."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from anomaly_lstm.pipeline import reporting
from tests.cli.conftest import FAULT, ROWS, Said, anomaly_lstm, pipeline_text, row_time

pytest.importorskip("plotly", reason="plotly is missing: pip install 'anomaly-lstm[report]'")

ASSETS = """asset,type,site,zone,criticality,owner,enabled
P1,pump,north,America/Santiago,low,anna,yes
P2,pump,south,,high,ben,yes
=1+2,fan,south,,,,yes
../../x,fan,south,,,,no
"""


def written(made: Path, folder: Path, more: str = "") -> Path:
    """A pipeline file with a table of assets, its run folder beside it."""
    (folder / "assets.csv").write_text(ASSETS)
    text = pipeline_text(made).replace("[source]", '[source]\nzone = "Asia/Tokyo"')
    (folder / "pumps.toml").write_text(f'{text}\n[assets]\ntable = "assets.csv"\n{more}')
    return folder / "pumps.toml"


@pytest.fixture(scope="module")
def ran(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline file that has run up to where P2's fault stands; not to be changed."""
    pipeline = written(made, tmp_path_factory.mktemp("ran"))
    said = anomaly_lstm("run", pipeline, "--until", row_time(ROWS - 1))
    assert said.code == 0, said.err
    return pipeline


def report(*words: str | Path) -> Said:
    return anomaly_lstm("report", *words)


def title(path: Path) -> str:
    (said,) = re.findall(r"<h1>(.*?)</h1>", path.read_text(encoding="utf-8"))
    return str(said)


def told(*words: str | Path) -> dict[str, Any]:
    said = report(*words, "--json")
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_the_page_of_all_assets_lies_in_the_run_folder_and_the_pages_of_what_stands_beside_it(ran: Path) -> None:
    said = report(ran, "--fleet")
    assert said.code == 0, said.err
    assert "1 of 4 assets needs a look: P2." in said.err
    assert "Beside it: the page of 1 asset." in said.err
    folder = ran.parent / "run" / "reports"
    assert sorted(path.name for path in folder.iterdir()) == ["P2.html", "fleet.html"]
    page = (folder / "fleet.html").read_text(encoding="utf-8")
    assert '<a href="P2.html">P2</a>' in page
    assert "P1.html" not in page
    assert '<a href="fleet.html">' in (folder / "P2.html").read_text(encoding="utf-8")
    assert f"anomaly-lstm report {ran} --asset NAME" in page


def test_the_document_on_standard_output_is_in_the_published_form(ran: Path, tmp_path: Path) -> None:
    found = told(ran, "--fleet", "--out", tmp_path / "fleet.json")
    schema = json.loads((files("anomaly_lstm") / "schemas" / "fleet.schema.json").read_text("utf-8"))
    jsonschema.validate(found, schema)
    jsonschema.validate(json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8")), schema)
    assert [one["asset"] for one in found["assets"]] == ["P2", "P1", "../../x", "=1+2"]
    assert {one["asset"]: one["why"] for one in found["not_watched"]} == {"../../x": "disabled", "=1+2": "never"}
    assert {one["asset"]: one["zone"] for one in found["assets"]}["P1"] == "America/Santiago"
    assert {one["asset"]: one["zone"] for one in found["assets"]}["P2"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("since", "change"),
    [("yesterday", "new"), ("30min", "unchanged"), ("2h", "new"), (row_time(FAULT + 60), "unchanged")],
)
def test_since_means_the_fleet_and_counts_from_the_newest_row(
    ran: Path, tmp_path: Path, since: str, change: str
) -> None:
    found = told(ran, "--since", since, "--out", tmp_path / "fleet.html", "--pages", "none")
    assert [name for name, alerts in found["changed"].items() if alerts] == [change]
    assert (found["pages"], list(tmp_path.glob("P*"))) == ([], [])
    if since == "yesterday":
        assert found["since"] == "2025-12-30T15:00:00Z", "the newest row is of 1 January in Tokyo"


def test_a_name_ending_in_csv_is_a_table_for_excel(ran: Path, tmp_path: Path) -> None:
    assert report(ran, "--fleet", "--out", tmp_path / "fleet.csv", "--language", "es").code == 0
    text = (tmp_path / "fleet.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    found = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [row["equipo"] for row in found] == ["P2", "P1", "../../x", "'=1+2"]
    assert found[1]["zona"] == "America/Santiago"
    assert found[1]["última fila"] == "2026-01-01 11:58"
    assert list(tmp_path.iterdir()) == [tmp_path / "fleet.csv"]


def test_the_pages_of_all_can_be_had_and_lead_back(ran: Path, tmp_path: Path) -> None:
    found = told(ran, "--fleet", "--pages", "all", "--out", tmp_path / "web" / "index.html")
    assert sorted(Path(page).name for page in found["pages"]) == ["P1.html", "P2.html"]
    assert 'href="index.html"' in (tmp_path / "web" / "P1.html").read_text(encoding="utf-8")
    assert found["failed"] == {}


def test_the_zone_of_the_table_of_assets_is_that_of_an_assets_own_page(ran: Path, tmp_path: Path) -> None:
    for name, zone in (("P1", "America/Santiago"), ("P2", "Asia/Tokyo")):
        assert report(ran, "--asset", name, "--out", tmp_path / "a.html").code == 0
        assert f"times in {zone}" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_a_zone_that_a_person_asks_for_is_that_of_an_assets_page_but_not_of_the_fleet(
    ran: Path, tmp_path: Path
) -> None:
    assert report(ran, "--asset", "P1", "--zone", "Europe/Madrid", "--out", tmp_path / "P1.html").code == 0
    assert "times in Europe/Madrid" in (tmp_path / "P1.html").read_text(encoding="utf-8")
    fleet = ("--fleet", "--pages", "none", "--out", tmp_path / "fleet.json")
    found = told(ran, *fleet, "--zone", "Europe/Madrid")
    assert {one["asset"]: one["zone"] for one in found["assets"]}["P1"] == "America/Santiago"
    assert {one["asset"]: one["zone"] for one in found["assets"]}["P2"] == "Europe/Madrid"
    wrong = report(ran, *fleet, "--zone", "Mars/X")
    assert wrong.code == 2
    assert "Mars/X" in wrong.err


def test_a_zone_that_changes_nothing_of_a_fleet_is_told(ran: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ran.parent, tmp_path / "copy"))
    (copy / "assets.csv").write_text("asset,zone\nP1,Asia/Tokyo\nP2,Asia/Tokyo\n")
    said = report(copy / ran.name, "--fleet", "--pages", "none", "--zone", "Europe/Madrid")
    assert said.code == 0, said.err
    assert "Every asset has its own zone in the table of assets: --zone Europe/Madrid changes" in said.err
    assert "Every asset" not in report(copy / ran.name, "--fleet", "--pages", "none").err


def test_a_page_that_cannot_be_drawn_is_told_and_the_fleet_is_all_the_same(ran: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ran.parent / "run", tmp_path / "run"))
    for month in (folder / "scores" / "P2").glob("*.parquet"):
        month.write_bytes(b"PAR1 damaged")
    said = report(folder, "--fleet", "--out", tmp_path / "fleet.html")
    assert said.code == 4
    assert "P2: " in said.err
    assert title(tmp_path / "fleet.html") == "1 of 2 assets needs a look: P2"
    assert "the last run failed on it" in (tmp_path / "fleet.html").read_text(encoding="utf-8")


def test_what_a_person_put_aside_is_not_watched_and_says_why(ran: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ran.parent / "run", tmp_path / "run"))
    held = anomaly_lstm("case", "out-of-service", folder, "P2", "--why", "overhaul", "--by", "anna")
    assert held.code == 0, held.err
    found = told(folder, "--fleet", "--pages", "none")
    (why,) = found["not_watched"]
    assert (why["asset"], why["why"], why["by"], why["told"]) == ("P2", "out_of_service", "anna", "overhaul")
    assert found["headline"].startswith("Nothing new to look at")


def test_what_a_person_closed_while_it_deviates_is_told_as_such(ran: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ran.parent / "run", tmp_path / "run"))
    (alert,) = json.loads((folder / "alerts.json").read_text())["alerts"]
    assert anomaly_lstm("case", "close", folder, alert["alert_id"][:6], "--why", "worn", "--by", "bo").code == 0
    found = told(folder, "--fleet", "--pages", "none", "--out", tmp_path / "fleet.json")
    (closed,) = (one for one in found["assets"] if one["asset"] == "P2")
    assert closed["status"] == "closed"
    assert re.match(r"Closed by bo, .* \(worn\), though it still deviates\. vibration", closed["sentence"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fleet", "--asset", "P1"), "Leave --asset and --alert out"),
        (("--pages", "all"), "--pages goes with --fleet"),
        (("--since", "soon"), "no time to count from"),
        (("--since", "2027-01-01"), "after the newest row"),
        (("--fleet", "--out", "fleet.pdf"), ".html, .csv or .json"),
    ],
)
def test_what_does_not_go_together_is_refused(ran: Path, words: tuple[str, ...], said: str) -> None:
    answer = report(ran, *words)
    assert answer.code == 2
    assert said in " ".join(answer.err.split())


def test_an_asset_called_fleet_does_not_take_the_place_of_the_fleet() -> None:
    assert reporting.page_name("fleet") == "%66leet.html"
    assert reporting.page_name("FLEET") == "%46LEET.html"
    assert reporting.page_name("../../x") == "%2E.%2F..%2Fx.html"
    assert reporting.page_name("P1", "ab12") == "P1-ab12.html"


# ---------------------------------------------------------------- after each run

WEB = '[report]\nfolder = "web"\nlanguage = "es"\n'


def test_a_run_keeps_a_folder_of_pages_up_to_date(made: Path, tmp_path: Path) -> None:
    pipeline, web = written(made, tmp_path, WEB), tmp_path / "web"
    assert anomaly_lstm("run", pipeline, "--until", row_time(FAULT)).code == 0
    assert [path.name for path in web.iterdir()] == ["fleet.html"]
    assert title(web / "fleet.html") == "Ninguna alerta activa en 4 equipos"
    assert anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 30)).code == 0
    assert title(web / "fleet.html") == "1 de 4 equipos pide una mirada: P2"
    first = (web / "P2.html").stat().st_mtime_ns
    assert 'href="P2.html"' in (web / "fleet.html").read_text(encoding="utf-8")
    assert anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 35)).code == 0
    assert (web / "P2.html").stat().st_mtime_ns == first, "within the hour nothing but rows came"
    alert = json.loads((tmp_path / "run" / "alerts.json").read_text())["alerts"][0]
    assert anomaly_lstm("case", "ack", pipeline, alert["alert_id"], "--by", "anna").code == 0
    assert anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 36)).code == 0
    assert "Reconocida por anna, " in (web / "P2.html").read_text(encoding="utf-8")


def test_pages_that_cannot_be_written_never_fail_the_run_and_are_told_once(made: Path, tmp_path: Path) -> None:
    pipeline = written(made, tmp_path, WEB)
    (tmp_path / "web").write_text("a file where a folder should be")
    said = anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 30))
    assert said.code == 0
    assert "Warning: pages: " in said.err
    assert json.loads((tmp_path / "run" / "alerts.json").read_text())["alerts"]
    again = anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 31))
    assert (again.code, "pages:" in again.err) == (0, False)
    (tmp_path / "web").unlink()
    mended = anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 32))
    assert "pages: works again" in " ".join(mended.err.split())
    assert (tmp_path / "web" / "fleet.html").is_file()


def test_a_page_of_an_asset_that_cannot_be_drawn_leaves_the_fleet_up_to_date(made: Path, tmp_path: Path) -> None:
    pipeline = written(made, tmp_path, WEB)
    (tmp_path / "web" / "P2.html").mkdir(parents=True)
    said = anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 30))
    assert said.code == 0
    assert "Warning: pages: P2: " in said.err
    assert title(tmp_path / "web" / "fleet.html") == "1 de 4 equipos pide una mirada: P2"


def test_what_the_last_run_failed_on_is_kept_until_it_works(made: Path, tmp_path: Path) -> None:
    pipeline = written(made, tmp_path)
    assert anomaly_lstm("run", pipeline, "--until", row_time(FAULT)).code == 0
    text = pipeline.read_text().replace('plant.parquet"]', f'plant.parquet", "{tmp_path}/torn.parquet"]')
    pipeline.write_text(text)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    os.utime(tmp_path / "torn.parquet", (0, 0))  # long settled
    assert anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 10)).code == 4
    (name,) = told(pipeline, "--fleet")["unread"]
    assert "torn.parquet" in name
    (tmp_path / "torn.parquet").unlink()
    pipeline.write_text(text.replace(f', "{tmp_path}/torn.parquet"', ""))
    assert anomaly_lstm("run", pipeline, "--until", row_time(FAULT + 20)).code == 0
    assert told(pipeline, "--fleet")["unread"] == {}
