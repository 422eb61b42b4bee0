from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloud_service.analyse import commit as commit_module
from cloud_service.analyse.commit import Changes, commit, load_state
from cloud_service.analyse.completeness import TOLD_NOW_AND_THEN
from cloud_service.analyse.decode import Skip
from cloud_service.analyse.states import States
from cloud_service.completeness.report import read_ledgers
from cloud_service.incident_record import list_incidents
from cloud_service.journal.entries import FrameEntry, HealthEntry, StatusEntry
from cloud_service.journal.strays import REST
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.state import open_state
from cloud_service.store.schema import decode_rows
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.errors import RejectReason
from telltale.findings import Reason, Tier
from telltale.readings import Block, ClockQuality, Frame
from telltale.wire.codec import encode_frame
from tests.cloud_service.analyse.process import analyse, offset, start, until
from tests.cloud_service.analyse.site import RUN, T0_NS, bridge, fill_journal, hour, hours, scalar


def leaping(number: int) -> tuple[Block, ...]:
    """The gauge leaps at hour 60 for 30 hours."""
    waves, gauge, air = hour(number)
    return (waves, scalar("bridge.gauge", gauge.t0_ns, 2000.0 + number) if 60 <= number < 90 else gauge, air)


def contents(folder: Path) -> dict[str, Any]:
    """All that was concluded, in a form that does not depend on batches."""
    state = open_state(folder)
    rows: dict[tuple[str, str, int], list[Any]] = {}
    for (body,) in state.execute("SELECT body FROM spool ORDER BY id"):
        for batch in decode_rows(body):
            if batch.measurement in TOLD_NOW_AND_THEN:
                continue
            for index, t_ns in enumerate(batch.t_ns.tolist()):
                rows[batch.measurement, batch.subject, t_ns] = [column[index] for column in batch.columns.values()]
    kept = {
        "rows": rows,
        "incidents": state.execute("SELECT * FROM incidents ORDER BY id").fetchall(),
        "log": state.execute("SELECT incident, at_ns, what FROM incident_log ORDER BY id").fetchall(),
        "mails": state.execute("SELECT incident, tier, message_id, recipients FROM outbox ORDER BY id").fetchall(),
        "now": state.execute("SELECT * FROM channel_now").fetchall(),
        "ledgers": {
            channel: (ledger.since_ns, ledger.last_ns, ledger.gaps) for channel, ledger in read_ledgers(state).items()
        },
        "meta": state.execute("SELECT * FROM meta").fetchall(),
    }
    state.close()
    return kept


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one["rows"].keys() == other["rows"].keys()
    for key, row in one["rows"].items():
        for left, right in zip(row, other["rows"][key], strict=True):
            if isinstance(left, float):
                np.testing.assert_allclose(left, right, rtol=1e-6, err_msg=str(key))
            else:
                assert left == right, key
    assert one["ledgers"]
    for name in ("incidents", "log", "mails", "now", "ledgers", "meta"):
        assert one[name] == other[name], name


def a_run(folder: Path, frames: list[Frame], batch_frames: int) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    bridge(folder)
    fill_journal(folder, frames)
    analyse(folder, until(folder, len(frames)), batch_frames)
    return contents(folder)


def test_a_leap_becomes_an_incident_and_a_mail_whatever_the_batches(tmp_path: Path) -> None:
    frames = hours(range(120), leaping)
    small = a_run(tmp_path / "small", frames, 1)
    large = a_run(tmp_path / "large", frames, 50)
    assert_same(small, large)
    state = open_state(tmp_path / "large")
    (incident,) = [item for item in list_incidents(state) if item.subject == "bridge.gauge"]
    assert (incident.reason, incident.tier, incident.state) == (Reason.LIMIT, Tier.ALARM, "resolved")
    assert incident.occurred_ns == T0_NS + 60 * NS_PER_HOUR + NS_PER_HOUR // 2
    assert incident.opened_ns == incident.occurred_ns + NS_PER_HOUR
    evidence = state.execute("SELECT MIN(outbox.spool_id), MAX(spool.id) FROM outbox, spool").fetchone()
    assert 1 <= evidence[0] <= evidence[1]
    state.close()


