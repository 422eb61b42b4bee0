"""Modes by covariance-driven stochastic subspace identification (pyOMA2), those that stay as the order grows.

SSI-cov with uncertainty: Peeters and De Roeck, Mech. Syst. Signal Process. 13 (1999) 855; Döhler and Mevel, Mech. Syst.
Signal Process. 38 (2013) 346. Poles that are stable from one order to the next (frequency 1 %, damping 5 %, shape MAC
0.98) are gathered from the highest order down: a pole belongs to a mode where its frequency is within 1 % and its shape
within MAC 0.9. What is found at fewer than 40 % of the orders is taken for noise.
"""

from __future__ import annotations

import contextlib
import io
import logging
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from cloud_service.modal.simultaneous import Simultaneous
from models.modal_assurance import modal_assurance, real_shape
from telltale.errors import UserError

SAME_FREQUENCY, SAME_SHAPE = 0.01, 0.9
MIN_SHARE_OF_ORDERS = 0.4
MAX_DAMPING = 0.2
STABLE = {"err_fn": 0.01, "err_xi": 0.05, "err_phi": 0.02}
BLOCKS = 20  # parts of the recording from which the covariances' scatter is taken
ROWS_RANGE = (10, 40)  # block rows of the Hankel matrix
RATE_OVER_HIGHEST = 2.5


class Mode(msgspec.Struct, frozen=True, kw_only=True):
    """One mode.

    Attributes:
        frequency_hz, frequency_se_hz: natural frequency and its standard error.
        damping, damping_se: share of critical damping and its standard error.
        shape: place → displacement, the largest 1.
        stable_orders: share of the model orders at which it was found.
    """

    frequency_hz: float
    frequency_se_hz: float
    damping: float
    damping_se: float
    shape: dict[str, float]
    stable_orders: float


class _Pole(msgspec.Struct, frozen=True):
    order: int
    numbers: tuple[float, float, float, float]  # frequency, its error, damping, its error
    shape: NDArray[np.complex128]


def identify(recording: Simultaneous, min_hz: float, max_hz: float, order: int) -> list[Mode]:
    """The modes between `min_hz` and `max_hz`, lowest first.

    Args:
        recording: (n, places) samples; mean, trend and what lies above `max_hz` are taken out.
        min_hz: lower end of where to look.
        max_hz: upper end.
        order: highest model order; twice the modes expected, and some for noise.

    Raises:
        UserError: pyOMA2 is not installed, or the numbers cannot be analysed.
    """
    samples, rate_hz = _prepared(recording, max_hz)
    rows = int(np.clip(np.ceil(rate_hz / (2.0 * min_hz)), *ROWS_RANGE))
    order = min(order, rows * len(recording.names) - 1)
    poles = [pole for pole in _poles(samples, rate_hz, rows, order) if min_hz <= pole.numbers[0] <= max_hz]
    groups = [group for group in _gathered(poles) if len(group) >= MIN_SHARE_OF_ORDERS * order]
    return sorted((_mode(group, recording.names, order) for group in groups), key=lambda mode: mode.frequency_hz)


def _prepared(recording: Simultaneous, max_hz: float) -> tuple[NDArray[np.float64], float]:
    factor = max(1, int(recording.rate_hz / (RATE_OVER_HIGHEST * max_hz)))
    flat = signal.detrend(recording.samples, axis=0)
    deviation = flat.std(axis=0)
    for name, size in zip(recording.names, deviation.tolist(), strict=True):
        if not size > 0:
            raise UserError(f"channel {name!r} does not move", "leave it out with --columns or --channels")
    if factor > 1:
        flat = signal.decimate(flat, factor, ftype="fir", axis=0)
    return np.asarray(flat, dtype=np.float64), recording.rate_hz / factor


def _poles(samples: NDArray[np.float64], rate_hz: float, rows: int, order: int) -> list[_Pole]:
    """The stable poles of all orders, highest order first."""
    try:
        from pyoma2.algorithms import SSI  # noqa: PLC0415 - an extra, and slow to import
        from pyoma2.setup import SingleSetup  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name!r} is not installed", "pip install 'telltale-monitor[oma]'") from None
    limits = {"xi_max": MAX_DAMPING, "mpc_lim": None, "mpd_lim": None, "CoV_max": None}
    method = SSI(name="ssi", br=rows, ordmax=order, sc=STABLE, hc=limits, calc_unc=True, nb=BLOCKS)
    setup = SingleSetup(samples, fs=rate_hz)
    setup.add_algorithms(method)
    logging.getLogger("pyoma2").setLevel(logging.WARNING)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        setup.run_all()
    return list(_stable(method.result))


def _stable(result: Any) -> list[_Pole]:
    tables = (result.Fn_poles, result.Fn_poles_std, result.Xi_poles, result.Xi_poles_std)
    rows, orders = np.nonzero(result.Lab == 1)
    return [
        _Pole(order, tuple(float(table[row, order]) for table in tables), result.Phi_poles[row, order])  # type: ignore[arg-type]
        for order, row in sorted(zip(orders.tolist(), rows.tolist(), strict=True), reverse=True)
    ]


def _gathered(poles: list[_Pole]) -> list[list[_Pole]]:
    groups: list[list[_Pole]] = []
    for pole in poles:
        own = next((group for group in groups if _is_same(pole, group[0])), None)
        if own is None:
            groups.append([pole])
        elif own[-1].order != pole.order:
            own.append(pole)
    return groups


def _is_same(pole: _Pole, other: _Pole) -> bool:
    near = abs(pole.numbers[0] - other.numbers[0]) <= SAME_FREQUENCY * other.numbers[0]
    return near and float(modal_assurance(pole.shape[None], other.shape[None])[0, 0]) >= SAME_SHAPE


def _mode(group: list[_Pole], names: tuple[str, ...], order: int) -> Mode:
    """Medians of the group's numbers, and the shape of its pole in the middle."""
    middle = sorted(group, key=lambda pole: pole.numbers[0])[len(group) // 2]
    frequency, frequency_se, damping, damping_se = np.median([pole.numbers for pole in group], axis=0).tolist()
    shape = real_shape(middle.shape)
    return Mode(
        frequency_hz=frequency,
        frequency_se_hz=frequency_se,
        damping=damping,
        damping_se=damping_se,
        shape=dict(zip(names, shape.tolist(), strict=True)),
        stable_orders=len(group) / order,
    )
