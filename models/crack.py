"""Growth of a crack with temperature taken out, with intervals that know about autocorrelation, season and shape.

Model of daily means y(t):

    y = level + rate · t + c · shape(t - onset) + Σ β_l (T_l - T̄_l) + season + start + e

- T_l are exponentially lagged temperatures, a lag of ten days added for mass concrete;
- `season` is a yearly sine of unknown phase that temperature does not explain, held by a prior: a history of weeks
  cannot tell it from growth and its interval widens by what such a season could do, a history of years learns it;
- `start` is what the body remembers of the time before the first reading: unknown, fading with the lags;
- e is a continuous first-order autoregression (Ornstein-Uhlenbeck; exact for uneven spacing) whose memory is chosen by
  restricted likelihood (Patterson & Thompson 1971).

Growth may have begun or sped up lately: shapes with several onsets are fitted and averaged by the Bayesian information
criterion (Schwarz 1978; Raftery 1995), so that both rate and life carry the doubt about the shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.25
MEMORIES_DAYS = (0.3, 0.7, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0)
ONSETS_DAYS = (10.0, 20.0, 40.0, 80.0, 160.0, 320.0)  # before the newest day
MIN_BEFORE_ONSET_DAYS = 10.0
SLOW_LAG_DAYS = 10.0
FADING_DAYS = (2.0, SLOW_LAG_DAYS)  # the lags whose state at the first reading is not known
CREDIBLE = 0.05  # a shape of less probability is not reported
UNKNOWN_START_C = 4.0  # sd of that state about the first reading: a few days' weather


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


@dataclass(frozen=True, slots=True)
class Shape:
    """One candidate: growth that changed `onset_days` before the newest day.

    Attributes:
        onset_days: when.
        powers: how: () not at all, (1,) to another rate, (2,) by an acceleration, (1, 2) by both.
    """

    onset_days: float
    powers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted shape.

    Attributes:
        shape: which.
        weight: its probability among the candidates.
        mean, cov: (3,), (3, 3) of level (mm), rate (mm/year), acceleration (mm/year²) at the newest day.
    """

    shape: Shape
    weight: float
    mean: Floats
    cov: Floats


