"""Gateways whose clocks are wrong: what is told of them, and what of their readings is left without a date."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from cloud_service.analyse.clock_watch import Clocks
from cloud_service.analyse.decode import Decoded, decode_records
from cloud_service.analyse.outcome import Judged
from cloud_service.analyse.states import States
from cloud_service.journal.reader import Record
from cloud_service.wording.faults import FAULTS
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, NS_PER_YEAR
from telltale.findings import Reason, Tier
from telltale.readings import ClockQuality
from telltale.wire.codec import encode_frame
from tests.cloud_service.analyse.site import RUN, T0_NS, frame, hour

SYNCHRONISED, FREE, UNKNOWN = ClockQuality.SYNCHRONISED, ClockQuality.FREE_RUNNING, ClockQuality.UNKNOWN
MINUTE_NS = 60 * NS_PER_S


@dataclass
class Gateway:
    """Sends a frame a minute.

    Attributes:
        wrong_ns: minute → how far its clock is ahead.
        way_ns: minute → how long its frame is under way.
        quality: minute → what it says of its clock.
    """

    wrong_ns: Callable[[int], int] = lambda _: 0
    way_ns: Callable[[int], int] = lambda _: NS_PER_S
    quality: Callable[[int], ClockQuality] = lambda _: SYNCHRONISED
    monotonic: bool = True
    run_id: bytes = RUN

    def frames(self, minutes: Sequence[int]) -> Iterator[Decoded]:
        for minute in minutes:
            true_ns = T0_NS + minute * MINUTE_NS
            sent = replace(
                frame(minute + 1, hour(0), true_ns + self.wrong_ns(minute)),
                monotonic_ns=NS_PER_HOUR + minute * MINUTE_NS if self.monotonic else 0,
                clock_quality=self.quality(minute),
                run_id=self.run_id,
            )
            received_ns = true_ns + self.way_ns(minute)
            record = Record(minute + 1, "gw", self.run_id, minute + 1, received_ns, encode_frame(sent), intact=True)
            yield from decode_records([record], "system")


def watched(frames: Iterator[Decoded]) -> tuple[list[bool], list[Judged]]:
    dated, judged = Clocks(States()).take(list(frames))
    return [item.is_dated for item in dated], judged


def told(judged: Sequence[Judged]) -> list[tuple[int, Tier]]:
    """In which minute what was said."""
    assert {(item.finding.reason, item.finding.channel, item.structure) for item in judged} <= {
        (Reason.GATEWAY_CLOCK, "gw", "")
    }
    return [(item.frame, item.finding.tier) for item in judged]


def test_a_clock_that_is_right_is_never_spoken_of() -> None:
    dated, judged = watched(Gateway().frames(range(100)))
    assert all(dated)
    assert judged == []


@pytest.mark.parametrize("step_ns", [NS_PER_HOUR, -NS_PER_HOUR, 10 * NS_PER_YEAR, -10 * NS_PER_YEAR])
@pytest.mark.parametrize("quality", [SYNCHRONISED, FREE, UNKNOWN])
def test_a_clock_that_jumps_is_told_at_once_and_cleared_when_it_is_set_back(
    step_ns: int, quality: ClockQuality
) -> None:
    gateway = Gateway(lambda minute: step_ns if 30 <= minute < 60 else 0, quality=lambda _: quality)
    dated, judged = watched(gateway.frames(range(100)))
    assert dated == [not 30 <= minute < 60 for minute in range(100)]
    assert told(judged) == [(30, Tier.SUSPECT), (60, Tier.CLEAR)]
    wrong, right = (item.finding for item in judged)
    assert wrong.evidence["clock_step_s"] == step_ns / NS_PER_S
    assert wrong.value == pytest.approx(step_ns / NS_PER_S, abs=2)
    assert right.evidence["clock_step_s"] == -step_ns / NS_PER_S
    assert right.score == 0


def test_a_clock_that_was_wrong_from_the_start_is_found_within_ten_minutes() -> None:
    """It says that it is synchronised: to what, it cannot know."""
    _, judged = watched(Gateway(lambda _: -2 * NS_PER_HOUR).frames(range(100)))
    assert told(judged) == [(10, Tier.SUSPECT)]
    assert "2 h behind the service's clock" in FAULTS[Reason.GATEWAY_CLOCK](judged[0].finding)
    _, judged = watched(Gateway(lambda _: 2 * NS_PER_HOUR).frames(range(100)))
    assert told(judged) == [(0, Tier.SUSPECT)], "what comes before it was acquired needs no second look"


def test_a_clock_that_drifts_is_told_with_its_rate() -> None:
    gateway = Gateway(lambda minute: minute * MINUTE_NS // 1000, quality=lambda _: FREE)
    dated, judged = watched(gateway.frames(range(0, 20_000, 5)))
    (wrong,) = judged
    assert wrong.finding.tier is Tier.SUSPECT
    assert wrong.finding.value == pytest.approx(600, abs=5)
    assert wrong.finding.evidence["clock_drift_ppm"] == pytest.approx(1000, rel=0.02)
    assert wrong.finding.evidence["unsynchronised_h"] == pytest.approx(10_000 / 60, rel=0.02)
    assert dated == [True] * wrong.frame + [False] * (len(dated) - wrong.frame)


@pytest.mark.parametrize("quality", [SYNCHRONISED, UNKNOWN])
def test_a_backlog_is_no_wrong_clock(quality: ClockQuality) -> None:
    """Five hours are away and come within a minute; what was known of the clock before still holds for them."""
    back = 400
    gateway = Gateway(
        way_ns=lambda minute: (
            max(NS_PER_S, (back - minute) * MINUTE_NS + minute * NS_PER_S // 10) if minute >= 100 else NS_PER_S
        ),
        quality=lambda _: quality,
    )
    dated, judged = watched(gateway.frames(range(500)))
    assert all(dated)
    assert judged == []


def test_a_step_during_an_outage_is_known_of_each_frame_of_the_backlog() -> None:
    gateway = Gateway(
        lambda minute: -3 * NS_PER_HOUR if minute >= 200 else 0,
        way_ns=lambda minute: max(NS_PER_S, (400 - minute) * MINUTE_NS) if minute >= 100 else NS_PER_S,
    )
    dated, judged = watched(gateway.frames(range(500)))
    assert dated == [minute < 200 for minute in range(500)]
    assert told(judged) == [(200, Tier.SUSPECT)]


def test_a_clock_of_which_nothing_is_known_is_told_and_cleared_by_frames_that_come_as_they_are_made() -> None:
    """A backlog of an agent that was never told the time, and did not speak before."""
    gateway = Gateway(way_ns=lambda minute: max(NS_PER_S, (300 - minute) * MINUTE_NS), quality=lambda _: UNKNOWN)
    dated, judged = watched(gateway.frames(range(400)))
    assert told(judged) == [(0, Tier.SUSPECT), (240, Tier.CLEAR)]
    assert dated == [minute >= 240 for minute in range(400)]
    said = FAULTS[Reason.GATEWAY_CLOCK](judged[0].finding)
    assert said.startswith("neither the gateway nor the time of arrival confirms its clock")


def test_firmware_without_monotonic_time_is_held_against_the_time_of_arrival_alone() -> None:
    dated, judged = watched(Gateway(lambda _: NS_PER_HOUR, monotonic=False).frames(range(30)))
    assert not any(dated)
    assert told(judged) == [(0, Tier.SUSPECT)]
    dated, judged = watched(Gateway(lambda _: -NS_PER_HOUR, monotonic=False).frames(range(30)))
    assert all(dated), "late, or behind: nobody can tell"
    assert judged == []


def test_a_service_that_was_never_told_the_time_doubts_nobody() -> None:
    dated, judged = watched(Gateway(way_ns=lambda minute: -T0_NS + NS_PER_DAY + minute).frames(range(30)))
    assert all(dated)
    assert judged == []


def test_it_does_not_matter_how_frames_were_batched_or_whether_the_state_was_stored() -> None:
    rng = random.Random(3)
    gateway = Gateway(
        lambda minute: NS_PER_HOUR * (minute // 40 % 3 - 1),
        way_ns=lambda minute: rng.randrange(1, 3) * NS_PER_S + (MINUTE_NS * (minute % 70 == 5)),
        quality=lambda minute: (SYNCHRONISED, FREE, UNKNOWN)[minute // 60 % 3],
    )
    frames = list(gateway.frames(range(300)))
    whole = watched(iter(frames))
    committed: dict[tuple[str, str], bytes] = {}
    dated, said = [], []
    for start in range(0, len(frames), 7):
        states = States(lambda subject, owner: committed.get((subject, owner)))
        found, judged = Clocks(states).take(frames[start : start + 7])
        committed.update({(subject, owner): data for subject, owner, data in states.changed()})
        dated += [item.is_dated for item in found]
        said += [replace(item, frame=item.frame + start) for item in judged]
    assert (dated, said) == whole
    assert len(said) > 3


@pytest.mark.parametrize("runs", [1, 2, 5])
def test_a_restart_of_the_agent_does_not_set_its_clock(runs: int) -> None:
    """It says that it is synchronised each time; the error is known again ten minutes later."""
    frames = [
        item
        for run in range(runs)
        for item in Gateway(lambda _: -NS_PER_HOUR, run_id=bytes([run] * 16)).frames(range(30 * run, 30 * run + 30))
    ]
    right = Gateway(run_id=bytes([99] * 16)).frames(range(30 * runs, 30 * runs + 30))
    dated, judged = watched(iter([*frames, *right]))
    assert told(judged) == [(10, Tier.SUSPECT), (30 * runs + 10, Tier.CLEAR)]
    assert not any(dated[10 : 30 * runs])


def test_a_step_is_evidence_of_the_verdict_that_it_led_to_alone() -> None:
    """A clock is set by an hour, found right, and drifts away months later."""

    def wrong_ns(minute: int) -> int:
        return -NS_PER_HOUR if minute < 20 else max(0, minute - 30) * MINUTE_NS // 1000

    _, judged = watched(Gateway(wrong_ns, quality=lambda _: FREE).frames(range(0, 20_000, 5)))
    assert [item.finding.tier for item in judged] == [Tier.SUSPECT, Tier.CLEAR, Tier.SUSPECT]
    assert [item.finding.evidence.get("clock_step_s") for item in judged] == [None, 3600.0, None]
