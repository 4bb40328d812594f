"""What stands in a cell beside a plain number."""

from __future__ import annotations

from tests.sources.awkward import FLOW, MINUTE_US, START_US, TEMP, Case, Rows, reference, table, times

HEAD, *ROWS = table(separator=";").splitlines()


def cells(flow: list[str], temp: list[str] | None = None, header: str = HEAD) -> bytes:
    """The table with other cells in its columns."""
    stamps = [row.split(";")[0] for row in ROWS]
    temp = temp or [f"{c:g}" for c in TEMP]
    rows = [";".join(record) for record in zip(stamps, flow, temp, strict=True)]
    return ("\n".join([header, *rows]) + "\n").encode()


def written(form: str, temp: str = "{:g}") -> bytes:
    return cells([form.format(f) for f in FLOW], [temp.format(c) for c in TEMP])


def without(*places: int) -> Rows:
    """The reference with a missing flow in some rows."""
    rows = reference()
    for place in places:
        del rows[int(times()[place])]["flow"]
    return rows


def with_words(*words: str) -> bytes:
    """The table with words instead of the first numbers of the flow."""
    return cells([*words, *(f"{f:g}" for f in FLOW[len(words) :])])


def german(number: str, blank: str = ".") -> str:
    return number.replace(",", blank).replace(".", "!").replace(blank, ".").replace("!", ",")


def swapped(number: str) -> str:
    return number.translate(str.maketrans(".,", ",."))


def grouped(mark: str, decimal: str) -> bytes:
    numbers = [f"{f:,.2f}".replace(",", "#").replace(".", decimal).replace("#", mark) for f in FLOW]
    return cells(numbers, [f"{c:g}".replace(".", decimal) for c in TEMP])


def states(*words: str) -> tuple[bytes, Rows]:
    """The table with a third column of words, and its rows with zeros and ones (the first word is one)."""
    column = [words[n % len(words)] for n in range(len(ROWS))]
    content = "\n".join([f"{HEAD};pump on", *(f"{row};{word}" for row, word in zip(ROWS, column, strict=True))]) + "\n"
    rows = {t: row | {"pump on": float(n % 2 == 0)} for n, (t, row) in enumerate(reference().items())}
    return content.encode(), rows


def state(name: str, one: str, zero: str) -> Case:
    content, rows = states(one, zero)
    says = (f"'pump on' holds two states: '{one.casefold()}' is 1, '{zero.casefold()}' is 0",)
    return Case(f"states {name}", {"pump.csv": content}, "warned", says, rows=rows)


def lost(name: str, *words: str) -> Case:
    """Words that become missing, each told."""
    says = tuple(
        rf"'flow': {len(words)} cell\(s\).*'{w}' \(1\)"
        for w in (w.replace("*", r"\*").replace("?", r"\?") for w in words)
    )
    return Case(f"words: {name}", {"pump.csv": with_words(*words)}, "warned", says, rows=without(*range(len(words))))


NEGATIVE = {t: {"flow": -row["flow"], "temp": row["temp"]} for t, row in reference().items()}
MOSTLY_BAD = {t: row if n < 2 else {"temp": row["temp"]} for n, (t, row) in enumerate(reference().items())}


def whole_numbers(mark: str, lines: int = 4) -> bytes:
    """A table of one sensor that rises over 1000 after so many lines, with a mark between the thousands."""
    numbers = [*[996] * (lines - 4), *range(996, 1004)]
    stamps = [START_US + MINUTE_US * n for n in range(len(numbers))]
    rows = [f"{us // 1_000_000};{n:,}".replace(",", mark) for us, n in zip(stamps, numbers, strict=True)]
    return "\n".join(["time;flow", *rows, ""]).encode()


LATE = {
    START_US + MINUTE_US * n: {"flow": flow}
    for n, flow in enumerate([*[996.0] * 396, 996.0, 997.0, 998.0, 999.0, 1.0, 1.001, 1.002, 1.003])
}
SMALL = ["1.001", "1.002", "1.003", "1.004", "1.005", "3,010", "1.007", "1.008"]

