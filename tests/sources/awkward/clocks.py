"""Times as plants write them: every form, every zone, and clocks that go wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.sources.awkward import FLOW, MINUTE_US, START_US, TEMP, Case, Rows, reference, table, times

HOUR_US = 60 * MINUTE_US
UNREADABLE = r"--time-format or \[source\] time_format"


def moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def written(
    form: str | Callable[[datetime], str],
    at: Sequence[int] | None = None,
    *,
    header: str = "time;flow;temp",
    zone: str = "UTC",
    decimal: str = ".",
) -> bytes:
    """The rows of the reference with their times in a form of one's own, separated by ';'."""
    lines = [
        f"{moment(int(us)).astimezone(ZoneInfo(zone)):{form}}" if isinstance(form, str) else form(moment(int(us)))
        for us in (times() if at is None else at)
    ]
    numbers = [f"{flow:g};{temp:g}" for flow, temp in zip(FLOW, TEMP, strict=True)]
    lines = [f"{time};{values}".replace(".", decimal) for time, values in zip(lines, numbers, strict=True)]
    return "\n".join([header, *lines, ""]).encode()


def at(moments: Sequence[int]) -> Rows:
    """The values of the reference at other times."""
    return {int(t): {"flow": f, "temp": c} for t, f, c in zip(moments, FLOW, TEMP, strict=True)}


def every(step_us: int, start_us: int = START_US) -> list[int]:
    return [start_us + step_us * place for place in range(len(FLOW))]


def accepted(name: str, form: str | Callable[[datetime], str], *options: str, says: str = "") -> Case:
    return Case(name, {"pump.csv": written(form)}, "accepted", (says,) if says else (), tuple(options))


def number(origin: str, per_s: float, digits: int = 0) -> Callable[[datetime], str]:
    """A count since ``origin``."""
    first = datetime.fromisoformat(origin).replace(tzinfo=UTC)
    return lambda t: f"{(t - first).total_seconds() * per_s:.{digits}f}"


