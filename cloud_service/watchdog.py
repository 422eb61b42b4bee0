"""The supervisor's end of the heartbeat: how long a part has been still."""

from __future__ import annotations

import asyncio
import contextlib
import os
from types import TracebackType
from typing import Self

DEFAULT_WATCHDOG_S = 120.0
START_S = 120.0  # before its first beat a part reads its programs, slowly where all start at once
LOOK_EVERY_S = 1.0


class Pulse:
    """A pipe on which one life of a part beats (`cloud_service.heartbeat`). `theirs` is the descriptor to hand over."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.pipe()
        os.set_blocking(self._ours, False)
        self._is_handed_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._ours)
        self.handed_over()

    def handed_over(self) -> None:
        """The part has its copy of the descriptor; ours is closed. Safe to call twice."""
        if not self._is_handed_over:
            os.close(self.theirs)
            self._is_handed_over = True

    async def until_still(self, limit_s: float, start_s: float = START_S) -> None:
        """Returns when the part has not beaten for `limit_s`, or `start_s` where that is longer and it has never
        beaten. Time in which we ourselves stood still is not counted.
        """
        still_s, patience_s = 0.0, max(limit_s, start_s)
        loop = asyncio.get_running_loop()
        while still_s < patience_s:
            began_s = loop.time()
            await asyncio.sleep(min(LOOK_EVERY_S, limit_s / 4))
            took_s = loop.time() - began_s
            if self._has_beaten():
                still_s, patience_s = 0.0, limit_s
            else:
                still_s += min(took_s, 2 * LOOK_EVERY_S)

    def _has_beaten(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._ours, 65_536))
        return False