@dataclass(frozen=True, slots=True)
class Growth:
    """What a history says of a crack.

    Attributes:
        candidates: shapes with their probabilities.
        memory_days: e's time constant.
        dof: degrees of freedom of the intervals.
        temperature_effect_per_c: Σ β, mm/°C; NaN without temperature.
        reference_c: mean temperature that levels refer to, shape (l,).
        betas: (l,) mm/°C.
        history_days: from first to last day.
        slow_c: the newest day's temperature with the slow lag.
    """

    candidates: tuple[Candidate, ...]
    memory_days: float
    dof: float
    temperature_effect_per_c: float
    history_days: float
    betas: Floats = field(default_factory=lambda: np.empty(0))
    reference_c: Floats = field(default_factory=lambda: np.empty(0))
    slow_c: float = float("nan")

    def rate(self) -> float:
        """Rate now, mm/year, averaged over the shapes."""
        return float(sum(one.weight * one.mean[1] for one in self.candidates))

    def level(self) -> float:
        """Width now at the reference temperature, mm."""
        return float(sum(one.weight * one.mean[0] for one in self.candidates))

    def acceleration(self) -> float:
        """Acceleration now, mm/year², averaged over the shapes."""
        return float(sum(one.weight * one.mean[2] for one in self.candidates))

    def probability_faster(self, rate: float) -> float:
        """Probability that the crack opens faster than `rate` mm/year now."""
        return float(sum(one.weight * stats.t.sf((rate - one.mean[1]) / _sd(one), self.dof) for one in self.candidates))

    def trend(self, coverage: float = 0.9) -> tuple[float, float, float]:
        """Rate (mm/year) with its central interval: of the straight line over the whole history while that is
        credible, else of the rate now, averaged over the shapes.
        """
        straight = self.candidates[0]
        if straight.weight > CREDIBLE:
            half = float(stats.t.ppf((1 + coverage) / 2, self.dof)) * _sd(straight)
            rate = float(straight.mean[1])
            return rate, rate - half, rate + half
        draws = self.draws(np.random.default_rng(0), 4000)[:, 1]
        low, high = np.quantile(draws, [(1 - coverage) / 2, (1 + coverage) / 2])
        return self.rate(), float(low), float(high)

    def compensated(self, width: Floats, lagged_c: Floats) -> float:
        """The newest day's width brought to the reference temperature, mm.

        Args:
            width: (n,) as given to `growth`.
            lagged_c: (n, l) as given to `growth`.
        """
        if not self.betas.size:
            return float(width[-1])
        slow_effect = self.betas[-1] * (self.slow_c - self.reference_c[-1])
        quick_effect = self.betas[:-1] @ (lagged_c[-1] - self.reference_c[:-1])
        return float(width[-1] - quick_effect - slow_effect)

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, 3) draws of level, rate, acceleration: multivariate t about each shape by its weight."""
        weights = np.array([one.weight for one in self.candidates])
        which = rng.choice(weights.size, size=count, p=weights / weights.sum())
        stretch = np.sqrt(self.dof / rng.chisquare(self.dof, count))
        normal = rng.normal(size=(count, 3))
        roots = np.stack([_root(one.cov) for one in self.candidates])
        means = np.stack([one.mean for one in self.candidates])
        spread: Floats = np.einsum("nij,nj->ni", roots[which], normal) * stretch[:, None]
        return means[which] + spread


def _sd(one: Candidate) -> float:
    return float(np.sqrt(max(one.cov[1, 1], 1e-30)))


def _root(cov: Floats) -> Floats:
    values, vectors = np.linalg.eigh(cov)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0))
    return root


def growth(day: Floats, width: Floats, lagged_c: Floats, season: SeasonPrior | None = None) -> Growth:
    """Fit all shapes.

    Args:
        day: (n,) ascending days, any origin.
        width: (n,) daily means, mm, no NaN.
        lagged_c: (n, l) lagged temperatures; l = 0 where there is none.
        season: see `SeasonPrior`.

    Raises:
        ValueError: fewer than 8 days.
    """
    if day.size < 8:
        raise ValueError(f"{day.size} days, at least 8 are needed")
    season = season or SeasonPrior()
    back = day - day[-1]
    if lagged_c.shape[1]:
        lagged_c = np.column_stack((lagged_c, slow_lag(day, lagged_c[:, -1], SLOW_LAG_DAYS)))
    reference = lagged_c.mean(axis=0)
    warmth = lagged_c - reference
    base = np.column_stack((np.ones(day.size), back / DAYS_PER_YEAR, warmth))
    known = base[:, : 2 + max(warmth.shape[1] - 1, 0)]  # without the slow lag, which only the effect's size bounds
    bends = [_columns(back, Shape(-back[0] * part, (1,))) for part in (0.67, 0.33)]
    flexible = np.column_stack((base, *bends))
    noise = _noise(back, flexible, width)
    ridge = _ridge(width, warmth[:, :-1])
    first = _solve(noise, known, width, ridge)
    effect = abs(float(first.coef[2:].sum()))
    sd = _season_sd(season, effect, warmth, width - known @ first.coef)
    slow_sd = max(effect, 1e-5)
    fading_sd = max(UNKNOWN_START_C * effect, 1e-4)
    design = np.column_stack((base, _season(day), _fading(day)))
    slow = base.shape[1] - known.shape[1]
    priors = (*[slow_sd] * slow, sd, sd, *[fading_sd] * len(FADING_DAYS))
    ridge = np.concatenate((ridge, 1 / np.array(priors)))
    fits = [(shape, _fit_shape(noise, design, width, shape, ridge)) for shape in _shapes(-back[0])]
    weights = _weights(fits, day.size)
    best = fits[int(np.argmax(weights))][1]
    betas = best.coef[2 : 2 + warmth.shape[1]]
    return Growth(
        candidates=tuple(_candidate(shape, fit, w) for (shape, fit), w in zip(fits, weights, strict=True)),
        memory_days=noise.memory,
        dof=max(8.0, min(-float(back[0]) / (2 * noise.memory), day.size - design.shape[1])),
        temperature_effect_per_c=float(betas.sum()) if betas.size else float("nan"),
        history_days=-float(back[0]),
        betas=betas,
        reference_c=reference,
        slow_c=float(lagged_c[-1, -1]) if betas.size else float("nan"),
    )


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
    long_ago = onsets[1:]  # ten days tell no curvature
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


@dataclass(frozen=True, slots=True)
class _Fit:
    coef: Floats
    cov: Floats
    misfit: float  # weighted squares, the prior's included


@dataclass(frozen=True, slots=True)
class _Noise:
    """An Ornstein-Uhlenbeck process: times (n,) in days, memory in days, variance in mm²."""

    back: Floats
    memory: float
    variance: float = 1.0

    def whiten(self, columns: Floats) -> Floats:
        """Rows (n, …) that the process leaves independent, with unit variance."""
        phi = np.exp(-np.diff(self.back) / self.memory)
        shape = (-1,) + (1,) * (columns.ndim - 1)
        rest = (columns[1:] - phi.reshape(shape) * columns[:-1]) / np.sqrt(1 - phi**2).reshape(shape)
        out: Floats = np.concatenate((columns[:1], rest)) / np.sqrt(self.variance)
        return out

    def log_volume(self) -> float:
        """Logarithm of the determinant of the correlation matrix."""
        return float(np.sum(np.log1p(-np.exp(-2 * np.diff(self.back) / self.memory))))


def _noise(back: Floats, design: Floats, width: Floats) -> _Noise:
    """Memory and variance of e by restricted likelihood on a grid."""
    scaled = design / np.maximum(np.linalg.norm(design, axis=0), 1e-12)
    credible = [memory for memory in MEMORIES_DAYS if memory <= -back[0] / 3]
    fits = [(*_restricted_likelihood(_Noise(back, memory), scaled, width), memory) for memory in credible]
    _, variance, memory = max(fits)
    return _Noise(back, memory, max(variance, 1e-12))


def _restricted_likelihood(noise: _Noise, design: Floats, width: Floats) -> tuple[float, float]:
    """Log likelihood (up to a constant) and variance (mm²) with the design's coefficients integrated out."""
    rows, target = noise.whiten(design), noise.whiten(width - width.mean())
    coef, _, rank, singular = np.linalg.lstsq(rows, target, rcond=1e-9)
    free = max(width.size - int(rank), 1)
    variance = float(np.sum((target - rows @ coef) ** 2)) / free
    log_x = 2 * float(np.sum(np.log(singular[: int(rank)])))
    return -0.5 * (free * np.log(max(variance, 1e-30)) + noise.log_volume() + log_x), variance