def whole(origin_us: int, ticks_per_us: int) -> Callable[[datetime], str]:
    return lambda t: str(((t - moment(0)) // timedelta(microseconds=1) - origin_us) * ticks_per_us)


def in_march(word: str, form: str) -> Callable[[datetime], str]:
    """A date with the name of its month, which is March in all rows."""
    return lambda t: t.strftime(form.replace("%b", word))


BUILT = [
    f"{name};{built};{moment(int(t)):%Y-%m-%d %H:%M:%S};{flow:g}\n".encode()
    for name, built in (("P1", "2019-05-01"), ("P2", "2020-06-01"))
    for t, flow in zip(times(), FLOW, strict=True)
]
SNAPSHOT = [f"2026-03-02 10:00:00;P{n};2026-02-0{n + 1} 08:00:00;1.5\n".encode() for n in range(8)]

ISO = (
    accepted("iso with Z", "%Y-%m-%dT%H:%M:%SZ"),
    accepted("iso with an offset", lambda t: (t + timedelta(hours=5, minutes=30)).strftime("%Y-%m-%dT%H:%M:%S+05:30")),
    accepted("iso with a short offset", lambda t: (t - timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S-03")),
    accepted("iso with GMT and an offset", lambda t: (t + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S GMT+0100")),
    accepted("iso with the zone in brackets", "%Y-%m-%dT%H:%M:%S+00:00[UTC]"),
    accepted("iso with a comma before the fraction", "%Y-%m-%d %H:%M:%S,000Z"),
    accepted("iso with milliseconds after a colon", "%Y-%m-%d %H:%M:%S:000"),
    accepted("iso without seconds", "%Y-%m-%d %H:%M", says="no offset"),
    accepted("iso with slashes", "%Y/%m/%d %H:%M:%S"),
    accepted("iso with dots", "%Y.%m.%d %H:%M:%S"),
    accepted("iso in the basic form", "%Y%m%dT%H%M%SZ"),
    accepted("iso in the basic form with a fraction", "%Y%m%dT%H%M%S.000Z"),
    accepted("date and time as one number", "%Y%m%d%H%M%S"),
    accepted("date and time as one number without seconds", "%Y%m%d%H%M"),
    accepted("date and time as one number with milliseconds", "%Y%m%d%H%M%S000"),
    accepted("date and time as one number of a short year", "%y%m%d%H%M%S"),
    accepted("date and time with an underscore", "%Y%m%d_%H%M%S"),
    Case(
        "weeks of iso",
        {"pump.csv": written("%G-W%V-%uT%H:%M:%S")},
        "refused",
        (r"pump\.csv", "weeks? .* not read", "calendar dates"),
    ),
    Case(
        "days of the year",
        {"pump.csv": written("%Y-%jT%H:%M:%S")},
        "refused",
        (r"pump\.csv", "days of a year are not read", "calendar dates"),
    ),
    Case("months only", {"pump.csv": written("%Y-%m")}, "refused", (r"pump\.csv", "--time")),
)

WHICH = (
    Case(
        "when each of two machines was built before the time that moves",
        {"pump.csv": b"Machine;Installation Date;Reading Time;flow\n" + b"".join(BUILT)},
        "warned",
        ("'Installation Date' could be the time by its name, but holds 2 .*'Reading Time' is taken",),
        rows={name: {t: {"flow": row["flow"]} for t, row in reference().items()} for name in ("P1", "P2")},
    ),
    Case(
        "seconds, then milliseconds since 1970",
        {"pump.csv": written(lambda t: f"{int(t.timestamp()) * (1 if t.minute < 4 else 1000)}")},
        "refused",
        ("MIXED: column 'time' holds", r"'1772445600' \(line 2\)", r"'1772445840000' \(line 6\)", "split the file"),
    ),
    *(
        Case(
            f"a time that is {name} before the one that moves",
            {"pump.csv": written(f"{first};%Y-%m-%d %H:%M:%S", header=f"{head};{moving};flow;temp")},
            "warned",
            (f"Column '{head}' could be the time by its name, but holds .* '{moving}' is taken",),
        )
        for name, head, moving, first in (
            ("always the same", "timestamp", "event_time", "2026-03-05 08:00:00"),
            ("always the same day", "Date", "Sampled", "2026-03-05"),
            ("when it was built", "Installation Date", "Reading Time", "01.05.2019"),
        )
    ),
    Case(
        "one moment of many machines, each with a day of its own",
        {"pump.csv": b"time;machine;serviced;flow\n" + b"".join(SNAPSHOT)},
        "warned",
        ("Time is column 'time'", "'serviced' could be it too"),
        rows={f"P{n}": {START_US: {"flow": 1.5}} for n in range(8)},
        options=("--period", "1min"),
    ),
    *(
        Case(
            f"the short name of a zone in the name of the column, {name}",
            {"pump.csv": written("%Y-%m-%d %H:%M:%S", zone=zone, header=f"{name};flow;temp")},
            "accepted",
            ("says UTC",),
        )
        for name, zone in (("Time (CET)", "Etc/GMT-1"), ("Zeit [MEZ]", "Etc/GMT-1"), ("Time (EST)", "Etc/GMT+5"))
    ),
)

WRITTEN = (
    accepted("dots", "%d.%m.%Y %H:%M:%S"),
    accepted("dots in date and time", "%d.%m.%Y %H.%M.%S"),
    accepted("dots and a short year", "%d.%m.%y %H:%M"),
    accepted("english month", "%d-%b-%Y %H:%M:%S"),
    accepted("english month and short year", "%d-%b-%y %H:%M:%S"),
    accepted("english month first", "%B %d, %Y %H:%M"),
    accepted("english month and half days", "%b %d, %Y, %I:%M:%S %p"),
    accepted("year, month in words", "%Y-%b-%d %H:%M:%S"),
    accepted("as SAS writes it", lambda t: t.strftime("%d%b%Y:%H:%M:%S").upper()),
    accepted("as C writes it", "%a %b %d %H:%M:%S %Y"),
    accepted("as mail writes it", "%a, %d %b %Y %H:%M:%S +0000"),
    accepted("as a web server writes it", "%d/%b/%Y:%H:%M:%S +0000"),
    accepted("german month", in_march("März", "%d. %b %Y %H:%M")),
    accepted("german month and weekday", in_march("März", "Montag, %d. %b %Y um %H:%M")),
    accepted("spanish month", in_march("marzo", "%d de %b de %Y %H:%M:%S")),
    accepted("portuguese month", in_march("mar", "%d/%b/%Y %H:%M:%S")),
    accepted("french month", in_march("mars", "lun. %d %b %Y %H:%M:%S")),
    accepted("italian month", in_march("marzo", "lunedì %d %b %Y %H:%M:%S")),
    accepted("weekday before", "Mo %d.%m.%Y %H:%M:%S"),
    accepted("weekday that looks like a month", "mar. %d.%m.%Y %H:%M:%S"),
    accepted("time first", "%H:%M %d.%m.%Y"),
    accepted("time first with seconds", "%H:%M:%S %d.%m.%Y"),
    accepted("a comma between date and time", "%d.%m.%Y, %H:%M:%S"),
    accepted(
        "half days as Spain writes them",
        lambda t: t.strftime("%d.%m.%Y %I:%M:%S ") + ("a. m." if t.hour < 12 else "p. m."),
    ),
    accepted("half days after a narrow blank", "%d.%m.%Y %I:%M:%S\u202f%p"),
    accepted("midnight as 24", lambda t: t.strftime("%Y-%m-%d %H:%M:%S")),
    Case(
        "date and time in two columns",
        {"pump.csv": written("%d.%m.%Y;%H:%M:%S", header="Datum;Uhrzeit;flow;temp")},
        "accepted",
        ("'Datum' and 'Uhrzeit' together",),
    ),
    Case(
        "date and half days in two columns",
        {"pump.csv": written("%d.%m.%Y;%I:%M:%S a. m.", header="Fecha;Hora;flow;temp")},
        "accepted",
        ("'Fecha' and 'Hora' together",),
    ),
    Case(
        "no time at all",
        {"pump.csv": b"a;flow;temp\nx;1;2\ny;2;3\n"},
        "refused",
        (r"pump\.csv", "--time"),
    ),
    Case(
        "times of day without a date",
        {"pump.csv": written("%H:%M:%S")},
        "refused",
        (r"pump\.csv", "no date", "elapsed"),
    ),
    Case(
        "an unknown form",
        {"pump.csv": written("%Y-%m-%dT%H:%M:%SZ")},
        "refused",
        ("unix", "epoch_s", "--time-format"),
        ("--time-format", "unix"),
    ),
)

TWO_DATES = (
    b"asset,time,flow,temp\npump,DATE 10:00,1,2\npump,DATE 10:01,1,2\n",
    b"asset,time,flow,temp\npump,DATE 10:02,1,2\npump,DATE 10:03,1,2\n",
)
LATE_US = round(datetime(2026, 3, 25, 10, tzinfo=UTC).timestamp() * 1e6)
FOUR_ROWS: Rows = {LATE_US + MINUTE_US * n: {"flow": 1.0, "temp": 2.0} for n in range(4)}
EARLIER: Rows = {(START_US if n < 2 else LATE_US) + MINUTE_US * n: {"flow": 1.0, "temp": 2.0} for n in range(4)}

ORDER = (
    Case(
        "slashes, one day that fits both ways",
        {"pump.csv": written("%m/%d/%Y %H:%M")},
        "warned",
        ("ambiguous", "'/' is taken for month first", UNREADABLE),
    ),
    Case(
        "slashes and decimal commas",
        {"pump.csv": written("%d/%m/%Y %H:%M", decimal=",")},
        "warned",
        ("ambiguous", "decimal comma go with day first", UNREADABLE),
    ),
    Case(
        "slashes that settle each other",
        {"pump.csv": written("%d/%m/%Y %H:%M", every(24 * HOUR_US, START_US))},
        "warned",
        ("ambiguous", "day first", "without jumps"),
        options=("--period", "1min"),
        rows=at(every(24 * HOUR_US)),
    ),
    Case(
        "slashes with a thirteenth",
        {"pump.csv": written("%d/%m/%Y %H:%M", every(2 * 24 * HOUR_US))},
        "accepted",
        (r"written as %d/%m/%Y",),
        options=("--period", "1min"),
        rows=at(every(2 * 24 * HOUR_US)),
    ),
    Case(
        "american half days",
        {"pump.csv": written("%m/%d/%Y %I:%M:%S %p", every(2 * 24 * HOUR_US))},
        "accepted",
        (r"written as %m/%d/%Y",),
        options=("--period", "1min"),
        rows=at(every(2 * 24 * HOUR_US)),
    ),
    Case(
        "a short year in front",
        {"pump.csv": written("%y-%m-%d %H:%M", every(24 * HOUR_US))},
        "warned",
        ("ambiguous", "year first", "without jumps"),
        options=("--period", "1min"),
        rows=at(every(24 * HOUR_US)),
    ),
    Case(
        "days and months mixed in one file",
        {"pump.csv": b"time,flow,temp\n13/02/2026 10:00,1,2\n02/13/2026 10:01,1,2\n02/02/2026 10:02,1,3\n"},
        "refused",
        (r"pump\.csv, line 2: '13/02/2026 10:00' can only be day first", r"line 3: .* only be month first", UNREADABLE),
    ),
    Case(
        "days and months mixed between files",
        {
            "a.csv": b"asset,time,flow,temp\npump,13/02/2026 10:00,1,2\npump,13/02/2026 10:01,1,2\n",
            "b.csv": b"asset,time,flow,temp\npump,02/13/2026 10:02,1,2\npump,02/13/2026 10:03,1,3\n",
        },
        "refused",
        (r"a\.csv, line 2: '13/02/2026 10:00' can only be day first", r"b\.csv, line 2: .* only be month first"),
    ),
    Case(
        "slashes beside points, the ones month first and the others day first",
        {"a.csv": TWO_DATES[0].replace(b"DATE", b"03/25/2026"), "b.csv": TWO_DATES[1].replace(b"DATE", b"25.03.2026")},
        "accepted",
        (r"a\.csv: Times are written as %m/%d/%Y", r"b\.csv: Times are written as %d\.%m\.%Y"),
        rows=FOUR_ROWS,
    ),
    *(
        Case(
            f"slashes that fit both ways beside {kind}",
            {"a.csv": TWO_DATES[0].replace(b"DATE", b"03/02/2026"), "b.csv": TWO_DATES[1].replace(b"DATE", date)},
            "warned",
            (r"a\.csv: Times are written as %m/%d/%Y.*AMBIGUOUS.*'/' is taken for month first",),
            rows=EARLIER,
        )
        for kind, date in (("points", b"25.03.2026"), ("ISO", b"2026-03-25"))
    ),
    Case(
        "slashes that fit both ways beside others that do not",
        {
            "a.csv": TWO_DATES[0].replace(b"DATE", b"02/03/2026"),
            "b.csv": TWO_DATES[1].replace(b"DATE", b"25/03/2026"),
        },
        "warned",
        (r"a\.csv: Times.*AMBIGUOUS.*Rule: day first, as in .*b\.csv, where '25/03/2026 10:02' can only be that",),
        rows=EARLIER,
    ),
    accepted("day and month told", "%m/%d/%Y %H:%M", "--time-format", "%m/%d/%Y %H:%M"),
    accepted("day first told", "%d/%m/%Y %H:%M", "--time-format", "%d/%m/%Y %H:%M"),
)

NUMBERS = (
    accepted("epoch in seconds", number("1970-01-01", 1), says="epoch_s"),
    accepted("epoch in seconds with a fraction", number("1970-01-01", 1, 3), says="epoch_s"),
    accepted("epoch in milliseconds", number("1970-01-01", 1e3), says="epoch_ms"),
    accepted("epoch in microseconds", number("1970-01-01", 1e6), says="epoch_us"),
    accepted("epoch in nanoseconds", whole(0, 1000), says="epoch_ns"),
    Case(
        "epoch with a decimal comma",
        {"pump.csv": written(number("1970-01-01", 1, 1), decimal=",")},
        "accepted",
        ("epoch_s",),
    ),
    accepted("epoch in an exact exponent form", lambda t: f"{t.timestamp() * 1e3:.12E}", says="epoch_ms"),
    Case(
        "epoch as a spreadsheet mangles it",
        {"pump.csv": written(lambda t: f"{t.timestamp() * 1e3:.5E}")},
        "refused",
        (r"pump\.csv, line 3", r"1\.77245E\+12", "shortens large numbers", "whole numbers"),
    ),
    Case(
        "epoch mangled a little",
        {"pump.csv": written(lambda t: f"{t.timestamp() * 1e3:.8E}", every(10 * MINUTE_US))},
        "warned",
        (r"tells times 10s apart, no finer",),
        rows=at(every(10 * MINUTE_US)),
    ),
    accepted("epoch in exponent form to the second", lambda t: f"{t.timestamp():.9E}", says="epoch_s"),
    Case(
        "numbers as Windows counts",
        {"pump.csv": written(whole(-11_644_473_600_000_000, 10))},
        "warned",
        ("filetime", "since 1601", "as epoch_ns they would lie in 1974"),
    ),
    Case(
        "numbers as .NET counts",
        {"pump.csv": written(whole(-62_135_596_800_000_000, 10))},
        "warned",
        ("dotnet", "as epoch_ns they would lie in 1990"),
    ),
    Case(
        "numbers as LabVIEW counts",
        {"pump.csv": written(number("1904-01-01", 1, 3))},
        "warned",
        ("labview", "since 1904", "as epoch_s they would lie in 2092"),
    ),
    accepted("serial days of Excel", number("1899-12-30", 1 / 86_400, 10), "--time-format", "excel", "--time", "time"),
    accepted("serial days of five decimals", number("1899-12-30", 1 / 86_400, 5), "--time-format", "excel"),
    accepted("serial days since 1904", number("1904-01-01", 1 / 86_400, 9), "--time-format", "excel_1904"),
    accepted(
        "datenum of MATLAB",
        lambda t: f"{(t - moment(0)).total_seconds() / 86_400 + 719_529:.9f}",
        "--time-format",
        "matlab",
    ),
    Case(
        "serial days that nobody told",
        {"pump.csv": written(number("1899-12-30", 1 / 86_400, 10))},
        "refused",
        (r"pump\.csv", "Excel", "--time-format or .* excel"),
    ),
    Case(
        "small numbers as time",
        {"pump.csv": written(number("2026-03-02T09:59:00", 1 / 60))},
        "refused",
        (r"pump\.csv", "counter", "--period", "elapsed", "epoch_s"),
        ("--time", "time"),
    ),
)

COUNTED = (
    Case(
        "cycles that nobody told",
        {"pump.csv": written(number("2026-03-02T09:59:00", 1 / 60), header="cycle;flow;temp")},
        "refused",
        (r"pump\.csv", "'cycle'", "counter", "--period"),
    ),
    Case(
        "cycles",
        {"pump.csv": written(number("2026-03-02T09:59:00", 1 / 60), header="cycle;flow;temp")},
        "warned",
        ("clock is made up", "no calendar"),
        ("--time", "cycle", "--time-format", "counter", "--period", "1h"),
        rows=at([HOUR_US * (place + 1) for place in range(8)]),
    ),
    Case(
        "cycles from a day on",
        {"pump.csv": written(number("2026-03-02T10:00:00", 1 / 60), header="cycle;flow;temp")},
        "warned",
        ("clock is made up",),
        ("--time", "cycle", "--time-format", "counter:2026-03-02T10:00", "--period", "1min"),
    ),
    Case(
        "cycles by a pipeline file",
        {"pump.csv": written(number("2026-03-02T10:00:00", 1 / 60), header="cycle;flow;temp")},
        "warned",
        ("clock is made up",),
        pipeline="time = 'cycle'\ntime_format = 'counter:2026-03-02T10:00'\nperiod = '1min'\n",
    ),
    Case(
        "cycles of several machines",
        {"fleet.csv": b"unit_number,cycle,flow\n1,1,10\n1,2,11\n1,3,12\n2,1,20\n2,2,21\n"},
        "warned",
        ("clock is made up",),
        ("--asset", "unit_number", "--time", "cycle", "--time-format", "counter", "--period", "1d"),
        rows={
            "1": {24 * HOUR_US * n: {"flow": 9.0 + n} for n in (1, 2, 3)},
            "2": {24 * HOUR_US * n: {"flow": 19.0 + n} for n in (1, 2)},
        },
    ),
    Case(
        "cycles without their worth",
        {"pump.csv": written(number("2026-03-02T09:59:00", 1 / 60), header="cycle;flow;temp")},
        "refused",
        ("what is one count worth", "--period"),
        ("--time", "cycle", "--time-format", "counter"),
    ),
    Case(
        "seconds since a start",
        {"pump.csv": written(number("2026-03-02T10:00:00", 1, 1), header="t;flow;temp")},
        "warned",
        ("clock is made up",),
        ("--time", "t", "--time-format", "elapsed:2026-03-02T10:00"),
    ),
    Case(
        "minutes since a start",
        {"pump.csv": written(number("2026-03-02T10:00:00", 1 / 60), header="minutes;flow;temp")},
        "warned",
        ("clock is made up",),
        ("--time", "minutes", "--time-format", "elapsed_min:2026-03-02T10:00"),
    ),
    Case(
        "a stop watch",
        {
            "pump.csv": written(
                lambda t: str(timedelta(seconds=(t - moment(START_US)).total_seconds())), header="t;flow;temp"
            )
        },
        "warned",
        ("clock is made up",),
        ("--time", "t", "--time-format", "elapsed:2026-03-02T10:00"),
    ),
)

BERLIN, SANTIAGO = "Europe/Berlin", "America/Santiago"
FOLD = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
"""Clocks in Berlin went back from 03:00 to 02:00 at 01:00 UTC."""
FOLD_US = round(FOLD.timestamp() * 1e6)
IN_FOLD = every(20 * MINUTE_US, FOLD_US)
GAP_US = round(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp() * 1e6)
"""Clocks in Berlin went from 02:00 to 03:00 at 01:00 UTC."""
TABLE = b"asset,site,zone\npump,Arica,America/Santiago\nfan,Berlin,Europe/Berlin\n"


def fleet(*zones: tuple[str, str], header: str = "asset;time;flow;temp") -> bytes:
    """The reference for several assets, each on the clock of its own zone, a row of each in turn."""
    lines = [
        f"{asset};{moment(int(us)).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S};{flow:g};{temp:g}"
        for us, flow, temp in zip(times(), FLOW, TEMP, strict=True)
        for asset, zone in zones
    ]
    return "\n".join([header, *lines, ""]).encode()


ZONES = (
    Case(
        "no zone",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S")},
        "warned",
        ("no zone", "read as UTC", r"--zone or \[source\] zone"),
    ),
    Case(
        "a zone told",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", zone=SANTIAGO)},
        "accepted",
        options=("--zone", SANTIAGO),
    ),
    Case(
        "a fixed offset told",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", zone="Etc/GMT-1")},
        "accepted",
        options=("--zone", "UTC+1"),
    ),
    Case(
        "a zone that is none",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S")},
        "refused",
        ("Europe/Berlin",),
        options=("--zone", "Europe/Berln"),
    ),
    Case(
        "the offset in the header",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", zone="Etc/GMT-1", header="Time (UTC+1);flow;temp")},
        "warned",
        (r"'Time \(UTC\+1\)' says UTC\+01:00",),
    ),
    Case(
        "half an hour in the header",
        {"pump.csv": written("%d.%m.%Y %H:%M:%S", zone="Asia/Kolkata", header="Time [UTC+05:30];flow;temp")},
        "warned",
        (r"says UTC\+05:30",),
    ),
    Case(
        "the zone in the header",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", zone=SANTIAGO, header="Timestamp [America/Santiago];flow;temp")},
        "warned",
        ("says America/Santiago",),
    ),
    Case(
        "UTC in the header",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", header="timestamp_utc;flow;temp")},
        "warned",
        ("says UTC",),
    ),
    Case(
        "a header and a zone that disagree",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", zone=SANTIAGO, header="Time (UTC+1);flow;temp")},
        "warned",
        (r"says UTC\+01:00", "America/Santiago: that counts"),
        options=("--zone", SANTIAGO),
    ),
    Case(
        "two sites by a table",
        {"fleet.csv": fleet(("pump", SANTIAGO), ("fan", BERLIN)), "../assets.csv": TABLE},
        "accepted",
        ("'pump' are read in America/Santiago", "'fan' are read in Europe/Berlin"),
        pipeline="[assets]\ntable = 'assets.csv'\n",
        rows={"fan": reference(), "pump": reference()},
    ),
    Case(
        "a flag wins over the table",
        {"fleet.csv": fleet(("pump", SANTIAGO), ("fan", SANTIAGO)), "../assets.csv": TABLE},
        "accepted",
        options=("--zone", SANTIAGO),
        pipeline="[assets]\ntable = 'assets.csv'\n",
        rows={"fan": reference(), "pump": reference()},
    ),
    Case(
        "a table with a zone that is none",
        {"fleet.csv": fleet(("pump", SANTIAGO)), "../assets.csv": TABLE.replace(b"Berlin\n", b"Berln\n")},
        "refused",
        (r"assets\.csv", "line 3", "Europe/Berlin"),
        pipeline="[assets]\ntable = 'assets.csv'\n",
    ),
    Case(
        "some times with an offset, some without",
        {
            "pump.csv": written(
                lambda t: t.isoformat() if t.minute % 2 else (t - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S")
            )
        },
        "warned",
        ("mixed", "4 of 8 times carry an offset", "read in America/Santiago", "--zone"),
        options=("--zone", SANTIAGO),
    ),
    Case(
        "offsets that change",
        {"pump.csv": written(lambda t: t.astimezone(ZoneInfo(BERLIN)).isoformat(), IN_FOLD)},
        "accepted",
        (r"Offsets differ from row to row \(\+01:00, \+02:00\)",),
        ("--period", "10min"),
        rows=at(IN_FOLD),
    ),
    Case(
        "short names of zones",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S %Z", IN_FOLD, zone=BERLIN)},
        "accepted",
        (r"Offsets differ from row to row \(CEST, CET\)",),
        ("--period", "10min"),
        rows=at(IN_FOLD),
    ),
    Case(
        "a short name that several zones share",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S IST")},
        "refused",
        (r"pump\.csv", "several share", "--zone"),
    ),
    Case(
        "the hour that comes twice",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", IN_FOLD, zone=BERLIN)},
        "accepted",
        ("hour that came twice", "3 row.s. in its first pass, 3 in its second"),
        ("--zone", BERLIN, "--period", "10min"),
        rows=at(IN_FOLD),
    ),
    Case(
        "the hour that comes twice, from new to old",
        {
            "pump.csv": b"\n".join(
                [b"time;flow;temp", *reversed(written("%Y-%m-%d %H:%M:%S", IN_FOLD, zone=BERLIN).splitlines()[1:]), b""]
            )
        },
        "accepted",
        ("3 row.s. in its first pass, 3 in its second",),
        ("--zone", BERLIN, "--period", "10min"),
        rows=at(IN_FOLD),
    ),
    Case(
        "the hour that comes twice, cut into two files in its second pass",
        {
            f"{number}.csv": b"\n".join([b"time;asset;flow;temp", *lines, b""])
            for number, lines in enumerate(
                (
                    written("%Y-%m-%d %H:%M:%S;pump", IN_FOLD, zone=BERLIN).splitlines()[1:6],
                    written("%Y-%m-%d %H:%M:%S;pump", IN_FOLD, zone=BERLIN).splitlines()[6:],
                )
            )
        },
        "accepted",
        options=("--zone", BERLIN, "--period", "10min"),
        rows=at(IN_FOLD),
    ),
    Case(
        "the hour that comes twice, of which one is there",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", every(5 * MINUTE_US, FOLD_US), zone=BERLIN)},
        "warned",
        ("nothing tells in which of the two: the first", "in UTC"),
        ("--zone", BERLIN, "--period", "5min"),
        rows=at(every(5 * MINUTE_US, FOLD_US)),
    ),
    Case(
        "the hour that never was",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", every(5 * MINUTE_US, GAP_US), zone="Etc/GMT-1")},
        "warned",
        ("2 row.s. lie in an hour that never was", "zone is wrong", "--zone"),
        ("--zone", BERLIN, "--period", "5min"),
        rows=at(every(5 * MINUTE_US, GAP_US)),
    ),
)


def spoilt(changes: dict[int, str]) -> bytes:
    """The reference with some of its times, by the number of their row, written otherwise."""
    lines = written("%Y-%m-%dT%H:%M:%SZ").decode().splitlines()
    for place, text in changes.items():
        lines[place + 1] = ";".join([text, *lines[place + 1].split(";")[1:]])
    return "\n".join([*lines, ""]).encode()


def without(*places: int) -> Rows:
    """The reference without some of its rows."""
    return {us: row for place, (us, row) in enumerate(reference().items()) if place not in places}


WRONG = (
    Case(
        "a logger that woke up in 1970",
        {"pump.csv": spoilt({3: "1970-01-01T00:00:10Z", 4: "1970-01-01T00:01:10Z"})},
        "warned",
        ("clock reset", r"2 row\(s\) lie years from all others, the first in line 5 at 1970-01-01", "--start"),
        rows=without(3, 4),
    ),
    Case(
        "a logger that woke up in 2000",
        {"pump.csv": spoilt({3: "2000-01-01 00:00:10Z", 4: "2000-01-01 00:01:10Z", 5: "2000-01-01 00:02:10Z"})},
        "warned",
        ("clock reset", "3 row.s. lie years"),
        rows=without(3, 4, 5),
    ),
    Case(
        "a row years ahead",
        {"pump.csv": spoilt({4: "2062-03-02T10:04:00Z"})},
        "warned",
        ("clock reset", "1 row.s. lie years from all others, the first in line 6 at 2062"),
        rows=without(4),
    ),
    Case(
        "rows of years ago that somebody wants",
        {"pump.csv": spoilt({0: "2014-03-02T10:00:00Z"})},
        "warned",
        ("no row lies between 2014-03-02", "leave its rows out with --start"),
        ("--start", "2014-01-01"),
        rows={1393754400000000: reference()[START_US], **without(0)},
    ),
    Case(
        "times that are none",
        {"pump.csv": spoilt({1: "2026-02-30T10:01:00Z", 2: "9999-12-31T23:59:59Z", 4: "2026-03-02T25:61:00Z"})},
        "warned",
        (
            r"no such date or time is in line 3: '2026-02-30T10:01:00Z'",
            r"outside 1900 to 2200 is in line 4: '9999",
            r"2 row\(s\) dropped: no such date or time",
            r"1 row\(s\) dropped: time outside",
        ),
        rows=without(1, 2, 4),
    ),
    Case(
        "times of the year 1",
        {"pump.csv": spoilt({1: "0001-01-01T00:00:00Z"})},
        "warned",
        (r"1 row\(s\) dropped: time outside",),
        rows=without(1),
    ),
    Case(
        "times that are mostly none",
        {"pump.csv": spoilt(dict.fromkeys(range(5), "2026-02-30T10:01:00Z"))},
        "refused",
        (r"pump\.csv, line 2: column 'time' holds '2026-02-30", "5 of 8", UNREADABLE),
        ("--time", "time", "--time-format", "iso8601"),
    ),
    Case(
        "empty times",
        {"pump.csv": spoilt({1: "", 2: "NaT", 3: "null"})},
        "warned",
        (r"3 row\(s\) dropped: time missing",),
        rows=without(1, 2, 3),
    ),
    Case(
        "a clock that was set back",
        {"pump.csv": spoilt({5: "2026-03-02T10:01:30Z", 6: "2026-03-02T10:02:30Z", 7: "2026-03-02T10:03:30Z"})},
        "warned",
        (r"steps back by 2\.5min|steps back by 2min30s", r"in line 7; 3 row\(s\) from there on lie no later"),
        ("--period", "30s"),
        rows={us - (210_000_000 if place > 4 else 0): row for place, (us, row) in enumerate(reference().items())},
    ),
    Case(
        "rows in no order",
        {
            "pump.csv": b"\n".join(
                [
                    b"time;flow;temp",
                    *[written("%Y-%m-%dT%H:%M:%SZ").splitlines()[1 + n] for n in (3, 1, 7, 0, 5, 2, 6, 4)],
                    b"",
                ]
            )
        },
        "warned",
        ("not in the order of time: 4 times they step back, first in line 3",),
    ),
    Case("rows from new to old", {"pump.csv": table(separator=";").encode()}, "accepted"),
    Case(
        "rows that stand twice",
        {
            "pump.csv": written("%Y-%m-%dT%H:%M:%SZ")
            + b"\n".join(written("%Y-%m-%dT%H:%M:%SZ").splitlines()[3:6])
            + b"\n"
        },
        "accepted",
        ("steps back by 5min in line 10",),
    ),
    Case(
        "a row that contradicts another",
        {"pump.csv": written("%Y-%m-%dT%H:%M:%SZ") + b"2026-03-02T10:07:00Z;1240.75;41.1\n"},
        "accepted",
        rows={**reference(), START_US + 7 * MINUTE_US: {"flow": 1238.75, "temp": 41.1}},
    ),
    Case(
        "a summer time that nobody told",
        {"pump.csv": written("%Y-%m-%d %H:%M:%S", every(20 * MINUTE_US, FOLD_US), zone=BERLIN)},
        "warned",
        ("steps back by 40min in line 5; 3 row.s. from there on lie no later", "end of summer time", "--zone"),
        ("--period", "10min"),
        rows={
            **{
                FOLD_US + 2 * HOUR_US + 20 * MINUTE_US * place: {
                    "flow": (FLOW[place] + FLOW[place + 3]) / 2,
                    "temp": (TEMP[place] + TEMP[place + 3]) / 2,
                }
                for place in range(3)
            },
            **{
                FOLD_US + HOUR_US + 20 * MINUTE_US * place: {"flow": FLOW[place], "temp": TEMP[place]}
                for place in (6, 7)
            },
        },
    ),
)

CASES = (*ISO, *WRITTEN, *WHICH, *ORDER, *NUMBERS, *COUNTED, *ZONES, *WRONG)
