"""How things stand as metrics, in a file for the textfile collector of node_exporter (extra ``prometheus``).

Source: https://github.com/prometheus/node_exporter#textfile-collector
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from anomaly_lstm.errors import MissingExtraError
from anomaly_lstm.sinks.contract import Standing
from anomaly_lstm.store import replacing
from anomaly_lstm.tables import SEVERITIES

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

NAME = "prometheus"
COLUMNS: tuple[str, ...] = ()
IS_FILE = True
_PREFIX = "anomaly_lstm_"

Sample = tuple[tuple[str, ...], float | None]
"""Label values after the pipeline's, and a value; None = there is none to show."""


def check(place: str) -> str | None:
    return None if place.endswith(".prom") else "node_exporter reads names that end with .prom only."


def show(standing: Standing, place: str, columns: Mapping[str, str]) -> None:
    """Replace the file in one step."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError:
        raise MissingExtraError(
            "prometheus-client is not installed. Install it with `pip install 'anomaly-lstm[prometheus]'`."
        ) from None
    registry = CollectorRegistry()
    _of_the_run(registry, standing)
    _of_the_assets(registry, standing)
    with replacing(Path(place)) as side:
        side.write_bytes(generate_latest(registry))


def _of_the_run(registry: CollectorRegistry, standing: Standing) -> None:
    plain: dict[str, tuple[float | None, str]] = {
        "last_run_timestamp_seconds": (standing.now_us / 1e6, "When the last run ended [s since 1970]."),
        "last_run_duration_seconds": (standing.seconds, "How long the last run took [s]."),
        "last_run_rows": (standing.rows, "New rows in the last run."),
        "false_alerts_expected": (standing.expected_false, "False alerts promised for the healthy time judged."),
        "false_alerts_observed": (standing.observed_false, "False alerts observed in that time."),
    }
    for name, (value, means) in plain.items():
        _gauge(registry, standing, name, means, (), [((), value)])
    counts = {"watched": standing.assets, "failed": standing.failed, "unwatched": standing.unwatched}
    states = [((state,), float(len(assets))) for state, assets in counts.items()]
    _gauge(registry, standing, "assets", "Assets by what the last run did with them.", ("state",), states)
    failing = [((name,), 1.0) for name in standing.failing]
    _gauge(registry, standing, "channel_failing", "Channels and sinks that cannot be reached.", ("channel",), failing)
    budget = standing.report.run.get("budget", ())
    for name, key, means in (
        ("alerts_expected_false", "expected_false", "Alerts to expect if all scored time had been normal."),
        ("alerts_raised", "raised", "Alerts raised in the scored time, of this severity or a higher one."),
    ):
        _gauge(registry, standing, name, means, ("severity",), [((b["severity"],), float(b[key])) for b in budget])


def _of_the_assets(registry: CollectorRegistry, standing: Standing) -> None:
    alerts = standing.report.alerts
    count = Counter((a["asset"], a["kind"], a["severity"]) for a in alerts if a["active"])
    kinds = sorted({a["kind"] for a in alerts} | {"deviation"})
    assets = sorted({*standing.assets, *(asset for asset, _, _ in count)})
    active = [(key, float(count[key])) for key in product(assets, kinds, SEVERITIES)]
    _gauge(registry, standing, "alerts_active", "Alerts that stand.", ("asset", "kind", "severity"), active)
    left = [((one["asset"], one["sensor"]), one["p50_s"]) for one in standing.report.indicators]
    means = "Median time until a rising sensor without an alert reaches its bound [s]."
    _gauge(registry, standing, "indicator_seconds_to_bound", means, ("asset", "sensor"), left)
    newest = [((asset,), seen.newest_us / 1e6) for asset, seen in standing.assets.items() if seen.newest_us is not None]
    age = [(label, standing.now_us / 1e6 - newest_s) for label, newest_s in newest]
    for name, means, samples in (
        (
            "return_period_seconds",
            "Return period of the latest score [s].",
            [((asset,), seen.return_period_s) for asset, seen in standing.assets.items()],
        ),
        ("newest_row_timestamp_seconds", "Time of the newest row [s since 1970].", newest),
        ("staleness_seconds", "Age of the newest row when the last run ended [s].", age),
        ("asset_failed", "Assets that the last run failed on.", [((asset,), 1.0) for asset in standing.failed]),
        ("asset_unwatched", "Assets that are switched off.", [((asset,), 1.0) for asset in standing.unwatched]),
    ):
        _gauge(registry, standing, name, means, ("asset",), samples)


def _gauge(
    registry: CollectorRegistry,
    standing: Standing,
    name: str,
    means: str,
    labels: tuple[str, ...],
    samples: Sequence[Sample],
) -> None:
    from prometheus_client import Gauge

    gauge = Gauge(_PREFIX + name, means, ("pipeline", *labels), registry=registry)
    for values, value in samples:
        if value is not None:
            gauge.labels(standing.pipeline, *values).set(value)
