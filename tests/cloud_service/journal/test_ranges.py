from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloud_service.journal.ranges import Ranges

SPAN = st.tuples(st.integers(1, 40), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def members(ranges: Ranges) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


@given(st.lists(SPAN, max_size=30), st.lists(st.integers(1, 46), max_size=10), SPAN)
def test_behaves_like_a_set(added, removed, asked):
    ranges, oracle = Ranges(), set()
    for first, last in added:
        ranges.add(first, last)
        oracle |= set(range(first, last + 1))
    for number in removed:
        ranges.remove(number)
        oracle.discard(number)
    assert members(ranges) == oracle
    assert all(number in ranges for number in oracle)
    assert not any(number in ranges for number in set(range(50)) - oracle)
    listed = list(ranges)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(listed))
    missing = {n for first, last in ranges.missing(*asked) for n in range(first, last + 1)}
    assert missing == set(range(asked[0], asked[1] + 1)) - oracle
    cumulative = next(n for n in range(60) if n + 1 not in oracle)
    assert ranges.cumulative == cumulative
    assert {n for f, last in ranges.above for n in range(f, last + 1)} == {n for n in oracle if n > cumulative}


def test_a_huge_range_costs_nothing():
    ranges = Ranges([(1, 2**62)])
    ranges.remove(2**61)
    assert len(ranges) == 2
    assert ranges.missing(1, 2**63) == [(2**61, 2**61), (2**62 + 1, 2**63)]
