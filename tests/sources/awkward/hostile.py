"""Input that means harm, or does it: names that look like paths, formulas or markup, numbers without measure."""

from __future__ import annotations

from tests.sources.awkward import FLOW, TEMP, Case, Rows, reference, table, times

HEAD, *ROWS = table(separator=";").splitlines()

HOSTILE = {
    "a path": "../../../etc/passwd",
    "a path of Windows": r"..\..\windows\system32",
    "an absolute path": "/etc/passwd",
    "a formula": "=cmd|' /C calc'!A0",
    "a formula with a plus": '+HYPERLINK("http://x.example","y")',
    "markup": "<script>alert(1)</script>",
    "markup of the terminal": "[bold red]flow[/bold red] :skull:",
    "an escape code": "\x1b[31mflow\x1b[2J",
    "a title of the terminal": "\x1b]0;owned\x07flow",
    "a backspace": "flow\b\b\b\bxxxx",
    "turned writing": "\u202eflow\u202c",
    "a joiner of no width": "fl\u200bow",
    "an emoji": "🔥 flow 🔥",
    "braces and percents": "{flow!r} %s %(x)s ${HOME} $(id) `id`",
    "five thousand letters": "x" * 5000,
    "a blank": "a  b",
    "a dot": "..",
    "a quote": 'it\'s; "quoted"',
    "SQL": "flow'; DROP TABLE scores; --",
    "null": "null",
    "a word of Python": "__class__",
}


def field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def as_sensor(name: str) -> bytes:
    return "\n".join([f"time;{field(name)};temp", *ROWS, ""]).encode()


def as_asset(name: str) -> bytes:
    return "\n".join([f"asset;{HEAD}", *(f"{field(name)};{row}" for row in ROWS), ""]).encode()


def as_cell(name: str) -> bytes:
    rows = [ROWS[0].replace("1234.5", field(name)), *ROWS[1:]]
    return "\n".join([HEAD, *rows, ""]).encode()


def sensor_rows(name: str) -> Rows:
    return {t: {name: row["flow"], "temp": row["temp"]} for t, row in reference().items()}


WITHOUT_FIRST = reference() | {int(times()[0]): {"temp": TEMP[0]}}
WIDE = "time;" + ";".join(f"s{n}" for n in range(10_000))
WIDE_ROWS = {int(t): {f"s{n}": float(n) for n in range(10_000)} for t in times()[:2]}
STAMPS = [row.split(";")[0] for row in ROWS]


def with_flow(*cells: str) -> bytes:
    rows = [f"{stamp};{cell};{temp:g}" for stamp, cell, temp in zip(STAMPS, cells, TEMP, strict=True)]
    return "\n".join([HEAD, *rows, ""]).encode()


def with_time(*stamps: str) -> bytes:
    """The table with more rows, at other times."""
    return "\n".join([HEAD, *ROWS, *(f"{stamp};1;2" for stamp in stamps), ""]).encode()


CASES = (
    *(
        Case(f"sensor name: {what}", {"pump.csv": as_sensor(n)}, "accepted", rows=sensor_rows(n))
        for what, n in HOSTILE.items()
    ),
    *(
        Case(f"asset name: {what}", {"pump.csv": as_asset(n)}, "accepted", rows={n: reference()})
        for what, n in HOSTILE.items()
    ),
    *(
        Case(f"cell: {what}", {"pump.csv": as_cell(n)}, "warned", ("'flow'",), rows=WITHOUT_FIRST)
        for what, n in HOSTILE.items()
        if what != "null"
    ),
    *(
        Case(
            f"reserved name: {name}",
            {"pump.csv": as_sensor(name).replace(b"time;", b"stamp;")},
            "accepted",
            (),
            ("--time", "stamp"),
            sensor_rows(name),
        )
        for name in ("time", "asset", "score", "state", "return_period")
    ),
    Case(
        "ten thousand columns",
        {
            "pump.csv": "\n".join(
                [WIDE, *(f"{s};" + ";".join(map(str, range(10_000))) for s in STAMPS[:2]), ""]
            ).encode()
        },
        "accepted",
        rows=WIDE_ROWS,
    ),
    Case(
        "a cell of a megabyte", {"pump.csv": as_cell("y" * 1_000_000)}, "warned", (r"'y+' \(1\)",), rows=WITHOUT_FIRST
    ),
    Case(
        "a cell of nine megabytes",
        {"pump.csv": as_cell("y" * 9_000_000)},
        "warned",
        (r"'y+' \(1\)",),
        rows=WITHOUT_FIRST,
    ),
    Case(
        "numbers without measure",
        {"pump.csv": with_flow("1e999", "9" * 400, "-1e308", *(f"{f:g}" for f in FLOW[3:]))},
        "warned",
        (r"'flow': 3 cell\(s\)",),
        rows={t: row if n > 2 else {"temp": row["temp"]} for n, (t, row) in enumerate(reference().items())},
    ),
    Case(
        "dates that are none",
        {"pump.csv": with_time("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T10:00:00Z")},
        "warned",
        (r"2 row\(s\) dropped: time outside", r"1 row\(s\) dropped: no such date"),
    ),
    Case(
        "a row of nothing but separators",
        {"pump.csv": "\n".join([HEAD, *ROWS, ";;", ""]).encode()},
        "warned",
        (r"1 row\(s\) dropped: time missing",),
    ),
    Case("nothing but separators", {"pump.csv": b";;\n;;\n;;\n"}, "refused", (r"pump\.csv",)),
    Case("nothing but quotes", {"pump.csv": b'"""""\n""\n'}, "refused", (r"pump\.csv",)),
    Case("bytes at random", {"pump.csv": bytes(range(1, 256)) * 8}, "refused", (r"pump\.csv",)),
    Case("one byte", {"pump.csv": b"x"}, "refused", (r"pump\.csv",)),
)
