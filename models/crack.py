"""Growth of a crack with temperature taken out, with intervals that know about autocorrelation, season and shape.

Model of daily means (of several days in longer histories) y(t):

    y = level + rate · t + c · shape(t - onset) + Σ β_l (T_l - T̄_l) + season + start + Σ o_k [t < t_k] + e

- T_l are exponentially lagged temperatures, a lag of ten days added for mass concrete;
- `season` is a yearly sine of unknown phase that temperature does not explain, held by a prior: a history of weeks
  cannot tell it from growth and its interval widens by what such a season could do, a history of years learns it;
- `start` is what the body remembers of the time before the first reading: unknown, fading with the lags;
- o_k is by how much the gauge read differently before it was replaced on day t_k: unknown, so that growth is told
  from before and after, and never across;
- e remembers (`models.ou_noise`).

Growth may have begun or sped up lately: shapes with several onsets are fitted and averaged by the Bayesian information
criterion (Schwarz 1978; Raftery 1995), so that both rate and life carry the doubt about the shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.crack_growth import Candidate, Growth, Shape
from models.ou_noise import Fit, OuNoise, Solver, choose_noise

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.25
MEMORIES_DAYS = (0.3, 0.7, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0)
ONSETS_DAYS = tuple(10.0 * 2 ** (step / 2) for step in range(12))  # before the newest day, to 450
MIN_BEFORE_ONSET_DAYS = 10.0
MEANS = ((180.0, 6.0), (90.0, 3.0))  # histories longer than so many days are fitted to means of so many days
SLOW_LAG_DAYS = 10.0
FADING_DAYS = (2.0, SLOW_LAG_DAYS)  # the lags whose state at the first reading is not known
MIN_DOF = 8.0  # of the intervals; fewer would make them infinite where the noise remembers long
UNKNOWN_START_C = 8.0  # sd of that state about the first reading: self-set, gives slow bodies their coverage


@dataclass(frozen=True, slots=True)
class SeasonPrior:
    """How much of a season temperature may leave unexplained; self-set.

    Attributes:
        share: of the temperature's own yearly effect.
        swing_c: the least half swing of a year's temperature that is assumed.
        untreated_mm: where there is no temperature at all.
    """

    share: float = 0.15
    swing_c: float = 8.0
    untreated_mm: float = 0.1


def growth(
    day: Floats,
    width: Floats,
    lagged_c: Floats,
    season: SeasonPrior | None = None,
    replaced: Floats | None = None,
) -> Growth:
    """Fit all shapes.

    Args:
        day: (n,) ascending days, any origin.
        width: (n,) daily means, mm, no NaN.
        lagged_c: (n, l) lagged temperatures; l = 0 where there is none.
        season: see `SeasonPrior`.
        replaced: (s,) days from which on another gauge reads, of the origin of `day`; levels are the newest gauge's.

    Raises:
        ValueError: fewer than 8 days.
    """
    if day.size < 8:
        raise ValueError(f"{day.size} days, at least 8 are needed")
    if lagged_c.shape[1]:
        lagged_c = np.column_stack((lagged_c, slow_lag(day, lagged_c[:, -1], SLOW_LAG_DAYS)))
    slow_c = float(lagged_c[-1, -1]) if lagged_c.shape[1] else float("nan")
    newest, history_days = float(day[-1]), float(day[-1] - day[0])
    gauges = earlier_gauges(day, replaced)
    day, width, more = _means(day, width, np.column_stack((lagged_c, gauges)))
    lagged_c, gauges = more[:, : lagged_c.shape[1]], more[:, lagged_c.shape[1] :]
    model = _model(day, newest, width, _Known(lagged_c, gauges), season or SeasonPrior())
    shapes = _shapes(-model.back[0])
    fits = list(zip(shapes, _fit_shapes(model, width, shapes), strict=True))
    weights = _weights(fits, day.size)
    likeliest = fits[int(np.argmax(weights))][1].coef
    betas = likeliest[2 : 2 + model.reference_c.size]
    own = model.design.shape[1]
    return Growth(
        candidates=tuple(_candidate(shape, fit, w) for (shape, fit), w in zip(fits, weights, strict=True)),
        memory_days=model.noise.memory,
        dof=max(MIN_DOF, min(-float(model.back[0]) / (2 * model.noise.memory), day.size - model.design.shape[1])),
        temperature_effect_per_c=float(betas.sum()) if betas.size else float("nan"),
        history_days=history_days,
        betas=betas,
        reference_c=model.reference_c,
        slow_c=slow_c,
        offsets_mm=likeliest[own - gauges.shape[1] : own],
    )


def earlier_gauges(day: Floats, replaced: Floats | None) -> Floats:
    """(n, s) 1 on days before each replacement; only of those with days before and after."""
    if replaced is None or not replaced.size:
        return np.empty((day.size, 0))
    told = np.unique(replaced[(replaced > day[0]) & (replaced <= day[-1])])
    before: Floats = (day[:, None] < told).astype(np.float64)
    return before[:, np.diff(before.sum(axis=0), prepend=0.0) > 0]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of each day: (n, l) lagged temperatures, (n, s) share of it before each replacement."""

    lagged_c: Floats
    gauges: Floats


