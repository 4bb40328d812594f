"""What columns are: qualities, labels, units, plant names."""

from __future__ import annotations

import json

from tests.sources.awkward import FLOW, MINUTE_US, TEMP, Case, Rows, reference, table, times

HEAD, *ROWS = table(separator=";").splitlines()
STAMPS = [row.split(";")[0] for row in ROWS]
BAD_AT = 3


def wide(name: str, column: list[str]) -> bytes:
    """The table with one more column."""
    rows = [f"{row};{cell}" for row, cell in zip(ROWS, column, strict=True)]
    return ("\n".join([f"{HEAD};{name}", *rows]) + "\n").encode()


def qualities(good: str, bad: str) -> list[str]:
    return [bad if n == BAD_AT else good for n in range(len(ROWS))]


def without(*sensors: str) -> Rows:
    """The reference without some sensors in the row of bad quality."""
    rows = reference()
    for sensor in sensors:
        del rows[int(times()[BAD_AT])][sensor]
    rows[int(times()[BAD_AT])] or rows.pop(int(times()[BAD_AT]))
    return rows


def long(quality: bool = False, unit: bool = False, units: tuple[str, str] = ("m3/h", "°C")) -> bytes:
    """The table with a row per sensor and time."""
    lines = ["time;tag;value" + (";quality" if quality else "") + (";unit" if unit else "")]
    for n, row in enumerate(ROWS):
        stamp, *values = row.split(";")
        for tag, value, own in zip(("flow", "temp"), values, units, strict=True):
            good = "Bad" if n == BAD_AT and tag == "flow" else "Good"
            lines.append(f"{stamp};{tag};{value}" + (f";{good}" if quality else "") + (f";{own}" if unit else ""))
    return ("\n".join(lines) + "\n").encode()


def long_with_most() -> bytes:
    """The long table with a further measurement in each row."""
    head, *rows = long().decode().splitlines()
    return "\n".join([head.replace("tag", "name") + ";most", *(f"{row};1.5" for row in rows), ""]).encode()


def quality(name: str, column: str, good: str, bad: str, *sensors: str) -> Case:
    word = rf"'quality {bad}' \(1\)"
    says = (f"Column '{column}' says how good", *(rf"'{sensor}': 1 cell\(s\).*{word}" for sensor in sensors))
    return Case(
        f"quality {name}", {"pump.csv": wide(column, qualities(good, bad))}, "warned", says, rows=without(*sensors)
    )


def label(name: str, *cells: str) -> Case:
    column = [cells[n % len(cells)] for n in range(len(ROWS))]
    says = (f"Looks like a label, no sensor: column '{name}'", "--sensors")
    return Case(f"label {name}", {"pump.csv": wide(name, column)}, "warned", says)


def called(name: str) -> bytes:
    """The table with another name for the flow."""
    quoted = '"' + name.replace('"', '""') + '"' if set(name) & set(';"\n') else name
    return table(separator=";", header="time{s}NAME{s}temp").replace("NAME", quoted).encode()


def renamed(name: str) -> Rows:
    return {t: {name: row["flow"], "temp": row["temp"]} for t, row in reference().items()}


def only(name: str) -> Rows:
    return {t: {name: row["flow"]} for t, row in reference().items()}


PLANT = (
    "PIT-3101A.PV",
    r"\\srv\Área 2:TT%",
    "flow, total",
    "FIC 101/PV.CV",
    'the "hot" end',
    "a+b=c",
    "flow.",
    "[red]flow",
)
LABELLED = {t: row | {"fault": float(n % 2)} for n, (t, row) in enumerate(reference().items())}


def machines(name: str, *values: str) -> bytes:
    """The rows of the reference once for each of several machines, below each other."""
    lines = [f"{row.split(';')[0]};{value};{';'.join(row.split(';')[1:])}" for row in ROWS for value in values]
    return "\n".join([f"time;{name};flow;temp", *lines, ""]).encode()


