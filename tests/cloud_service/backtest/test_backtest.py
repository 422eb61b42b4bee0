"""`telltale backtest`: what it says of the settings as they are is what the service said; of others, what they change."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from cloud_service.analyse.detectors import DETECTORS
from cloud_service.backtest.command import backtest
from cloud_service.backtest.history import History
from cloud_service.baseline_record import Act, BaselineEvent, record
from cloud_service.journal.writer import open_journal
from cloud_service.settings import load_cloud
from cloud_service.state import open_state
from cloud_service.store.schema import decode_rows
from telltale.clock import NS_PER_DAY
from telltale.errors import UserError
from tests.cloud_service.analyse.process import analyse, until
from tests.cloud_service.analyse.site import T0_NS, bridge, fill_journal, hour, hours, scalar
from tests.e2e.stores import toml_of

HOURS = 12 * 24
LEAPS = (100, 160, 230)  # the gauge stands at 2 mm for twelve hours from each of these on
SPAN = ("--from", "2025-06-18", "--to", "2025-06-27")
RAISE = ("--set", "bridge.gauge.limits.alarm=2500")


def leaping(number: int):
    waves, gauge, air = hour(number)
    leaps = any(first <= number < first + 12 for first in LEAPS)
    return (waves, scalar("bridge.gauge", gauge.t0_ns, 2000.0 + number) if leaps else gauge, air)


async def stored(folder: Path) -> None:
    """What analysis left for the store, in the store that the settings name."""
    cloud = load_cloud(folder / "cloud.toml")
    store = await cloud.store().open(cloud.site, cloud.data_dir)
    with closing(open_state(folder / "data")) as state:
        for (body,) in state.execute("SELECT body FROM spool ORDER BY id"):
            await store.write(decode_rows(body))
    await store.close()


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Path:
    """A service's folder after twelve days: journal, state and store."""
    folder = tmp_path_factory.mktemp("backtest")
    data = folder / "data"
    data.mkdir()
    bridge(data, gateways=1)
    (folder / "cloud.toml").write_text('site = "data/site.toml"\ndata_dir = "data"\nclock = "data"\n')
    fill_journal(data, hours(range(HOURS), leaping))
    analyse(data, until(data, HOURS), detectors=DETECTORS)
    asyncio.run(stored(folder))
    return folder


@pytest.fixture
def folder(judged, tmp_path) -> Path:
    return shutil.copytree(judged, tmp_path / "service")


def forget_frames(folder: Path, before_ns: int) -> None:
    with closing(open_journal(folder / "data")) as journal:
        journal.execute("DELETE FROM frames WHERE received_ns < ?", (before_ns,))


def run(folder: Path, capsys, *more: str) -> dict:
    assert backtest(["-c", str(folder / "cloud.toml"), *SPAN, "--learn-days", "3", "--json", *more]) == 0
    return msgspec.json.decode(capsys.readouterr().out)


