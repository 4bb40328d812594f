"""SMAP and MSL: telemetry of two spacecraft, a model per channel, the commands as context.

A labelled sequence is found by an alert raised in it, or at most 100 rows before; every other alert is false. Row by
row the same is given without the point adjustment that is usual with this set and that rewards noise. Hundman et al.,
"Detecting Spacecraft Anomalies Using LSTMs and Nonparametric Dynamic Thresholding", KDD 2018.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.quality import frames, measures
from bench.quality.contract import Judged, Measured, Series

NAME = "smap_msl"
SOURCE = "the SMAP and MSL telemetry (data/train, data/test, labeled_anomalies.csv), published by NASA JPL as telemanom"
WARNING_ROWS = 20_000
PERIOD_US = frames.MINUTE_US
BEFORE_US = 100 * PERIOD_US
"""An alert so long before a sequence announces it."""

Sequences = Mapping[str, Sequence[tuple[int, int]]]
"""Channel → first and last row of each labelled sequence, both inclusive."""


def find(folder: Path) -> list[Series]:
    """One series per channel that has a training file, a test file and an entry in the labels."""
    labels = frames.shallowest(folder, "labeled_anomalies.csv")
    first = frames.shallowest(folder, "test/*.npy")
    if labels and first:
        home = first.parent.parent
        pairs = {f.stem: (home / "train" / f.name, f) for f in sorted(home.glob("test/*.npy"))}
        sequences = _telemanom(labels)
    else:
        first = frames.shallowest(folder, "SMAP/test/*.parquet", "MSL/test/*.parquet")
        if first is None:
            return []
        home = first.parent.parent.parent
        pairs = {f.stem: (f.parent.parent / "train" / f.name, f) for f in sorted(home.glob("*/test/*.parquet"))}
        sequences = _listed(home / "labels.csv")
    return [
        _read(name, *pair, sequences[name]) for name, pair in pairs.items() if name in sequences and pair[0].exists()
    ]


def _telemanom(labels: Path) -> Sequences:
    """A channel may have several lines."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, row in pd.read_csv(labels).iterrows():
        found[str(row["chan_id"])] += [(int(a), int(b)) for a, b in json.loads(row["anomaly_sequences"])]
    return found


def _listed(labels: Path) -> Sequences:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, row in pd.read_csv(labels).iterrows():
        found[Path(str(row["series"])).name].append((int(row["start"]), int(row["end"])))
    return found


def _read(name: str, train: Path, test: Path, sequences: Sequence[tuple[int, int]]) -> Series:
    before, after = (frames.counted(_values(file), name, PERIOD_US) for file in (train, test))
    spans = [frames.row_time(np.array([first, last + 1]), PERIOD_US).tolist() for first, last in sorted(sequences)]
    truth = tuple(frames.event(name, *span) for span in spans)
    context = tuple(column for column in before.columns if column.startswith("cmd"))
    return Series(name, before, after, PERIOD_US, context, truth)


def _values(file: Path) -> pd.DataFrame:
    """(n_rows, 1 + n_commands): the first column is the telemetry, the others the commands sent in the step."""
    if file.suffix == ".parquet":
        return pd.read_parquet(file).drop(columns="sample")
    values = np.load(file, allow_pickle=False)
    names = ["telemetry", *(f"cmd_{i:02d}" for i in range(1, values.shape[1]))]
    return pd.DataFrame(values, columns=pd.Index(names))


def measure(series: Sequence[Series], judged: Sequence[Judged]) -> Measured:
    """Pooled over all channels: precision and recall of alerts against sequences, ``f1`` … row by row.

    ``f1_sequences`` is the harmonic mean of ``precision`` (alerts that belong to a sequence) and ``recall`` (sequences
    found). Healthy: rows outside the sequences and the 100 rows before each.
    """
    each, budgets, label, alarm = {}, [], [], []
    for s, said, alerts in measures.pairs(series, judged):
        hits = [measures.raised_in(alerts, event, BEFORE_US) for event in s.truth]
        true = {a for hit in hits for a in hit}
        each[s.name] = {"sequences": len(hits), "found": sum(map(bool, hits)), "alerts": len(alerts), "true": len(true)}
        label.append(measures.in_events(s))
        alarm.append(measures.in_alarm(s, said))
        budgets.append(measures.budget(s, said, ~measures.in_events(s, BEFORE_US), WARNING_ROWS))
    count = {key: sum(f[key] for f in each.values()) for key in ("sequences", "found", "alerts", "true")}
    precision, recall = (
        measures.share(count["true"], count["alerts"]),
        measures.share(count["found"], count["sequences"]),
    )
    labels = np.concatenate(label)
    figures = {
        "channels": len(series),
        "sequences": count["sequences"],
        "found": count["found"],
        "precision": precision,
        "recall": recall,
        "f1_sequences": measures.share(2 * precision * recall, precision + recall) if count["found"] else 0.0,
        **measures.pointwise(labels, np.concatenate(alarm)),
    }
    return Measured(figures, measures.total(budgets), measures.always_on(labels), each)