def of_plants(column: str, *plants: str) -> bytes:
    """The long table of several units of a plant."""
    lines = [
        f"{row.split(';')[0]};{plant};{tag};{value}"
        for row in ROWS
        for plant in plants
        for tag, value in zip(("flow", "temp"), row.split(";")[1:], strict=True)
    ]
    return "\n".join([f"time;{column};tag;value", *lines, ""]).encode()


TWO_READINGS = b"".join([b"time;group;x\n", *(f"{row.split(';')[0]};{g};1.5\n".encode() for row in ROWS for g in "ab")])


def in_turn(name: str, *values: str) -> bytes:
    """Rows of machines that are polled in turn, none at the time of another."""
    lines = [
        f"{row.split(';')[0].replace(':00Z', f':{7 * number:02d}Z')};{value};{';'.join(row.split(';')[1:])}"
        for row in ROWS
        for number, value in enumerate(values)
    ]
    return "\n".join([f"time;{name};flow;temp", *lines, ""]).encode()


def a_minute_later(rows: Rows) -> Rows:
    """Where rows some seconds after those of the reference are put."""
    return {t + MINUTE_US: row for t, row in rows.items()}


def uneven(name: str) -> bytes:
    """One machine in every row of the reference, another in every fourth."""
    lines = []
    for n, row in enumerate(ROWS):
        time, rest = row.split(";", 1)
        lines += [f"{time};P{number};{rest}" for number in ((1, 2, 3) if n % 4 == 0 else (1,))]
    return "\n".join([f"time;{name};flow;temp", *lines, ""]).encode()


_, *ANLAGEN = in_turn("Anlage", "A1", "A2").splitlines()


def influx() -> bytes:
    """The table as an annotated export of two hosts, with a block for each sensor."""
    head = ["#group,false,false,true,false,false,true,true,true", "#datatype,string,long,string,double,string,string"]
    head += ["#default,_result,,,,,,,", ",result,table,_start,_time,_value,_field,_measurement,host"]
    head[1] += ",string,string"
    lines: list[str] = []
    for place, sensor in enumerate(("flow", "temp")):
        lines += head
        for number, host in enumerate(("h1", "h2")):
            for row in ROWS:
                stamp, *values = row.split(";")
                lines.append(f",,{2 * place + number},{STAMPS[0]},{stamp},{values[place]},{sensor},pump,{host}")
        lines.append("")
    return "\r\n".join(lines).encode()


TWO_FILES = ((1, "l/s", ROWS[:4]), (2, "m3/h", ROWS[4:]))
FOURTH = {t: row for n, (t, row) in enumerate(reference().items()) if n % 4 == 0}

