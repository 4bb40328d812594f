import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import simulation
from anomaly_lstm.errors import UsageError
from anomaly_lstm.simulation import (
    DAYS,
    RESOLUTION,
    START,
    TAGS,
    UNITS,
    BearingWear,
    Cavitation,
    EventRow,
    Flags,
    Gap,
    History,
    Maintenance,
    Standstill,
    StuckSensor,
    Times,
    Values,
    fault_episodes,
    follow,
    healthy_fleet,
    main,
    make_pump,
    recur,
    regular_times,
    simulate_fleet,
    simulate_pump,
    write_sample,
)

SAMPLE = Path(__file__).parent.parent / "sample_data"
MINUTE = np.timedelta64(1, "m")
HOUR = np.timedelta64(1, "h")
DAY = np.timedelta64(1, "D")
E = TypeVar("E", BearingWear, Cavitation, StuckSensor, Gap)


@pytest.fixture(scope="module")
def fleet() -> dict[str, History]:
    return {history.asset: history for history in simulate_fleet()}


@pytest.fixture(scope="module")
def healthy() -> dict[str, History]:
    return {history.asset: history for history in healthy_fleet()}


def within(time: Times, start: np.datetime64, end: np.datetime64) -> Flags:
    return np.asarray((time >= start) & (time < end))


def running(history: History) -> Flags:
    return np.asarray(history.sensors["motor_current"] > 5)


def the(kind: type[E], history: History) -> E:
    (episode,) = (e for e in history.episodes if isinstance(e, kind))
    return episode


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        write_sample(tmp_path / name / "sample", assets=2, days=2, seed=seed)
    one, two, three = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two", "three")
    )
    pumps = [path for path in one if path.suffix == ".parquet"]
    assert one == two
    assert len(pumps) == 2
    assert all(one[path] != three[path] for path in pumps)


def test_the_committed_sample_is_what_the_generator_makes(fleet: dict[str, History]) -> None:
    assert {path.stem for path in (SAMPLE / "pump").iterdir()} == set(fleet)
    for asset, history in fleet.items():
        table = pq.read_table(SAMPLE / "pump" / f"{asset}.parquet")
        assert table.column_names == ["timestamp", *UNITS]
        assert str(table.schema.field("timestamp").type) == "timestamp[us, tz=UTC]"
        np.testing.assert_array_equal(table["timestamp"].to_numpy().astype("datetime64[us]"), history.time)
        for name in UNITS:
            committed = table[name].to_numpy()
            assert committed.dtype == np.float32
            # Another processor's exp() may round a value to the next step of the transmitter: rare, and never further.
            np.testing.assert_allclose(committed, history.sensors[name], atol=1.01 * RESOLUTION[name], rtol=0)
            assert np.mean(committed != history.sensors[name]) < 1e-3


def test_the_committed_texts_are_what_the_generator_writes(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample_data")
    for name in ("events.csv", "assets.csv", "README.md"):
        assert (SAMPLE / name).read_text("utf-8") == (tmp_path / "sample_data" / name).read_text("utf-8")
    committed = (SAMPLE / "historian_export.csv").read_text("utf-8").splitlines()
    assert len(committed) == len((tmp_path / "sample_data" / "historian_export.csv").read_text("utf-8").splitlines())


def test_the_sample_is_at_most_four_megabytes() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) <= 4e6


def test_events_and_assets_have_exactly_the_agreed_columns_and_kinds() -> None:
    assert (
        (SAMPLE / "assets.csv")
        .read_text("utf-8")
        .startswith("asset,type,site,zone,criticality,owner,twin_of,enabled\n")
    )
    text = (SAMPLE / "events.csv").read_text("utf-8")
    assert text.startswith("asset,start,end,kind,sensor,failure_time,work_order,note,by\n")
    rows = [EventRow(**row) for row in csv.DictReader(text.splitlines())]
    assert {row.kind for row in rows} == {"failure", "anomaly", "maintenance", "process_change", "ignore"}
    assert all(row.start.endswith("Z") and row.end.endswith("Z") and row.start < row.end for row in rows)
    (failure,) = (row for row in rows if row.kind == "failure")
    assert (failure.asset, failure.end, failure.failure_time) == ("pump-03", *["2026-03-05T14:00:00Z"] * 2)


