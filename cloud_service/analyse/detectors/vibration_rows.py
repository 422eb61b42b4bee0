"""The features that say something about a structure's state, from a batch of windows: rate- and level-normalised.

The level itself (rms, peak) says how much traffic there is; it conditions novelty, and fixed limits judge it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch
from models.spectra import MODES, usable_bands
from telltale.site import Channel

Array = NDArray[np.float64]

ALL_MODES = "modes_hz"  # mean over the tracked modes: a loss of stiffness lowers them together, noise does not
_DB = 10.0 / np.log(10.0)


def has_windows(channel: Channel) -> bool:
    """Whether a channel brings windows of vibration."""
    return channel.kind == "vibration" and channel.is_waveform


def mode_names(channel: Channel) -> tuple[str, ...]:
    """The tracked modes of a channel."""
    return tuple(f"mode{i + 1}_hz" for i in range(min(len(channel.modes_hz), MODES)))


def shape_names(channel: Channel) -> tuple[str, ...]:
    """Features without level or rate that every window has."""
    return _shapes(channel.window_samples)


@lru_cache(maxsize=64)
def _shapes(length: int) -> tuple[str, ...]:
    return (*usable_bands(length), "crest", "kurtosis")


def feature_names(channel: Channel) -> tuple[str, ...]:
    """All features of a channel that novelty follows."""
    modes = mode_names(channel)
    pooled = (ALL_MODES,) if len(modes) > 1 else ()
    return (*modes, *pooled, *shape_names(channel))


def groups(channel: Channel) -> NDArray[np.int64]:
    """The group of each of `feature_names`: shapes are there together (0), each mode comes and goes alone."""
    shapes = len(shape_names(channel))
    modes = len(feature_names(channel)) - shapes
    return np.array([*range(1, modes + 1), *[0] * shapes], dtype=np.int64)


def log_features(batch: Batch, names: tuple[str, ...]) -> Array:
    """(k, names) natural logs; NaN where absent."""
    modes = tuple(name for name in names if name.startswith("mode") and name != ALL_MODES)
    return np.column_stack([_column(batch, name, modes) for name in names])


def log_of(values: Array) -> Array:
    """Natural log, NaN where there is none."""
    positive = values > 0
    return np.where(positive, np.log(np.where(positive, values, 1.0)), np.nan)


def describe_shift(feature: str, shift: float) -> tuple[str, float]:
    """A shift of the log as (evidence key, number): percent for frequencies and ratios, dB for band energies."""
    if feature.startswith("band"):
        return "shift_db", float(shift * _DB)
    return "shift_percent", 100.0 * float(np.expm1(shift))


def _column(batch: Batch, name: str, modes: tuple[str, ...]) -> Array:
    if name == ALL_MODES:
        return np.asarray(np.mean([log_of(batch.features[mode]) for mode in modes], axis=0))
    values = batch.features[name]
    return values if name.startswith("band") else log_of(values)
