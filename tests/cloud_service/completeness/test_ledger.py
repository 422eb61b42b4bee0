"""The ledger of a channel against a set of times: however readings come, what is told is what is there."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_service.completeness import ledger as ledger_module
from cloud_service.completeness.days import day_rows
from cloud_service.completeness.holes import Hole
from cloud_service.completeness.ledger import KEPT_DAYS, Ledger, missing_in, take
from cloud_service.completeness.report import channel_report
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.site import Channel

HOUR = NS_PER_HOUR
T0 = 1_700_006_400_000_000_000 // NS_PER_DAY * NS_PER_DAY
CHANNEL = Channel(id="c", kind="crack", unit="mm", gateway="g", interval_s=3600.0)


def hear(ledger: Ledger, *hours: int, value: bool = True) -> Ledger:
    t_ns = T0 + np.array(sorted(hours), dtype=np.int64) * HOUR
    take(ledger, t_ns, np.full(t_ns.size, value), HOUR)
    return ledger


def gaps(ledger: Ledger) -> list[tuple[int, int, int]]:
    return [((gap.start_ns - T0) // HOUR, (gap.end_ns - T0) // HOUR, gap.missing) for gap in ledger.gaps]


def test_a_gap_opens_is_split_and_closes() -> None:
    ledger = hear(hear(Ledger(), 0, 1, 2), 7)
    assert gaps(ledger) == [(2, 7, 4)]
    assert gaps(hear(ledger, 4)) == [(2, 4, 1), (4, 7, 2)]
    assert gaps(hear(ledger, 4)) == [(2, 4, 1), (4, 7, 2)]
    assert gaps(hear(ledger, 3, 5, 6)) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True), min_size=1, max_size=12))
def test_whatever_the_order_what_is_missing_is_what_is_not_there(batches: list[list[int]]) -> None:
    ledger = Ledger()
    for batch in batches:
        hear(ledger, *batch)
    there = {hour for batch in batches for hour in batch}
    wanted = set(range(min(there), max(there) + 1))
    assert sum(gap.missing for gap in ledger.gaps) == len(wanted - there)
    assert (ledger.since_ns, ledger.last_ns) == (T0 + min(there) * HOUR, T0 + max(there) * HOUR)
    assert all(a.end_ns <= b.start_ns for a, b in zip(ledger.gaps, ledger.gaps[1:], strict=False))
    assert {gap.start_ns for gap in ledger.gaps} | {gap.end_ns for gap in ledger.gaps} <= {
        T0 + hour * HOUR for hour in there
    }


def test_readings_without_value_are_missing_and_say_so() -> None:
    ledger = hear(Ledger(), 0)
    hear(ledger, 1, 2, value=False)
    report = channel_report(CHANNEL, ledger, [], T0 + 3 * HOUR)
    assert report is not None
    assert report.gaps[0].why == "no value from the sensor (2)"
    hear(ledger, 3)
    assert gaps(ledger) == [(0, 3, 2)]
    assert ledger.gaps[0].no_value == 2


def test_a_backlog_from_before_the_first_reading_moves_the_beginning() -> None:
    ledger = hear(hear(Ledger(), 10, 11), 2, 3)
    assert gaps(ledger) == [(3, 10, 6)]
    assert gaps(hear(ledger, *range(4, 10))) == []
    assert ledger.since_ns == T0 + 2 * HOUR


def test_a_clock_of_1970_is_no_beginning_and_no_gap() -> None:
    ledger = Ledger()
    take(ledger, np.array([5, HOUR], dtype=np.int64), np.ones(2, dtype=np.bool_), HOUR)
    hear(ledger, 0, 1)
    assert (ledger.since_ns, gaps(ledger)) == (T0, [])
    take(ledger, np.array([5], dtype=np.int64), np.ones(1, dtype=np.bool_), HOUR)
    assert (ledger.since_ns, gaps(ledger)) == (T0, [])


def test_it_is_bounded_and_loses_no_count(monkeypatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_GAPS", 8)
    ledger = hear(Ledger(), *range(0, 200, 4))
    assert len(ledger.gaps) == 8
    assert sum(gap.missing for gap in ledger.gaps) == 49 * 3
    hear(ledger, (KEPT_DAYS + 30) * 24 // 2, (KEPT_DAYS + 30) * 24)
    assert len(ledger.changed_days) <= KEPT_DAYS
    assert all(gap.end_ns >= ledger.last_ns - KEPT_DAYS * NS_PER_DAY for gap in ledger.gaps)


def test_days_tell_expected_missing_and_gaps_and_change_with_late_readings() -> None:
    ledger = hear(Ledger(), *range(30), *range(40, 72))
    assert ledger.changed_days == [T0 // NS_PER_DAY + day for day in range(3)]
    rows = day_rows("c", ledger, ledger.changed_days, HOUR)
    assert rows.t_ns.tolist() == [T0 + day * NS_PER_DAY for day in range(3)]
    assert np.asarray(rows.columns["missing"]).tolist() == [0, 10, 0]
    assert np.asarray(rows.columns["gaps"]).tolist() == [0, 1, 0]
    assert np.asarray(rows.columns["expected"]).tolist() == [24, 24, 23]
    ledger.changed_days = []
    hear(ledger, *range(30, 40))
    assert ledger.changed_days == [T0 // NS_PER_DAY + 1]
    assert np.asarray(day_rows("c", ledger, ledger.changed_days, HOUR).columns["complete_percent"]).tolist() == [100.0]


def test_the_report_names_causes_and_counts_until_now() -> None:
    ledger = hear(Ledger(), 0, 1, 5, 6, 10, 11)
    holes = [
        Hole("aa", 3, 4, "dropped at the edge", "outbox full", T0 + 1 * HOUR, T0 + 5 * HOUR),
        Hole("aa", 20, 30, "not yet received", "", T0 + 11 * HOUR, None),
    ]
    report = channel_report(CHANNEL, ledger, holes, T0 + 20 * HOUR)
    assert report is not None
    assert [(gap.why, gap.missing, gap.is_open) for gap in report.gaps] == [
        ("not yet received", 8, True),
        ("silent", 3, False),
        ("dropped at the edge: outbox full", 3, False),
    ]
    assert (report.expected, report.missing, report.complete_percent) == (20, 14, 30.0)


def test_a_span_counts_its_share_of_a_gap() -> None:
    ledger = hear(Ledger(), 0, 100)
    assert round(missing_in(ledger, T0 + 50 * HOUR, T0 + 100 * HOUR)) == 50
    report = channel_report(CHANNEL, ledger, [], T0 + 100 * HOUR, days=1)
    assert report is not None
    assert report.complete_percent < 5
    assert channel_report(CHANNEL, None, [], T0) is None
