"""Windows → features: pieces of one rate, length and set of mode bands are transformed in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.piece import COLUMNS, RMS, Piece
from models.spectra import FEATURE_NAMES, window_features

MIN_SAMPLES = 16  # below it there is no spectrum to speak of

Group = tuple[float, int, tuple[tuple[float, float], ...]]


def transform(pieces: Sequence[Piece]) -> None:
    """Fill `table` and `values` (the rms) of every waveform piece.

    A window's features do not depend on what it is transformed with (see `models.spectra`), so neither do they on how
    frames were batched.
    """
    groups: dict[Group, list[Piece]] = {}
    for piece in pieces:
        if piece.windows is not None:
            groups.setdefault((*piece.shape, piece.place.channel.modes_hz), []).append(piece)
    for (rate_hz, length, modes_hz), members in groups.items():
        windows = np.concatenate([piece.windows for piece in members if piece.windows is not None])
        _share(_features(windows, rate_hz, length, modes_hz), length, members)


def _features(
    windows: NDArray[np.float32], rate_hz: float, length: int, modes_hz: Sequence[tuple[float, float]]
) -> dict[str, NDArray[np.float64]]:
    if length >= MIN_SAMPLES:
        return window_features(windows, rate_hz, modes_hz)
    columns = {name: np.full(len(windows), np.nan) for name in FEATURE_NAMES}
    for row, window in enumerate(windows.astype(np.float64)):
        known = window[np.isfinite(window)]
        if known.size:
            about = known - known.mean()
            columns["mean"][row] = known.mean()
            columns["rms"][row] = np.sqrt(np.mean(about**2))
            columns["peak"][row] = np.abs(about).max()
    return columns


def _share(features: dict[str, NDArray[np.float64]], length: int, members: Sequence[Piece]) -> None:
    # `flagged` was counted from the block's own flags: they know more than NaNs tell.
    flagged = np.concatenate([piece.flagged for piece in members if piece.flagged is not None])
    table = np.empty((len(COLUMNS), flagged.size))
    table[0], table[1] = length, flagged
    for row, name in enumerate(FEATURE_NAMES, start=2):
        table[row] = features[name]
    start = 0
    for piece in members:
        stop = start + len(piece)
        piece.table = table[:, start:stop]
        piece.values = piece.table[RMS]
        start = stop
