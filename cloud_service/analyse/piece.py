"""A piece: what one frame brought of one channel, in the base unit, ready to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telltale.site import Place


@dataclass(slots=True)
class Piece:
    """Rows of one channel from one frame, strictly ascending in time.

    Attributes:
        place: the channel.
        frame: index of the frame in the batch (journal order).
        t_ns, values, flags: (k,) as in `cloud_service.analyse.detector.Batch`.
        rate_hz, windows: sample rate and (k, n) float32 samples of waveforms; 0 and None for scalars.
        features: name → (k,), filled by the transform.
    """

    place: Place
    frame: int
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    flags: NDArray[np.uint8]
    rate_hz: float = 0.0
    windows: NDArray[np.float32] | None = None
    features: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.t_ns.size)

    @property
    def shape(self) -> tuple[float, int]:
        """(rate_hz, n): pieces of one shape are transformed and judged together; (0, 0) for scalars."""
        return (0.0, 0) if self.windows is None else (self.rate_hz, int(self.windows.shape[1]))

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
            {name: column[index] for name, column in self.features.items()},
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
    windows = None
    if first.windows is not None:
        windows = np.concatenate([piece.windows for piece in pieces if piece.windows is not None])
    return Piece(
        first.place,
        first.frame,
        np.concatenate([piece.t_ns for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
        np.concatenate([piece.flags for piece in pieces]),
        first.rate_hz,
        windows,
        {name: np.concatenate([piece.features[name] for piece in pieces]) for name in first.features},
    )