def test_the_first_pump_stays_healthy_and_each_other_has_its_one_fault(fleet: dict[str, History]) -> None:
    faults = {
        asset: [type(e) for e in history.episodes if isinstance(e, simulation.Fault)]
        for asset, history in fleet.items()
    }
    assert faults == {"pump-01": [], "pump-02": [Cavitation], "pump-03": [BearingWear], "pump-04": [StuckSensor]}
    assert [event.kind for event in fleet["pump-01"].events] == ["maintenance", "process_change"]


def test_healthy_flow_follows_speed_and_pressure_its_square(healthy: dict[str, History]) -> None:
    for history in healthy.values():
        speed, flow, pressure, current = (
            history.sensors[name][running(history)].astype(np.float64)
            for name in ("speed_setpoint", "flow", "discharge_pressure", "motor_current")
        )
        assert np.corrcoef(speed, flow)[0, 1] > 0.96  # less than one: the valve, and the drive is behind its set-point
        assert np.corrcoef(speed**2, pressure)[0, 1] > 0.98
        assert np.corrcoef(speed**3, current)[0, 1] > 0.98


def test_pumps_differ_by_a_few_percent() -> None:
    built = np.array([(p.head, p.drop, p.efficiency, p.friction) for p in (make_pump(n, 7) for n in range(1, 40))])
    spread = built.std(axis=0) / built.mean(axis=0)
    assert np.all((spread > 0.005) & (spread < 0.025))


def test_the_bearing_remembers_its_load_for_hours() -> None:
    time = regular_times(START, 3, 60)
    step = np.where(np.arange(len(time)) < 1440, 0.7, 1.0)
    rise = simulation.bearing_temperature(time, step, heat=step**2, ambient=np.full(len(time), 20.0))[1440:]
    share = (rise - rise[0]) / (rise[-1] - rise[0])
    half, nearly = np.searchsorted(share, [0.5, 0.95])
    assert 60 < half < 240  # minutes
    assert nearly > 10 * 60


