"""Analysis that a full or busy disk has stopped starts again by itself, from what was committed last."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

import structlog

from cloud_service.analyse.tail import Wait
from telltale.backoff import FullJitter
from telltale.errors import RetryError

log = structlog.get_logger(__name__)

FIRST_S, LONGEST_S = 0.5, 15.0


def run_again(run: Callable[[], None], wait: Wait, rng: random.Random | None = None) -> None:
    """Call `run` until it ends without such an error, or `wait` says stop.

    What a commit did not take is forgotten with the run that made it, so each start is one from the disk.
    """
    backoff = FullJitter(FIRST_S, LONGEST_S, rng or random.SystemRandom())
    while True:
        try:
            run()
        except (sqlite3.OperationalError, RetryError) as error:
            delay_s = backoff.next_s()
            log.warning("analysis stopped by the disk", error=str(error), again_in_s=round(delay_s, 2))
            if _waited(delay_s, wait):
                return
        else:
            return


def _waited(delay_s: float, wait: Wait) -> bool:
    """Wait in short turns, each a sign of life; True when told to stop."""
    while delay_s > 0:
        if wait(min(delay_s, 1.0)):
            return True
        delay_s -= 1.0
    return False
