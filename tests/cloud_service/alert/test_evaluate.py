from __future__ import annotations

from collections.abc import Sequence

import pytest

from cloud_service.alert.evaluate import Change, Event, Watch, evaluate, release
from cloud_service.alert.settings import AlertSettings
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason, Tier

T0_NS = 1_750_000_000 * NS_PER_S
SETTINGS = AlertSettings()
SCORES = {Tier.CLEAR: 0.1, Tier.SUSPECT: 1.1, Tier.WARN: 1.2, Tier.ALARM: 1.3}


def finding(
    minute: float, tier: Tier, score: float | None = None, reason: Reason = Reason.LIMIT, channel: str = "bridge.gauge"
) -> Finding:
    return Finding(
        channel=channel,
        t_ns=T0_NS + round(minute * 60 * NS_PER_S),
        reason=reason,
        tier=tier,
        score=SCORES[tier] if score is None else score,
        value=1.0,
        limit=1.0,
    )


def feed(
    findings: Sequence[Finding], watch: Watch | None = None, settings: AlertSettings = SETTINGS, delay_h: float = 0.0
) -> list[tuple[str, str, float]]:
    """(change, tier, minute at which it began) of each event."""
    watch = Watch() if watch is None else watch
    events = [evaluate(watch, item, item.t_ns + round(delay_h * NS_PER_HOUR), settings) for item in findings]
    return [_brief(event) for event in events if event is not None]


def _brief(event: Event) -> tuple[str, str, float]:
    return event.change.value, event.tier.value, (event.occurred_ns - T0_NS) / NS_PER_S / 60


def test_one_evaluation_confirms_nothing() -> None:
    assert feed([finding(0, Tier.ALARM), finding(1, Tier.CLEAR), finding(2, Tier.ALARM), finding(3, Tier.CLEAR)]) == []


def test_two_in_a_row_over_a_minute_confirm() -> None:
    assert feed([finding(0, Tier.WARN), finding(1, Tier.WARN)]) == [("raised", "warn", 0)]


def test_two_within_a_second_do_not() -> None:
    assert feed([finding(0, Tier.WARN), finding(0.01, Tier.WARN)]) == []
    assert feed([finding(0, Tier.WARN), finding(0.01, Tier.WARN), finding(1, Tier.WARN)]) == [("raised", "warn", 0)]


def test_an_instant_alarm_needs_the_next_sample_only() -> None:
    assert feed([finding(0, Tier.ALARM, 2.0)]) == []
    assert feed([finding(0, Tier.ALARM, 2.0), finding(0.01, Tier.ALARM, 2.0)]) == [("raised", "alarm", 0)]


def test_it_rises_once_a_tier_and_tells_when_each_began() -> None:
    rising = [finding(n, Tier.WARN) for n in range(5)] + [finding(n, Tier.ALARM) for n in range(5, 10)]
    assert feed(rising) == [("raised", "warn", 0), ("raised", "alarm", 0)]


def test_it_clears_below_four_fifths_only() -> None:
    raised = [finding(0, Tier.WARN), finding(1, Tier.WARN)]
    hovering = [finding(n, Tier.CLEAR, 0.9) for n in range(2, 20)]
    assert feed([*raised, *hovering]) == [("raised", "warn", 0)]
    below = [finding(20, Tier.CLEAR, 0.79), finding(21, Tier.CLEAR, 0.79)]
    assert feed([*raised, *hovering, *below]) == [("raised", "warn", 0), ("cleared", "clear", 21)]


def test_flapping_between_warn_and_hovering_tells_once() -> None:
    flapping = [finding(n, Tier.WARN if n % 4 < 2 else Tier.CLEAR, 1.1 if n % 4 < 2 else 0.85) for n in range(60)]
    assert feed(flapping) == [("raised", "warn", 0)]


def test_silence_needs_no_second_look() -> None:
    silent = finding(0, Tier.SUSPECT, reason=Reason.SILENT_CHANNEL)
    back = finding(30, Tier.CLEAR, reason=Reason.SILENT_CHANNEL)
    assert feed([silent, back]) == [("raised", "suspect", 0), ("cleared", "clear", 30)]


def test_a_warning_in_a_backlog_that_clears_is_not_told() -> None:
    watch = Watch()
    assert feed([finding(n, Tier.WARN) for n in range(5)], watch, delay_h=30) == []
    assert feed([finding(5, Tier.CLEAR), finding(6, Tier.CLEAR)], watch, delay_h=30) == []
    assert release(watch, T0_NS + 100 * NS_PER_HOUR, SETTINGS) is None


def test_a_warning_in_a_backlog_that_is_still_true_is_told_when_it_has_caught_up() -> None:
    watch = Watch()
    assert feed([finding(n, Tier.WARN) for n in range(5)], watch, delay_h=30) == []
    assert feed([finding(5, Tier.WARN)], watch, delay_h=0) == [("raised", "warn", 0)]


def test_a_warning_in_a_backlog_that_nothing_follows_is_told_after_a_while() -> None:
    watch = Watch()
    feed([finding(n, Tier.WARN) for n in range(5)], watch, delay_h=30)
    heard_ns = T0_NS + 30 * NS_PER_HOUR
    assert release(watch, heard_ns + NS_PER_HOUR // 2, SETTINGS) is None
    event = release(watch, heard_ns + 2 * NS_PER_HOUR, SETTINGS)
    assert event is not None
    assert _brief(event) == ("raised", "warn", 0)
    assert release(watch, heard_ns + 9 * NS_PER_HOUR, SETTINGS) is None


def test_a_sensor_fault_in_a_backlog_stands_at_once() -> None:
    assert feed([finding(0, Tier.SUSPECT, reason=Reason.SENSOR_STUCK)], delay_h=500) == [("raised", "suspect", 0)]


def test_an_alarm_in_a_backlog_is_told_at_once() -> None:
    assert feed([finding(n, Tier.ALARM) for n in range(3)], delay_h=500) == [("raised", "alarm", 0)]


def test_late_data_behind_live_data_tells_of_alarms_only() -> None:
    watch = Watch()
    feed([finding(1000, Tier.CLEAR), finding(1001, Tier.CLEAR)], watch)
    assert feed([finding(n, Tier.WARN) for n in range(5)], watch, delay_h=20) == []
    assert feed([finding(n, Tier.ALARM) for n in range(10, 15)], watch, delay_h=20) == [("passed", "alarm", 10)]
    assert watch.newest_ns == T0_NS + 1001 * 60 * NS_PER_S


@pytest.mark.parametrize("score", [float("nan")])
def test_a_score_that_is_no_number_holds_nothing_open(score: float) -> None:
    raised = [finding(0, Tier.WARN), finding(1, Tier.WARN)]
    cleared = [finding(2, Tier.CLEAR, score), finding(3, Tier.CLEAR, score)]
    assert feed([*raised, *cleared])[-1][0] == Change.CLEARED
