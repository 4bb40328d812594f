"""What stands around a table: preambles, comments, units, second names, names again, footers."""

from __future__ import annotations

from tests.sources.awkward import Case, reference, table

PLAIN = table(separator=";")
HEAD, *ROWS = PLAIN.splitlines()


def text(*records: str) -> bytes:
    return ("\n".join(records) + "\n").encode()


def named(flow: str, temp: str) -> dict[int, dict[str, float]]:
    return {t: {flow: row["flow"], temp: row["temp"]} for t, row in reference().items()}


def pairs(*heads: str, short: int = 0) -> bytes:
    """Each sensor beside its own times, those of the second from new to old, and the last ``short`` of it missing."""
    stamps, flow, temp = zip(*(row.split(";") for row in ROWS), strict=True)
    second = [f"{stamp};{value}" for stamp, value in zip(reversed(stamps), reversed(temp), strict=True)]
    second[len(ROWS) - short :] = [";"] * short
    return text(*heads, *(";".join(cells) for cells in zip(stamps, flow, second, strict=True)))


def trios(head: str, form: str) -> bytes:
    """The rows of the reference in a form of one's own: {t}, {f} and {c}, and {q} for how good the flow is."""
    parts = [row.split(";") for row in ROWS]
    qualities = ["Bad" if n == 3 else "Good" for n in range(len(ROWS))]
    rows = [form.format(t=t, f=f, c=c, q=q) for (t, f, c), q in zip(parts, qualities, strict=True)]
    return text(head, *rows)


def in_pairs(name: str, *heads: str) -> Case:
    return Case(f"pairs of times and values, {name}", {"pump.csv": pairs(*heads)}, "warned", ("PAIRS.*'flow', 'temp'",))


HALF = [row if n % 2 else f"02/03/2026 10:0{n};{row.split(';', 1)[1]}" for n, row in enumerate(ROWS)]
NUMBERED = [f"{n};{row.replace('T', ' ').replace('Z', '')}" for n, row in enumerate(ROWS, start=1)]
RECORDS = [row.replace(";", f";{n};", 1) for n, row in enumerate(ROWS, start=410)]

