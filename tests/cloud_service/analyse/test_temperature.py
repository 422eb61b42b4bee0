from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_service.analyse.detector import LAGS_H
from cloud_service.analyse.temperature import KEPT_NS, MAX_KEPT, extend, look_up, new_history, trim, unsettled
from telltale.clock import NS_PER_HOUR

HOUR = NS_PER_HOUR


def history_of(hours: list[float], celsius: list[float], usable: list[bool] | None = None):
    history = new_history()
    times = np.array([round(hour * HOUR) for hour in hours], dtype=np.int64)
    good = np.ones(len(hours), dtype=np.bool_) if usable is None else np.array(usable)
    extend(history, times, np.array(celsius, dtype=np.float64), good)
    return history


def at(history, hour: float) -> np.ndarray:
    return look_up(history, np.array([round(hour * HOUR)], dtype=np.int64))[0]


def test_a_step_is_followed_exponentially() -> None:
    hours = [0.0, *np.arange(1, 25, 0.25).tolist()]
    history = history_of(hours, [0.0] + [10.0] * (len(hours) - 1))
    seen = at(history, 24.75)
    assert seen[0] == 10.0
    for lagged, lag_h in zip(seen[1:], LAGS_H[1:], strict=True):
        rose = 10 * (1 - lag_h * -np.expm1(-1 / lag_h))  # after the first hour's straight rise
        assert lagged == pytest.approx(10 + (rose - 10) * np.exp(-23.75 / lag_h))


def test_an_outage_leaves_the_lags_unsettled_for_as_long_again_and_two_days_at_most() -> None:
    hours = [0.0, 1, 2, 12, 13, 14, 30, 31, 200, 201]
    history = history_of(hours, [5.0] * len(hours))
    at_hours = np.array([2.5, 12, 21.9, 22.1, 30, 45.9, 46.1, 200, 247.9, 248.1])
    found = unsettled(history, np.round(at_hours * HOUR).astype(np.int64))
    assert found.tolist() == [False, True, True, False, True, True, False, True, True, False]


def test_only_what_had_been_journalled_counts_as_an_outage() -> None:
    history = history_of([0, 1, 12], [5.0, 5.0, 5.0])
    asked = np.array([13 * HOUR])
    assert unsettled(history, asked).tolist() == [True]
    assert unsettled(history, asked, np.array([2])).tolist() == [False]


def test_only_readings_of_the_last_three_hours_count() -> None:
    history = history_of([0, 1], [5.0, 6.0])
    assert np.isnan(at(history, -0.01)).all()
    assert at(history, 0.5)[0] == 5.0
    assert at(history, 4.0)[0] == 6.0
    assert np.isnan(at(history, 4.01)).all()


def test_a_missing_reading_is_bridged_and_a_distrusted_one_ends_what_was_known() -> None:
    assert at(history_of([0, 1], [5.0, np.nan]), 1.5)[0] == 5.0
    broken = history_of([0, 1, 2], [5.0, -273.0, 7.0], [True, False, True])
    assert np.isnan(at(broken, 1.5)).all()
    assert at(broken, 2.0)[0] == 7.0


def test_readings_close_together_are_thinned() -> None:
    history = history_of((np.arange(3600) / 3600).tolist(), [5.0] * 3600)
    assert history.t_ns.size == 12


def test_memory_is_bounded() -> None:
    history = history_of((np.arange(5000) / 12).tolist(), [5.0] * 5000)
    trim(history)
    assert history.t_ns.size <= MAX_KEPT
    assert history.t_ns[-1] - history.t_ns[0] <= KEPT_NS


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(30)))
def test_late_readings_find_their_place(order: list[int]) -> None:
    celsius = [float(hour % 7) for hour in range(30)]
    expected = history_of([float(hour) for hour in range(30)], celsius)
    late = new_history()
    for hour in order:
        extend(late, np.array([hour * HOUR], dtype=np.int64), np.array([celsius[hour]]), np.ones(1, dtype=np.bool_))
    np.testing.assert_array_equal(late.t_ns, expected.t_ns)
    np.testing.assert_allclose(late.lagged_c, expected.lagged_c)
