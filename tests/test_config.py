"""A pipeline file says what it means, and every mistake in it is told at once."""

from pathlib import Path

import pytest

from anomaly_lstm.cases import Rules
from anomaly_lstm.clock import DAY, SECOND, parse_time
from anomaly_lstm.config import Pages, Pipeline, parse_budget, read_pipeline
from anomaly_lstm.errors import ConfigError, UsageError
from anomaly_lstm.messages import Interest
from anomaly_lstm.policy import Bound
from anomaly_lstm.sensor_rules import SensorRule, SensorRules
from anomaly_lstm.sources.contract import Database
from anomaly_lstm.telling import Recipient, Target

LEAST = '[source]\npaths = ["data/*.csv"]\n[run]\nfolder = "run"\n'
MINUTE = 60 * SECOND

FULL = """
[source]
kind = "csv"
paths = ["../data/*.csv", "/abs/more.csv"]
time = "Zeit"
time_format = "%d.%m.%Y %H:%M"
zone = "America/Santiago"
period = "1min"
delay = "2min"
asset = "pump"
layout = "long"
sensor = "tag"
value = "val"
separator = ";"
decimal = ","
exclude = ["quality"]
max_hole = 3
start = "2026-01-01"
[source.columns]
"T 1" = "temp"

[run]
folder = "../runs/pump"
[assets]
table = "assets.csv"

[sensors]
include = ["temp", "PIT-3101A.PV"]
exclude = ["comment"]
context = ["load"]
mode = "fuel"
running = "'PIT-3101A.PV' > 5"
[sensors.units]
load = "%"
[sensors.bounds]
"PIT-3101A.PV" = { low = 1, high = 8.5, unit = "bar" }
temp = { high = 85 }

[train]
until = 2026-03-01
events = "events.csv"
model = "linear_predictor"
threshold = "quantile"
seed = 7
time_budget = "10min"
max_steps = 50

[alarm]
advisory = "7d"
warning = "30d"
critical = "off"
on_delay = "5min"
off_delay = "15min"
deadband = 0.3
respond_within = "8h"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "pipelines" / "pump.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for name in ("events.csv", "assets.csv"):
        path.with_name(name).touch()
    return path


def read(folder: Path, text: str) -> Pipeline:
    return read_pipeline(written(folder, text))


def mistakes(folder: Path, text: str) -> list[str]:
    """The lines of the message after its first."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    assert caught.value.exit_code == 2
    assert str(folder / "pipelines" / "pump.toml") in str(caught.value)
    return str(caught.value).splitlines()[1:]


def test_every_key_arrives_where_it_belongs(tmp_path: Path) -> None:
    found = read(tmp_path, FULL)
    how = found.source.read
    assert (how.time, how.time_format, how.zone, how.asset) == ("Zeit", "%d.%m.%Y %H:%M", "America/Santiago", "pump")
    assert (how.layout, how.sensor, how.value, how.separator, how.decimal) == ("long", "tag", "val", ";", ",")
    assert (how.columns, how.exclude, how.sensors) == (
        {"T 1": "temp"},
        ("quality", "comment"),
        ("temp", "PIT-3101A.PV", "load", "fuel"),
    )
    assert (found.source.kind, found.source.period_us, found.source.delay_us, found.source.max_hole) == (
        "csv",
        MINUTE,
        2 * MINUTE,
        3,
    )
    assert found.sensors.context == ("load",)
    assert found.sensors.mode == "fuel"
    assert found.sensors.running == "'PIT-3101A.PV' > 5"
    options = found.train.options
    assert (options.network, options.threshold, options.seed, options.max_steps) == (
        "linear_predictor",
        "quantile",
        7,
        50,
    )
    assert found.train.time_budget_us == 10 * MINUTE
    policy = found.alarm.policy
    assert (policy.limits, policy.deadband) == ({"advisory": 7 * DAY, "warning": 30 * DAY}, 0.3)
    assert (policy.on_delay_us, policy.off_delay_us, found.alarm.budget_us) == (5 * MINUTE, 15 * MINUTE, None)
    assert policy.respond_within_us == 8 * 60 * MINUTE


def test_a_quoted_sensor_name_has_bounds_and_a_unit(tmp_path: Path) -> None:
    policy = read(tmp_path, FULL).alarm.policy
    assert policy.bounds == {"PIT-3101A.PV": Bound(1, 8.5), "temp": Bound(None, 85)}
    assert policy.units == {"load": "%", "PIT-3101A.PV": "bar"}