def speed_and_back(low: float, middle: float, high: float) -> tuple[Times, Values]:
    """Two days: half a day each at low, middle, high, middle speed."""
    time = regular_times(START, 2, 60)
    return time, np.repeat([low, middle, high, middle], len(time) // 4)


def test_the_minimum_flow_valve_opens_at_low_flow_and_shuts_at_a_higher_one() -> None:
    pump = make_pump(1, 7)
    time, speed = speed_and_back(0.68, 0.745, 0.95)
    no = np.zeros(len(time))
    bypassed = simulation.recirculated(pump, time, speed, no, no)
    flow, pressure = simulation.operating_point(pump, speed, no, no, bypassed)
    settled = [720 * (quarter + 1) - 1 for quarter in range(4)]
    assert bypassed[settled] == pytest.approx([pump.recirculation, pump.recirculation, 0, 0], abs=1e-6)
    _, after_low, _, after_high = settled
    assert flow[after_low] > 1.05 * flow[after_high]  # the same speed and demand, two healthy answers
    assert pressure[after_low] < 0.97 * pressure[after_high]


def test_cooling_water_caps_a_hot_bearing_and_leaves_a_cool_one_alone() -> None:
    time, speed = speed_and_back(0.7, 0.8, 1.04)
    warm = np.full(len(time), 22.0)
    cooled = simulation.bearing_temperature(time, speed, speed**1.5, warm, cooling=1.0)
    dry = simulation.bearing_temperature(time, speed, speed**1.5, warm)
    opens, _ = simulation.THERMOSTAT
    np.testing.assert_array_equal(cooled[:1440], dry[:1440])
    assert cooled.max() < opens + 1 < dry.max() - 5


def test_a_bearing_at_steady_medium_load_swings_between_the_points_of_its_thermostat() -> None:
    time = regular_times(START, 3, 60)
    steady, warm = np.full(len(time), 0.84), np.full(len(time), 22.0)
    temperature = simulation.bearing_temperature(time, steady, steady**1.5, warm, cooling=1.0)[1440:]
    opens, shuts = simulation.THERMOSTAT
    assert opens < temperature.max() < opens + 0.5
    assert shuts - 0.5 < temperature.min() < shuts
    assert np.sum(np.diff(np.sign(np.diff(temperature))) < 0) > 5  # peaks in two days of constant load


def test_a_pump_without_the_two_valves_can_be_had() -> None:
    time, setpoint = speed_and_back(68, 74.5, 95)
    bare = replace(make_pump(1, 7), recirculation=0.0, cooling=0.0)
    history = simulate_pump(bare, time, seed=7, plan=lambda pump, rows, seed: setpoint)
    after_low, after_high = (history.time > START + hours * HOUR for hours in (18, 42))
    first = after_low & (history.time < START + 24 * HOUR)
    flow = history.sensors["flow"]
    assert flow[first].mean() == pytest.approx(flow[after_high].mean(), rel=0.03)  # but for the demand


def test_healthy_bearings_stay_clearly_below_their_bound(healthy: dict[str, History]) -> None:
    for history in healthy.values():
        assert history.sensors["bearing_temp"].max() < simulation.THERMOSTAT[0] + 2 < 85 - 15


def test_every_second_pump_fills_batch_tanks_and_changes_its_load_often(healthy: dict[str, History]) -> None:
    for history in healthy.values():
        large = np.abs(np.diff(history.sensors["speed_setpoint"])) > 8
        per_day = large.sum() / DAYS
        assert 20 < per_day < 60 if history.pump.number % 2 == 0 else per_day < 3


def test_a_latch_remembers_the_last_of_its_two_causes() -> None:
    sets = np.array([0, 0, 1, 0, 0, 0, 1, 0], bool)
    resets = np.array([0, 1, 0, 0, 1, 0, 0, 0], bool)
    assert simulation.latch(sets, resets).tolist() == [False, False, True, True, False, False, True, True]


def test_what_comes_later_has_been_seen_in_the_first_three_weeks(healthy: dict[str, History]) -> None:
    for history in healthy.values():
        early = history.time < START + 21 * DAY
        settled = running(history)
        for episode in history.episodes:
            if isinstance(episode, Maintenance | Standstill):
                settled &= ~within(history.time, episode.start, episode.end + 12 * HOUR)
        for name, value in history.sensors.items():
            seen, later = value[settled & early], value[settled & ~early]
            slack = 0.05 * np.ptp(seen)
            assert seen.min() - slack <= later.min(), (history.asset, name)
            assert later.max() <= seen.max() + slack, (history.asset, name)


def test_a_fault_changes_nothing_before_it(fleet: dict[str, History], healthy: dict[str, History]) -> None:
    for asset, history in fleet.items():
        begin = min((e.start for e in history.episodes if isinstance(e, simulation.Fault)), default=START + 35 * DAY)
        before, same = history.time < begin, healthy[asset].time < begin
        assert begin >= START + 21 * DAY
        np.testing.assert_array_equal(history.time[before], healthy[asset].time[same])
        for name in UNITS:
            np.testing.assert_array_equal(history.sensors[name][before], healthy[asset].sensors[name][same])


def test_wear_is_seen_in_vibration_then_in_temperature_then_the_bearing_fails(
    fleet: dict[str, History], healthy: dict[str, History]
) -> None:
    worn, sound = fleet["pump-03"], healthy["pump-03"]
    wear = the(BearingWear, worn)
    during = within(worn.time, wear.start, wear.failure)
    shared = within(sound.time, wear.start, wear.failure)

    def days_of_warning(name: str) -> float:
        """From the first hour whose mean is a fifth above the sound twin's to the failure."""
        excess: Values = worn.sensors[name][during].astype(np.float64) / sound.sensors[name][shared] - 1
        hourly = np.convolve(excess, np.full(60, 1 / 60), mode="valid")
        return float((wear.failure - worn.time[during][59:][np.argmax(hourly > 0.2)]) / DAY)

    assert 4 > days_of_warning("vibration") > days_of_warning("bearing_temp") + 1 > 1
    first_day = within(worn.time, wear.start, wear.start + DAY)
    twin = within(sound.time, wear.start, wear.start + DAY)
    assert worn.sensors["vibration"][first_day].mean() / sound.sensors["vibration"][twin].mean() < 1.03  # subtle
    last_hour = worn.sensors["bearing_temp"][within(worn.time, wear.failure - HOUR, wear.failure)]
    assert last_hour.max() > 85 > sound.sensors["bearing_temp"].max() + 15


def test_after_the_failure_there_are_no_rows_until_the_test_run_and_then_the_pump_is_sound(
    fleet: dict[str, History], healthy: dict[str, History]
) -> None:
    worn, sound = fleet["pump-03"], healthy["pump-03"]
    wear = the(BearingWear, worn)
    assert not within(worn.time, wear.failure, wear.restart).any()
    assert within(worn.time, wear.restart, wear.repaired).sum() > 300
    again, twin = worn.time >= wear.repaired, sound.time >= wear.repaired
    np.testing.assert_array_equal(worn.sensors["vibration"][again], sound.sensors["vibration"][twin])


def test_cavitation_lowers_flow_and_pressure_makes_them_flutter_and_the_pump_rattle(fleet: dict[str, History]) -> None:
    pump = fleet["pump-02"]
    episode = the(Cavitation, pump)
    during = within(pump.time, episode.start + HOUR, episode.end - HOUR)
    before = within(pump.time, episode.start - 2 * HOUR, episode.start)
    flow, pressure, vibration = (pump.sensors[name] for name in ("flow", "discharge_pressure", "vibration"))
    assert flow[during].mean() < 0.97 * flow[before].mean()
    assert pressure[during].mean() < 0.95 * pressure[before].mean()
    assert vibration[during].mean() > 1.3 * vibration[before].mean()
    for value in (flow, pressure, vibration):
        jumps, usual = (np.median(np.abs(np.diff(value[rows]))) for rows in (during, before))  # not those of a batch
        assert jumps > 2 * usual


def test_the_stuck_sensor_has_one_value_within_its_event_and_many_outside(fleet: dict[str, History]) -> None:
    pump = fleet["pump-04"]
    episode = the(StuckSensor, pump)
    value = pump.sensors[episode.sensor]
    length = episode.end - episode.start
    assert np.ptp(value[within(pump.time, episode.start, episode.end)]) == 0
    assert np.ptp(value[within(pump.time, episode.start - length, episode.start)]) > 1
    assert np.ptp(value[within(pump.time, episode.end, episode.end + length)]) > 1
    assert np.ptp(pump.sensors["flow"][within(pump.time, episode.start, episode.end)]) > 10


def test_rows_are_missing_one_by_one_in_short_runs_and_in_one_long_gap(fleet: dict[str, History]) -> None:
    for asset, history in fleet.items():
        missing = np.diff(history.time) / MINUTE - 1
        holes = missing[(missing > 0) & (missing <= 20)]
        assert 0.004 < holes.sum() / len(history.time) < 0.009
        assert np.sum(holes >= 3) >= 3
        assert np.sum(missing > 20) == (asset in ("pump-02", "pump-03"))
    gap = the(Gap, fleet["pump-02"])
    assert not within(fleet["pump-02"].time, gap.start, gap.end).any()


def test_some_pumps_stand_still_for_an_hour_or_two_and_none_otherwise(fleet: dict[str, History]) -> None:
    still = {asset: float(np.sum(~running(history))) / 60 for asset, history in fleet.items()}  # h
    assert still["pump-01"] == pytest.approx(3.4, abs=0.2)  # its maintenance
    assert still["pump-02"] == pytest.approx(1.9, abs=0.2)
    assert still["pump-03"] == pytest.approx(1.4, abs=0.2)
    assert still["pump-04"] == pytest.approx(3.4, abs=0.2)


def test_every_value_is_finite_and_a_step_of_its_transmitter(fleet: dict[str, History]) -> None:
    for name, value in fleet["pump-02"].sensors.items():
        assert value.dtype == np.float32
        assert np.isfinite(value).all()
        steps = value.astype(np.float64) / RESOLUTION[name]
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)