CASES = (
    Case(
        "a logger that numbers its rows under '#'",
        {"pump.csv": text("Plot Title: K", "#;Date Time, GMT+00:00;flow;temp", *NUMBERED)},
        "warned",
        ("names stand in line 2", "numbers the rows, no sensor: column '#'"),
    ),
    Case(
        "a logger that writes units and how values were taken below the names",
        {
            "pump.csv": text(
                "TOA5;st;CR1000;1;os", "TIMESTAMP;RECORD;flow;temp", "TS;RN;Volts;Deg C", ";;Min;Avg", *RECORDS
            )
        },
        "warned",
        ("numbers the rows, no sensor: column 'RECORD'", "flow: Volts, temp: Deg C"),
    ),
    *(
        Case(
            f"pairs of times and values, {name}",
            {"pump.csv": trios(head, row)},
            "warned",
            ("PAIRS.*'flow', 'temp'", *says),
            rows=wanted,
        )
        for name, head, row, says, wanted in (
            ("values first", "flow value;flow time;temp value;temp time", "{f};{t};{c};{t}", (), reference()),
            (
                "with remarks",
                "flow time;flow value;temp time;temp value;Remark",
                "{t};{f};{t};{c};seen",
                ("Not used beside the pairs: column 'Remark'",),
                reference(),
            ),
            (
                "with qualities",
                "flow time;flow value;flow quality;temp time;temp value;temp quality",
                "{t};{f};{q};{t};{c};Good",
                ("Column 'quality' says how good",),
                {t: row if n != 3 else {"temp": row["temp"]} for n, (t, row) in enumerate(reference().items())},
            ),
        )
    ),
    Case(
        "what happened last beside its time, which is no pair",
        {"pump.csv": trios("time;flow;last start;temp;Remark", "{t};{f};2026-03-01 08:00;{c};seen")},
        "accepted",
        ("Time is column 'time'",),
    ),
    Case(
        "times of two forms in one column",
        {"pump.csv": text(HEAD, *HALF)},
        "refused",
        (r"pump\.csv", "'time' holds times in two forms, '2026.*Z' .line 3. and '02/03/2026 10:00' .line 2.", "split"),
    ),
    Case(
        "a separator that changes on the way",
        {"pump.csv": text(HEAD, *ROWS[:4], *(row.replace(";", ",") for row in ROWS[4:]))},
        "refused",
        (r"pump\.csv, line 6: from here on columns are separated by ',', before by ';'", "Split the file here"),
    ),
    Case(
        "names that single blanks set apart, and rows that need two",
        {"pump.csv": text(HEAD.replace(";", " "), *(row.replace(";", "  ") for row in ROWS))},
        "accepted",
    ),
    Case("a single row", {"pump.csv": text(HEAD, ROWS[0])}, "refused", (r"pump\.csv.*at least two rows", "--period")),
    Case(
        "footers as wide as the table",
        {"pump.csv": text(*PLAIN.splitlines(), "Mittelwert;3.5;1", "Maximum;9;9")},
        "warned",
        (
            "a total or mean instead of a time is in line 10: 'Mittelwert'",
            "2 row.s. dropped: time not readable: a tot",
        ),
    ),
    in_pairs("both named", "flow time;flow value;temp time;temp value"),
    in_pairs("one name for all times", "Timestamp;flow;Timestamp;temp"),
    in_pairs("times numbered", "Time 1;flow;Time 2;temp"),
    in_pairs("tags above the times", "flow;;temp;"),
    in_pairs("tags in the line above", "flow;;temp;", "Timestamp;Value;Timestamp;Value"),
    Case(
        "pairs of times and values with units, of which one ends early",
        {"pump.csv": pairs("Date;flow [m3/h];Date;temp [°C]", short=2)},
        "warned",
        ("PAIRS", "flow: m3/h"),
        rows={t: row if n > 1 else {"flow": row["flow"]} for n, (t, row) in enumerate(reference().items())},
    ),
    Case(
        "pairs of times and values, by the first of the times",
        {"pump.csv": pairs("flow time;flow;temp time;temp")},
        "accepted",
        options=("--time", "flow time", "--sensors", "flow"),
        rows={t: {"flow": row["flow"]} for t, row in reference().items()},
    ),
    Case(
        "names and units above the line with the time's name",
        {
            "pump.csv": text(
                "Server: X;;", "Tag;flow;temp", "Description;Feed flow;Heat", "Units;m3/h;°C", "Timestamp;;", *ROWS
            )
        },
        "warned",
        ("names stand in line 5", "are those of line 2", "flow: m3/h"),
    ),
    Case(
        "blanks around quoted names",
        {"pump.csv": text(' "time" ; "flow" ; "temp" ', *ROWS)},
        "accepted",
    ),
    Case(
        "titles that a spreadsheet made as wide as the table",
        {"pump.csv": text("Trend report;;", "By Ann;;", ";;", HEAD.replace("time", "when it was"), *ROWS)},
        "warned",
        ("names stand in line 4",),
    ),
    Case("a title", {"pump.csv": text("Trend report", HEAD, *ROWS)}, "warned", ("names stand in line 2",)),
    Case(
        "a preamble of keys and values",
        {"pump.csv": text("Report: Pump 7", "Exported by;ann", "From;2026-03-02 10:00;To;2026-03-03", "", HEAD, *ROWS)},
        "warned",
        ("names stand in line 5",),
    ),
    Case(
        "a preamble of as many columns as the table",
        {"pump.csv": text("Site;North;1", "Unit;Pump;7", HEAD, *ROWS)},
        "warned",
        ("names stand in line 3",),
    ),
    Case(
        "a preamble of fifty lines",
        {"pump.csv": text(*(f"Remark {n}: nothing" for n in range(50)), HEAD, *ROWS)},
        "warned",
        ("names stand in line 51",),
    ),
    Case(
        "comment lines first",
        {"pump.csv": text("# made by a logger", "# version 2", HEAD, *ROWS)},
        "warned",
        ("line 3",),
    ),
    Case("names in a comment", {"pump.csv": text("# made by a logger", "#" + HEAD, *ROWS)}, "accepted"),
    Case(
        "comment lines between",
        {"pump.csv": text(HEAD, *ROWS[:3], "# restarted", *ROWS[3:])},
        "warned",
        (r"1 row\(s\) dropped: a comment",),
    ),
    Case(
        "a row of units",
        {"pump.csv": text(HEAD, ";m3/h;degC", *ROWS)},
        "warned",
        ("line below the names holds units", "flow: m3/h", "temp: degC"),
    ),
    Case(
        "a row of units in brackets",
        {"pump.csv": text(HEAD, "[UTC];[m³/h];[°C]", *ROWS)},
        "warned",
        ("flow: m³/h", "temp: °C"),
    ),
    Case(
        "units in the names",
        {"pump.csv": text(HEAD.replace("flow", "flow [m³/h]").replace("temp", "temp (°C)"), *ROWS)},
        "warned",
        (r"flow \[m³/h\]: m³/h", r"temp \(°C\): °C"),
        rows=named("flow [m³/h]", "temp (°C)"),
    ),
    Case(
        "names and descriptions",
        {"pump.csv": text(HEAD, "stamp;Feed flow of pump 7;Temperature of bearing 2", *ROWS)},
        "warned",
        ("not used: .*Feed flow of pump 7", r"1 row\(s\) dropped: a second line of names"),
    ),
    Case(
        "names, descriptions and units",
        {"pump.csv": text(HEAD, "stamp;Feed flow;Temperature", ";m3/h;°C", *ROWS)},
        "warned",
        ("Feed flow", "flow: m3/h"),
    ),
    Case(
        "the names again between the rows",
        {"pump.csv": text(HEAD, *ROWS[:4], HEAD, *ROWS[4:])},
        "warned",
        (r"1 row\(s\) dropped: the names again",),
    ),
    Case(
        "a whole export again, with its preamble",
        {"pump.csv": text("Trend report", HEAD, *ROWS[:4], "Trend report", HEAD, *ROWS[4:])},
        "warned",
        (r"1 row\(s\) dropped: the names again", r"1 row\(s\) dropped: no row of the table"),
    ),
    Case(
        "the names again in another order",
        {"pump.csv": text(HEAD, *ROWS[:4], "time;temp;flow", *ROWS[4:])},
        "refused",
        (r"pump\.csv, line 6", "another order"),
    ),
    *(
        Case(
            f"a second table below the first, with the names {names}",
            {"pump.csv": text(HEAD, *ROWS[:4], *between, names, *ROWS[4:])},
            "refused",
            (rf"pump\.csv, line {6 + len(between)}: a second table begins here", "Split the file here"),
        )
        for names, between in (
            ("time;press;level", ()),
            ("Timestamp;press;level", ("", "Second table")),
            ("time;flow [m3/h];temp", ()),
            ("time;press;level;speed", ()),
        )
    ),
    Case(
        "the names again in other letters",
        {"pump.csv": text(HEAD, *ROWS[:4], HEAD.upper(), *ROWS[4:])},
        "warned",
        (r"1 row\(s\) dropped: the names again",),
    ),
    Case(
        "sections of two machines at the same times",
        {"pump.csv": text("Pump 1", HEAD, *ROWS, "", "Pump 2", HEAD, *(f"{row}5" for row in ROWS))},
        "refused",
        (r"pump\.csv, line 14: above this row the names stand again.*same times.*Split the file here",),
    ),
    Case(
        "the same rows exported twice into one file",
        {"pump.csv": text(HEAD, *ROWS, "", HEAD, *ROWS)},
        "warned",
        (r"1 row\(s\) dropped: the names again",),
    ),
    Case("a footer", {"pump.csv": text(PLAIN.rstrip(), "Total rows: 8")}, "warned", (r"1 row\(s\) dropped: no row",)),
    Case(
        "a footer of totals",
        {"pump.csv": text(PLAIN.rstrip(), "", "Average;1235.5", "Maximum;1238", "--- end of report ---")},
        "warned",
        (r"3 row\(s\) dropped: no row",),
    ),
    Case(
        "a footer as wide as the table",
        {"pump.csv": text(PLAIN.rstrip(), "Total;9884;326.2")},
        "warned",
        (r"1 row\(s\) dropped: time not readable",),
    ),
    Case(
        "no names",
        {"pump.csv": text(*ROWS)},
        "refused",
        (r"pump\.csv, line 1", "2026-03-02T10:00:00Z", "line of names above the rows"),
    ),
    Case(
        "no names under a title",
        {"pump.csv": text("Trend report", *ROWS)},
        "refused",
        (r"pump\.csv, line 2", "line of names"),
    ),
    Case(
        "names twice",
        {"pump.csv": text("time;flow;flow", *ROWS)},
        "refused",
        (r"pump\.csv, line 1", "'flow'", "columns 2 and 3"),
    ),
    Case(
        "a column without a name",
        {"pump.csv": text("time;flow;", *ROWS)},
        "accepted",
        rows={t: {"flow": row["flow"], "column 3": row["temp"]} for t, row in reference().items()},
    ),
    Case(
        "a first column that numbers the rows",
        {"pump.csv": text(";" + HEAD, *(f"{n};{row}" for n, row in enumerate(ROWS)))},
        "warned",
        ("Only numbers the rows",),
    ),
    Case(
        "names in quotes over two lines",
        {"pump.csv": text('time;"flow\nof pump 7";temp', *ROWS)},
        "accepted",
        rows=named("flow\nof pump 7", "temp"),
    ),
    Case("one column", {"pump.csv": b"flow\n1\n2\n3\n"}, "refused", (r"pump\.csv", "no column holds times", "--time")),
    Case(
        "only times",
        {"pump.csv": b"time\n2026-03-02 10:00\n2026-03-02 10:01\n"},
        "refused",
        ("no column holds numbers",),
    ),
    Case("names alone, then again", {"pump.csv": text(HEAD, HEAD)}, "refused", (r"pump\.csv", "no rows")),
)