DATABASE = """
[source]
kind = "sql"
url_env = "PLANT_DB"
{}
[run]
folder = "run"
"""


def test_a_database_is_a_source(tmp_path: Path) -> None:
    keys = 'table = "plant.readings"\nwatermark = "inserted_at"\noverlap = "6h"'
    found = read(tmp_path, DATABASE.format(keys)).source
    assert found.paths == ()
    assert found.database == Database("PLANT_DB", "plant.readings", None, "inserted_at", 6 * 3600 * SECOND)
    counted = read(tmp_path, DATABASE.format('query = "select * from x"\noverlap = 500')).source
    assert counted.database == Database("PLANT_DB", query="select * from x", overlap_steps=500)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", "source.table is missing: the table to read"),
        ('table = "a"\nquery = "select 1"', 'source.query = "select 1": a table is given too'),
        ('table = "a"\npaths = ["x.csv"]', 'kind = "sql" reads a database, no files'),
        ('table = "a"\noverlap = "soon"', 'source.overlap = "soon": expected a duration'),
        ('table = "a"\noverlap = -1', "source.overlap = -1: expected a whole number of at least 0"),
        ('table = "a"\nurl = "postgresql://ann:s3cr3t@h/d"', "source.url: a pipeline file holds no addresses"),
    ],
)
def test_what_is_wrong_about_a_database_is_told_without_its_address(tmp_path: Path, keys: str, told: str) -> None:
    (line,) = mistakes(tmp_path, DATABASE.format(keys))
    assert told in line
    assert "s3cr3t" not in line


def test_a_database_without_its_kind_is_told(tmp_path: Path) -> None:
    text = DATABASE.format('table = "a"').replace('kind = "sql"\n', "")
    assert mistakes(tmp_path, text) == ['  source.kind is missing: "sql", for url_env is of a database.']


def test_an_address_elsewhere_stays_as_it_is(tmp_path: Path) -> None:
    text = '[source]\npaths = ["s3://bucket/plant/*.parquet", "here.csv"]\n[run]\nfolder = "run"\n'
    assert read(tmp_path, text).source.paths == ("s3://bucket/plant/*.parquet", tmp_path / "pipelines" / "here.csv")


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, FULL)
    assert found.source.paths == (tmp_path / "data" / "*.csv", Path("/abs/more.csv"))
    assert found.folder == tmp_path / "runs" / "pump"
    assert (found.train.events, found.assets) == (
        tmp_path / "pipelines" / "events.csv",
        tmp_path / "pipelines" / "assets.csv",
    )


def test_a_path_through_a_symbolic_link_keeps_its_meaning(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "link").symlink_to(tmp_path / "real" / "deep")
    found = read(tmp_path, LEAST.replace('"run"', '"link/../run"'))
    assert found.folder.resolve() == tmp_path / "real" / "run"


def test_until_is_read_in_the_zone_of_the_source(tmp_path: Path) -> None:
    for until in ("2026-03-01", '"2026-03-01"', '"2026-03-01 00:00"', '"2026-03-01T03:00:00Z"', "2026-03-01T03:00:00Z"):
        found = read(tmp_path, FULL.replace("until = 2026-03-01", f"until = {until}"))
        assert found.train.until_us == parse_time("2026-03-01T03:00:00Z")


def test_what_is_left_out_has_the_defaults(tmp_path: Path) -> None:
    found = read(tmp_path, LEAST)
    assert found.alarm.policy.limits == {"advisory": 30 * DAY, "warning": 90 * DAY}
    assert (found.alarm.policy.off_delay_us, found.alarm.policy.deadband, found.source.max_hole) == (None, 0.2, 10)
    assert (found.train.options.network, found.source.read.zone, found.assets) == ("lstm_predictor", None, None)


def test_a_budget_is_the_time_between_false_alerts(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST + '[alarm]\nbudget = "1 per week"').alarm.budget_us == 7 * DAY
    assert [parse_budget(text) for text in ("2 per 30d", "1/day", "0.5 per week")] == [15 * DAY, DAY, 14 * DAY]
    for text in ("weekly", "1", "0 per week", "1 per fortnight", "1 per 0"):
        with pytest.raises(UsageError):
            parse_budget(text)


def test_off_switches_a_severity_off(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST + '[alarm]\nadvisory = "off"\nwarning = "7d"').alarm.policy.limits == {
        "warning": 7 * DAY
    }