def test_a_healthy_fleet_has_no_fault_and_no_failure(healthy: dict[str, History]) -> None:
    for history in healthy.values():
        assert not any(isinstance(e, simulation.Fault) for e in history.episodes)
        assert {event.kind for event in history.events} <= {"maintenance", "process_change", "ignore"}


@pytest.mark.parametrize(
    ("assets", "days", "period"), [(1, 1, 60), (1, 0.01, 60), (3, 10, 300), (9, 90, 1800), (1, 1, 1), (1, 1, 86400)]
)
def test_any_number_of_pumps_and_days_and_any_period_works(assets: int, days: float, period: float) -> None:
    fleet = list(simulate_fleet(assets, days, period=period))
    assert [history.asset for history in fleet] == [f"pump-{n + 1:02d}" for n in range(assets)]
    for history in fleet:
        assert 0.9 * days * 86400 / period - 1 <= len(history.time) + 50 * 3600 / period
        assert np.all(np.diff(history.time) > np.timedelta64(0))
        assert np.all((history.time >= START) & (history.time < START + np.timedelta64(round(days * 86400), "s")))
        assert all(len(value) == len(history.time) for value in history.sensors.values())


@pytest.mark.parametrize("days", [1.0, 17.0, 20.0, DAYS, 400.0])
def test_every_episode_fits_in_the_span_and_no_fault_begins_in_its_first_part(days: float) -> None:
    end = START + np.timedelta64(round(days * 1440), "m")
    for number in range(1, 30):
        assert all(START <= e.start < e.end <= end for e in simulation.routine_episodes(number, START, days))
        assert all(START + 0.6 * (end - START) <= e.start < e.end <= end for e in fault_episodes(number, START, days))


