"""The names of the columns of a file: cleaned, which of them only index its rows, and what names usually hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.words import listed

TIME_NAMES = (
    *("time", "timestamp", "datetime", "dateandtime", "timeutc", "timestamputc", "datetimeutc", "utc"),
    *("sampletime", "eventtime", "recordtime", "tstamp", "ts", "ds", "date", "zeit", "zeitstempel", "datumzeit"),
    *("datumuhrzeit", "datum", "fechahora", "fechayhora", "fecha", "horodatage", "dateheure", "datahora", "dataora"),
)
COUNTER_NAMES = (
    *("cycle", "cycles", "cyclenumber", "timeincycles", "timecycles", "sample", "sampleno", "samplenumber", "index"),
    *("step", "t", "seconds", "timesec", "times", "hours", "minutes", "elapsed", "elapsedtime", "runtime", "counter"),
)
ASSET_WORDS = ("asset", "machine", "equipment", "device", "turbine", "compressor", "engine", "pump", "motor")
PLACE_WORDS = frozenset(
    """
    asset machine equipment device turbine compressor engine pump motor fan blower mill boiler furnace chiller reactor
    unit line site plant area train station well tag section block skid cell string location position module inverter
    pumpe maschine anlage aggregat kompressor verdichter turbine lüfter geblaese gebläse motor linie werk standort ort
    strang gerät geraet messstelle station halle kessel
    equipo maquina máquina bomba compresor turbina planta linea línea sitio unidad estacion estación pozo ubicacion
    machine pompe compresseur équipement equipement ligne usine unité unite poste
    macchina pompa compressore impianto linea reparto equipamento máquina unidade linha
    serial serien masch equnr equi imei meter zähler wtg windturbine host
    """.split()  # noqa: SIM905  # a list of so many short words is read best like this
)
"""What a column may be called that tells machines apart, if it does so; by its name alone it could be many things."""
PARTS = frozenset(
    "area section string cell tag block location position module ort poste ubicacion meter".split()  # noqa: SIM905  # read best like this
)
"""Of these, what one machine may have several of that are measured in turn."""
STATE_NAMES = frozenset(
    """
    step phase state status mode batch recipe event code action alarm message operator user shift remark comment note
    agg aggregate aggregation statistic stat function kind type
    schritt phase zustand betriebsart charge rezept ereignis meldung schicht bemerkung kommentar
    paso fase estado modo lote receta evento turno étape etape état etat recette événement lot passo stato ricetta
    """.split()  # noqa: SIM905  # a list of so many short words is read best like this
)
"""What a column is called that rather says what goes on than which machine it is."""
STATISTICS = frozenset(
    """
    min max mean avg average std stddev stdev sum count median minimum maximum total first last range var variance
    mittel mittelwert summe anzahl standardabweichung promedio media moyenne somme
    """.split()  # noqa: SIM905  # a list of so many short words is read best like this
)
"""Words for what was made of several values: no machine is called so."""
SENSOR_NAMES = (
    *("sensor", "sensorid", "sensorname", "tag", "tagid", "tagname", "variable", "variablename", "signal"),
    *("signalname", "point", "pointname", "pointid", "parameter", "metric", "field", "measurement", "channel", "item"),
    *("varname", "messstelle", "messpunkt", "name"),
)
VALUE_NAMES = ("value", "val", "reading", "wert", "messwert", "varvalue", "floatvalue", "valor", "valeur", "valore")
NUMBERED_SENSORS = ("tagid", "sensorid", "pointid")
"""Of the names of sensors, those that mostly are numbers."""

LABEL_NAMES = frozenset(
    """
    label labels labelled labeled anomaly anomalies isanomaly isanomalous anomalylabel anomalous outlier isoutlier fault
    faults faulty isfault faultcode faultlabel faultnumber faulttype failure failures isfailure failed failuretype
    machinefailure target targets class classes classlabel groundtruth attack changepoint machinestatus healthstate
    health condition rul ttf remainingusefullife timetofailure normalattack y ytrue
    """.split()  # noqa: SIM905  # a list of so many short words is read best like this
)
"""Columns that plainly say what one wants to find out; with few values they are labels, not sensors."""
FOR_ANY_VALUES = frozenset({"rul", "ttf", "remainingusefullife", "timetofailure"})
"""Of these, those that are no sensors however many values they have."""

UNIT_NAMES = (
    "unit",
    "wwunit",
    "eu",
    "units",
    "uom",
    "engunits",
    "engineeringunits",
    "engunit",
    "einheit",
    "unidad",
    "unite",
    "unita",
)
QUALITY_NAMES = (
    "quality",
    "qualitycode",
    "opcquality",
    "dataquality",
    "valuequality",
    "qual",
    "status",
    "valuestatus",
    "qualitydetail",
    "flag",
    "flags",
    "dataflag",
    "valueflag",
    "dataintegrity",
    "validity",
    "qstatus",
    "iptrendqstatus",
    "qualität",
    "qualitaet",
    "calidad",
    "qualité",
    "qualità",
)
KEPT_FLAGS = ("questionable", "substituted", "annotated")
"""What a historian says of a value beside whether it is good: yes or no, and the value counts all the same."""
GOOD_FLAGS = ("good", "isgood", "valid", "isvalid")
"""Columns of yes and no that say whether the values are good."""
QUALITY_ENDINGS = (
    r"(quality|qualitycode|qual|status|statuscode|qstatus|state|stat|sts|q|st|qc|valid|validity|flag"
    r"|qualität|qualitaet|güte|calidad|qualité|qualità|qualidade)"
)


def key_of(name: str) -> str:
    """A name without case, blanks, marks and units in brackets: "Time [UTC]" and "time" are the same."""
    return re.sub(r"[\W_]", "", re.sub(r"[\[(].*?[\])]", "", name)).casefold()


def quality_base(name: str) -> str | None:
    """``TT1_status`` → ``TT1``: the name without an ending that tells of quality; None where it has none."""
    found = re.fullmatch(rf"(.+?)[ _.\-:/]+{QUALITY_ENDINGS}", name, re.IGNORECASE)
    return found.group(1) if found else None


def clean_names(names: Sequence[str], path: Path, line: int | None = None) -> list[str]:
    """Column names without blanks and quotes around them, the nameless by position; two the same are a `DataError`."""
    bare = [re.sub(r'^"(.+)"$', r"\1", name.strip(), flags=re.DOTALL).strip() for name in names]
    cleaned = [name or f"column {number}" for number, name in enumerate(bare, start=1)]
    twice = [name for name, count in Counter(cleaned).items() if count > 1]
    if twice:
        places = " and ".join(str(number) for number, name in enumerate(cleaned, start=1) if name == twice[0])
        where = f"{path}, line {line}" if line else str(path)
        raise DataError(
            f"{where}: {len(twice)} column name(s) stand more than once: {listed(twice)} (columns {places}). "
            "Every column needs a name of its own: rename or remove the second one."
        )
    return cleaned


def pandas_indexes(table: Any) -> tuple[str, ...]:
    """The columns that pandas stored as the index of a table; they may be time or asset, never a sensor."""
    stored = said_in(table, b"pandas").get("index_columns", [])
    return tuple(name.strip() for name in stored if isinstance(name, str)) if isinstance(stored, list) else ()


def said_in(table: Any, key: bytes) -> dict[str, Any]:
    """What the metadata of a table say under a key; nothing where that is not JSON, or not of its form."""
    try:
        said = json.loads((table.schema.metadata or {}).get(key, b"{}"))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
