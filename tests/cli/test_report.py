"""Pages of assets and alerts, on the command line."""

from __future__ import annotations

import json
import re
import shutil
from html import escape
from pathlib import Path

import pytest

from tests.cli.conftest import Said, anomaly_lstm, pipeline_text

pytest.importorskip("plotly", reason="plotly is missing: pip install 'anomaly-lstm[report]'")


@pytest.fixture(scope="module")
def ran(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline file that has run; not to be changed."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "pumps.toml").write_text(pipeline_text(made).replace("[source]", '[source]\nzone = "Asia/Tokyo"'))
    said = anomaly_lstm("run", folder / "pumps.toml")
    assert said.code == 0, said.err
    assert said.err.splitlines()[-1] == f"Next: anomaly-lstm report {folder / 'pumps.toml'}"
    return folder / "pumps.toml"


def report(*words: str | Path) -> Said:
    return anomaly_lstm("report", *words)


def title(path: Path) -> str:
    (said,) = re.findall(r"<h1>(.*?)</h1>", path.read_text(encoding="utf-8"))
    return str(said)


def test_without_more_words_the_page_is_of_what_matters_most(ran: Path) -> None:
    said = report(ran, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    page = ran.parent / "run" / "reports" / "P2.html"
    assert found["command"] == "report"
    assert found["asset"] == "P2"
    assert Path(found["out"]) == page
    assert found["bytes"] == page.stat().st_size < 10e6
    assert "P2: vibration" in title(page)
    assert "above expected" in title(page)


def test_the_page_tells_the_reason_with_which_the_alert_was_raised(ran: Path, tmp_path: Path) -> None:
    assert report(ran, "--out", tmp_path / "page.html").code == 0
    lines = [json.loads(line) for line in (ran.parent / "run" / "history.jsonl").read_text().splitlines()]
    (raised,) = (line["alert"]["reason"] for line in lines if line["change"] == "raised")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f'As it was told: <span lang="en">{escape(raised)}</span>' in page


def test_an_asset_without_an_alert_says_so(ran: Path, tmp_path: Path) -> None:
    said = report(ran, "--asset", "P1", "--out", tmp_path / "p1.html")
    assert said.code == 0, said.err
    assert title(tmp_path / "p1.html") == "P1: no alert stands"
    assert "It opens in any browser, offline." in said.err


def test_an_alert_is_named_by_what_is_unique_of_its_id(ran: Path) -> None:
    (alert,) = json.loads((ran.parent / "run" / "alerts.json").read_text())["alerts"]
    said = report(ran, "--alert", alert["alert_id"][:5], "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["alert_id"] == alert["alert_id"]
    assert found["out"].endswith(f"P2-{alert['alert_id'][:8]}.html")


def test_the_run_folder_will_do_and_another_zone_and_language_are_heeded(ran: Path, tmp_path: Path) -> None:
    shared = ("--asset", "P2", "--language", "es")
    assert report(ran.parent / "run", *shared, "--out", tmp_path / "tokyo.html").code == 0
    assert report(ran.parent / "run", *shared, "--out", tmp_path / "utc.html", "--zone", "UTC").code == 0
    tokyo, utc = (title(tmp_path / f"{name}.html") for name in ("tokyo", "utc"))
    assert "por encima de lo esperado" in tokyo
    assert tokyo != utc, "the source was read in Tokyo"


def test_the_same_page_is_the_same_bytes(ran: Path, tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        assert report(ran, "--out", tmp_path / name).code == 0
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_what_a_person_said_shows_at_once(ran: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ran.parent / "run", tmp_path / "run"))
    (alert,) = json.loads((folder / "alerts.json").read_text())["alerts"]
    assert anomaly_lstm("case", "ack", folder, alert["alert_id"], "--by", "anna", "--why", "seen").code == 0
    assert report(folder, "--out", tmp_path / "p.html").code == 0
    said = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert re.search(r"Acknowledged by anna, \d+ \w+ \d{4} \d\d:\d\d \(seen\)\.", said)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--asset", "P3"), 2, "there is no asset 'P3'"),
        (("--alert", "zz"), 2, "no alert has an id that begins with 'zz'"),
        (("--out", "page.pdf"), 2, "a page ends in .html"),
        (("--zone", "Asia/Tokio"), 2, "Did you mean Asia/Tokyo"),
        (("--language", "fr"), 2, "'en', 'es'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_next_step(
    ran: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    said = report(ran, *words)
    assert said.code == code
    assert told in " ".join(said.err.split())


def test_a_folder_that_never_ran_says_what_to_do(tmp_path: Path) -> None:
    said = report(tmp_path)
    assert said.code == 1
    assert "Make them with `anomaly-lstm run PIPELINE`" in " ".join(said.err.split())
