"""Sending: the window of unacknowledged frames, the order of live data and backlog, the waits."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.boot_clock import BootClock
from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.box import Outbox, OutboxSettings
from edge_agent.outbox.schema import frame_id, sequence_of
from edge_agent.publish.choose import FrameChooser
from edge_agent.publish.limits import PacketLimits
from edge_agent.publish.restamp import Restamper
from edge_agent.publish.settings import PublishSettings
from edge_agent.publish.window import UnackedWindow
from edge_agent.reports import Reports
from telltale.backoff import FullJitter
from telltale.clock import NS_PER_S, ManualClock
from telltale.wire.ack import StoredAck
from telltale.wire.codec import MAX_PACKET_BYTES

RUN = b"r" * 16


def window(frames: int = 8, size: int = 10_000) -> UnackedWindow:
    return UnackedWindow(frames, size, resend_s=10.0, resend_cap_s=60.0, source=random.Random(1))


def test_the_window_is_bounded_in_frames_and_bytes_and_one_frame_always_fits() -> None:
    unacked = window(frames=2, size=100)
    assert unacked.fits(500)
    unacked.sent(1, 60, 0)
    assert not unacked.fits(50)
    assert unacked.fits(40)
    unacked.sent(2, 10, 0)
    assert not unacked.fits(1)
    unacked.forget(1)
    assert unacked.room() == (1, 90)


def test_time_outs_double_with_jitter_up_to_the_cap() -> None:
    unacked, now_ns, waits = window(), 0, []
    for _ in range(8):
        unacked.sent(1, 10, now_ns)
        due_ns = unacked.next_due_ns()
        assert due_ns is not None
        waits.append((due_ns - now_ns) / NS_PER_S)
        assert list(unacked.overdue(due_ns - 1)) == []
        assert list(unacked.overdue(due_ns)) == [1]
        now_ns = due_ns
    for wait, nominal in zip(waits, [10, 20, 40, 60, 60, 60, 60, 60], strict=True):
        assert 0.75 * nominal <= wait <= 1.25 * nominal
    assert unacked.waiting_ns(now_ns) == now_ns


def test_acks_release_cumulative_above_and_rejected_of_their_run_only() -> None:
    unacked = window(frames=20)
    for sequence in range(1, 8):
        unacked.sent(frame_id(1, sequence), 10, 0)
        unacked.sent(frame_id(2, sequence), 10, 0)
    count = unacked.acknowledge(1, StoredAck(RUN, 2, above=((4, 5),), rejected=((7, "bad_body", ""),)))
    assert count == 5
    assert [s for s in range(1, 8) if frame_id(1, s) in unacked] == [3, 6]
    assert all(frame_id(2, s) in unacked for s in range(1, 8))


def test_a_frame_that_later_ones_overtook_is_due_at_once_and_then_less_and_less_often() -> None:
    unacked = window(frames=20)
    for sequence in range(1, 7):
        unacked.sent(frame_id(1, sequence), 10, 0)
    unacked.sent(frame_id(2, 1), 10, 0)
    unacked.acknowledge(1, StoredAck(RUN, 2, above=((4, 5),)))
    now_ns, waits = 0, []
    for _ in range(4):
        due_ns = unacked.next_due_ns()
        assert due_ns is not None
        assert list(unacked.overdue(due_ns)) == [frame_id(1, 3)], "6 may still be under way, and so may another run"
        waits.append((due_ns - now_ns) / NS_PER_S)
        now_ns = due_ns
        unacked.sent(frame_id(1, 3), 10, now_ns)
        newer = 10 + len(waits)
        unacked.sent(frame_id(1, newer), 10, now_ns)
        unacked.acknowledge(1, StoredAck(RUN, 2, above=((4, 6), (10, newer))))
    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_an_ack_of_an_earlier_sending_says_nothing_of_what_was_sent_between() -> None:
    unacked = window()
    unacked.sent(frame_id(1, 1), 10, 0)
    unacked.sent(frame_id(1, 2), 10, 0)
    unacked.sent(frame_id(1, 1), 10, 5)
    unacked.acknowledge(1, StoredAck(RUN, 1))
    due_ns = unacked.next_due_ns()
    assert due_ns is not None
    assert due_ns > 5 * NS_PER_S


def test_a_store_ack_with_ten_thousand_gaps_is_no_burden() -> None:
    unacked = window(frames=1_000, size=10**6)
    for sequence in range(1, 1_000):
        unacked.sent(frame_id(1, sequence), 10, 0)
    above = tuple((first, first) for first in range(3, 20_000, 2))
    assert unacked.acknowledge(1, StoredAck(RUN, 1, above=above)) == 500


def test_what_the_broker_refuses_for_its_content_gives_its_place_to_others() -> None:
    unacked = window(frames=2)
    unacked.sent(1, 10, 0)
    unacked.sent(2, 10, 0)
    assert not unacked.fits(10)
    unacked.set_aside(1)
    assert unacked.fits(10)
    assert 1 in unacked
    assert list(unacked.overdue(20 * NS_PER_S)) == [2, 1]
    unacked.sent(3, 10, 0)
    assert list(unacked.overdue(20 * NS_PER_S)) == [2, 3], "it waits until there is room"
    unacked.forget(2)
    unacked.sent(1, 10, 20 * NS_PER_S)
    assert not unacked.fits(10)
    unacked.forget(1)
    assert 1 not in unacked


def test_what_nobody_heard_is_sent_again_soon() -> None:
    unacked = window()
    unacked.sent(1, 10, 0)
    unacked.unheard(1)
    assert unacked.next_due_ns() == NS_PER_S // 2
    unacked.sent(1, 10, NS_PER_S)
    unacked.unheard(1)
    assert unacked.next_due_ns() == 2 * NS_PER_S


def test_the_first_waits_bring_a_thousand_gateways_back_within_the_bounds() -> None:
    """Drawn as `FullJitter` does with the defaults: at most 100 in any second, all within a minute, broker down 0-30 s."""
    use = PublishSettings()
    for seed, down_s in enumerate((0.0, 1.0, 5.0, 10.0, 20.0, 30.0)):
        source = random.Random(seed)
        back = sorted(_back_s(FullJitter(use.reconnect_s, use.reconnect_cap_s, source), down_s) for _ in range(1_000))
        assert back[-1] - down_s <= 60
        assert max(sum(at <= other < at + 1 for other in back) for at in back) <= 100


def _back_s(backoff: FullJitter, down_s: float) -> float:
    at_s = backoff.next_s()
    while at_s < down_s:
        at_s += backoff.next_s()
    return at_s


def test_frame_sizes_as_the_broker_announces_or_shows_them() -> None:
    reports = Reports()
    limits = PacketLimits(reports)
    limits.announced(None)
    assert limits.max_frame_bytes == MAX_PACKET_BYTES
    limits.lost(aiomqtt.MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, identifier=0x95)), 5_000)
    assert limits.max_frame_bytes == 4_999
    limits.lost(aiomqtt.MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, identifier=0x8E)), 900)
    limits.lost(OSError("reset"), 900)
    assert limits.max_frame_bytes == 4_999
    limits.met()
    assert "4999 bytes" in reports.errors()[-1]
    limits.announced(100_000)
    assert 99_000 < limits.max_frame_bytes < 100_000, "another broker, or another setting"


def test_waits_before_connecting_again_are_spread_and_grow() -> None:
    waits = [FullJitter(1.0, 60.0, random.Random(seed)).next_s() for seed in range(200)]
    assert min(waits) < 0.1
    assert max(waits) <= 1.0
    backoff = FullJitter(1.0, 60.0, random.Random(1))
    long = [backoff.next_s() for _ in range(40)]
    assert 30 < max(long) <= 60
    backoff.reset()
    assert backoff.next_s() <= 1.0


async def outbox_with(folder: Path, count: int) -> Outbox:
    outbox = Outbox(OutboxSettings(), Reports())
    await outbox.open(folder, RUN)
    await put(outbox, 1, count)
    return outbox


async def put(outbox: Outbox, first: int, last: int) -> None:
    for sequence in range(first, last + 1):
        outbox.offer(SealedFrame(RUN, sequence, Rank.SCALAR, 0, b"x" * 10))
    assert await outbox._commit()


def choosing(
    outbox: Outbox, unacked: UnackedWindow, clock: ManualClock, newest: int, folder: Path, **more: Any
) -> FrameChooser:
    restamper = Restamper(BootClock(folder), outbox.boot_of, 1, clock=clock, wait_s=0.0, recorded=(), active=False)
    usual: dict[str, Any] = {"max_bytes": 1_000, "too_large": lambda: None, "is_under_way": lambda _: False}
    return FrameChooser(outbox, unacked, clock, newest, restamper=restamper, **(usual | more))


async def chosen(chooser: FrameChooser) -> list[int]:
    return [sequence_of(frame) async for frame, _ in chooser.frames()]


async def test_live_frames_go_before_the_backlog_which_never_fills_the_window(tmp_path: Path) -> None:
    outbox = await outbox_with(tmp_path, 200)
    unacked, clock = window(frames=8), ManualClock()
    chooser = choosing(outbox, unacked, clock, await outbox.newest(), tmp_path)
    assert await chosen(chooser) == [1, 2, 3, 4, 5, 6]
    assert await chosen(chooser) == []
    await put(outbox, 201, 203)
    assert await chosen(chooser) == [201, 202]
    unacked.acknowledge(1, StoredAck(RUN, 4, above=((201, 202),)))
    assert await chosen(chooser) == [203, 7, 8, 9]
    await outbox.close()


async def test_a_recording_is_played_in_order_whatever_lay_in_the_outbox_before(tmp_path: Path) -> None:
    outbox = await outbox_with(tmp_path, 6)
    unacked = window(frames=4)
    chooser = choosing(outbox, unacked, ManualClock(), 0, tmp_path)
    assert await chosen(chooser) == [1, 2, 3, 4]
    await put(outbox, 7, 8)
    unacked.acknowledge(1, StoredAck(RUN, 4))
    assert await chosen(chooser) == [5, 6, 7, 8]
    await outbox.close()


async def test_a_frame_that_is_acknowledged_while_it_is_looked_up_is_not_counted_as_dropped(tmp_path: Path) -> None:
    outbox = await outbox_with(tmp_path, 3)
    outbox.settle(StoredAck(RUN, 3))
    _, payload = await asyncio.gather(outbox._commit(), outbox.payload(await outbox.newest()))
    assert payload is None
    assert (outbox.dropped, outbox.acknowledged) == (0, 3)
    await outbox.close()


async def test_what_is_overdue_is_sent_again_and_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    outbox = await outbox_with(tmp_path, 3)
    unacked, clock = window(), ManualClock()
    chooser = choosing(outbox, unacked, clock, await outbox.newest(), tmp_path)
    assert await chosen(chooser) == [1, 2, 3]
    outbox.settle(StoredAck(RUN, 1))
    assert await outbox._commit()
    clock.advance(13 * NS_PER_S)
    assert await chosen(chooser) == [2, 3]
    assert len(unacked) == 2
    await outbox.close()


async def test_what_is_overdue_does_not_wait_for_a_stream_to_end_that_never_does(tmp_path: Path) -> None:
    """A time-lapse that catches up hands over a frame for each one that is stored: there is always one more to send."""
    outbox = await outbox_with(tmp_path, 3)
    unacked, clock = window(), ManualClock()
    chooser = choosing(outbox, unacked, clock, 0, tmp_path)
    assert await chosen(chooser) == [1, 2, 3]
    clock.advance(13 * NS_PER_S)
    unacked.acknowledge(1, StoredAck(RUN, 0, above=((2, 3),)))
    await put(outbox, 4, 4)
    newest, seen = 4, []
    while newest < 400 and 1 not in seen[1:]:
        async for frame, _ in chooser.frames():
            seen.append(sequence_of(frame))
            if newest == 400:
                break
            if seen[-1] != 1:
                unacked.acknowledge(1, StoredAck(RUN, 0, above=((2, newest),)))
            newest += 1
            await put(outbox, newest, newest)
            clock.advance(NS_PER_S)
    assert seen.count(1) == 2, "sent again in the first pass, and once more while the stream went on"
    assert newest < 200, "within a few looks ahead"
    await outbox.close()


async def test_a_frame_that_is_too_large_stays_and_others_pass_it_by(tmp_path: Path) -> None:
    outbox, met = await outbox_with(tmp_path, 2), []
    outbox.offer(SealedFrame(RUN, 3, Rank.SCALAR, 0, b"x" * 2_000))
    await put(outbox, 4, 5)
    unacked, clock = window(), ManualClock()
    small = choosing(outbox, unacked, clock, await outbox.newest(), tmp_path, too_large=lambda: met.append(1))
    assert await chosen(small) == [1, 2, 4, 5]
    assert met
    large = choosing(outbox, window(), clock, await outbox.newest(), tmp_path, max_bytes=4_000)
    assert await chosen(large) == [1, 2, 3, 4, 5]
    await outbox.close()


async def test_what_has_not_even_reached_the_broker_is_not_queued_once_more(tmp_path: Path) -> None:
    outbox = await outbox_with(tmp_path, 2)
    unacked, clock, under_way = window(), ManualClock(), {frame_id(1, 1)}
    chooser = choosing(outbox, unacked, clock, await outbox.newest(), tmp_path, is_under_way=under_way.__contains__)
    assert await chosen(chooser) == [1, 2]
    clock.advance(13 * NS_PER_S)
    assert await chosen(chooser) == [2]
    under_way.clear()
    clock.advance(13 * NS_PER_S)
    assert await chosen(chooser) == [1]
    await outbox.close()


async def test_the_whole_backlog_is_found_across_rescans(tmp_path: Path) -> None:
    outbox = await outbox_with(tmp_path, 300)
    unacked, clock = window(frames=100, size=10**6), ManualClock()
    chooser = choosing(outbox, unacked, clock, await outbox.newest(), tmp_path)
    seen: list[int] = []
    for _ in range(20):
        chooser.rescan()
        seen += await chosen(chooser)
        unacked.acknowledge(1, StoredAck(RUN, max(seen)))
        outbox.settle(StoredAck(RUN, max(seen)))
        assert await outbox._commit()
        await asyncio.sleep(0)
    assert seen == list(range(1, 301))
    await outbox.close()