def _ridge(width: Floats, warmth: Floats) -> Floats:
    """Inverse prior sd of each coefficient: none for level and rate; wide for temperature, whose lags are collinear."""
    sd_c = np.maximum(warmth.std(axis=0), 0.1)
    prior = 3 * max(float(width.std()), 1e-3) / sd_c
    return np.concatenate(([0.0, 0.0], 1 / prior))


def _season_sd(season: SeasonPrior, effect: float, warmth: Floats, rest: Floats) -> float:
    if not warmth.shape[1]:
        return max(season.untreated_mm, 2 * float(rest.std()))
    swing = max(season.swing_c, float(np.ptp(warmth[:, -1])) / 2)
    return max(season.share * abs(effect) * swing, 1e-4)


def _solve(noise: _Noise, design: Floats, width: Floats, ridge: Floats) -> _Fit:
    rows = np.concatenate((noise.whiten(design), np.diag(ridge)))
    target = np.concatenate((noise.whiten(width), np.zeros(ridge.size)))
    size = np.maximum(np.linalg.norm(rows, axis=0), 1e-12)
    coef, *_ = np.linalg.lstsq(rows / size, target, rcond=1e-10)
    cov = np.linalg.pinv((rows / size).T @ (rows / size), hermitian=True) / np.outer(size, size)
    misfit = float(np.sum((target - rows / size @ coef) ** 2))
    return _Fit(coef / size, cov, misfit)


def _fit_shape(noise: _Noise, design: Floats, width: Floats, shape: Shape, ridge: Floats) -> _Fit:
    wide = np.column_stack((design, _columns(noise.back, shape)))
    return _solve(noise, wide, width, np.append(ridge, np.zeros(len(shape.powers))))


def _weights(fits: list[tuple[Shape, _Fit]], days: int) -> Floats:
    """BIC weights. The onsets of one way to change share one candidate's prior probability."""
    score = np.array([-0.5 * fit.misfit - 0.5 * fit.coef.size * np.log(days) for _, fit in fits])
    powers = [shape.powers for shape, _ in fits]
    score -= np.log([powers.count(own) for own in powers])
    weights = np.exp(score - score.max())
    total: Floats = weights / weights.sum()
    return total


def _candidate(shape: Shape, fit: _Fit, weight: float) -> Candidate:
    """Level, rate and acceleration at the newest day as linear functions of the coefficients."""
    pick = np.zeros((3, fit.coef.size))
    pick[0, 0] = pick[1, 1] = 1.0
    years = shape.onset_days / DAYS_PER_YEAR
    first = fit.coef.size - len(shape.powers)
    for at, power in enumerate(shape.powers, start=first):
        pick[:, at] = (years, 1.0, 0.0) if power == 1 else (years**2 / 2, years, 1.0)
    return Candidate(shape, float(weight), pick @ fit.coef, pick @ fit.cov @ pick.T)
