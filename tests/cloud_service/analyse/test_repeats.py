"""Judged once: exact for what is regular, however it comes; of what is irregular and old, to within the interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_service.analyse.piece import Piece
from cloud_service.analyse.repeats import MAX_SPANS, Times, unjudged
from cloud_service.analyse.state_codec import decode_state, encode_state
from telltale.clock import NS_PER_HOUR
from telltale.site import Place
from tests.cloud_service.analyse.site import T0_NS, bridge


@pytest.fixture(scope="module")
def air(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return bridge(tmp_path_factory.mktemp("site")).places["bridge.air"]


def fresh(times: Times, air: Place, t_ns: list[int]) -> list[int]:
    ordered = np.array(sorted(set(t_ns)), dtype=np.int64)
    piece = Piece(air, 0, ordered, np.zeros(ordered.size), np.zeros(ordered.size, np.uint8))
    kept = unjudged(times, piece)
    return [] if kept is None else kept.t_ns.tolist()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.integers(0, 120), min_size=1, max_size=30), max_size=20), st.sampled_from([1e9, 1.024e9 / 3])
)
def test_each_time_is_judged_once_whatever_the_order(air: Place, parts: list[list[int]], step_ns: float) -> None:
    times, seen = Times(), set[int]()
    for part in parts:
        t_ns = [T0_NS + round(number * step_ns) for number in part]
        assert set(fresh(times, air, t_ns)) == set(t_ns) - seen
        seen.update(t_ns)
        times = decode_state(encode_state(times), Times)


def test_a_regular_channel_is_remembered_for_ever_in_a_few_bytes(air: Place) -> None:
    times = Times()
    step_ns = 1e9 / 3
    every = [T0_NS + round(number * step_ns) for number in range(50_000)]
    for start in range(0, len(every), 1_000):
        assert len(fresh(times, air, every[start : start + 1_000])) == 1_000
    assert len(encode_state(times)) < 1_000
    assert fresh(times, air, every) == []


def test_an_irregular_channel_stays_bounded_and_gaps_are_still_new(air: Place) -> None:
    rng = np.random.default_rng(1)
    steps = NS_PER_HOUR + rng.integers(-NS_PER_HOUR // 4, NS_PER_HOUR // 4, 3_000)
    every = (T0_NS + np.cumsum(steps)).tolist()
    hole = slice(200, 220)
    times = Times()
    for t_ns in every[: hole.start] + every[hole.stop :]:
        assert fresh(times, air, [t_ns]) == [t_ns]
    assert len(times.spans) <= MAX_SPANS
    assert fresh(times, air, every[: hole.start] + every[hole.stop :]) == []
    assert fresh(times, air, every[hole]) == every[hole]
    assert fresh(times, air, every[hole]) == []