def test_a_pump_takes_whatever_episodes_it_is_given() -> None:
    time = regular_times(START, 4, 60)
    wear = BearingWear(time[100], time[3000], time[3500], time[3600])
    stuck = StuckSensor(time[0], time[50], "vibration")
    history = simulate_pump(replace(make_pump(1, 7), asset="P 1/ä"), time, seed=7, episodes=[wear, stuck])
    assert [event.asset for event in history.events] == ["P 1/ä"] * 3
    assert np.ptp(history.sensors["vibration"][within(history.time, stuck.start, stuck.end)]) == 0
    assert history.sensors["vibration"][within(history.time, time[2950], time[3000])].mean() > 3


def test_the_recursion_is_the_one_a_loop_would_do() -> None:
    rng = np.random.default_rng(1)
    for n_rows in (1, 2, 3, 10, 101):
        decay, drive = rng.random(n_rows), rng.standard_normal(n_rows)
        expected, last = np.empty(n_rows), 0.3
        for i in range(n_rows):
            expected[i] = last = decay[i] * last + drive[i]
        np.testing.assert_allclose(recur(decay, drive, 0.3), expected, rtol=1e-12, atol=1e-12)


def test_a_lag_reaches_63_percent_after_its_time_constant_whatever_the_period() -> None:
    for period in (1.0, 60.0, 600.0):
        time = regular_times(START, 1, period)
        step = np.where(np.arange(len(time)) == 0, 0.0, 1.0)
        assert follow(time, step, tau=3600.0)[round(3600 / period)] == pytest.approx(1 - np.exp(-1))


def test_the_export_is_as_awkward_as_it_says() -> None:
    text = (SAMPLE / "historian_export.csv").read_text("utf-8")
    header, *lines = text.splitlines()
    cells = [line.split(";") for line in lines]
    times = [f"{t[6:10]}-{t[3:5]}-{t[:2]}T{t[11:]}" for t, *_ in cells]
    assert header.split(";") == ["Date/Time", *TAGS.values()]
    assert any(tag.startswith("PIT-3101A.") for tag in TAGS.values())
    assert all(len(row) == len(TAGS) + 1 for row in cells)
    assert "." not in "".join("".join(row[1:]) for row in cells)
    assert sum("," in cell for row in cells for cell in row[1:]) > 20_000
    assert {time[:10] for time in times} == {"2026-03-02", "2026-03-03", "2026-03-04"}
    assert sum(cell == "" for row in cells for cell in row) > 100
    assert len(lines) - len(set(lines)) == 5
    assert len(times) - len(set(times)) == 5
    assert sum(later < earlier for earlier, later in pairwise(times)) == 1


def test_the_command_writes_a_folder_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--assets", "3", "--days", "25", "--period", "600", "--seed", "1", "--out", str(tmp_path / "s")]
    assert main(arguments) == 0
    assert "3 pumps over 25 days" in capsys.readouterr().err
    assert ",failure," in (tmp_path / "s" / "events.csv").read_text("utf-8")
    assert main([*arguments, "--healthy"]) == 0
    assert ",failure," not in (tmp_path / "s" / "events.csv").read_text("utf-8")
    assert "--healthy" in (tmp_path / "s" / "README.md").read_text("utf-8")


def test_a_smaller_fleet_is_not_mixed_into_the_files_of_a_larger_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--assets", "2", "--days", "1", "--out", str(tmp_path)]) == 0
    assert main(["--assets", "1", "--days", "1", "--out", str(tmp_path)]) == 2
    assert "pump-02.parquet" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"assets": 0}, {"days": 0.0}, {"period": 0.0}, {"period": np.nan}, {"seed": -1}])
def test_a_fleet_that_cannot_be_is_refused_in_words(wrong: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs"):
        write_sample(tmp_path, **wrong)  # type: ignore[arg-type]  # wrong on purpose
