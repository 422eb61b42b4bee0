"""What waits for the disk: a queue bounded by number and by bytes. Full means: whoever puts, waits."""

from __future__ import annotations

import asyncio
from collections import deque

from cloud_service.journal.entries import Entry, size_of


class Waiting:
    """Entries between the broker and the journal. One event loop, one taker."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._is_closed = False
        self._wanted = (max_entries, max_bytes)
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._entries)

    async def put(self, entry: Entry) -> None:
        """Add an entry; waits while the queue is full."""
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            self._entries.append(entry)
            self._bytes += size_of(entry)
            if len(self._entries) == 1 or self._is_batch(*self._wanted):  # nothing else is waited for
                self._changed.notify_all()

    async def close(self) -> None:
        """Nothing more will be put: `take` empties the queue and then returns nothing."""
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    async def take(self, max_entries: int, max_bytes: int, linger_s: float) -> list[Entry]:
        """The oldest entries: waits for the first one, then at most `linger_s` for the batch to fill.

        Returns:
            At least one entry; none once the queue is closed and empty.
        """
        async with self._changed:
            self._wanted = (max_entries, max_bytes)
            await self._changed.wait_for(lambda: bool(self._entries) or self._is_closed)
            try:
                async with asyncio.timeout(linger_s):
                    await self._changed.wait_for(lambda: self._is_batch(max_entries, max_bytes))
            except TimeoutError:
                pass
            batch = self._pop(max_entries, max_bytes)
            self._changed.notify_all()
            return batch

    def _pop(self, max_entries: int, max_bytes: int) -> list[Entry]:
        batch: list[Entry] = []
        size = 0
        while self._entries and len(batch) < max_entries and size < max_bytes:
            entry = self._entries.popleft()
            batch.append(entry)
            size += size_of(entry)
        self._bytes -= size
        return batch

    def _is_batch(self, max_entries: int, max_bytes: int) -> bool:
        return self._is_closed or len(self._entries) >= max_entries or self._bytes >= max_bytes or not self._has_room()

    def _has_room(self) -> bool:
        return len(self._entries) < self._max_entries and self._bytes < self._max_bytes
