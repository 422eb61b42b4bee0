"""Analysis that the disk stopped: a new start from the disk, and no spinning."""

from __future__ import annotations

import random
import sqlite3

import pytest

from cloud_service.analyse.again import run_again


def failing(times: int, error: Exception) -> tuple[list[int], object]:
    calls: list[int] = []

    def run() -> None:
        calls.append(len(calls))
        if len(calls) <= times:
            raise error

    return calls, run


def test_it_starts_again_after_longer_and_longer_waits_and_beats_meanwhile() -> None:
    calls, run = failing(8, sqlite3.OperationalError("database or disk is full"))
    waits: list[float] = []
    run_again(run, lambda delay_s: waits.append(delay_s) or False, random.Random(5))  # type: ignore[arg-type, func-returns-value]
    assert len(calls) == 9
    assert max(waits) <= 1.0  # each is a sign of life
    assert sum(waits) > 8 * 0.5


def test_a_stop_ends_the_waiting() -> None:
    calls, run = failing(8, sqlite3.OperationalError("disk I/O error"))
    run_again(run, lambda _: True, random.Random(5))  # type: ignore[arg-type]
    assert len(calls) == 1


def test_a_fault_of_ours_is_not_tried_again() -> None:
    calls, run = failing(1, sqlite3.IntegrityError("NOT NULL"))
    with pytest.raises(sqlite3.IntegrityError):
        run_again(run, lambda _: False)  # type: ignore[arg-type]
    assert len(calls) == 1
