"""However frames come (out of order, twice, from a restarted agent that repeats itself, across restarts of the
analysis), what is concluded is the same as if they had come one after the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.state import open_state
from telltale.clock import NS_PER_HOUR
from telltale.readings import Block, DropRecord, Frame, RunEnd
from tests.cloud_service.analyse.delivery import Delivery, assert_identical, contents, deliver
from tests.cloud_service.analyse.detectors import Range, Running
from tests.cloud_service.analyse.site import RUN, T0_NS, bridge, hour, hours, scalar

SYNTHETIC: Sequence[Detector] = (Range(), Running())
COUNTER = itertools.count()


def leaping(number: int) -> tuple[Block, ...]:
    """The gauge leaps for seven hours."""
    waves, gauge, air = hour(number)
    return (waves, scalar("bridge.gauge", gauge.t0_ns, 2000.0 + number) if 12 <= number < 19 else gauge, air)


def sealed(number: int) -> list[tuple[Block, ...]]:
    """As the agent seals an hour: scalars, then waveforms."""
    waves, gauge, air = leaping(number)
    return [(gauge, air), (waves,)]


def in_one_run(count: int) -> list[Frame]:
    blocks = [(number, some) for number in range(count) for some in sealed(number)]
    return [
        Frame("gw", RUN, sequence, acquired_ns(number), blocks=some)
        for sequence, (number, some) in enumerate(blocks, start=1)
    ]


def acquired_ns(number: int) -> int:
    return T0_NS + (number + 1) * NS_PER_HOUR


def in_runs(starts: Sequence[tuple[int, int]], count: int) -> list[Frame]:
    """Runs that start at an hour and repeat so many before it; each says which came before it."""
    frames: list[Frame] = []
    ends: list[RunEnd] = []
    edges = [start for start, _ in starts] + [count]
    for index, (start, rewound) in enumerate(starts):
        run_id = bytes([index + 1]) * 16
        blocks = [(n, some) for n in range(max(0, start - rewound), edges[index + 1]) for some in sealed(n)]
        frames += [
            Frame("gw", run_id, sequence, acquired_ns(number), blocks=some, after=tuple(ends))
            for sequence, (number, some) in enumerate(blocks, start=1)
        ]
        if blocks:
            ends.append(RunEnd(run_id, len(blocks)))
    return frames


def play(folder: Path, delivery: Delivery, detectors: Sequence[Detector] = SYNTHETIC) -> dict[str, Any]:
    own = folder / str(next(COUNTER))
    own.mkdir()
    bridge(own, gateways=1)
    return deliver(own, delivery, detectors)


COUNT = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("order")


@cache
def undisturbed(folder: Path, detectors: Sequence[Detector]) -> dict[str, Any]:
    return play(folder, Delivery(in_one_run(COUNT)), detectors)


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    starts = draw(
        st.lists(st.tuples(st.integers(1, COUNT - 1), st.integers(0, 6)), max_size=3, unique_by=lambda s: s[0])
    )
    frames = in_runs([(0, 0), *sorted(starts)], COUNT)
    order = draw(st.permutations(range(len(frames)))) if draw(st.booleans()) else _shuffled(draw, len(frames))
    twice = draw(st.lists(st.sampled_from(range(len(frames))), max_size=5))
    return Delivery(
        [frames[index] for index in [*order, *twice]],
        parts=draw(st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any)),
        ends=draw(st.lists(st.integers(1, 9), max_size=4)),
        batch_frames=draw(st.integers(1, 30)),
        plan=f"{starts} {order} {twice}",
    )


def _shuffled(draw: st.DrawFn, count: int) -> list[int]:
    """A little out of order, as frames in flight are."""
    jitter = draw(st.lists(st.integers(0, 8), min_size=count, max_size=count))
    return sorted(range(count), key=lambda index: index + jitter[index])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries())
def test_any_delivery_comes_to_the_same(folder: Path, delivery: Delivery) -> None:
    assert_identical(undisturbed(folder, SYNTHETIC), play(folder, delivery))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries())
def test_it_does_with_the_registered_detectors(folder: Path, delivery: Delivery) -> None:
    assert_identical(undisturbed(folder, DETECTORS), play(folder, delivery, DETECTORS))


def test_what_was_dropped_is_not_waited_for(folder: Path) -> None:
    frames = in_one_run(COUNT)
    kept = [*frames[:10], *frames[14:]]
    told = [*kept[:14], replace(kept[14], drops=(DropRecord(11, 14, "full"),)), *kept[15:]]
    expected = play(folder, Delivery(told))
    assert_identical(expected, play(folder, Delivery([*told[:5], *told[9:], *told[5:9]], parts=(3,))))


def test_a_hole_that_makes_no_progress_is_passed_over_and_counted(tmp_path: Path) -> None:
    bridge(tmp_path)
    frames = in_one_run(COUNT)
    lost, kept = frames[20:23], [*frames[:20], *frames[23:]]
    deliver(tmp_path, Delivery(kept, hold_s=30))
    state = open_state(tmp_path)
    assert state.execute("SELECT gateway, waiting, missing, passed_over FROM gates").fetchall() == [("gw", 0, 0, 3)]
    assert state.execute("SELECT COUNT(*) FROM held").fetchone() == (0,)
    state.close()
    late = deliver(tmp_path, Delivery(lost))
    assert {key[2] for key in late["rows"] if key[1] == "bridge.az" and key[0] == "window"} == {
        T0_NS + number * NS_PER_HOUR for number in range(COUNT)
    }


def test_what_waits_is_shown_at_once_and_judged_later(tmp_path: Path) -> None:
    bridge(tmp_path)
    frames = in_one_run(COUNT)
    live = frames[30:]
    first = Delivery([*frames[:10], *live])
    shown: dict[str, Any] = {}

    with pytest.raises(AssertionError, match="does not end"):
        deliver(tmp_path, replace(first, ends=()))
    shown = contents(tmp_path)
    newest_ns = T0_NS + (COUNT - 1) * NS_PER_HOUR
    assert ("window", "bridge.az", newest_ns) in shown["rows"]
    assert {name: t_ns for name, t_ns, *_ in shown["now"]}["bridge.air"] == newest_ns
    state = open_state(tmp_path)
    assert state.execute("SELECT waiting, missing FROM gates").fetchall() == [(len(live), 20)]
    assert state.execute("SELECT value FROM meta WHERE key = 'offset'").fetchone() == (10,)
    state.close()


def test_other_gateways_do_not_wait(folder: Path) -> None:
    other = [Frame("gw-other", RUN, 1, acquired_ns(3), blocks=(scalar("bridge.other", T0_NS, 1.0),))]
    with_hole = in_one_run(COUNT)[5:]
    own = folder / "others"
    own.mkdir()
    bridge(own)
    with pytest.raises(AssertionError, match="does not end"):
        deliver(own, Delivery([*with_hole, *other]))
    assert ("reading", "bridge.other", T0_NS) in contents(own)["rows"]
    assert any(row[0] == "bridge.other" for row in contents(own)["states"])


def test_a_window_cut_short_gives_way_to_the_whole_one(folder: Path) -> None:
    frames = in_one_run(COUNT)
    cut = replace(frames[-1], blocks=(replace(frames[-1].blocks[0], samples=frames[-1].blocks[0].samples[:100]),))
    again = [replace(frame, run_id=b"\x02" * 16, sequence=number) for number, frame in enumerate(frames[-2:], start=1)]
    found = play(folder, Delivery([*frames[:-1], cut, *again]))
    key = ("window", "bridge.az", T0_NS + (COUNT - 1) * NS_PER_HOUR)
    assert found["rows"][key]["samples"] == 256
    whole = play(folder, Delivery(frames))
    np.testing.assert_equal(found["rows"][key], whole["rows"][key])
    assert whole["incidents"] == found["incidents"]
    # and the other way round: the whole one stays
    shorter = play(folder, Delivery([*frames, replace(cut, run_id=b"\x02" * 16, sequence=1)]))
    np.testing.assert_equal(shorter["rows"][key], whole["rows"][key])


def deaf_to(told: dict[str, Any]) -> dict[str, Any]:
    """Without what depends on when frames were received."""
    return {name: value for name, value in told.items() if name not in {"clock", "states"}}


@pytest.mark.parametrize("missing", [range(4, 8), range(20, 30)])
def test_an_alarm_by_a_limit_does_not_wait_and_is_told_once(folder: Path, missing: range) -> None:
    """The gauge leaps at hour 12, frames 25 and on: behind what is missing, or within it."""
    frames = in_one_run(COUNT)
    own = folder / f"early-{missing}"
    own.mkdir()
    bridge(own, gateways=1)
    early = Delivery([f for n, f in enumerate(frames) if n not in missing], mode="system", plan="early")
    with pytest.raises(AssertionError, match="does not end"):
        deliver(own, early, DETECTORS)
    before = contents(own)
    ((_, tier, *_),) = before["mails"]
    assert tier == "alarm"
    after = deliver(own, Delivery([frames[n] for n in missing], mode="system"), DETECTORS)
    whole = play(folder, Delivery(frames, mode="system"), DETECTORS)
    assert len(after["mails"]) == len(whole["mails"]) == 1
    assert after["mails"] == before["mails"]
    if missing.stop < 25:
        assert_identical(deaf_to(whole), deaf_to(after))
    else:  # it began before it was told: the same incident, by the id that people know
        (one,), (other,) = whole["incidents"], after["incidents"]
        assert one[1:] == other[1:]


def test_an_early_alarm_that_order_does_not_confirm_is_over(folder: Path) -> None:
    """The gauge's thermometer has failed in what is missing: its values were never to be trusted."""

    def broken(number: int) -> tuple[Block, ...]:
        waves, gauge, air = leaping(number)
        return (waves, gauge, scalar("bridge.air", air.t0_ns, -273.15)) if number >= 8 else (waves, gauge, air)

    frames = hours(range(COUNT), broken)
    own = folder / "unconfirmed"
    own.mkdir()
    bridge(own, gateways=1)
    missing = range(6, 9)
    with pytest.raises(AssertionError, match="does not end"):
        deliver(own, Delivery([f for n, f in enumerate(frames) if n not in missing], mode="system"), DETECTORS)
    assert [mail[1] for mail in contents(own)["mails"]] == ["alarm"]
    after = deliver(own, Delivery([frames[n] for n in missing], mode="system"), DETECTORS)
    limits = [incident for incident in after["incidents"] if incident[4] == "limit"]
    assert [incident[6] for incident in limits] == ["resolved"]


def test_hours_of_one_run_are_in_order_by_themselves(folder: Path) -> None:
    assert_identical(play(folder, Delivery(hours(range(5)))), play(folder, Delivery(hours(range(5))[::-1])))