def test_what_the_clock_does_with_cases_is_read_or_is_off(tmp_path: Path) -> None:
    found = read(tmp_path, LEAST + '[alarm]\nre_alarm = "8h"\nstale_after = "off"\nno_data_after = "2h"').alarm
    assert found.rules == Rules(re_alarm_us=480 * MINUTE, stale_after_us=None, close_after_us=30 * DAY)
    assert (found.no_data_after_us, found.sensor_bad_after_us) == (120 * MINUTE, None)
    assert read(tmp_path, LEAST).alarm.rules == Rules()
    (line,) = mistakes(tmp_path, LEAST + '[alarm]\nre_alarm = "often"')
    assert "alarm.re_alarm" in line


def test_every_mistake_is_told_at_once_with_its_key_path(tmp_path: Path) -> None:
    text = """
[source]
kind = "parket"
paths = "data"
perod = "1min"
zone = "Europe/Berln"
period = 60
layout = "tall"
[source.columns]
a = 1
[rnu]
folder = "run"
[sensors]
running = "motor current > 5"
context = "load"
[sensors.bounds]
temp = { hihg = 85 }
"P 1" = { low = 9, high = 1 }
[train]
until = "yesterday"
model = "lstm_predicter"
seed = "7"
[alarm]
budget = "weekly"
warning = "7d"
deadband = -1
"""
    lines = mistakes(tmp_path, text)
    for words in (
        ('source.kind = "parket"', "csv, parquet", "Did you mean 'parquet'"),
        ('source.perod = "1min"', "Did you mean 'period'"),
        ('source.zone = "Europe/Berln"', "Europe/Berlin"),
        ("source.period = 60", '"5min"'),
        ('source.layout = "tall"', "wide, long"),
        ("source.columns.a = 1", "quotes"),
        ("rnu = { folder }", "Did you mean 'run'"),
        ("run.folder is missing", "../runs/pump"),
        ('sensors.running = "motor current > 5"', "motor_current > 5"),
        ("sensors.bounds.temp.hihg = 85", "Did you mean 'high'"),
        ("sensors.bounds.temp:", "high = 85"),
        ('sensors.bounds."P 1"', "less than"),
        ('train.until = "yesterday"', "2026-03-01"),
        ('train.model = "lstm_predicter"', "Did you mean 'lstm_predictor'"),
        ('train.seed = "7"', "whole number"),
        ('alarm.budget = "weekly"', "1 per week"),
        ('alarm.warning = "7d"', "budget"),
        ("alarm.deadband = -1", "at least 0"),
    ):
        fitting = [line for line in lines if line.strip().startswith(words[0])]
        assert len(fitting) == 1, (words, lines)
        assert all(word in fitting[0] for word in words[1:]), fitting
    assert len(lines) == 19  # … and that a warning of 7 days is not rarer than an advisory of 30
    assert "advisory (30d)" in "\n".join(lines)


def test_files_that_are_not_there_are_named_together(tmp_path: Path) -> None:
    text = LEAST + '[assets]\ntable = "../asets.csv"\n[train]\nevents = "evnts.csv"\nseed = "7"'
    lines = mistakes(tmp_path, text)
    assert len(lines) == 3
    (table,) = [line for line in lines if line.strip().startswith('assets.table = "../asets.csv"')]
    (events,) = [line for line in lines if line.strip().startswith('train.events = "evnts.csv"')]
    assert str(tmp_path / "asets.csv") in table
    assert str(tmp_path / "pipelines" / "evnts.csv") in events


def test_a_folder_is_no_file_of_events(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, LEAST + '[train]\nevents = ".."')
    assert line.strip().startswith('train.events = "..":')
    assert "is a folder" in line


def test_budget_and_warning_together_are_a_mistake(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, LEAST + '[alarm]\nbudget = "1 per week"\nwarning = "90d"\ncritical = "off"')
    assert line.strip().startswith('alarm.warning = "90d"')
    assert "budget" in line


def test_limits_must_grow(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, LEAST + '[alarm]\nadvisory = "90d"\nwarning = "30d"')
    assert "alarm" in line
    assert "warning (30d) must be rarer than advisory (90d)" in line


