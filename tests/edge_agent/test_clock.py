"""The clock's quality, its steps, and the correction of readings that came before it was right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_agent.boot_clock import BootClock, BootUtc
from edge_agent.clock_quality import SYNCHRONISED, UNKNOWN, ClockStatement, clock_probe, kernel_statement
from edge_agent.outbox.schema import frame_id
from edge_agent.publish.restamp import Restamper, restamped
from edge_agent.timeline import Timeline
from telltale.clock import NS_PER_HOUR, NS_PER_S, NS_PER_YEAR, DataClock, ManualClock, SystemClock
from telltale.readings import Block, ClockQuality, Flag, FlagSpan, Frame
from telltale.wire.codec import decode_frame, encode_frame

RIGHT_NS = 1_800_000_000 * NS_PER_S
UNSYNCHRONISED = ClockStatement(ClockQuality.UNKNOWN, 16 * NS_PER_S)
KERNEL_SYNC = ClockStatement(ClockQuality.SYNCHRONISED, 5_000_000)


def test_the_kernel_is_asked_without_privilege_and_answers_with_a_bound() -> None:
    told = kernel_statement()
    assert told is not None
    assert 0 <= told.error_ns <= 16 * NS_PER_S


def test_quality_from_kernel_timesyncd_or_a_mark_of_ones_own(tmp_path: Path) -> None:
    mark, timesyncd = tmp_path / "mark", tmp_path / "timesync"

    def asked(kernel: ClockStatement | None, named: str = "") -> ClockStatement:
        return clock_probe("system", named, kernel=lambda: kernel, timesyncd=timesyncd)()

    assert asked(KERNEL_SYNC) == KERNEL_SYNC
    assert asked(UNSYNCHRONISED).quality is asked(None).quality is ClockQuality.UNKNOWN
    timesyncd.touch()
    assert asked(UNSYNCHRONISED) == ClockStatement(ClockQuality.FREE_RUNNING, 16 * NS_PER_S)
    assert asked(None) == SYNCHRONISED
    assert asked(KERNEL_SYNC, str(mark)) == UNKNOWN
    mark.touch()
    assert asked(UNSYNCHRONISED, str(mark)) == SYNCHRONISED
    assert clock_probe("data", str(tmp_path / "none"))() == SYNCHRONISED


class Told:
    """A probe that says what the test sets."""

    def __init__(self, statement: ClockStatement = UNKNOWN) -> None:
        self.statement = statement

    def __call__(self) -> ClockStatement:
        return self.statement


@pytest.mark.parametrize(
    "step_ns", [NS_PER_HOUR, -NS_PER_HOUR, 10 * NS_PER_YEAR, -20 * NS_PER_YEAR, 128_000_000], ids=str
)
def test_sources_see_no_step_and_frames_take_it_only_when_it_is_adopted(step_ns: int) -> None:
    clock, told = ManualClock(RIGHT_NS), Told()
    timeline = Timeline(clock, told, steady=True)
    clock.advance(NS_PER_S)
    clock.set_ns(clock.now_ns() + step_ns)
    assert timeline.sources.now_ns() == timeline.frames.now_ns() == RIGHT_NS + NS_PER_S
    news = timeline.news()
    assert news is not None
    assert news.step_ns == step_ns
    timeline.adopt(news)
    clock.advance(NS_PER_S)
    assert timeline.sources.now_ns() == RIGHT_NS + 2 * NS_PER_S
    assert timeline.frames.now_ns() == timeline.sources.now_ns() + timeline.shift_ns == clock.now_ns()
    assert timeline.news() is None


def test_a_quality_that_changes_is_news_and_a_lost_synchronisation_runs_freely() -> None:
    clock, told = ManualClock(RIGHT_NS), Told()
    timeline = Timeline(clock, told, steady=True)
    assert timeline.news() is None
    told.statement = KERNEL_SYNC
    news = timeline.news()
    assert news is not None
    assert (news.step_ns, news.statement) == (0, KERNEL_SYNC)
    assert timeline.statement == UNKNOWN, "not before what is open has been closed"
    timeline.adopt(news)
    told.statement = UNSYNCHRONISED
    lost = timeline.news()
    assert lost is not None
    assert lost.statement == ClockStatement(ClockQuality.FREE_RUNNING, 16 * NS_PER_S)


def test_a_clock_that_follows_the_data_is_left_alone() -> None:
    clock = DataClock(5)
    timeline = Timeline(clock, Told(SYNCHRONISED), steady=False)
    clock.observe(RIGHT_NS)
    assert timeline.sources is timeline.frames is clock
    assert timeline.news() is None
    assert timeline.shift_ns == 0


def test_the_real_clocks_agree_without_a_step() -> None:
    timeline = Timeline(SystemClock(), Told(), steady=True)
    assert all(timeline.news() is None for _ in range(1_000))
    assert abs(timeline.frames.now_ns() - SystemClock().now_ns()) < 10_000_000


def sealed(at_ns: int, monotonic_ns: int, quality: ClockQuality = ClockQuality.UNKNOWN) -> bytes:
    wave = Block("a.wave", at_ns - NS_PER_S, 4.0, np.arange(4, dtype=np.int16), flags=(FlagSpan(1, 2, Flag.CLIPPED),))
    scalar = Block("a.temp", at_ns, 0.0, np.array([1.5, 2.5]), dt_ns=np.array([0, 7], np.int64))
    logger = Block("a.logger", 1_000, 4.0, np.arange(4, dtype=np.int16))
    return encode_frame(Frame("gw", b"r" * 16, 1, at_ns, monotonic_ns, quality, 0, (wave, scalar, logger)))


@pytest.mark.parametrize("wrong_ns", [0, RIGHT_NS - NS_PER_HOUR, RIGHT_NS + NS_PER_HOUR, RIGHT_NS + 10 * NS_PER_YEAR])
def test_a_frame_of_an_unknown_clock_is_brought_to_utc_and_says_so(wrong_ns: int) -> None:
    """Sealed 100 s after boot under a wrong clock; the right time is known 1,000 s after boot."""
    utc = BootUtc(offset_ns=RIGHT_NS, error_ns=5_000_000, monotonic_ns=1_000 * NS_PER_S)
    payload = sealed(wrong_ns, 100 * NS_PER_S)
    sent = restamped(payload, utc, {"a.logger"})
    assert sent == restamped(payload, utc, {"a.logger"}), "a second sending is the same"
    frame = decode_frame(sent, "gw")
    wave, scalar, logger = frame.blocks
    at_ns = RIGHT_NS + 100 * NS_PER_S
    assert (frame.acquired_ns, frame.monotonic_ns) == (at_ns, 100 * NS_PER_S)
    assert (frame.clock_quality, frame.clock_error_ns) == (ClockQuality.FREE_RUNNING, 5_000_000 + 90_000_000)
    assert wave.t0_ns == at_ns - NS_PER_S
    assert wave.flag_array().tolist() == [8, 8 | 2, 8 | 2, 8]
    assert scalar.times_ns().tolist() == [at_ns, at_ns + 7]
    assert scalar.flag_array().tolist() == [8, 8]
    assert logger.t0_ns == 1_000, "a logger's own time stays"
    assert logger.flag_array().tolist() == [0] * 4
    assert wave.values().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("quality", [ClockQuality.FREE_RUNNING, ClockQuality.SYNCHRONISED])
def test_a_frame_of_a_known_clock_goes_out_byte_for_byte(quality: ClockQuality) -> None:
    payload = sealed(RIGHT_NS, 5, quality)
    assert restamped(payload, BootUtc(offset_ns=0, error_ns=0, monotonic_ns=0), ()) == payload


def test_a_time_that_would_leave_the_format_is_not_touched() -> None:
    payload = sealed(2**62, 0)
    assert restamped(payload, BootUtc(offset_ns=-(2**62), error_ns=0, monotonic_ns=0), ()) == payload


def test_the_first_word_on_a_boot_stands_across_restarts(tmp_path: Path) -> None:
    first, second = (BootUtc(offset_ns=n, error_ns=0, monotonic_ns=n) for n in (1, 2))
    boots = BootClock(tmp_path)
    boots.learn("boot-a", first)
    boots.learn("boot-a", second)
    boots.learn("", second)
    again = BootClock(tmp_path)
    assert again.utc_of("boot-a") == first
    assert again.utc_of("boot-b") is again.utc_of("") is None


def test_old_boots_are_forgotten_and_a_damaged_file_begins_anew(tmp_path: Path) -> None:
    boots = BootClock(tmp_path)
    for number in range(100):
        boots.learn(f"boot-{number}", BootUtc(offset_ns=number, error_ns=0, monotonic_ns=0))
    again = BootClock(tmp_path)
    assert again.utc_of("boot-0") is None
    assert again.utc_of("boot-99") is not None
    path = tmp_path / "clock.json"
    path.write_bytes(path.read_bytes()[:50])
    assert BootClock(tmp_path).utc_of("boot-99") is None


def restamper(folder: Path, clock: ManualClock, *, wait_s: float = 60.0, active: bool = True) -> Restamper:
    """Run 1 of an earlier boot, run 2 of an earlier run in this one, run 3 the agent's own, run 4 of no known boot."""
    boot_of = {1: "old", 2: "this", 3: "this", 4: ""}.__getitem__
    return Restamper(
        BootClock(folder), boot_of, 3, clock=clock, wait_s=wait_s, recorded=frozenset({"a.logger"}), active=active
    )


