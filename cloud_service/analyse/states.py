"""The states that analysis keeps between batches: read when first needed, written when changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from cloud_service.analyse.state_codec import decode_state, encode_state

T = TypeVar("T")
Load = Callable[[str, str], bytes | None]
"""(subject, owner) → the committed bytes, or None."""


def nothing_committed(subject: str, owner: str) -> bytes | None:  # noqa: ARG001 - the signature of `Load`
    """The `Load` of a run that starts from nothing."""
    return None


class States:
    """Every state by (subject, owner), kept in memory once read; `dirty` ones are what a commit must write.

    A subject is a channel, structure or gateway id; an owner is a detector's name or a stage of the pipeline.
    """

    def __init__(self, load: Load = nothing_committed) -> None:
        self._load = load
        self._kept: dict[tuple[str, str], Any] = {}
        self._dirty: set[tuple[str, str]] = set()

    def get(self, subject: str, owner: str, into: type[T], initial: Callable[[], T]) -> T:
        """The state, as kept, else as committed, else `initial()`."""
        key = (subject, owner)
        if key not in self._kept:
            data = self._load(subject, owner)
            self._kept[key] = initial() if data is None else decode_state(data, into)
        state: T = self._kept[key]
        return state

    def put(self, subject: str, owner: str, state: Any) -> None:
        """Keep `state` and write it with the next commit."""
        self._kept[subject, owner] = state
        self._dirty.add((subject, owner))

    def forget(self, subject: str, owner: str) -> None:
        """Drop what was kept: the next `get` starts from what was committed (a step that failed half-way)."""
        self._kept.pop((subject, owner), None)
        self._dirty.discard((subject, owner))

    def changed(self) -> Iterator[tuple[str, str, bytes]]:
        """(subject, owner, bytes) of each state that differs from what was committed, in a fixed order."""
        for subject, owner in sorted(self._dirty):
            yield subject, owner, encode_state(self._kept[subject, owner])

    def committed(self) -> None:
        """What `changed` gave is durable."""
        self._dirty.clear()