def service_said(folder: Path) -> Counter:
    start_ns, end_ns = ((T0_NS // NS_PER_DAY + days) * NS_PER_DAY for days in (3, 12))
    with closing(open_state(folder / "data")) as state:
        log = state.execute("SELECT what FROM incident_log WHERE at_ns >= ? AND at_ns < ?", (start_ns, end_ns))
        return Counter(what for (what,) in log if what in ("warn", "alarm", "suspect"))


# What the store keeps must tell the same as the journal, and so must one behind the other.
@pytest.mark.parametrize("days_forgotten", [0, 6, 30])
def test_before_is_what_the_service_said_and_after_what_the_limit_changes(folder, capsys, days_forgotten):
    forget_frames(folder, T0_NS + days_forgotten * NS_PER_DAY)
    found = run(folder, capsys, *RAISE)
    total = found["total"]
    assert {tier: total["before"][tier] for tier in ("warn", "alarm", "suspect")} == {
        "warn": service_said(folder)["warn"],
        "alarm": service_said(folder)["alarm"],
        "suspect": service_said(folder)["suspect"],
    }
    assert total["before"]["alarm"] >= len(LEAPS)
    gone = [told for told in found["gone"] if told["reason"] == "limit"]
    assert [told["channel"] for told in gone] == ["bridge.gauge"] * len(LEAPS)
    assert not found["new"]
    assert not found["faults"]
    assert found["days"][0]["day"] == SPAN[1]
    assert len(found["days"]) == 9


@pytest.mark.e2e
@pytest.mark.parametrize("days_forgotten", [6, 30])
def test_a_history_in_influxdb_tells_the_same(folder, influx, monkeypatch, capsys, days_forgotten):
    monkeypatch.setenv("TELLTALE_INFLUX_TOKEN", influx.token)
    forget_frames(folder, T0_NS + days_forgotten * NS_PER_DAY)
    in_sqlite = run(folder, capsys, *RAISE)
    with (folder / "cloud.toml").open("a") as settings:
        settings.write(toml_of(influx))
    (folder / "data" / "store.db").unlink()
    asyncio.run(stored(folder))
    assert run(folder, capsys, *RAISE) == in_sqlite
    assert in_sqlite["total"]["before"]["alarm"] >= len(LEAPS)


def test_without_a_change_both_say_the_same(folder, capsys):
    found = run(folder, capsys)
    assert found["total"]["before"] == found["total"]["after"]
    assert found["gone"] == found["new"] == []


def test_alert_settings_and_settings_of_a_detector(folder, capsys):
    fewer = run(folder, capsys, "--set", "alert.confirm_evaluations=50")
    assert fewer["total"]["after"]["alarm"] < fewer["total"]["before"]["alarm"]
    other = run(folder, capsys, "--set", "detectors.crack.rate_mm_per_year=1e6", "--set", "bridge.gauge.limits=[]")
    assert {told["reason"] for told in other["gone"]} >= {"limit"}


def test_baselines_end_where_operators_ended_them(folder):
    act = BaselineEvent(
        channel="bridge.gauge", act=Act.SENSOR_REPLACED, declared_ns=1, recorded_ns=2, effective_ns=2, who="a", why="b"
    )
    with closing(open_state(folder / "data")) as state:
        record(state, [act])
    acts = History(load_cloud(folder / "cloud.toml")).acts()
    assert [(found.channel, found.effective_ns) for found in acts] == [("bridge.gauge", 2)]
    (folder / "data" / "state.db").unlink()
    assert History(load_cloud(folder / "cloud.toml")).acts() == []


def test_it_reads_alone(folder, capsys):
    def contents():
        found = {}
        for name in ("journal.db", "state.db", "store.db"):
            with closing(sqlite3.connect(f"{(folder / 'data' / name).as_uri()}?mode=ro", uri=True)) as database:
                found[name] = list(database.iterdump())
        return found

    before = contents()
    run(folder, capsys, *RAISE)
    assert contents() == before


def test_the_table_for_people(folder, capsys):
    backtest(["-c", str(folder / "cloud.toml"), *SPAN, *RAISE])
    said = capsys.readouterr().out
    assert "alerts a day, before → after" in said
    assert "no longer told" in said
    assert "alarm    bridge.gauge: limit, 2103 against 1500 µm" in said
    assert "total" in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--set", "bridge.gage.limits.alarm=2"], ["bridge.gage.limits.alarm: unknown key", "bridge.gauge"]),
        (["--set", "bridge.gauge.limits.warn=2"], ["limits.warn: no entry 'warn'", "expected one of alarm"]),
        (["--set", "bridge.gauge.limit=2"], ["--set bridge.gauge.limit", "unknown field `limit`"]),
        (["--set", "bridge.gauge.interval_s=fast"], ["--set bridge.gauge.interval_s", "float"]),
        (["--set", "bridge.gauge.unit.x=2"], ["'unit' has no keys of its own"]),
        (["--set", "alert.confirm=2"], ["--set alert", "confirm"]),
        (["--set", "detectors.none.x=2"], ["detectors.none", "expected one of", "crack"]),
        (["--set", "detectors.crack.x=2"], ["--set detectors.crack", "unknown field `x`"]),
        (["--set", "novelty"], ["expected key=value"]),
        (["--set", "gauge=2"], ["gauge: unknown key"]),
        (["--from", "yesterday"], ["--from yesterday", "2026-03-01"]),
        (["--to", "2025-06-18"], ["--to 2025-06-18", "after --from"]),
        (["--from", "2031-01-01", "--to", "2031-01-09"], ["no readings are stored from 2031-01-01", "nor since"]),
        (
            ["--from", "2025-06-27T18:00", "--to", "2025-06-29"],
            ["no readings are stored", "the newest before it are of"],
        ),
        (["--colour", "red"], ["telltale backtest --help"]),
    ],
)
def test_errors_name_the_culprit(folder, more, words):
    with pytest.raises(UserError) as caught:
        backtest(["-c", str(folder / "cloud.toml"), *SPAN, *more])
    for word in words:
        assert word in str(caught.value)