def held(waiting: Restamper) -> list[int]:
    return [run for run in (1, 2, 3, 4) if waiting.holds(frame_id(run, 7))]


def test_frames_of_this_boot_wait_for_the_clock_from_the_first_connection_on(tmp_path: Path) -> None:
    clock = ManualClock()
    waiting = restamper(tmp_path, clock)
    clock.advance(1_000 * NS_PER_S)
    assert held(waiting) == [2, 3], "without a connection nothing runs out"
    waiting.connected()
    clock.advance(59 * NS_PER_S)
    waiting.connected()
    assert held(waiting) == [2, 3]
    clock.advance(NS_PER_S)
    assert held(waiting) == []
    assert waiting.stamped(frame_id(3, 7), sealed(0, 5)) == sealed(0, 5), "unknown it is, and unknown it says"
    assert held(restamper(tmp_path, clock, active=False)) == []


def test_once_this_boots_utc_is_known_its_frames_go_out_corrected_and_others_as_they_are(tmp_path: Path) -> None:
    BootClock(tmp_path).learn("this", BootUtc(offset_ns=RIGHT_NS, error_ns=0, monotonic_ns=0))
    waiting = restamper(tmp_path, ManualClock())
    assert held(waiting) == []
    payload = sealed(0, 100 * NS_PER_S)
    acquired = [decode_frame(waiting.stamped(frame_id(run, 7), payload), "gw").acquired_ns for run in (1, 2, 3, 4)]
    assert acquired == [0, RIGHT_NS + 100 * NS_PER_S, RIGHT_NS + 100 * NS_PER_S, 0]