CASES = (
    *(
        Case(
            f"two machines at the same times, told by the long numbers of {name}",
            {"pump.csv": machines(name, *values)},
            "refused",
            (f"once for each value of column '{name}', such as '{values[0]}'", "--asset", "--exclude"),
        )
        for name, values in (("IDENT", ("100234", "100235")), ("dev", ("000000000010001234", "000000000010001235")))
    ),
    *(
        Case(
            f"two machines at the same times, told by the long numbers of a column called {name}",
            {"pump.csv": machines(name, "100234", "100235")},
            "warned",
            (f"SEVERAL ASSETS.*column '{name}'",),
            rows={"100234": reference(), "100235": reference()},
        )
        for name in ("SerialNo", "EQUNR", "Seriennummer", "MaschNr", "meter", "IMEI")
    ),
    Case(
        "machines at uneven rates",
        {"pump.csv": uneven("Pumpe")},
        "warned",
        ("SEVERAL ASSETS.*column 'Pumpe'",),
        rows={"P1": reference(), "P2": FOURTH, "P3": FOURTH},
    ),
    *(
        Case(
            f"machines polled in turn, told by {name}",
            {"pump.csv": in_turn(name, "M1", "M2")},
            "warned",
            (f"SEVERAL ASSETS.*column '{name}' names the asset", "--asset"),
            rows={"M1": reference(), "M2": a_minute_later(reference())},
        )
        for name in ("Maschine", "Équipement", "WTG", "línea", "Site")
    ),
    Case(
        "machines one below the other, at other seconds",
        {"pump.csv": b"\n".join([b"time;Anlage;flow;temp", *sorted(ANLAGEN, key=lambda row: row.split(b";")[1])])},
        "warned",
        ("SEVERAL ASSETS.*column 'Anlage' names the asset",),
        rows={"A1": reference(), "A2": a_minute_later(reference())},
    ),
    Case(
        "words that come in turn, in a column that could be anything",
        {"pump.csv": wide("xyz", ["k1", "k2"] * 4)},
        "warned",
        ("SEVERAL ASSETS. Rows of 'k1', 'k2' come in turn in column 'xyz'.*--asset 'xyz'",),
    ),
    Case(
        "states of a plant, one after the other",
        {"pump.csv": wide("Anlage", ["Betrieb"] * 4 + ["Wartung"] * 4)},
        "accepted",
    ),
    Case(
        "least, largest and mean of the same times",
        {"pump.csv": machines("agg", "min", "max", "mean")},
        "refused",
        ("column 'agg' holds statistics", "Keep the rows of one"),
    ),
    Case(
        "steps of a batch that begin again",
        {"pump.csv": machines("Schritt", "Heizen", "Leeren")},
        "refused",
        ("once for each value of column 'Schritt'", "--asset 'Schritt'", "--exclude"),
    ),
    *(
        Case(
            f"long as a panel or historian writes it, {head}",
            {"pump.csv": long().replace(b"time;tag;value", head.encode())},
            "warned",
            ("Long table",),
        )
        for head in ("Zeit;Messstelle;Wert", "TimeString;VarName;VarValue")
    ),
    Case(
        "long with numbers of sensors and codes of quality",
        {
            "pump.csv": long(quality=True)
            .replace(b"tag;value;quality", b"tagid;floatvalue;dataintegrity")
            .replace(b";flow;", b";11;")
            .replace(b";temp;", b";12;")
            .replace(b"Good", b"192")
            .replace(b"Bad", b"0")
        },
        "warned",
        ("Long table", "Column 'dataintegrity' says how good"),
        rows={t: {{"flow": "11", "temp": "12"}[k]: v for k, v in row.items()} for t, row in without("flow").items()},
    ),
    Case(
        "long as an InfluxDB writes it, with notes above each block",
        {"pump.csv": influx()},
        "warned",
        (
            "'_field' names the sensor",
            "SEVERAL ASSETS.*column 'host'",
            r"3 row\(s\) dropped: a comment",
            "the names again",
        ),
        rows={"h1": reference(), "h2": reference()},
    ),
    Case(
        "long with the mark that the panel went off",
        {"pump.csv": long() + f"{STAMPS[3]};$RT_OFF$;0\n".encode()},
        "warned",
        ("1 row.s. dropped: a mark of the recorder",),
    ),
    *(
        Case(
            f"two machines below each other, told by '{name}' {values}",
            {"pump.csv": machines(name, *values)},
            "warned",
            (f"SEVERAL ASSETS.*column '{name}' .'{values[0]}', '{values[1]}'.: it names the asset", "--asset"),
            rows={value: reference() for value in values},
        )
        for name, values in (
            ("Pumpe", ("P1", "P2")),
            ("line", ("A", "B")),
            ("Unit", ("U1", "U2")),
            ("Tag group", ("north", "south")),
            ("equipo", ("bomba 1", "bomba 2")),
            ("xyz", ("k1", "k2")),
            ("site", ("7", "9")),
        )
    ),
    Case(
        "two machines below each other, told by numbers that could be measured",
        {"pump.csv": machines("zone no. of group", "1", "2")},
        "refused",
        (r"pump\.csv", "once for each value of column 'zone no. of group'", "'1', '2'", "--asset", "--exclude"),
    ),
    Case(
        "two of something below each other, with one value only",
        {"pump.csv": TWO_READINGS},
        "refused",
        ("once for each value of column 'group'", "--asset 'group'", "sensor = 'group', value = 'x'"),
    ),
    Case(
        "two machines below each other, that somebody wants as one",
        {"pump.csv": machines("xyz", "k1", "k2")},
        "accepted",
        options=("--exclude", "xyz"),
    ),
    *(
        Case(
            f"long with a column '{name}' of plant units such as {plants[0]}",
            {"pump.csv": of_plants(name, *plants)},
            "warned",
            (f"SEVERAL ASSETS.*column '{name}'",),
            rows={plant: reference() for plant in plants},
        )
        for name, plants in (("Unit", ("U1", "U2")), ("unit", ("Unit 1", "Unit 2")), ("Einheit", ("Line A", "Line B")))
    ),
    Case(
        "long with a column of plant units that are all the same",
        {"pump.csv": of_plants("Unit", "U1")},
        "warned",
        ("Not used in a long table: column 'Unit'",),
    ),
    Case(
        "units that differ between files of one asset",
        {f"{n}.csv": "\n".join([HEAD, f";{unit};degC", *part, ""]).encode() for n, unit, part in TWO_FILES},
        "refused",
        (r"2\.csv: sensor 'flow' of asset 'pump' is in 'm3/h' here and in 'l/s' in .*1\.csv", "--exclude"),
        options=("--name", "pump"),
    ),
    Case(
        "units behind the numbers that differ between files of one asset",
        {
            f"{n}.csv": "\n".join([HEAD, *(row.replace(";4", f" {unit};4") for row in part), ""]).encode()
            for n, unit, part in TWO_FILES
        },
        "refused",
        ("sensor 'flow' of asset 'pump' is in 'm3/h' here and in 'l/s'",),
        options=("--name", "pump"),
    ),
    Case(
        "names that differ in case only between files of one asset",
        {
            "1.csv": "\n".join([HEAD, *ROWS[:4], ""]).encode(),
            "2.csv": "\n".join([HEAD.title(), *ROWS[4:], ""]).encode(),
        },
        "warned",
        ("TWO SENSORS. columns 'flow', 'Flow' differ in case or unit only",),
        options=("--name", "pump"),
        rows={
            t: row if n < 4 else {"Flow": row["flow"], "Temp": row["temp"]}
            for n, (t, row) in enumerate(reference().items())
        },
    ),
    Case(
        "units that differ between assets",
        {f"{n}.csv": "\n".join([HEAD, f";{unit};degC", *ROWS, ""]).encode() for n, unit, _ in TWO_FILES},
        "warned",
        ("UNITS DIFFER: 'flow' is in 'l/s' at asset '1' and in 'm3/h' at '2'",),
        rows={"1": reference(), "2": reference()},
    ),
    quality("in words", "flow_status", "Good", "Bad", "flow"),
    quality("in letters", "flow_quality", "G", "B", "flow"),
    quality("in OPC codes", "flow_q", "192", "0", "flow"),
    quality("in OPC UA codes", "flow.StatusCode", "0", "2147483648", "flow"),
    quality("in long words", "flow Quality", "Good, Annotated", "Bad - Comm Failure", "flow"),
    quality("of a historian's column of its own", "flow_QSTATUS", "Good", "Bad", "flow"),
    quality("in German", "flow Qualität", "gut", "schlecht", "flow"),
    quality("in Spanish", "flow_Calidad", "Buena", "Mala", "flow"),
    quality("in yes and no", "flow_status", "OK", "Not OK", "flow"),
    quality("of a German test", "flow_status", "i.O.", "n.i.O.", "flow"),
    Case(
        "quality in true and false",
        {"pump.csv": wide("IsGood", qualities("True", "False"))},
        "warned",
        ("Column 'IsGood' says how good", "'quality False' .1."),
        rows=without("flow", "temp"),
    ),
    *(
        Case(
            f"flags of a historian, {name}",
            {"pump.csv": wide(name, qualities("False", "True"))},
            "warned",
            (f"Flags of values that count all the same, no sensor: column '{name}'",),
        )
        for name in ("Questionable", "flow.Substituted", "Annotated")
    ),
    quality("of the whole row", "quality", "Good", "Bad", "flow", "temp"),
    Case(
        "quality uncertain is kept",
        {"pump.csv": wide("flow_status", qualities("Good", "Uncertain"))},
        "warned",
        ("Column 'flow_status' says how good",),
    ),
    Case(
        "quality that could be anything",
        {"pump.csv": wide("flow_status", qualities("1", "0"))},
        "accepted",
        rows={t: row | {"flow_status": float(n != BAD_AT)} for n, (t, row) in enumerate(reference().items())},
    ),
    *(
        Case(
            f"a column '{name}' of words and one called 'value' in a wide table",
            {"pump.csv": wide(name, ["A"] * 4 + ["B"] * 4).replace(b"flow", b"value", 1)},
            "warned",
            (f"Text, no sensor: column '{name}'",),
            rows=renamed("value"),
        )
        for name in ("item", "channel", "name")
    ),
    Case(
        "long with further measurements of each sensor",
        {"pump.csv": long_with_most()},
        "warned",
        ("Long table: column 'name'", "Not used in a long table: column 'most'"),
    ),
    Case("long", {"pump.csv": long()}, "accepted", ("Long table",)),
    Case(
        "long with quality",
        {"pump.csv": long(quality=True)},
        "warned",
        ("Column 'quality' says how good", r"'flow': 1 cell\(s\).*'quality Bad' \(1\)"),
        rows=without("flow"),
    ),
    Case(
        "long with states of one sensor among the numbers of others",
        {
            "pump.csv": long()
            + "".join(f"{s};pump on;{'On' if n % 2 else 'Off'}\n" for n, s in enumerate(STAMPS)).encode()
        },
        "warned",
        ("'pump on' holds two states: 'on' is 1, 'off' is 0",),
        rows={t: row | {"pump on": float(n % 2)} for n, (t, row) in enumerate(reference().items())},
    ),
    Case("long with units", {"pump.csv": long(unit=True)}, "warned", ("flow: m3/h", "temp: °C")),
    Case(
        "long with two units for a sensor",
        {"pump.csv": long(unit=True).replace(b"41.5;\xc2\xb0C", b"41.5;\xc2\xb0F")},
        "refused",
        (r"pump\.csv, line 15", "sensor 'temp'", "'°F' here", "'°C' in line 3"),
    ),
    label("label", "0", "1"),
    label("Anomaly", "0.0", "0.0", "1.0"),
    label("machine_status", "NORMAL", "NORMAL", "BROKEN"),
    label("is_fault", "False", "True"),
    label("class", "A", "B", "C"),
    label("RUL", "100", "99", "98", "97", "96", "95", "94", "93"),
    label("target", "0", "1"),
    Case(
        "label that is asked for",
        {"pump.csv": wide("fault", ["0", "1"] * 4)},
        "accepted",
        options=("--sensors", "flow,temp,fault"),
        rows=LABELLED,
    ),
    *(Case(f"plant name {name}", {"pump.csv": called(name)}, "accepted", rows=renamed(name)) for name in PLANT),
    *(
        Case(
            f"plant name {name} by --sensors",
            {"pump.csv": called(name)},
            "accepted",
            options=("--sensors", '"' + name.replace('"', '""') + '"'),
            rows=only(name),
        )
        for name in PLANT
    ),
    Case(
        "plant name left out",
        {"pump.csv": called("flow, total")},
        "accepted",
        options=("--exclude", '"flow, total"'),
        rows={t: {"temp": row["temp"]} for t, row in reference().items()},
    ),
    *(
        Case(
            f"plant name {name} in a pipeline file",
            {"pump.csv": called(name)},
            "accepted",
            pipeline=f"[sensors]\ninclude = [{json.dumps(name, ensure_ascii=False)}]\n",
            rows=only(name),
        )
        for name in PLANT
    ),
    Case(
        "a row number with a name",
        {"pump.csv": wide("sample", [str(n) for n in range(len(ROWS))])},
        "accepted",
        rows={t: row | {"sample": float(n)} for n, (t, row) in enumerate(reference().items())},
    ),
    Case(
        "a name of the file's own reserved words",
        {"pump.csv": called("score")},
        "accepted",
        rows=renamed("score"),
    ),
)
assert FLOW, TEMP