@pytest.mark.parametrize("batch_frames", [1, 7])
def test_killed_anywhere_it_resumes_to_the_same_results(tmp_path: Path, batch_frames: int) -> None:
    frames = hours([*range(60, 240), *range(60)], leaping)  # live data first, the backlog behind it
    expected = a_run(tmp_path / "whole", frames, 50)
    folder = tmp_path / "killed"
    folder.mkdir()
    bridge(folder)
    fill_journal(folder, frames)
    kills = 0
    while (before := offset(folder)) < len(frames):
        child = start(folder, len(frames), batch_frames)
        _until_moved(folder, before + 70, len(frames))
        child.kill()
        kills += child.wait() != 0
    assert kills >= 2
    assert_same(expected, contents(folder))


def _until_moved(folder: Path, target: int, last: int) -> None:
    deadline = time.monotonic() + 60
    while offset(folder) < min(target, last):
        assert time.monotonic() < deadline, "the analyse process does not move"


def test_a_damaged_record_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path) -> None:
    bridge(tmp_path)
    fill_journal(tmp_path, hours(range(5)))
    journal = open_journal(tmp_path)
    journal.execute("UPDATE frames SET payload = CAST(substr(payload, 1, 40) || x'ff' AS BLOB) WHERE \"offset\" = 2")
    analyse(tmp_path, until(tmp_path, 5))
    letters = journal.execute("SELECT gateway, sequence, detail FROM dead_letter").fetchall()
    assert [letter[:2] for letter in letters] == [("gw", 2)]
    assert "damaged" in letters[0][2]
    journal.close()
    kept = contents(tmp_path)["rows"]
    assert sum(key[0] == "window" for key in kept) == 4
    state = open_state(tmp_path)
    assert state.execute("SELECT gateway, channel, reason, blocks FROM skipped").fetchall() == [
        ("gw", "", "damaged", 1)
    ]
    state.close()


def test_a_commit_that_fails_changes_nothing(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    states = States()
    states.put("bridge", "alert", object())
    with pytest.raises(TypeError):
        commit(state, states, Changes(offset=5, now_ns=1))
    assert state.execute("SELECT COUNT(*) FROM meta").fetchone() == (0,)
    assert load_state(state, "bridge", "alert") is None
    state.close()


def test_a_gateway_that_makes_up_names_does_not_fill_the_table_of_what_was_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_module, "MAX_SKIPPED_ROWS", 3)
    state = open_state(tmp_path)
    for _ in range(2):
        skips = [Skip("gw", f"name{number}", RejectReason.UNKNOWN_CHANNEL, "", 5 + number, 10) for number in range(20)]
        for skip in skips:
            commit(state, States(), Changes(skips=[skip]))
    rows = state.execute("SELECT channel, blocks FROM skipped ORDER BY channel").fetchall()
    assert rows == [(REST, 34), ("name0", 2), ("name1", 2), ("name2", 2)]
    state.close()


def test_gateway_health_is_a_row_a_minute_at_most(tmp_path: Path) -> None:
    bridge(tmp_path)
    fill_journal(tmp_path, hours(range(2)))
    writer = JournalWriter(open_journal(tmp_path))
    health = b'{"at_ns": 1, "version": "1", "backlog_frames": 3}'
    writer.commit([StatusEntry("gw", T0_NS, online=True), HealthEntry("gw", T0_NS, health)])
    rounds = iter(range(200))
    analyse(tmp_path, lambda _: offset(tmp_path) >= 2 and next(rounds) > 100)
    rows = {key: row for key, row in contents(tmp_path)["rows"].items() if key[0] == "gateway"}
    assert len(rows) == 1
    assert next(iter(rows.values()))[0] == 3
    writer.close()


def test_on_the_wall_clock_a_service_that_was_away_calls_nobody_silent(tmp_path: Path) -> None:
    bridge(tmp_path)
    now_ns = time.time_ns()
    long_ago_ns = now_ns - 30 * 24 * NS_PER_HOUR
    writer = JournalWriter(open_journal(tmp_path))
    frames = [replace(item, clock_quality=ClockQuality.SYNCHRONISED) for item in hours(range(3))]
    writer.commit([FrameEntry("gw", RUN, item.sequence, long_ago_ns, encode_frame(item)) for item in frames])
    analyse(tmp_path, until(tmp_path, 3), mode="system")
    state = open_state(tmp_path)
    assert list_incidents(state) == []  # the service itself was away: grace
    assert state.execute("SELECT value FROM meta WHERE key = 'now_ns'").fetchone()[0] >= now_ns - NS_PER_S
    state.close()
    writer.close()
