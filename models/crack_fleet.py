"""Life of a crack in metal from its own history and those of earlier ones of its kind, with conformal intervals.

What the crack has shown so far (mean log resistance to growth over several stretches behind its tip) predicts the
logarithm of the resistance that is still ahead, by ridge regression over the earlier cracks: their prior, in the sense
of empirical Bayes (Hoerl & Kennard 1970; the ridge is chosen by leave-one-out error). Intervals are those of the
jackknife+ (Barber, Candès, Ramdas & Tibshirani 2021, Ann. Stat. 49): each earlier crack is left out in turn, so they
hold for a new crack of the same kind whatever the errors' distribution.

A crack that is read with an error shows less of its rate than one whose history is known well. What such a showing is
worth is learned from the earlier cracks only if they are looked at in the same way: with `readings` they are read as
this one was, with its error on top of theirs.

Resistance is cycles over Paris' integral ∫ ΔK^-m da with m = 3, 1/C, so that lengths need not agree between cracks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.crack_steps import growth_steps, reading_error
from models.paris import M_STEEL_IN_AIR
from models.stress_intensity import Loaded, cycles_per_rate

Floats = NDArray[np.float64]

MIN_HISTORIES = 20  # conformal P5 and P95 need 19 left-out errors
STRETCHES = (0.05, 0.1, 0.2, 0.4, np.inf)  # behind the tip, in ln a; the last is the whole history
LEAST_STRETCH = 0.01  # in ln a, that a history must reach behind the tip
RIDGES = np.logspace(-3, 3, 25)


@dataclass(frozen=True, slots=True)
class History:
    """How one crack grew: lengths (n,) in mm and the cycles (n,) at which they were reached, both ascending."""

    length_mm: Floats
    cycles: Floats

    def at(self, length_mm: Floats) -> Floats:
        """Cycles at lengths in between, linear."""
        return np.asarray(np.interp(length_mm, self.length_mm, self.cycles))


@dataclass(frozen=True, slots=True)
class Readings:
    """What a history was found from: lengths (n,) in mm as they were read, and ascending cycles (n,)."""

    length_mm: Floats
    cycles: Floats


def comparable(fleet: Sequence[History], length_mm: float, limit_mm: float) -> list[History]:
    """Those that began well before `length_mm` and reached `limit_mm`."""
    behind = length_mm * np.exp(-LEAST_STRETCH)
    return [one for one in fleet if one.length_mm[0] <= behind and one.length_mm[-1] >= limit_mm]


def fleet_cycles_to(
    own: History, fleet: Sequence[History], limit_mm: float, loaded: Loaded, readings: Readings | None = None
) -> Floats:
    """Equally likely cycles (n,) until `own` is `limit_mm` long, one for each comparable history, ascending.

    Take quantiles at rank p·(n+1) (`conformal_quantiles`). With `readings`, what `own` was found from: where these
    scatter by more than earlier cracks would, the earlier ones are looked at as through such readings.

    Raises:
        ValueError: fewer than MIN_HISTORIES comparable ones, or `own` does not reach far enough behind its tip.
    """
    now = float(own.length_mm[-1])
    usable = comparable(fleet, now, limit_mm)
    if len(usable) < MIN_HISTORIES or not comparable([own], now, now):
        raise ValueError(f"{len(usable)} comparable histories, at least {MIN_HISTORIES} are needed")
    usable.sort(key=lambda one: float(np.diff(one.at(np.array([now, limit_mm])))[0]))  # in whatever order they came
    clean = [_until(one, now) for one in usable]
    alike = clean if readings is None else _read_alike(usable, own, readings)
    seen = [one if _tells(one, limit_mm) else plain for one, plain in zip(alike, clean, strict=True)]
    shown = np.array([_shown(one, loaded) for one in (*seen, own)])
    ends = np.array([float(one.at(np.array([limit_mm]))[0]) for one in usable])
    ahead = ends - np.array([one.cycles[-1] for one in seen])
    tips = np.array([one.length_mm[-1] for one in (*seen, own)])
    way = cycles_per_rate(loaded, tips, np.array([limit_mm]), M_STEEL_IN_AIR)
    predicted = _jackknife_plus(shown[:-1], np.log(ahead / way[:-1]), shown[-1])
    return np.sort(np.exp(predicted) * way[-1])


def _until(one: History, length_mm: float) -> History:
    """What was known of it at that length."""
    before = one.length_mm < length_mm
    tip = np.array([length_mm])
    return History(np.append(one.length_mm[before], tip), np.append(one.cycles[before], one.at(tip)))


def _read_alike(usable: Sequence[History], own: History, readings: Readings) -> list[History]:
    """The earlier cracks as far as `own` has come, with its error of reading where it is more than they would show."""
    when = readings.cycles[(readings.cycles >= own.cycles[0]) & (readings.cycles <= own.cycles[-1])]
    at_mm = np.interp(when, own.cycles, own.length_mm)
    known = [at_mm[at_mm >= one.length_mm[0]] for one in usable]
    smooth_mm = max(reading_error(one.at(at), at) for one, at in zip(usable, known, strict=True))
    error_mm = np.sqrt(max(reading_error(readings.cycles, readings.length_mm) ** 2 - smooth_mm**2, 0.0))
    if not error_mm:
        return [_until(one, float(own.length_mm[-1])) for one in usable]
    rng = np.random.default_rng(0)
    read = [(one.at(at), at + error_mm * rng.standard_normal(at.size)) for one, at in zip(usable, known, strict=True)]
    steps = [growth_steps(*one) for one in read]
    return [History(length_mm, cycles) for cycles, length_mm in steps]


def _tells(one: History, limit_mm: float) -> bool:
    """Whether growth up to a tip before the limit can be seen."""
    return bool(one.length_mm.size and comparable([one], float(one.length_mm[-1]), 0.0)) and (
        float(one.length_mm[-1]) < limit_mm
    )


def conformal_quantiles(draws: Floats, probabilities: Sequence[float]) -> tuple[float, ...]:
    """Quantiles at rank p·(n+1) of n left-out predictions."""
    return tuple(np.quantile(draws, probabilities, method="weibull").tolist())


def _shown(history: History, loaded: Loaded) -> Floats:
    """Log resistance over each stretch behind the tip; one that reaches beyond the first length ends there."""
    start = np.maximum(history.length_mm[-1] * np.exp(-np.array(STRETCHES)), history.length_mm[0])
    tip = np.full(start.size, history.length_mm[-1])
    taken = history.at(tip) - history.at(start)
    return np.asarray(np.log(taken / cycles_per_rate(loaded, start, tip, M_STEEL_IN_AIR)))


def _jackknife_plus(shown: Floats, target: Floats, new: Floats) -> Floats:
    """Prediction at `new` without each row plus that row's left-out error, (n,)."""
    size = np.maximum(shown.std(axis=0), 1e-9)
    rows, point = (shown - shown.mean(axis=0)) / size, (new - shown.mean(axis=0)) / size
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    about = target - target.mean()
    errors = [_left_out(left, singular, about, ridge) for ridge in RIDGES]
    best = int(np.argmin([float(np.mean(error**2)) for error in errors]))
    influence = point @ (right.T / (singular**2 + RIDGES[best])) @ right @ rows.T
    prediction = target.mean() + influence @ about
    return np.asarray(prediction + (1 - 1 / target.size - influence) * errors[best])


def _left_out(left: Floats, singular: Floats, about: Floats, ridge: float) -> Floats:
    """Errors of predicting each row from the others: residual / (1 - leverage)."""
    shrunk = left * (singular**2 / (singular**2 + ridge))
    leverage = np.sum(shrunk * left, axis=1) + 1 / about.size
    return np.asarray((about - shrunk @ (left.T @ about)) / np.maximum(1 - leverage, 1e-6))
