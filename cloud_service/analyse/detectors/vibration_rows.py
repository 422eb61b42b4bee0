"""The features that say something about a structure's state, from a batch of windows: rate- and level-normalised.

The level itself (rms, peak) says how much traffic there is; it conditions novelty, and fixed limits judge it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch
from models.spectra import MODES, usable_bands
from telltale.site import Channel

Array = NDArray[np.float64]

ALL_MODES = "modes_hz"  # mean over the tracked modes: a loss of stiffness lowers them together, noise does not
_DB = 10.0 / math.log(10.0)


def has_windows(channel: Channel) -> bool:
    """Whether a channel brings windows of vibration."""
    return channel.kind == "vibration" and channel.is_waveform


def mode_names(channel: Channel) -> tuple[str, ...]:
    """The tracked modes of a channel."""
    return _modes(min(len(channel.modes_hz), MODES))


@lru_cache(maxsize=MODES + 1)
def _modes(count: int) -> tuple[str, ...]:
    return tuple(f"mode{i + 1}_hz" for i in range(count))


def shape_names(channel: Channel) -> tuple[str, ...]:
    """Features without level or rate that every window has."""
    return _shapes(channel.window_samples)


@lru_cache(maxsize=64)
def _shapes(length: int) -> tuple[str, ...]:
    return (*usable_bands(length), "crest", "kurtosis")


def feature_names(channel: Channel) -> tuple[str, ...]:
    """All features of a channel that novelty follows."""
    return _features(min(len(channel.modes_hz), MODES), channel.window_samples)


@lru_cache(maxsize=256)
def _features(modes: int, length: int) -> tuple[str, ...]:
    pooled = (ALL_MODES,) if modes > 1 else ()
    return (*_modes(modes), *pooled, *_shapes(length))


def groups(channel: Channel) -> NDArray[np.int64]:
    """The group of each of `feature_names`: shapes are there together (0), each mode comes and goes alone."""
    shapes = len(shape_names(channel))
    modes = len(feature_names(channel)) - shapes
    return np.array([*range(1, modes + 1), *[0] * shapes], dtype=np.int64)


def log_features(batch: Batch, names: tuple[str, ...]) -> Array:
    """(k, names) natural logs; NaN where absent."""
    read, is_log, pooled = _layout(names)
    columns = np.array([batch.features[name] for name in read], dtype=np.float64)
    logs = np.where(is_log[:, None], columns, log_of(columns))
    if pooled is None:
        return logs.T
    return np.concatenate([logs[:pooled], _mean(logs[:pooled])[None], logs[pooled:]]).T


@lru_cache(maxsize=256)
def _layout(names: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.bool_], int | None]:
    """The features that are read, which of them are logs already, and where the mean of the modes before it goes."""
    read = tuple(name for name in names if name != ALL_MODES)
    is_log = np.array([name.startswith("band") for name in read])
    return read, is_log, names.index(ALL_MODES) if ALL_MODES in names else None


@lru_cache(maxsize=256)
def measured(names: tuple[str, ...]) -> frozenset[str]:
    """Which features of a batch `log_features` reads."""
    return frozenset(_layout(names)[0])


def _mean(columns: Array) -> Array:
    """Mean of the rows of `columns`, added one by one: of the same values the same, however many stand beside."""
    total = columns[0]
    for column in columns[1:]:
        total = total + column
    return np.asarray(total / len(columns))


def log_of(values: Array) -> Array:
    """Natural log, NaN where there is none."""
    positive = values > 0
    return np.where(positive, np.log(np.where(positive, values, 1.0)), np.nan)


def describe_shift(feature: str, shift: float) -> tuple[str, float]:
    """A shift of the log as (evidence key, number): percent for frequencies and ratios, dB for band energies."""
    if feature.startswith("band"):
        return "shift_db", shift * _DB
    return "shift_percent", 100.0 * math.expm1(shift)
