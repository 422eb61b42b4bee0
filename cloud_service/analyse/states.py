"""The states that analysis keeps between batches: read when first needed, written when changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol, TypeVar, cast

from cloud_service.analyse.state_codec import decode_state, encode_state

T = TypeVar("T")
Load = Callable[[str, str], bytes | None]
"""(subject, owner) → the committed bytes, or None."""


def nothing_committed(subject: str, owner: str) -> bytes | None:  # noqa: ARG001 - the signature of `Load`
    """The `Load` of a run that starts from nothing."""
    return None


class Parted(Protocol):
    """A state whose large part changes seldom: that part is a record of its own, written only when it is another.

    A record that holds the whole state is read as well: of an earlier version, before it was parted.
    """

    part_type: ClassVar[type[Any]]

    def revision(self) -> int:
        """Another number whenever the part of this object has changed."""

    def take_part(self) -> Any:
        """Take the part out, so that the rest can be written; None where it is out already."""

    def put_part(self, part: Any) -> None:
        """Put it back."""


PART = "/part"  # the owner of a part is its state's owner with this behind


class States:
    """Every state by (subject, owner), kept in memory once read; `dirty` ones are what a commit must write.

    A subject is a channel, structure or gateway id; an owner is a detector's name or a stage of the pipeline.
    """

    def __init__(self, load: Load = nothing_committed) -> None:
        self._load = load
        self._kept: dict[tuple[str, str], Any] = {}
        self._dirty: set[tuple[str, str]] = set()
        # (state, revision) of the part that is committed, and of that which `changed` gave. Of the object, for a state
        # that begins anew may count to the same number.
        self._committed: dict[tuple[str, str], tuple[Any, int]] = {}
        self._given: dict[tuple[str, str], tuple[Any, int]] = {}

    def get(self, subject: str, owner: str, into: type[T], initial: Callable[[], T]) -> T:
        """The state, as kept, else as committed, else `initial()`."""
        key = (subject, owner)
        if key not in self._kept:
            data = self._load(subject, owner)
            self._kept[key] = initial() if data is None else self._whole(key, decode_state(data, into))
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
        self._committed.pop((subject, owner), None)

    def changed(self) -> Iterator[tuple[str, str, bytes]]:
        """(subject, owner, bytes) of each state that differs from what was committed, in a fixed order."""
        self._given.clear()
        for subject, owner in sorted(self._dirty):
            state = self._kept[subject, owner]
            if hasattr(state, "take_part"):
                yield from self._parts(subject, owner, cast("Parted", state))
            else:
                yield subject, owner, encode_state(state)

    def committed(self) -> None:
        """What `changed` gave is durable."""
        self._dirty.clear()
        self._committed.update(self._given)
        self._given.clear()

    def _whole(self, key: tuple[str, str], state: Any) -> Any:
        """The state with its part, where that is a record of its own."""
        if not hasattr(state, "take_part"):
            return state
        part = state.take_part()
        if part is None:
            subject, owner = key
            part = decode_state(self._load(subject, owner + PART) or b"", state.part_type)
            self._committed[key] = state, state.revision()
        state.put_part(part)
        return state

    def _parts(self, subject: str, owner: str, state: Parted) -> Iterator[tuple[str, str, bytes]]:
        part = state.take_part()
        try:
            rest = encode_state(state)
        finally:
            state.put_part(part)
        yield subject, owner, rest
        known, revision = self._committed.get((subject, owner), (None, 0))
        if known is not state or revision != state.revision():
            self._given[subject, owner] = state, state.revision()
            yield subject, owner + PART, encode_state(part)
