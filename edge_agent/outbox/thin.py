"""Keeping the outbox below its bound: files that are mostly holes are compacted; beyond that the lowest rank goes."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.frame.assemble import Rank
from edge_agent.outbox.index import Place
from edge_agent.outbox.run import Run
from edge_agent.outbox.store import MAX_FRAMES, OutboxStore


def thin(store: OutboxStore, *, may_drop: bool) -> int:
    """Bring the outbox below its bound; returns how many frames were let go for it.

    Raises:
        OSError: the disk did not take a copy; what is on it is as it was.
    """
    dropped, compacts = 0, True
    while (excess := store.log.disk_bytes - store.limit_bytes) > 0 or store.frames > MAX_FRAMES:
        segment = store.log.wasteful() if compacts and excess > 0 else None
        if segment is not None:
            dropped += store.compact(segment)
            store.log.reclaim()
            compacts = store.log.disk_bytes - store.limit_bytes < excess  # in tiny files, checkpoints are the waste
        elif may_drop and (count := _let_go(store, min(excess, store.log.segment_bytes))):
            dropped += count
            store.log.reclaim()
            compacts = True
        else:
            break
    return dropped


def _let_go(store: OutboxStore, size: int) -> int:
    """Drop the oldest frames of the lowest rank: `size` bytes, or one."""
    return store.drop(_to_go(store, size), "outbox_full")


def _to_go(store: OutboxStore, size: int) -> Iterator[tuple[Run, Place]]:
    """Each one is to be dropped before the next is asked for."""
    is_first = True
    while (is_first or size > 0) and (found := _first_to_go(store)) is not None:
        yield found
        is_first = False
        size -= found[1].size


def _first_to_go(store: OutboxStore) -> tuple[Run, Place] | None:
    ranks = sorted(rank for rank, count in store.ranks.items() if count and rank < Rank.REPORT)
    for ordinal in sorted(store.runs) if ranks else ():
        run = store.runs[ordinal]
        if (place := run.index.oldest_of_rank(ranks[0])) is not None:
            return run, place
    return None
