"""Tracked modes from the mean spectrum of a block of windows: frequency and damping, each with its standard error.

It measures and judges nothing: novelty judges frequencies (see `models.novelty`), and engineers read dampings.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.store.schema import Rows
from models.blocks import BLOCK_NS, Pending, fold_counted, no_block
from models.mode_fit import MIN_AVERAGES, ModeFit, fit_mode
from models.modes import ModeBands, mode_bands
from models.spectra import MAX_MISSING_SHARE, MODES, psd
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.site import Channel, Place

Array = NDArray[np.float64]


class State(msgspec.Struct):
    """The mean spectrum so far of the open block, at the lines of these bands; other bands begin another block."""

    pending: Pending
    bands: ModeBands | None = None


class ModesDetector:
    """Fills measurement `modes` of vibration channels with tracked bands."""

    name = "modes"
    state_type = State

    def applies(self, place: Place) -> bool:
        """Vibration waveforms with tracked bands."""
        channel = place.channel
        return channel.kind == "vibration" and channel.is_waveform and bool(channel.modes_hz)

    def initial(self, place: Place) -> State:
        """No window."""
        bands = _bands(place.channel)
        return State(no_block(sum(last - first + 1 for first, last in bands.slots)), bands)

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Add trusted windows to the open block; a row for each block that they close."""
        channel = place.channel
        if batch.windows is None or batch.rate_hz != channel.rate_hz:
            return state, Output()  # lines of another rate are other frequencies
        bands = _bands(channel)
        if state.bands != bands:
            state = self.initial(place)
        missing = np.isnan(batch.windows).mean(axis=1) > MAX_MISSING_SHARE
        keep = ~batch.unusable & ~missing & (batch.t_ns > state.pending.last_ns)
        keep[1:] &= np.diff(batch.t_ns) > 0
        if not keep.any():
            return state, Output()
        density = psd(batch.windows[keep], batch.rate_hz)[1]
        tracked = np.concatenate([density[:, first : last + 1] for first, last in bands.slots], axis=1)
        tracked[~np.isfinite(tracked)] = np.nan
        closed_ns, means, counts = fold_counted(state.pending, batch.t_ns[keep], tracked, _block_ns(channel))
        rows = [_row(channel, bands, *block) for block in zip(closed_ns.tolist(), means, counts, strict=True)]
        return state, Output(rows=rows)


def _bands(channel: Channel) -> ModeBands:
    return mode_bands(channel.modes_hz[:MODES], channel.window_samples, channel.rate_hz)


def _block_ns(channel: Channel) -> int:
    """Half an hour, or a day where half an hour holds too few windows."""
    return BLOCK_NS if channel.interval_s * NS_PER_S * MIN_AVERAGES <= BLOCK_NS else NS_PER_DAY


def _row(channel: Channel, bands: ModeBands, t_ns: int, mean: Array, count: Array) -> Rows:
    columns: dict[str, NDArray[np.float64] | NDArray[np.int64] | list[str]] = {
        "windows": np.array([int(count.max())], dtype=np.int64)
    }
    refused, start = [], 0
    for mode, (first, last) in enumerate(bands.slots, start=1):
        stop = start + last - first + 1
        fit = fit_mode(mean[start:stop], first, bands.spacing_hz, int(count[start:stop].min()))
        columns |= _columns(f"mode{mode}", fit)
        if fit.refused is not None:
            refused.append(f"mode {mode}: {fit.refused.value}")
        start = stop
    return Rows("modes", channel.id, np.array([t_ns], dtype=np.int64), {**columns, "refused": ["; ".join(refused)]})


def _columns(name: str, fit: ModeFit) -> dict[str, NDArray[np.float64]]:
    return {
        f"{name}_hz": np.array([fit.frequency_hz]),
        f"{name}_se_hz": np.array([fit.frequency_se_hz]),
        f"{name}_damping": np.array([fit.damping]),
        f"{name}_damping_se": np.array([fit.damping_se]),
    }