@dataclass(frozen=True, slots=True)
class _Model:
    """All but the shapes.

    Attributes:
        back: (n,) days before the newest one, negative or 0.
        design: (n, p) level, rate, temperatures, season, start, gauges.
        inverse_prior_sd: (p,).
        noise: of the daily means.
        reference_c: (l,) mean temperatures.
    """

    back: Floats
    design: Floats
    inverse_prior_sd: Floats
    noise: OuNoise
    reference_c: Floats


def _means(day: Floats, width: Floats, lagged_c: Floats) -> tuple[Floats, Floats, Floats]:
    """Means of some days, from the newest day back.

    The scatter of single days hides the slow wandering of a gauge behind it: fitted to days, the noise's memory comes
    out too short and intervals too narrow (80 % ones covered 55 %, simulated).
    """
    span = next((mean for longer, mean in MEANS if day[-1] - day[0] > longer), 0.0)
    if not span:
        return day, width, lagged_c
    starts = np.flatnonzero(np.diff((day - day[-1] - 0.5) // span, prepend=-np.inf))
    counts = np.diff(starts, append=day.size)
    means = np.add.reduceat(np.column_stack((day, width, lagged_c)), starts, axis=0) / counts[:, None]
    return means[:, 0], means[:, 1], means[:, 2:]


def _model(day: Floats, newest: float, width: Floats, known: _Known, season: SeasonPrior) -> _Model:
    back = day - newest
    reference = known.lagged_c.mean(axis=0)
    warmth = known.lagged_c - reference
    base = np.column_stack((np.ones(day.size), back / DAYS_PER_YEAR, warmth))
    bends = [_columns(back, Shape(-back[0] * part, (1,))) for part in (0.67, 0.33)]
    memories = [memory for memory in MEMORIES_DAYS if memory <= -back[0] / 3]
    noise = choose_noise(back, np.column_stack((base, known.gauges, *bends)), width, memories)
    priors = _priors(noise, base, known.gauges, width, season)
    design = np.column_stack((base, _season(day), _fading(day), known.gauges))
    return _Model(back, design, priors, noise, reference)


def _priors(noise: OuNoise, base: Floats, gauges: Floats, width: Floats, season: SeasonPrior) -> Floats:
    """1/sd of each coefficient's prior, scaled by a first fit without slow lag, season and start; gauges have none."""
    quick = 2 + max(base.shape[1] - 3, 0)
    of_known, free = _temperature_priors(width, base[:, 2:-1]), np.zeros(gauges.shape[1])
    columns = np.column_stack((base[:, :quick], gauges))
    first = Solver(noise, columns, width, np.concatenate((of_known, free))).fit(range(columns.shape[1]))
    effect = abs(float(first.coef[2:quick].sum()))
    season_sd = _season_sd(season, effect, base[:, 2:], width - columns @ first.coef)
    slow = [max(effect, 1e-5)] * (base.shape[1] - quick)
    others = (*slow, season_sd, season_sd, *[max(UNKNOWN_START_C * effect, 1e-4)] * len(FADING_DAYS))
    return np.concatenate((of_known, 1 / np.array(others), free))


def _fit_shapes(model: _Model, width: Floats, shapes: list[Shape]) -> list[Fit]:
    """Each shape's columns behind the model's own."""
    added = [_columns(model.back, shape) for shape in shapes]
    own, more = model.design.shape[1], sum(columns.shape[1] for columns in added)
    priors = np.concatenate((model.inverse_prior_sd, np.zeros(more)))
    solver = Solver(model.noise, np.column_stack((model.design, *added)), width, priors)
    choices, start = [], own
    for columns in added:
        stop = start + columns.shape[1]
        choices.append([*range(own), *range(start, stop)])
        start = stop
    return solver.fits(choices)


def slow_lag(day: Floats, celsius: Floats, memory_days: float) -> Floats:
    """First-order lag of daily temperatures (n,), from the first one on."""
    out = np.empty_like(celsius)
    state = float(celsius[0])
    gains = -np.expm1(-np.diff(day, prepend=day[0]) / memory_days)
    for index, (gain, value) in enumerate(zip(gains.tolist(), celsius.tolist(), strict=True)):
        state += gain * (value - state)
        out[index] = state
    return out


def _season(day: Floats) -> Floats:
    angle = 2 * np.pi * day / DAYS_PER_YEAR
    return np.column_stack((np.cos(angle), np.sin(angle)))


def _fading(day: Floats) -> Floats:
    faded: Floats = np.exp(-(day - day[0])[:, None] / np.array(FADING_DAYS))
    return faded


def _shapes(history_days: float) -> list[Shape]:
    onsets = [onset for onset in ONSETS_DAYS if history_days - onset >= MIN_BEFORE_ONSET_DAYS]
    long_ago = onsets[2:]  # less than 20 days tell no curvature
    return [
        Shape(0.0, ()),
        *(Shape(onset, (1,)) for onset in onsets),
        *(Shape(onset, (2,)) for onset in (*long_ago, history_days)),
        *(Shape(onset, (1, 2)) for onset in long_ago),
    ]


def _columns(back: Floats, shape: Shape) -> Floats:
    """Growth since the onset, (n, len(powers)): years, half their square; the coefficients are rate, acceleration."""
    years = np.maximum(back + shape.onset_days, 0.0) / DAYS_PER_YEAR
    powers = np.array(shape.powers, dtype=float)
    columns: Floats = years[:, None] ** powers / powers
    return columns


def _temperature_priors(width: Floats, warmth: Floats) -> Floats:
    """Inverse prior sd of each coefficient: none for level and rate; wide for temperature, whose lags are collinear."""
    sd_c = np.maximum(warmth.std(axis=0), 0.1)
    prior = 3 * max(float(width.std()), 1e-3) / sd_c
    return np.concatenate(([0.0, 0.0], 1 / prior))


def _season_sd(season: SeasonPrior, effect: float, warmth: Floats, rest: Floats) -> float:
    if not warmth.shape[1]:
        return max(season.untreated_mm, 2 * float(rest.std()))
    swing = max(season.swing_c, float(np.ptp(warmth[:, -1])) / 2)
    return max(season.share * abs(effect) * swing, 1e-4)


def _weights(fits: list[tuple[Shape, Fit]], days: int) -> Floats:
    """BIC weights. The onsets of one way to change share one candidate's prior probability."""
    score = np.array([-0.5 * fit.misfit - 0.5 * fit.coef.size * np.log(days) for _, fit in fits])
    powers = [shape.powers for shape, _ in fits]
    score -= np.log([powers.count(own) for own in powers])
    weights = np.exp(score - score.max())
    total: Floats = weights / weights.sum()
    return total


def _candidate(shape: Shape, fit: Fit, weight: float) -> Candidate:
    """Level, rate and acceleration at the newest day as linear functions of the coefficients."""
    pick = np.zeros((3, fit.coef.size))
    pick[0, 0] = pick[1, 1] = 1.0
    years = shape.onset_days / DAYS_PER_YEAR
    first = fit.coef.size - len(shape.powers)
    for at, power in enumerate(shape.powers, start=first):
        pick[:, at] = (years, 1.0, 0.0) if power == 1 else (years**2 / 2, years, 1.0)
    return Candidate(shape, float(weight), pick @ fit.coef, pick @ fit.cov @ pick.T)
