"""A piece: what one frame brought of one channel, in the base unit, ready to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.spectra import FEATURE_NAMES
from telltale.readings import Block
from telltale.site import Place

COLUMNS = ("samples", "flagged", *FEATURE_NAMES)
RMS = COLUMNS.index("rms")

Number = TypeVar("Number", bound=np.generic)


@dataclass(slots=True)
class Piece:
    """Rows of one channel from one frame, strictly ascending in time.

    Attributes:
        place: the channel.
        frame: index of the frame in the batch (journal order).
        t_ns, values, flags: (k,) as in `cloud_service.analyse.detector.Batch`.
        rate_hz, windows: sample rate and (k, n) float32 samples of waveforms; 0 and None for scalars.
        flagged: (k,) samples of each window that are not plainly good; None for scalars.
        blocks: for each window the block that it came as, where that is exactly its samples, counts and none missing;
            else None. Empty for scalars.
        table: (len(COLUMNS), k), filled by the transform; None before it and for scalars.
    """

    place: Place
    frame: int
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    flags: NDArray[np.uint8]
    rate_hz: float = 0.0
    windows: NDArray[np.float32] | None = None
    flagged: NDArray[np.int64] | None = None
    blocks: Sequence[Block | None] = ()
    table: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return int(self.t_ns.size)

    @property
    def shape(self) -> tuple[float, int]:
        """(rate_hz, n): pieces of one shape are transformed and judged together; (0, 0) for scalars."""
        return (0.0, 0) if self.windows is None else (self.rate_hz, int(self.windows.shape[1]))

    @property
    def features(self) -> dict[str, NDArray[np.float64]]:
        """Name → (k,) as in `cloud_service.analyse.detector.Batch`; empty for scalars."""
        return {} if self.table is None else dict(zip(COLUMNS, self.table, strict=True))

    def take(self, index: NDArray[np.intp] | slice) -> Piece:
        """The rows of `index`, in that order."""
        return Piece(
            self.place,
            self.frame,
            self.t_ns[index],
            self.values[index],
            self.flags[index],
            self.rate_hz,
            None if self.windows is None else self.windows[index],
            None if self.flagged is None else self.flagged[index],
            [self.blocks[row] for row in np.arange(len(self.blocks))[index]] if self.blocks else (),
            None if self.table is None else self.table[:, index],
        )


def in_time_order(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one channel, shape and frame as one; of rows at the same time the later one wins, as in the store."""
    whole = pieces[0] if len(pieces) == 1 else concatenate(pieces)
    if len(whole) < 2 or bool((np.diff(whole.t_ns) > 0).all()):
        return whole
    order = np.argsort(whole.t_ns, kind="stable")
    times = whole.t_ns[order]
    return whole.take(order[np.append(times[1:] != times[:-1], True)])


def concatenate(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one channel and shape, one behind the other; `frame` is that of the first."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    return Piece(
        first.place,
        first.frame,
        np.concatenate([piece.t_ns for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
        np.concatenate([piece.flags for piece in pieces]),
        first.rate_hz,
        _joined([piece.windows for piece in pieces if piece.windows is not None]),
        _joined([piece.flagged for piece in pieces if piece.flagged is not None]),
        [block for piece in pieces for block in piece.blocks],
        _joined([piece.table for piece in pieces if piece.table is not None], axis=1),
    )


def _joined(parts: Sequence[NDArray[Number]], axis: int = 0) -> NDArray[Number] | None:
    return np.concatenate(parts, axis=axis) if parts else None
