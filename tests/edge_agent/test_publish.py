"""Sending: the window of unacknowledged frames, the order of live data and backlog, the waits."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from edge_agent.boot_clock import BootClock
from edge_agent.frame.assemble import Rank, SealedFrame
from edge_agent.outbox.box import Outbox, OutboxSettings
from edge_agent.outbox.schema import frame_id, sequence_of
from edge_agent.publish.choose import FrameChooser
from edge_agent.publish.restamp import Restamper
from edge_agent.publish.window import UnackedWindow
from edge_agent.reports import Reports
from telltale.backoff import FullJitter
from telltale.clock import NS_PER_S, ManualClock
from telltale.wire.ack import StoredAck

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
