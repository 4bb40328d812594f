"""A real browser without a screen, cut off from every network."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from anomaly_lstm.pages import replay_page
from anomaly_lstm.pages.report import AssetReport
from anomaly_lstm.pages.report_page import Drawing, draw
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pipeline.reporting import drawing
from anomaly_lstm.replaying import Replay

WAIT_S = 60
"""How long a page may take on a machine that does much else besides [s]."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by its own driver; skips where one of them is missing."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("Chromium is missing: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=1280,900",
        "--disable-dev-shm-usage",
    ):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    running = webdriver.Chrome(options=options, service=service)
    running.set_script_timeout(WAIT_S)
    running.set_page_load_timeout(WAIT_S)
    yield running
    running.quit()


@pytest.fixture(scope="session")
def drawn_by() -> Drawing:
    """The plotting library and our script; skips where the library is missing."""
    pytest.importorskip("plotly", reason="plotly is missing: pip install 'anomaly-lstm[report]'")
    return drawing()


@dataclass(frozen=True)
class Open:
    """A page that is open, and what the browser asked for and complained of since."""

    browser: Any
    path: Path

    def run(self, script: str, *values: Any) -> Any:
        return self.browser.execute_script(f"return {script}", *values)

    def command(self, name: str, **values: Any) -> Any:
        return self.browser.execute_cdp_cmd(name, values)

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def wait(self, condition: str) -> None:
        """Until a condition holds in the page."""
        until = time.monotonic() + WAIT_S
        while not self.run(condition):
            assert time.monotonic() < until, f"never: {condition}; {self.complaints()}"
            time.sleep(0.05)

    def complaints(self) -> list[str]:
        return [str(line["message"]) for line in self.browser.get_log("browser")]

    def requests(self) -> list[str]:
        """Every address that was asked for, but what stands in the page itself."""
        lines = [json.loads(line["message"])["message"] for line in self.browser.get_log("performance")]
        asked = [one["params"]["request"]["url"] for one in lines if one["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("data:", "blob:"))]

    def ranges(self) -> list[list[float]]:
        """What each picture shows of the time [ms]."""
        script = (
            "[...document.querySelectorAll('.picture')].map(p => p._fullLayout.xaxis.range"
            ".map(t => typeof t === 'number' ? t : Date.parse(t.replace(' ', 'T') + 'Z')))"
        )
        found: list[list[float]] = self.run(script)
        return found

    def ranges_of(self, name: str) -> list[float]:
        """What one picture shows."""
        script = (
            "document.getElementById(arguments[0])._fullLayout.xaxis.range"
            ".map(t => typeof t === 'number' ? t : Date.parse(t.replace(' ', 'T') + 'Z'))"
        )
        found: list[float] = self.run(script, name)
        return found


def drag(page: Open, selector: str) -> None:
    """From a quarter to the half of a picture."""
    box = _box(page, selector)
    y = box["y"] + box["height"] / 2
    for kind, part in (("mouseMoved", 0.25), ("mousePressed", 0.25), ("mouseMoved", 0.4), ("mouseMoved", 0.5),
                       ("mouseReleased", 0.5)):  # fmt: skip
        button = "none" if kind == "mouseMoved" and part == 0.25 else "left"
        x = box["x"] + part * box["width"]
        page.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1, buttons=1)
    page.wait("document.querySelectorAll('.zoombox').length === 0")


def hovered(page: Open, selector: str, part: float, down: float = 0.5) -> str:
    """What is told where one points at a picture, so far to the right and down."""
    box = _box(page, selector)
    x, y = box["x"] + part * box["width"], box["y"] + down * box["height"]
    for dx in (-3, 0):
        page.command("Input.dispatchMouseEvent", type="mouseMoved", x=x + dx, y=y)
    page.wait(f"document.querySelector('{selector} .hoverlayer').textContent.length > 5")
    told: str = page.run("document.querySelector(arguments[0] + ' .hoverlayer').textContent", selector)
    return told.replace("\xa0", " ")


def _box(page: Open, selector: str) -> Any:
    page.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
    return page.run("document.querySelector(arguments[0] + ' .nsewdrag').getBoundingClientRect().toJSON()", selector)


@pytest.fixture
def looked_at(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Open]]:
    """Opens a page from the disk without a network, and waits until all of it is drawn."""

    def open_(text: str, *, width: int = 1280, dark: bool = False, hash_: str = "", script: bool = True) -> Open:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        chromium.execute_cdp_cmd("Network.enable", {})
        chromium.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        chromium.get("about:blank")
        for log in ("browser", "performance"):
            chromium.get_log(log)
        chromium.get(path.as_uri() + hash_)
        page = Open(chromium, path)
        if script:
            page.wait("document.documentElement.dataset.drawn")
        return page

    yield open_
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.get("about:blank")


@pytest.fixture
def opened(looked_at: Callable[..., Open], drawn_by: Drawing) -> Callable[..., Open]:
    """Draws the page of an asset and opens it."""

    def open_(report: AssetReport, *, language: str = "en", zone: str = "UTC", **how: Any) -> Open:
        return looked_at(draw(report, Tongue(language, ZoneInfo(zone)), drawn_by), **how)

    return open_


@pytest.fixture
def replay_opened(looked_at: Callable[..., Open], drawn_by: Drawing) -> Callable[..., Open]:
    """Draws the page of a replay and opens it."""

    def open_(result: Replay, *, language: str = "en", zone: str = "UTC", **how: Any) -> Open:
        return looked_at(replay_page.draw(result, Tongue(language, ZoneInfo(zone)), drawn_by), **how)

    return open_
