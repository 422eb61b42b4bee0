"""The outbox as the agent's event loop sees it: offer, settle, fetch. All SQLite work runs on one thread of its own.

What waits is committed together (group commit): while one transaction syncs to disk, the next one's frames and
store-acks gather. A full disk or a busy file is retried, counted and reported; the frames wait in bounded memory.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, TypeVar

from msgspec import Meta

from edge_agent.frame.assemble import FrameAssembler, SealedFrame
from edge_agent.outbox.database import Applied, Batch, OutboxDatabase
from edge_agent.outbox.pending import PendingFrames
from edge_agent.reports import LOG, Reports
from telltale.errors import FatalError
from telltale.settings import Settings
from telltale.wire.ack import StoredAck

T = TypeVar("T")

FILE_NAME = "outbox.db"
FULL_SHARE = 0.9  # where sources that can wait are made to wait; the rest is for those that cannot
PENDING_SHARE = 0.25  # of the memory bound: where sources that can wait are made to wait
RETRY_S = 0.5
RETRY_CAP_S = 10.0
TOPIC = "outbox"


class OutboxSettings(Settings, frozen=True):
    """`[outbox]` of `edge.toml`.

    Attributes:
        max_bytes: bound of the frames on disk. Beyond it, sources that can wait do; those that cannot lose the
            oldest waveforms first, counted.
        memory_bytes: bound of the frames that wait for their commit (a full disk).
    """

    max_bytes: Annotated[int, Meta(ge=65_536)] = 1_073_741_824
    memory_bytes: Annotated[int, Meta(ge=65_536, le=268_435_456)] = 8_388_608


class Outbox:
    """The durable hand-off between acquisition and publishing.

    Args:
        settings: bounds.
        reports: where trouble goes.
    """

    _database: OutboxDatabase

    def __init__(self, settings: OutboxSettings, reports: Reports) -> None:
        self.settings = settings
        self.may_drop = False
        self.acknowledged = self.rejected = self.dropped = 0
        self.changed = asyncio.Event()
        self._reports = reports
        self._boot = _boot_id()
        self._pending = PendingFrames(settings.memory_bytes)
        self._acks: list[StoredAck] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Condition()
        self._committing = False
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="outbox")

    async def open(self, folder: Path, run_id: bytes) -> None:
        """Open `outbox.db` in `folder` (created) and begin the run; comes before all else.

        Raises:
            FatalError: it cannot be opened. One that is damaged is set aside instead.
        """
        self._database = await self.call(lambda: _open(folder, run_id, self.settings.max_bytes, self._reports))

    @property
    def frames(self) -> int:
        """Frames that are not store-acked, those waiting for their commit included."""
        return self._database.totals.frames + len(self._pending)

    @property
    def size(self) -> int:
        """Bytes of the frames on disk."""
        return self._database.totals.size

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a commit."""
        return not (len(self._pending) or self._acks or self._committing or self._pending.drops)

    def offer(self, frame: SealedFrame) -> None:
        """Take a sealed frame over; committed with the next transaction."""
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
        return (
            self._pending.size <= self.settings.memory_bytes * PENDING_SHARE
            and self._database.totals.size <= self.settings.max_bytes * FULL_SHARE
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
        """Commit what comes, for ever.

        Raises:
            FatalError: the file is damaged; the next start sets it aside.
        """
        retry_s = RETRY_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while not await self._commit():
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_CAP_S)
            retry_s = RETRY_S

    async def _commit(self) -> bool:
        """One transaction; False when the disk did not take it."""
        frames, drops = self._pending.take()
        batch, self._acks = Batch(frames, self._acks, drops), []
        self._committing = True
        try:
            applied = await self.call(lambda: self._database.apply(batch, may_drop=self.may_drop))
        except sqlite3.OperationalError as error:
            self._pending.put_back(frames, drops)
            self._acks = [*batch.acks, *self._acks]
            self._reports.problem(TOPIC, f"cannot be written ({error}): retrying, {len(self._pending)} frames wait")
            return False
        except sqlite3.DatabaseError as error:
            raise FatalError(f"{FILE_NAME}: damaged ({error}): start the agent again to set it aside") from error
        finally:
            self._committing = False
        self._reports.solved(TOPIC, "written again")
        self._count(applied)
        async with self._room:
            self._room.notify_all()
        self.changed.set()
        return True

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
            found = await self.call(lambda: list(self._database.unreported()))
            for run_id, last, drops in found:
                sequence = None if run_id == assembler.run_id else last + 1
                frame = assembler.report(run_id, sequence, drops)
                await self.call(lambda frame=frame, drops=drops: self._database.report(frame, drops))  # type: ignore[misc]
        except sqlite3.OperationalError as error:
            self._reports.problem(TOPIC, f"cannot be written ({error}): drops are reported later")
            return 0
        if found:
            self.changed.set()
        return len(found)

    async def newest(self) -> int:
        """The highest id on disk."""
        return await self.call(self._database.newest)

    async def oldest_ns(self) -> int | None:
        """Acquisition time of the oldest frame on disk."""
        return await self.call(self._database.oldest_ns)

    async def after(self, cursor: int, until: int, limit: int) -> list[tuple[int, int]]:
        """(id, size) of frames with `cursor` < id ≤ `until`, in order."""
        return await self.call(lambda: self._database.after(cursor, until, limit))

    async def payload(self, frame: int) -> bytes | None:
        """The payload of a frame; None when it is gone or damaged (then counted as dropped)."""
        payload, damaged = await self.call(lambda: self._database.payload(frame))
        if damaged:
            self.dropped += 1
            self._reports.problem(TOPIC, "a frame's checksum is wrong: dropped and counted")
            async with self._room:
                self._room.notify_all()
        return payload

    def ordinal(self, run_id: bytes) -> int | None:
        """The ordinal of a run that has, or had at the start, frames here."""
        return self._database.ordinals.get(run_id)

    def boot_of(self, ordinal: int) -> str:
        """The boot of the machine in which a run was recorded; empty where it is not known: that of earlier runs."""
        return self._boot if ordinal == self._database.ordinal else ""

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` on the database's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """Close the file; what was not committed is lost, so `committed()` comes first."""
        await self.call(self._database.close)
        self._threads.shutdown()


def _open(folder: Path, run_id: bytes, max_bytes: int, reports: Reports) -> OutboxDatabase:
    """Open the file; one that is damaged is set aside, for an agent that does not start records nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    try:
        return OutboxDatabase(path, run_id, max_bytes)
    except sqlite3.OperationalError as error:
        raise FatalError(f"{path}: cannot be opened ({error})") from None
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        reports.problem(TOPIC, f"{path.name} was damaged ({error}); kept as {aside.name}, a new one begins")
        LOG.error("frames in %s were not sent", aside)
        return OutboxDatabase(path, run_id, max_bytes)


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside
