"""Samples of several places at the same moments, and when clocks are not good enough for that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telltale.clock import NS_PER_S
from telltale.errors import UserError
from telltale.findings import Refusal

# A mode shape is read from phases between places. Five degrees at the highest frequency looked for keep the real part
# within 0.4 %, and are well below what noise does.
MAX_PHASE_DEG = 5.0
MIN_PLACES = 2
MIN_PERIODS = 200.0  # of the lowest frequency looked for: below, damping has no two correct digits


@dataclass(frozen=True, slots=True)
class Simultaneous:
    """What a modal analysis takes.

    Attributes:
        names: of the places.
        samples: (n, places), finite.
        rate_hz: sample rate.
        notes: what a reader should know.
    """

    names: tuple[str, ...]
    samples: NDArray[np.float64]
    rate_hz: float
    notes: tuple[str, ...] = ()


def tolerated_s(max_hz: float) -> float:
    """How far moments of sampling may lie apart."""
    return MAX_PHASE_DEG / 360.0 / max_hz


def check_clocks(gateways: dict[str, str], max_hz: float, clock_error_s: float | None) -> None:
    """Refuse channels of several gateways whose clocks are not known to agree.

    Args:
        gateways: channel → gateway.
        max_hz: highest frequency looked for.
        clock_error_s: how well the gateways' clocks agree, where somebody knows (PTP, GPS); None: nobody does.

    Raises:
        UserError: `clock_unreliable`, naming the gateways.
    """
    several = sorted(set(gateways.values()))
    allowed_s = tolerated_s(max_hz)
    if len(several) < 2 or (clock_error_s is not None and clock_error_s <= allowed_s):
        return
    known = "unknown" if clock_error_s is None else f"{clock_error_s:g} s"
    raise UserError(
        f"{Refusal.CLOCK_UNRELIABLE.value}: gateways {', '.join(several)}: how well their clocks agree is {known}",
        f"shapes up to {max_hz:g} Hz need {allowed_s:.2g} s: use channels of one gateway, lower --max-hz, or state"
        " --clock-error-s where PTP or GPS keeps them together",
    )


def check_length(rows: int, rate_hz: float, min_hz: float) -> None:
    """Refuse a recording that holds too few periods.

    Raises:
        UserError: `insufficient_history`, saying how much is needed.
    """
    seconds, needed = rows / rate_hz, MIN_PERIODS / min_hz
    if seconds < needed:
        raise UserError(
            f"{Refusal.INSUFFICIENT_HISTORY.value}: {seconds:.0f} s without a gap, modes down to {min_hz:g} Hz need"
            f" {needed:.0f} s",
            "give a longer recording, or raise --min-hz",
        )


def longest_run(t_ns: NDArray[np.int64], length: int, rate_hz: float) -> slice:
    """The longest run of windows of `length` samples that follow each other without a gap (half a sample)."""
    gap_ns = np.diff(t_ns) - length / rate_hz * NS_PER_S
    breaks = np.flatnonzero(np.abs(gap_ns) > 0.5 / rate_hz * NS_PER_S) + 1
    bounds = np.concatenate([[0], breaks, [t_ns.size]])
    best = int(np.diff(bounds).argmax())
    return slice(int(bounds[best]), int(bounds[best + 1]))
