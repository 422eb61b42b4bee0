"""Pieces of one structure → segments: runs of frames in which every channel's time only moves forward.

Detectors judge a segment at once, which is fast; and they judge the same rows in the same order however the frames
were batched. A frame that brings late data (older than what the channel has already shown) is a segment of its own,
so that what it changes is seen by all that the journal holds after it, and by nothing before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.piece import Piece, concatenate, in_time_order


class Newest(msgspec.Struct):
    """What came last of each channel of a structure.

    Attributes:
        t_ns: its newest time, UTC.
        heard_ns: the run's clock at the newest frame that brought it.
    """

    t_ns: dict[str, int] = {}
    heard_ns: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of one channel and shape in a segment, ascending; `frames` (k,) says which frame each came with."""

    piece: Piece
    frames: NDArray[np.int64]


@dataclass(slots=True)
class Segment:
    """The runs of each channel, in the order in which they came; `late` where it is one frame of late data."""

    late: bool = False
    pieces: dict[str, list[Piece]] = field(default_factory=dict)

    def runs(self, channel: str) -> list[Run]:
        """The rows of one channel; more than one run only where a frame brought windows of several lengths."""
        found = []
        for _, members in groupby(self.pieces.get(channel, ()), key=lambda piece: piece.shape):
            pieces = list(members)
            frames = np.repeat([piece.frame for piece in pieces], [len(piece) for piece in pieces])
            found.append(Run(concatenate(pieces), frames.astype(np.int64)))
        return found


def segments(pieces: Sequence[Piece], newest: Newest, unjudged: Callable[[Piece], Piece | None]) -> Iterator[Segment]:
    """Cut pieces (in journal order) of one structure into segments; brings `newest` up to date.

    `unjudged` gives the rows of a piece that were not judged before, None where there are none.
    """
    current = Segment()
    for _, members in groupby(pieces, key=lambda piece: piece.frame):
        by_channel = _only(_by_channel(members), unjudged)
        if not by_channel:
            continue
        late = _is_late(by_channel, newest.t_ns)
        if late and current.pieces:
            yield current
            current = Segment()
        for channel, ordered in by_channel.items():
            current.pieces.setdefault(channel, []).extend(ordered)
            last = max(int(piece.t_ns[-1]) for piece in ordered)
            newest.t_ns[channel] = max(newest.t_ns.get(channel, last), last)
        if late:
            current.late = True
            yield current
            current = Segment()
    if current.pieces:
        yield current


def _by_channel(pieces: Iterator[Piece]) -> dict[str, list[Piece]]:
    """Channel → its pieces of one frame, one for each shape, by time."""
    found: dict[str, list[Piece]] = {}
    for piece in pieces:
        found.setdefault(piece.place.channel.id, []).append(piece)
    return {channel: _merge(members) for channel, members in found.items()}


def _only(
    by_channel: Mapping[str, Sequence[Piece]], unjudged: Callable[[Piece], Piece | None]
) -> dict[str, list[Piece]]:
    kept = {
        channel: [fresh for piece in pieces if (fresh := unjudged(piece)) is not None]
        for channel, pieces in by_channel.items()
    }
    return {channel: pieces for channel, pieces in kept.items() if pieces}


def _merge(members: list[Piece]) -> list[Piece]:
    if len(members) == 1 and len(members[0]) == 1:
        return members
    members.sort(key=lambda piece: piece.shape)
    whole = [in_time_order(list(same)) for _, same in groupby(members, key=lambda piece: piece.shape)]
    return sorted(whole, key=lambda piece: int(piece.t_ns[0]))


def _is_late(by_channel: Mapping[str, Sequence[Piece]], newest: Mapping[str, int]) -> bool:
    return any(
        int(pieces[0].t_ns[0]) <= newest.get(channel, -(2**63))
        or any(int(a.t_ns[-1]) >= int(b.t_ns[0]) for a, b in pairwise(pieces))
        for channel, pieces in by_channel.items()
    )
