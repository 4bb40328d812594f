"""How text is written: encodings, line ends, separators, quotes."""

from __future__ import annotations

from tests.sources.awkward import Case, reference, table

NAMED = {t: {"Área 2 °C": row["flow"], "temp": row["temp"]} for t, row in reference().items()}
LATIN = table(header="time{s}Área 2 °C{s}temp")
QUOTED = table(header='"time"{s}"flow"{s}"temp"', row='"{time}"{s}"{flow}"{s}"{temp}"')
COMMAS = table(separator=";").replace(".", ",")


def lines(text: str) -> list[str]:
    return text.splitlines()


def joined(records: list[str], end: str = "\n") -> bytes:
    return (end.join(records) + end).encode()


WITH_TEXT = joined(
    [
        lines(table())[0] + ",remark",
        *(f'{row},"line one\nline ""two"", {n}"' for n, row in enumerate(lines(table())[1:])),
    ]
)
BLANKS = [line.replace(",", "    ") for line in lines(table())]

CASES = (
    Case("UTF-8 with a mark", {"pump.csv": LATIN.encode("utf-8-sig")}, "accepted", rows=NAMED),
    Case("UTF-8 without a mark", {"pump.csv": LATIN.encode()}, "accepted", rows=NAMED),
    Case(
        "UTF-16 LE with a mark", {"pump.csv": b"\xff\xfe" + LATIN.encode("utf-16-le")}, "warned", ("utf-16",), (), NAMED
    ),
    Case(
        "UTF-16 BE with a mark", {"pump.csv": b"\xfe\xff" + LATIN.encode("utf-16-be")}, "warned", ("utf-16",), (), NAMED
    ),
    Case("UTF-16 LE without a mark", {"pump.csv": LATIN.encode("utf-16-le")}, "warned", ("utf-16-le",), (), NAMED),
    Case("UTF-16 BE without a mark", {"pump.csv": LATIN.encode("utf-16-be")}, "warned", ("utf-16-be",), (), NAMED),
    Case("UTF-32", {"pump.csv": LATIN.encode("utf-32")}, "warned", ("utf-32",), (), NAMED),
    Case("cp1252", {"pump.csv": LATIN.encode("cp1252")}, "warned", ("cp1252",), (), NAMED),
    Case("tabs", {"pump.csv": table(separator="\t").encode()}, "accepted", ("tab",)),
    Case("pipes", {"pump.csv": table(separator="|").encode()}, "accepted", (r"'\|'",)),
    Case("carets", {"pump.csv": table(separator="^").encode()}, "accepted", (r"'\^'",)),
    Case("tabs in a .tsv", {"pump.tsv": table(separator="\t").encode()}, "accepted"),
    Case("two blanks and more", {"pump.txt": joined(BLANKS)}, "accepted", ("blanks",)),
    Case("single blanks", {"pump.txt": table(separator=" ").encode()}, "accepted", ("blanks",)),
    Case(
        "columns of a fixed width",
        {"pump.dat": table(header="  time                 flow   temp", row="  {time} {flow:>8} {temp:>6}").encode()},
        "accepted",
        ("blanks",),
    ),
    Case("CRLF", {"pump.csv": table(end="\r\n").encode()}, "accepted"),
    Case("lone CR", {"pump.csv": table(end="\r").encode()}, "accepted"),
    Case("mixed line ends", {"pump.csv": table().replace("\n", "\r\n", 4).encode()}, "accepted"),
    Case("no line end at the end", {"pump.csv": table().rstrip().encode()}, "accepted"),
    Case("blank lines between", {"pump.csv": table(end="\n\n").encode()}, "accepted"),
    Case("blank lines first and last", {"pump.csv": ("\n\r\n" + table() + "\n\n\n").encode()}, "accepted"),
    Case("lines of blanks between", {"pump.csv": table(end="\n   \n").encode()}, "accepted"),
    Case("sep= line", {"pump.csv": b"sep=;\r\n" + table(separator=";", end="\r\n").encode()}, "accepted"),
    Case("sep= line in quotes", {"pump.csv": b'"sep=|"\n' + table(separator="|").encode()}, "accepted"),
    Case("everything in quotes", {"pump.csv": QUOTED.encode()}, "accepted"),
    Case("everything in single quotes", {"pump.csv": QUOTED.replace('"', "'").encode()}, "accepted"),
    Case(
        "quotes in quotes and line breaks in them",
        {"pump.csv": WITH_TEXT},
        "warned",
        ("Text, no sensor: column 'remark'",),
    ),
    Case(
        "a quote that is part of a name",
        {"pump.csv": LATIN.replace("Área 2 °C", '5" pipe').encode()},
        "accepted",
        rows={t: {'5" pipe': row["flow"], "temp": row["temp"]} for t, row in reference().items()},
    ),
    Case(
        "a separator at the end of every line",
        {"pump.csv": table(row="{time}{s}{flow}{s}{temp}{s}").encode()},
        "accepted",
    ),
    Case(
        "a separator at the end of the names too",
        {"pump.csv": table(end=",\n").encode()},
        "warned",
        ("without a name",),
    ),
    Case(
        "separators too many in some rows",
        {"pump.csv": joined([row + ";;" if n % 3 == 2 else row for n, row in enumerate(lines(table(separator=";")))])},
        "accepted",
    ),
    Case("decimal commas", {"pump.csv": COMMAS.encode()}, "accepted", ("decimal mark is ','",)),
    Case("decimal commas between tabs", {"pump.csv": table(separator="\t").replace(".", ",").encode()}, "accepted"),
    Case(
        "decimal commas between commas, in quotes",
        {"pump.csv": table(row='{time}{s}"{flow}"{s}"{temp}"').replace(".", ",").encode()},
        "accepted",
        ("decimal mark is ','",),
    ),
    Case(
        "decimal commas between commas, without quotes",
        {"pump.csv": table().replace(".", ",").encode()},
        "refused",
        (r"pump\.csv, line 2", "5 column", "3"),
    ),
    Case(
        "two decimal marks",
        {
            "pump.csv": joined(
                [";".join([t, f, c.replace(".", ",")]) for t, f, c in (r.split(",") for r in lines(table()))]
            )
        },
        "warned",
        (r"decimal mark in column\(s\) '(flow|temp)' is the other one",),
    ),
    Case(
        "an empty file among others",
        {"pump.csv": table().encode(), "tank.csv": b""},
        "warned",
        (r"tank\.csv: The file is empty: passed over",),
    ),
    Case("an empty file", {"pump.csv": b""}, "refused", (r"pump\.csv", "empty")),
    Case("nothing but blank lines", {"pump.csv": b"\n\r\n \n"}, "refused", (r"pump\.csv", "empty")),
    Case("nothing but a mark", {"pump.csv": b"\xef\xbb\xbf"}, "refused", (r"pump\.csv", "empty")),
    Case(
        "zero bytes",
        {"pump.csv": table().replace("1236", "12\x0036").encode()},
        "refused",
        (r"pump\.csv, line 5", "zero"),
    ),
    Case(
        "a cell too few",
        {"pump.csv": table().replace("1236,", "").encode()},
        "refused",
        (r"pump\.csv, line 5", "2 column", "3"),
    ),
    Case(
        "a cell too many",
        {"pump.csv": table().replace("1236,", "1,236,").encode()},
        "refused",
        (r"pump\.csv, line 5", "4 column", "3"),
    ),
    Case(
        "a last line that was cut",
        {"pump.csv": table().encode()[:-8]},
        "refused",
        (r"pump\.csv, line 9", "2 column", "still being written"),
    ),
    Case(
        "a quote that never closes, in a last column",
        {
            "pump.csv": joined(
                [lines(table())[0] + ",x", *(f"{r},{chr(34) * (n == 3)}y" for n, r in enumerate(lines(table())[1:]))]
            )
        },
        "refused",
        (r"pump\.csv, line 5", "never closes"),
    ),
    Case(
        "a quote that closes rows later",
        {
            "pump.csv": joined(
                [
                    lines(table())[0] + ",x",
                    *(f"{r},{chr(34) * (n in (3, 5))}y" for n, r in enumerate(lines(table())[1:])),
                ]
            )
        },
        "refused",
        (r"pump\.csv, line 5", "lines later"),
    ),
    Case(
        "a quote that never closes",
        {"pump.csv": table().replace("1236,", '"1236,').encode()},
        "refused",
        (r"pump\.csv, line 5", "never closes"),
    ),
)