def test_wrong_syntax_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "[source]\npaths = [unquoted]\n")
    with pytest.raises(ConfigError, match="line 2"):
        read_pipeline(path)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        read_pipeline(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes('[source]\ntime = "Größe"'.encode("latin-1"))
    with pytest.raises(ConfigError, match="UTF-8"):
        read_pipeline(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    "text", ["", "source = 3", "[source]\npaths = []\n[run]\nfolder = 1", '[alarm]\nwarning = ["7d"]']
)
def test_no_file_however_wrong_is_a_traceback(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


def test_the_pipeline_file_that_ships_is_right() -> None:
    found = read_pipeline(Path(__file__).parents[1] / "pipelines" / "pump.toml")
    assert found.alarm.budget_us == 7 * DAY
    assert found.sensors.context == ("speed_setpoint", "ambient_temp")
    assert found.train.events is not None
    assert found.train.events.is_file()


TOLD = """
[[notify]]
kind = "apprise"
name = "mail"
url_env = "PUMP_MAIL"
least = "warning"
kinds = ["deviation"]
assets = ["pump-01"]
sites = "north"
[[notify]]
kind = "webhook"
url_env = "HOOK"

[[sinks]]
kind = "prometheus"
path = "../out/pump.prom"
[[sinks]]
kind = "sql"
url_env = "DB"
[[sinks]]
kind = "cmms"
path = "/out/drafts.csv"
columns = { "No." = "alert_id", "Short text" = "reason" }
"""


def test_who_is_told_and_what_is_shown_where(tmp_path: Path) -> None:
    found = read(tmp_path, LEAST + TOLD)
    assert found.notify == (
        Recipient("mail", "apprise", "PUMP_MAIL", Interest("warning", ("deviation",), ("pump-01",), ("north",))),
        Recipient("webhook", "webhook", "HOOK", Interest("advisory")),
    )
    assert found.sinks == (
        Target("prometheus", "prometheus", tmp_path / "out" / "pump.prom"),
        Target("sql", "sql", None, "DB"),
        Target("cmms", "cmms", Path("/out/drafts.csv"), None, {"No.": "alert_id", "Short text": "reason"}),
    )
    least = read(tmp_path, LEAST)
    assert (least.notify, least.sinks) == ((), ())


def test_pages_go_to_a_folder_that_counts_from_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, LEAST + '[report]\nfolder = "../web"\npages = "all"\nlanguage = "es"\n')
    assert found.pages == Pages(tmp_path / "web", "all", "es")
    assert read(tmp_path, LEAST + '[report]\nfolder = "/web"\n').pages == Pages(Path("/web"), "standing", "en")
    assert read(tmp_path, LEAST).pages is None
    lines = mistakes(tmp_path, LEAST + '[report]\npages = "al"\nlanguage = "fr"\ncolour = "red"\n')
    for told in ("report.folder is missing", "report.pages", "report.language", "report.colour"):
        assert any(told in line for line in lines), (told, lines)


def test_every_mistake_in_telling_is_told_with_its_table(tmp_path: Path) -> None:
    text = """
[[notify]]
kind = "emial"
url_env = "MAIL"
[[notify]]
url_env = "MAIL"
[[notify]]
kind = "webhook"
least = "warn"
kinds = ["deviatoin"]
assets = [3]
tone = "loud"
[[sinks]]
kind = "prometheus"
path = "pump.txt"
[[sinks]]
kind = "sql"
path = "alerts.db"
[[sinks]]
kind = "cmms"
path = "out.csv"
columns = { "Text" = "raeson" }
[[sinks]]
kind = "cmms"
path = "out.csv"
name = "webhook"
columns = { "Text" = "reason" }
"""
    lines = mistakes(tmp_path, LEAST + text)
    for words in (
        ('notify[1].kind = "emial"', "apprise, webhook, alertmanager"),
        ("notify[2].kind is missing", "apprise"),
        ("notify[3].url_env is missing", "environment variable"),
        ('notify[3].least = "warn"', "advisory, warning, critical"),
        ('notify[3].kinds = ["deviatoin"]', "Did you mean 'deviation'"),
        ("notify[3].assets = [3]", "list of texts"),
        ('notify[3].tone = "loud"', "no such key in [notify[3]]"),
        ('sinks[1].path = "pump.txt"', ".prom"),
        ("sinks[2].url_env is missing", "environment variable"),
        ('sinks[2].path = "alerts.db"', "no such key"),
        ('sinks[3].columns.Text = "raeson"', "Did you mean 'reason'"),
        ("sinks[3].columns = { Text }", "alert_id"),
        ("sinks[4].columns = { Text }", "alert_id"),
        ('sinks[4].name = "webhook"', "notify[3] has this name too"),
    ):
        fitting = [line for line in lines if line.strip().startswith(words[0])]
        assert len(fitting) == 1, (words, lines)
        assert all(word in fitting[0] for word in words[1:]), fitting
    assert len(lines) == 14


@pytest.mark.parametrize("key", ["url", "url_env"])
@pytest.mark.parametrize("table", ['[[notify]]\nkind = "apprise"', '[[sinks]]\nkind = "sql"'])
def test_an_address_in_the_file_is_refused_and_never_repeated(tmp_path: Path, table: str, key: str) -> None:
    (line,) = mistakes(tmp_path, LEAST + f'{table}\n{key} = "https://plant:s3cr3t@example.org"\n')
    assert "environment variable" in line
    assert "s3cr3t" not in line


@pytest.mark.parametrize("text", ["notify = 3", "[notify]\nkind = 'webhook'", "sinks = ['prometheus']"])
def test_telling_is_written_as_tables(tmp_path: Path, text: str) -> None:
    (line,) = mistakes(tmp_path, f"{text}\n{LEAST}")
    assert "expected one table [[" in line


GRID = """
[sensors]
running = "state in ('RUN', 'STARTUP') and flow * pressure > 100"
settle = "10min"
include = ["flow"]
[sensors.units]
energy = "kWh"
wind = "°"
flow = "m³/h"
[sensors.bounds]
energy = { high = 90 }
[sensors.grid]
valve = { aggregate = "last", hold = "10min" }
level = { hold = "5min", interpolate = "linear" }
energy = { type = "counter", per = "d", rolls_over_at = 65536 }
wind = { type = "angle" }
"*" = { hold = "1min" }
"""


def test_a_pipeline_file_says_how_values_come_to_the_grid(tmp_path: Path) -> None:
    found = read(tmp_path, LEAST + GRID)
    assert found.sensors.rules == SensorRules(
        {
            "valve": SensorRule("last", 10 * MINUTE),
            "level": SensorRule(hold_us=5 * MINUTE, interpolate="linear"),
            "energy": SensorRule(type="counter", per="d", rolls_over_at=65536),
            "wind": SensorRule(type="angle"),
        },
        SensorRule(hold_us=MINUTE),
    )
    assert found.sensors.settle_us == 10 * MINUTE
    assert found.sensors.units == {"energy": "kWh/d", "flow": "m³/h"}
    assert found.source.read.sensors == ("flow", "state"), "a status column is read too"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("x = { hold = 3 }", "sensors.grid.x.hold = 3: expected a duration"),
        ('x = { agregate = "last" }', "Did you mean 'aggregate'"),
        ('x = { aggregate = "median" }', "expected one of mean, last, max, min, sum"),
        ('x = { interpolate = "linear" }', "a line needs a hold"),
        ('x = { interpolate = "linear", hold = "5min", aggregate = "max" }', "the value of one moment"),
        ('x = { type = "counter", aggregate = "last" }', "of type counter have a mean only"),
        ('x = { type = "angle", aggregate = "max" }', "of type angle have a mean only"),
        ('x = { type = "counter", interpolate = "linear", hold = "5min" }', "a rate is the mean of a step"),
        ('x = { per = "h" }', "it is for a counter"),
        ("x = { rolls_over_at = 100 }", "it is for a counter"),
        ('x = { type = "counter", per = "week" }', "expected one of s, min, h, d"),
        ('x = { type = "counter", rolls_over_at = 0 }', "a number of at least 1"),
        ('"*" = { type = "angle" }', "not all sensors can be of type angle"),
        ("x = 5", "expected a table [sensors.grid.x]"),
    ],
)
def test_a_mistake_in_a_rule_is_told_with_its_place(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as problem:
        read(tmp_path, f"{LEAST}[sensors.grid]\n{text}\n")
    assert mistake in str(problem.value)


def test_an_asset_has_not_settled_only_where_it_is_known_when_it_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sensors\.settle = .*give that too"):
        read(tmp_path, LEAST + '[sensors]\nsettle = "10min"\n')


def test_a_pipeline_file_says_which_files_are_an_asset(tmp_path: Path) -> None:
    text = LEAST.replace("[run]", 'asset_from = "folder"\nsensor_prefix = "file"\n[run]')
    found = read(tmp_path, text).source.read
    assert (found.asset_from, found.sensor_prefix, found.name) == ("folder", "file", None)
    with pytest.raises(ConfigError, match=r"asset_from = .*expected one of file, folder"):
        read(tmp_path, text.replace('"folder"', '"foldr"'))
    assert read(tmp_path, LEAST.replace("[run]", 'name = "pump-07"\n[run]')).source.read.name == "pump-07"
