"""A series through `anomaly_lstm.train`, `score` and `alert`, with default settings: what users get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

import anomaly_lstm
from anomaly_lstm import GridOptions, Policy, ReadOptions, TrainOptions
from anomaly_lstm.errors import DataError
from anomaly_lstm.evaluation import Raised
from anomaly_lstm.pipeline import read_scores
from bench.quality import frames, measures
from bench.quality.contract import Judged, Series

READ = ReadOptions(time="time", asset="asset")


def judge(series: Series, *, network: str, warning_rows: int, seed: int, place: Path) -> Judged:
    """Train on the series' ``train``, score and alert on its ``test``; files go to the empty folder ``place``.

    Raises what the verbs raise, and DataError when a test row has no row in the scores table.
    """
    train, test, scores = place / "train.parquet", place / "test.parquet", place / "scores.parquet"
    series.train.to_parquet(train, index=False)
    series.test.to_parquet(test, index=False)
    anomaly_lstm.train(
        train,
        place / "model",
        read=READ,
        grid=GridOptions(period_us=series.period_us),
        context=series.context,
        options=TrainOptions(network=network, seed=seed),
    )
    anomaly_lstm.score(test, place / "model", scores)
    policy = Policy(limits={"warning": warning_rows * series.period_us})
    said = anomaly_lstm.alert(scores, place / "model", None, policy=policy)
    alerts = [
        Raised(a.alert_id, a.asset, a.severity, a.raised_us, a.cleared_us) for a in said.alerts if a.kind == "deviation"
    ]
    return joined(series, read_scores(scores), tuple(sorted(alerts, key=lambda a: a.raised_us)))


def joined(series: Series, scores: pa.Table, alerts: tuple[Raised, ...]) -> Judged:
    """The scores table row by row of the series' test frame: each row has the score of the grid time that holds it."""
    table = scores.select(["asset", "time", "score", "return_period_s"]).to_pandas()
    table["grid_us"] = frames.us(table["time"])
    asked = pd.DataFrame({"asset": series.test["asset"].astype(str), "grid_us": measures.time_us(series)})
    found = pd.merge_asof(
        asked.reset_index(names="row").sort_values("grid_us", kind="stable").assign(asked_us=lambda d: d["grid_us"]),
        table.drop(columns="time").assign(found_us=table["grid_us"]).sort_values("grid_us"),
        on="grid_us",
        by="asset",
        direction="forward",
        tolerance=series.period_us,
    ).sort_values("row")
    lost = found["found_us"].isna().to_numpy()
    if lost.any():
        raise DataError(
            f"{series.name}: {lost.sum():,} rows of the test data have no row in the scores table, the first of "
            f"{found['asset'].to_numpy()[lost][0]}. This is a defect of the program."
        )
    return Judged(
        found["found_us"].to_numpy(np.int64),
        found["score"].to_numpy(np.float64),
        found["return_period_s"].to_numpy(np.float64),
        alerts,
    )