CASES = (
    Case("padded numbers", {"pump.csv": written("  {:g}  ", "\u00a0{:g} ")}, "accepted"),
    Case("numbers with a plus", {"pump.csv": written("+{:g}", "+{:g}")}, "accepted"),
    Case("numbers with exponents", {"pump.csv": written("{:.6E}", "{:.4e}")}, "accepted"),
    Case("numbers as text of a spreadsheet", {"pump.csv": written("'{:g}", "'{:g}")}, "accepted"),
    Case("numbers in quotes in quotes", {"pump.csv": written('"""{:g}"""')}, "accepted"),
    Case("thousands with commas", {"pump.csv": grouped(",", ".")}, "accepted", (r"decimal mark is '\.'",)),
    Case("thousands with points", {"pump.csv": grouped(".", ",")}, "accepted", ("decimal mark is ','",)),
    Case("thousands with blanks", {"pump.csv": grouped(" ", ",")}, "accepted", ("decimal mark is ','",)),
    Case("thousands with hard blanks", {"pump.csv": grouped("\u00a0", ",")}, "accepted"),
    Case("thousands with narrow blanks", {"pump.csv": grouped("\u202f", ",")}, "accepted"),
    Case("thousands with thin blanks", {"pump.csv": grouped("\u2009", ".")}, "accepted"),
    Case("thousands with apostrophes", {"pump.csv": grouped("'", ".")}, "accepted"),
    Case("thousands with curly apostrophes", {"pump.csv": grouped("’", ".")}, "accepted"),
    Case(
        "thousands or fractions, nobody can say",
        {"pump.csv": cells([f"1,{234 + n}" for n in range(8)], ["40"] * 8)},
        "warned",
        ("may have a fraction or thousands", "--decimal"),
        rows={int(t): {"flow": float(f"1.{234 + n}"), "temp": 40.0} for n, t in enumerate(times())},
    ),
    Case(
        "thousands, as the option says",
        {"pump.csv": cells([f"1,{234 + n}" for n in range(8)], ["40"] * 8)},
        "accepted",
        (),
        ("--decimal", "."),
        rows={int(t): {"flow": 1234.0 + n, "temp": 40.0} for n, t in enumerate(times())},
    ),
    *(
        Case(
            f"a mark between the thousands among small fractions, {name}",
            {"pump.csv": cells(small, other)},
            "warned",
            (rf"AMBIGUOUS: 'flow', line 7: '{odd}' has the mark between the thousands", f"'{odd}' .1.", "1 such"),
            rows={
                int(t): {"temp": c} | ({} if n == 5 else {"flow": round(1.001 + n / 1000, 3)})
                for n, (t, c) in enumerate(zip(times(), TEMP, strict=True))
            },
        )
        for name, small, other, odd in (
            ("by points", SMALL, [f"{c:g}" for c in TEMP], "3,010"),
            ("by commas", [swapped(cell) for cell in SMALL], [swapped(f"{c:g}") for c in TEMP], r"3\.010"),
        )
    ),
    Case(
        "a mark between the thousands among numbers nearly as large",
        {"pump.csv": cells(["998.5", "999", "999.25", "1,003", *["999.5"] * 4])},
        "warned",
        ("AMBIGUOUS: 'flow', line 5: '1,003' is read as 1003", "1 such cell"),
        rows={
            int(t): {"flow": (998.5, 999.0, 999.25, 1003.0, *[999.5] * 4)[n], "temp": TEMP[n]}
            for n, t in enumerate(times())
        },
    ),
    Case(
        "thousands of whole numbers",
        {"pump.csv": cells([f"{n:,}" for n in range(996, 1004)])},
        "accepted",
        rows={int(t): {"flow": 996.0 + n, "temp": TEMP[n]} for n, t in enumerate(times())},
    ),
    *(
        Case(
            f"thousands of whole numbers only, by '{mark}'",
            {"pump.csv": whole_numbers(mark)},
            "warned",
            (rf"AMBIGUOUS: 'flow', line 6: '1\{mark}000' is read as 1000", "--decimal"),
            rows={int(t): {"flow": 996.0 + n} for n, t in enumerate(times())},
        )
        for mark in ".,"
    ),
    Case(
        "whole numbers that rise over 1000 long after the first lines",
        {"pump.csv": whole_numbers(".", lines=400)},
        "warned",
        (
            r"AMBIGUOUS: 'flow', line 402: '1\.000' is read as a fraction",
            r"4 such cell.s.. If it is 1000: --decimal ','",
        ),
        rows=LATE,
    ),
    Case(
        "thousands of whole numbers beside fractions with the same mark",
        {"pump.csv": cells([f"{n:,}".replace(",", ".") for n in range(996, 1004)])},
        "warned",
        ("AMBIGUOUS: 'flow', line 6: '1.000' is read as 1000", "'flow' is the other one"),
        rows={int(t): {"flow": 996.0 + n, "temp": TEMP[n]} for n, t in enumerate(times())},
    ),
    Case("minus signs of print", {"pump.csv": written("\u2212{:g}")}, "accepted", rows=NEGATIVE),
    Case("minus signs of accountants", {"pump.csv": written("({:g})")}, "accepted", rows=NEGATIVE),
    Case(
        "states as words, then as numbers",
        {"pump.csv": states("On", "Off")[0].replace(b"1238;41.5;On", b"1238;41.5;1").replace(b"41.1;Off", b"41.1;0")},
        "warned",
        ("'on' is 1, 'off' is 0",),
        rows=states("On", "Off")[1],
    ),
    Case(
        "two decimal marks in the halves of a column",
        {"pump.csv": cells(["1.5", "2.5", "3.5", "4.5", "5,5", "6,5", "7,5", "8,5"])},
        "warned",
        (
            "Text, no sensor: column 'flow'",
            "'flow' is no sensor for 4 of its cells hold no number .4 do., the first in line 6: '5,5', which has",
            "--sensors",
        ),
        rows={t: {"temp": row["temp"]} for t, row in reference().items()},
    ),
    Case(
        "a sensor that is bad everywhere",
        {"pump.csv": cells(["Bad"] * 8)},
        "warned",
        ("Sensor without any value: column 'flow'", r"'flow': 8 cell.s. without a number.*'Bad' .8."),
        rows={t: {"temp": row["temp"]} for t, row in reference().items()},
    ),
    Case("minus signs behind", {"pump.csv": written("{:g}-")}, "accepted", rows=NEGATIVE),
    Case("units in cells", {"pump.csv": written("{:g} m³/h", "{:g}°C")}, "warned", ("flow: m³/h", "temp: °C")),
    Case("units and decimal commas", {"pump.csv": written("{:g} m3/h").replace(b".", b",")}, "warned", ("flow: m3/h",)),
    Case("percent signs", {"pump.csv": written("{:g}", "{:g} %")}, "warned", ("temp: %",)),
    Case(
        "units in some cells only",
        {"pump.csv": cells([f"{f:g}{' m3/h' if n % 2 else ''}" for n, f in enumerate(FLOW)])},
        "warned",
        ("flow: m3/h",),
    ),
    Case(
        "one unit written in two ways",
        {"pump.csv": cells([f"{f:g} {'m3/h' if n % 2 else 'm³/h'}" for n, f in enumerate(FLOW)])},
        "warned",
        ("flow: m³/h",),
    ),
    Case(
        "two units in one column",
        {"pump.csv": cells([f"{f:g} {'bar' if n < 5 else 'psi'}" for n, f in enumerate(FLOW)])},
        "refused",
        (r"pump\.csv, line 7", "column 'flow'", "'psi' here", "'bar' in line 2", "--exclude"),
    ),
    Case(
        "a unit in the cells, another in the name",
        {"pump.csv": cells([f"{f:g} psi" for f in FLOW], header=HEAD.replace("flow", "flow [bar]"))},
        "refused",
        (r"pump\.csv, line 2", "'psi'", "'bar' in the head"),
    ),
    lost("Bad", "Bad", "No Data", "I/O Timeout", "Bad Input"),
    lost("of spreadsheets", "#N/A", "#VALUE!", "#DIV/0!", "#REF!"),
    lost("dashes and marks", "---", "-", "?", "**"),
    lost("null", "NULL", "None", "n/a", "N.A."),
    lost("censored", "<0.5", ">100", "~1200"),
    lost("no words at all", "0x4D2", "1.2.3.4", "12:30"),
    Case("not a number", {"pump.csv": with_words("nan", "NaN", "")}, "accepted", rows=without(0, 1, 2)),
    Case(
        "infinity",
        {"pump.csv": with_words("inf", "-Infinity", "1e400")},
        "warned",
        (r"'inf' \(1\)",),
        rows=without(0, 1, 2),
    ),
    Case(
        "fillers beyond single precision",
        {"pump.csv": with_words("1.7976931348623157e308")},
        "warned",
        (r"1\.79769",),
        rows=without(0),
    ),
    Case(
        "a sensor that is mostly bad",
        {"pump.csv": cells([*(f"{f:g}" for f in FLOW[:2]), *["No Data"] * 6])},
        "warned",
        (r"'No Data' \(6\)",),
        rows=MOSTLY_BAD,
    ),
    Case(
        "more words than are told",
        {"pump.csv": cells([*(f"{f:g}" for f in FLOW[:5]), "Bad", "Comm Fail", "Shutdown"])},
        "warned",
        (r"'Comm Fail' \(1\)",),
        rows=without(5, 6, 7),
    ),
    Case(
        "a filler among measurements",
        {"pump.csv": with_words("-9999", "-9999")},
        "warned",
        (r"'flow' holds -9999 in 2 cell\(s\), far from its other values .*--missing -9999",),
        rows=reference() | {int(t): {"flow": -9999.0, "temp": TEMP[n]} for n, t in enumerate(times()[:2])},
    ),
    *(
        Case(
            f"fillers that somebody names {how}",
            {"pump.csv": with_words("-9999", "-9999.0", "kaputt")},
            "warned",
            (r"'flow': 3 cell.s. without a number became missing: '-9999' .1., '-9999.0' .1., 'kaputt' .1.",),
            options=options,
            rows=without(0, 1, 2),
            pipeline=keys,
        )
        for how, options, keys in (
            ("by a flag", ("--missing", "-9999,Kaputt"), ""),
            ("in a pipeline file", (), "missing = '-9999'\n"),
        )
    ),
    Case(
        "a word for no value that would make a column text",
        {"pump.csv": with_words("weg", "weg", "weg", "weg", "weg")},
        "warned",
        ("'weg' .5.",),
        options=("--missing", "weg"),
        rows=without(0, 1, 2, 3, 4),
    ),
    Case(
        "a column of words",
        {"pump.csv": cells(["red", "green", "blue", "red", "green", "blue", "red", "red"])},
        "warned",
        ("Text, no sensor: column 'flow'",),
        rows={t: {"temp": row["temp"]} for t, row in reference().items()},
    ),
    Case(
        "words in all columns",
        {"pump.csv": cells(["red"] * 8, ["hot"] * 8)},
        "refused",
        (r"pump\.csv", "no column holds numbers", "line 2, column 'flow', holds 'red'"),
    ),
    state("true, false", "TRUE", "FALSE"),
    state("on, off", "On", "Off"),
    state("yes, no", "yes", "no"),
    state("open, closed", "OPEN", "CLOSED"),
    state("running, stopped", "Running", "Stopped"),
    state("ein, aus", "Ein", "Aus"),
    state("sí, no", "Sí", "No"),
    Case(
        "three states",
        {"pump.csv": states("AUTO", "MANUAL", "OFF")[0]},
        "warned",
        ("Text, no sensor: column 'pump on'",),
    ),
    Case(
        "states with a bad one between",
        {"pump.csv": states("On", "Off")[0].replace(b"1238;41.5;On", b"1238;41.5;Bad")},
        "warned",
        ("'on' is 1", r"'Bad' \(1\)"),
        rows=states("On", "Off")[1] | {int(times()[6]): {"flow": FLOW[6], "temp": TEMP[6]}},
    ),
)
