"""Air, and its first-order lag."""

from __future__ import annotations

import numpy as np
import pytest

from sensors_sim.environment import STEP_NS, Climate, Temperature, air
from sensors_sim.streams import Streams
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from tests.sensors_sim.spans import START_NS, span

CALM = Climate(weather_c=0.0, season_c=0.0)


def _hours(first: float, last: float) -> np.ndarray:
    return START_NS + (np.arange(first, last, 0.5) * NS_PER_HOUR).astype(np.int64)


def test_a_lag_delays_and_damps_a_daily_swing_as_a_first_order_system_does() -> None:
    lag_h, swing = 6.0, 2 * np.pi / 24
    outside = air(CALM, span(10), Streams(1))
    t_ns = _hours(24 * 5, 24 * 7)
    body = outside.lagged(lag_h).at(t_ns) - CALM.mean_c

    spectrum = np.fft.rfft(body)[2] / np.fft.rfft(outside.at(t_ns) - CALM.mean_c)[2]
    expected = 1 / (1 + 1j * swing * lag_h)
    assert abs(spectrum) == pytest.approx(abs(expected), rel=0.03)
    # Held over each step of half an hour, the input leads by a quarter of an hour on average.
    assert np.angle(spectrum) / swing == pytest.approx(np.angle(expected) / swing, abs=0.26)


def test_a_step_reaches_63_percent_after_the_time_constant() -> None:
    values = np.zeros(400)
    values[100:] = 10.0
    body = Temperature(START_NS, values).lagged(12.0)
    at = np.array([START_NS + 99 * STEP_NS + 12 * NS_PER_HOUR])
    assert body.at(at)[0] == pytest.approx(10 * (1 - np.exp(-1)), rel=1e-6)


def test_summer_is_warmer_than_winter_and_afternoon_than_night() -> None:
    outside = air(Climate(weather_c=0.0), span(365), Streams(1))
    january = outside.at(_hours(24 * 60, 24 * 61))
    july = outside.at(_hours(24 * 247, 24 * 248))
    assert july.mean() - january.mean() == pytest.approx(19.0, abs=0.3)
    assert january.argmax() == 28  # 14:00


def test_weather_has_the_stated_deviation_and_memory() -> None:
    climate = Climate(season_c=0.0, day_c=0.0)
    outside = air(climate, span(3_650), Streams(5))
    six_hours = outside.at(START_NS + 6 * NS_PER_HOUR * np.arange(4 * 3_600, dtype=np.int64))
    assert six_hours.std() == pytest.approx(climate.weather_c, rel=0.1)
    neighbours = np.corrcoef(six_hours[:-10], six_hours[10:])[0, 1]
    assert neighbours == pytest.approx(np.exp(-1), abs=0.08)  # ten steps of six hours are the memory, 60 h


def test_a_longer_span_begins_with_the_same_air() -> None:
    t_ns = _hours(0, 24 * 10)
    short, long = (air(Climate(), span(days), Streams(3)).at(t_ns) for days in (10, 200))
    np.testing.assert_array_equal(short, long)


def test_another_seed_is_another_weather() -> None:
    t_ns = np.array([START_NS + NS_PER_DAY])
    assert air(Climate(), span(2), Streams(1)).at(t_ns) != air(Climate(), span(2), Streams(2)).at(t_ns)
