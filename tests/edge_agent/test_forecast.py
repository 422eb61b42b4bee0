"""The forecast: hours until full while it fills, and how long an outage could be bridged while it does not."""

from __future__ import annotations

import pytest

from edge_agent.forecast import Forecast
from telltale.clock import NS_PER_S

RATE = 1_000  # bytes a second
ROOM = 3_600 * RATE * 24


def seen(seconds: int, kept_share: float, ripple: int = 0) -> Forecast:
    forecast = Forecast()
    for second in range(0, seconds + 1, 5):
        backlog = round(second * RATE * kept_share) + ripple * (second % 10 == 0)
        forecast.observe(second * NS_PER_S, second * RATE, backlog)
    return forecast


def test_an_outage_fills_the_room_at_the_rate_of_production() -> None:
    forecast = seen(60, kept_share=1.0)
    assert forecast.hours_left(ROOM) == pytest.approx(24)
    assert forecast.outage_hours(ROOM) == pytest.approx(24)


def test_while_connected_or_draining_it_says_how_long_an_outage_would_be_bridged() -> None:
    for kept_share in (0.0, -3.0):
        forecast = seen(60, kept_share)
        assert forecast.hours_left(ROOM) is None
        assert forecast.outage_hours(ROOM) == pytest.approx(24)


def test_the_ripple_of_a_working_link_is_no_growth() -> None:
    assert seen(60, 0.0, ripple=5_000).hours_left(ROOM) is None
    assert seen(55, 0.0, ripple=-5_000).hours_left(ROOM) is None


def test_a_link_that_is_too_slow_fills_it_later() -> None:
    assert seen(60, kept_share=0.25).hours_left(ROOM) == pytest.approx(96)


def test_half_a_minute_is_needed_and_something_produced() -> None:
    assert seen(25, 1.0).hours_left(ROOM) is None
    assert seen(25, 1.0).outage_hours(ROOM) is None
    silent = Forecast()
    silent.observe(0, 0, 0)
    silent.observe(60 * NS_PER_S, 0, 0)
    assert silent.hours_left(ROOM) is None
    assert silent.outage_hours(ROOM) is None
    assert Forecast().outage_hours(ROOM) is None
