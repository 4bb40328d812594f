"""How well the package warns, on public data: one data set per file; this dict is the whole registration."""

from bench.quality import cmapss, ims, nab, skab, smap_msl, tep
from bench.quality.contract import DataSet

SETS: dict[str, DataSet] = {module.NAME: module for module in (skab, tep, nab, smap_msl, cmapss, ims)}
