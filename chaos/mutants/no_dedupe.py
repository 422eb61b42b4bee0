"""The journal takes in a frame as often as it comes."""

from __future__ import annotations

import sys
from typing import Any


def apply() -> None:
    """Change ingest, where this process is ingest."""
    if "ingest" not in sys.orig_argv:
        return
    from cloud_service.journal.batch import Batch
    from cloud_service.journal.ranges import Ranges

    take = Batch._frame

    def take_always(self: Any, entry: Any) -> bool:
        run = self._run((entry.gateway, entry.run_id))
        covered = run.covered
        if entry.sequence not in covered:
            return take(self, entry)
        run.covered = Ranges()  # nothing is known of this run: the frame looks new
        taken = take(self, entry)
        run.covered = covered
        return taken

    Batch._frame = take_always  # type: ignore[method-assign]
