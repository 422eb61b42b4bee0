"""The outbox as the agent's event loop sees it: offer, settle, fetch. All work on the disk runs on one thread.

What waits is committed together (group commit): while one commit syncs to disk, the next one's frames and store-acks
gather. A disk that does not take them is tried again, counted and reported; the frames wait in bounded memory. A power
failure costs what is not committed: the open frame (`frame.interval_s`) and the commit in progress.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, TypeVar

from msgspec import Meta

from edge_agent.frame.assemble import FrameAssembler, SealedFrame
from edge_agent.outbox.batch import Applied, Batch
from edge_agent.outbox.old_file import OLD_NAME, take_over
from edge_agent.outbox.pending import PendingFrames
from edge_agent.outbox.store import OutboxStore
from edge_agent.outbox.thin import thin
from edge_agent.reports import LOG, Reports
from telltale.errors import FatalError
from telltale.readings import RunEnd
from telltale.settings import Settings
from telltale.wire.ack import StoredAck

T = TypeVar("T")

FOLDER_NAME = "outbox"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
FULL_SHARE = 0.9  # where sources that can wait are made to wait; the rest is for those that cannot
PENDING_SHARE = 0.25  # of the memory bound: where sources that can wait are made to wait
RETRY_S = 0.5
RETRY_CAP_S = 10.0
TOPIC = "outbox"


class OutboxSettings(Settings, frozen=True):
    """`[outbox]` of `edge.toml`.

    Attributes:
        max_bytes: bound of the files on disk. Close to it, sources that can wait do; those that cannot lose the
            oldest waveforms first, counted.
        memory_bytes: bound of the frames that wait for their commit (a full disk); so much is kept free below
            `max_bytes`, an eighth of that at most.
    """

    max_bytes: Annotated[int, Meta(ge=65_536)] = 1_073_741_824
    memory_bytes: Annotated[int, Meta(ge=65_536, le=268_435_456)] = 8_388_608


class Outbox:
    """The durable hand-off between acquisition and publishing.

    Args:
        settings: bounds.
        reports: where trouble goes.
    """

    _store: OutboxStore

    def __init__(self, settings: OutboxSettings, reports: Reports) -> None:
        self.settings = settings
        self.may_drop = False
        self.acknowledged = self.rejected = self.dropped = 0
        self.offered_bytes = 0
        self.changed = asyncio.Event()
        self._reports = reports
        self._pending = PendingFrames(settings.memory_bytes)
        self._acks: list[StoredAck] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Condition()
        self._committing = False
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="outbox")

    async def open(self, folder: Path, run_id: bytes) -> None:
        """Open the folder `outbox` in `folder` (created) and begin the run; comes before all else.

        Raises:
            FatalError: it cannot be read or created, or a newer version wrote it. What is damaged is left out,
                counted and reported instead.
        """
        self._store = await self.call(lambda: _open(folder, run_id, self.settings, self._reports))
        self.dropped += self._store.lost

    @property
    def frames(self) -> int:
        """Frames that are not store-acked, those waiting for their commit included."""
        return self._store.frames + len(self._pending)

    @property
    def size(self) -> int:
        """Bytes of the frames on disk."""
        return self._store.size

    @property
    def disk_bytes(self) -> int:
        """What the files of the outbox take on disk."""
        return self._store.log.disk_bytes

    @property
    def damaged(self) -> int:
        """Records found torn or flipped by this run; the frames that were lost with them are among `dropped`."""
        return self._store.damaged

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a commit."""
        return not (len(self._pending) or self._acks or self._committing or self._pending.drops)

    def offer(self, frame: SealedFrame) -> None:
        """Take a sealed frame over; committed with the next transaction."""
        self.offered_bytes += len(frame.payload)
        self.dropped += self._pending.put(frame)
        self._wake.set()

    def settle(self, ack: StoredAck) -> None:
        """Take a store-ack over: what it names is deleted with the next transaction."""
        self._acks.append(ack)
        self._wake.set()

    async def room(self) -> None:
        """Wait until a source that can wait may go on."""
        async with self._room:
            await self._room.wait_for(self._has_room)

    def _has_room(self) -> bool:
        waiting = self._pending.size + self._pending.taken
        return (
            waiting <= self.settings.memory_bytes * PENDING_SHARE
            and waiting + self.disk_bytes <= self.settings.max_bytes * FULL_SHARE
        )

    async def committed(self) -> None:
        """Wait until all that was offered is on disk."""
        async with self._room:
            await self._room.wait_for(lambda: self.idle)

    async def emptied(self) -> None:
        """Wait until all is store-acked and deleted."""
        async with self._room:
            await self._room.wait_for(lambda: self.idle and not self.frames)

    async def run(self) -> None:
        """Commit what comes, for ever."""
        retry_s = RETRY_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while not await self._commit():
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_CAP_S)
            retry_s = RETRY_S

    async def _commit(self) -> bool:
        """One commit; False when the disk did not take it. Store-acks count in any case."""
        frames, drops = self._pending.take()
        batch, self._acks = Batch(frames, self._acks, drops), []
        self._committing = True
        try:
            applied = await self.call(lambda: self._apply(batch))
        finally:
            self._committing = False
        if applied.failure is None:
            self._pending.committed()
            self._reports.solved(TOPIC, "written again")
        else:
            self.dropped += self._pending.put_back(frames, drops)
            text = f"cannot be written ({applied.failure}): retrying, {len(self._pending)} frames wait"
            self._reports.problem(TOPIC, text)
        self._count(applied)
        async with self._room:
            self._room.notify_all()
        self.changed.set()
        return applied.failure is None

    def _apply(self, batch: Batch) -> Applied:
        applied = self._store.apply(batch)
        try:
            applied.dropped = thin(self._store, may_drop=self.may_drop)
        except OSError as error:
            LOG.debug("outbox: not compacted: %s", error)
        return applied

    def _count(self, applied: Applied) -> None:
        self.acknowledged += applied.acknowledged
        self.rejected += len(applied.rejected)
        self.dropped += applied.dropped
        for text in applied.rejected:
            self._reports.problem("service", text)
        if applied.dropped:
            self._reports.problem(TOPIC, "full: letting go of the oldest frames, waveforms first")

    async def report_drops(self, assembler: FrameAssembler) -> int:
        """Turn noted drops into frames that report them; returns how many frames."""
        try:
            found = await self.call(lambda: list(self._store.unreported()))
            for run_id, last, drops in found:
                sequence = None if run_id == assembler.run_id else last + 1
                frame = assembler.report(run_id, sequence, drops)
                await self.call(lambda frame=frame, drops=drops: self._store.report(frame, drops))  # type: ignore[misc]
        except OSError as error:
            self._reports.problem(TOPIC, f"cannot be written ({error}): drops are reported later")
            return 0
        if found:
            self.changed.set()
        return len(found)

    async def newest(self) -> int:
        """The highest id on disk."""
        return await self.call(self._store.newest)

    async def oldest_ns(self) -> int | None:
        """Acquisition time of the oldest frame on disk."""
        return await self.call(self._store.oldest_ns)

    async def after(self, cursor: int, until: int, limit: int) -> list[tuple[int, int]]:
        """(id, size) of frames with `cursor` < id ≤ `until`, in order."""
        return await self.call(lambda: self._store.after(cursor, until, limit))

    async def payload(self, frame: int) -> bytes | None:
        """The payload of a frame; None when it is gone or damaged (then counted as dropped)."""
        payload, damaged = await self.call(lambda: self._store.payload(frame))
        if damaged:
            self.dropped += 1
            self._reports.problem(TOPIC, "a frame's checksum is wrong: dropped and counted")
            async with self._room:
                self._room.notify_all()
        return payload

    def ordinal(self, run_id: bytes) -> int | None:
        """The ordinal of a run that has, or had at the start, frames here."""
        return self._store.ordinal_of(run_id)

    def boot_of(self, ordinal: int) -> str:
        """The id of the machine's boot in which a run ran; empty where that is not known."""
        run = self._store.runs.get(ordinal)
        return run.boot_id if run else ""

    def runs_before(self, run_id: bytes) -> tuple[RunEnd, ...]:
        """Runs before that one of which frames are here, with the last sequence of each, oldest first."""
        return self._store.runs_before(run_id)

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` on the outbox's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """Close the files; what was not committed is lost, so `committed()` comes first."""
        await self.call(self._store.close)
        self._threads.shutdown()


def _open(folder: Path, run_id: bytes, settings: OutboxSettings, reports: Reports) -> OutboxStore:
    try:
        store = OutboxStore(folder / FOLDER_NAME, settings.max_bytes, settings.memory_bytes)
        take_over(folder / OLD_NAME, store, reports)
    except OSError as error:
        raise FatalError(f"{folder / FOLDER_NAME}: cannot be opened ({error})") from None
    if store.damaged:
        text = f"{store.damaged} damaged places: {store.lost} frames are lost, and counted as dropped"
        reports.problem(TOPIC, text)
    failure = store.begin_run(run_id, _boot_id())
    if failure is not None:
        reports.problem(TOPIC, f"cannot be written ({failure}): retrying")
    return store


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
