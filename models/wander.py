"""How far a channel's average may lie from what its past foretells: a level that wanders, seen through noise.

Local level model (Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989, section 2.3) of the
means of blocks of rows: mean = level + noise of variance s², and from block to block the level takes a step of variance
ratio·s². A few dozen blocks do not tell the ratio, so none is picked: each of `RATIOS` foretells with a Student
distribution (s² integrated out), weighted by how well it foretold the blocks so far (West & Harrison, Bayesian
Forecasting and Dynamic Models, 1997, sections 4.5 and 12.2). A channel that stands still is then foretold sharply for
long, one that wanders from where it was last and for a short while only.

A step of more than `GROSS` usual ones is an event, not wander: the level starts anew after it.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from models.robust_regression import robust_deviation

Array = NDArray[np.float64]

# Variance of a block's step over that of its noise, each as likely before a row is seen.
RATIOS = np.concatenate([[0.0], np.geomspace(0.002, 20.0, 11)])
GROSS = 12.0
_PRIOR_BLOCKS = 2.0  # weight of the guess that rows within a block are independent
_TINY = 1e-30
_MEDIAN_TO_SD = 0.6745  # of the absolute values of normal ones
_LEAST = 1e-300  # chance beyond which a deviate is not told apart


class Wander(msgspec.Struct):
    """What was learned of c channels up to a row; r ratios. Variances in units of that of a block's noise, s².

    Attributes:
        block_rows: rows of a block.
        level, variance: (r, c) where each channel stood, and how surely that is known.
        squares, volume: (r, c) sum of squared errors over their variance, sum of the logs of these.
        counted: (c,) blocks that were foretold.
        idle: (c,) blocks that have passed since the channel's last one.
        last: (c,) mean of that; NaN before there is one.
        gross: (c,) a step beyond this is an event.
        guess: (c,) s² if rows within a block were independent.
        extra: (c,) variance that an average over fewer rows has beyond that of a block.
    """

    block_rows: int
    level: Array
    variance: Array
    squares: Array
    volume: Array
    counted: Array
    idle: Array
    last: Array
    gross: Array
    guess: Array
    extra: Array

    def noise(self) -> tuple[Array, Array]:
        """s² (r, c) and its degrees of freedom (c,)."""
        freedom = _PRIOR_BLOCKS + self.counted
        return np.maximum(_PRIOR_BLOCKS * self.guess + self.squares, _TINY) / freedom, freedom

    def weight(self) -> Array:
        """(r, c) of each ratio; 1 in all for a channel."""
        noise, freedom = self.noise()
        evidence = -0.5 * self.volume - 0.5 * freedom * np.log(noise)
        weight = np.exp(evidence - evidence.max(axis=0))
        return np.asarray(weight / weight.sum(axis=0))

    def stands(self) -> Array:
        """(c,) expected level."""
        return np.asarray((self.level * self.weight()).sum(axis=0))


def learn_wander(rows: Array, block_rows: int, averaged_rows: float) -> Wander:
    """From rows (n, c), oldest first, NaN where missing; a rest that fills no block is dropped at the beginning.

    Args:
        rows: (n, c).
        block_rows: rows of a block.
        averaged_rows: of the averages that will be judged.
    """
    means = _block_means(rows, block_rows)
    shape = (RATIOS.size, rows.shape[1])
    single = np.array([robust_deviation(column[np.isfinite(column)]) ** 2 for column in rows.T])
    extra = single * max(0.0, 1.0 / averaged_rows - 1.0 / block_rows)
    wander = Wander(
        block_rows, np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[1]),
        np.zeros(shape[1]), np.full(shape[1], np.nan), GROSS * _usual_step(means), single / block_rows, extra,
    )  # fmt: skip
    for mean in means:
        _take(wander, mean, 0.0)
    return wander


def go_on(wander: Wander, rows: Array, rows_between: int) -> None:
    """Learn rows (n, c) of whole blocks in place; `rows_between` were not learned since the last."""
    passed = rows_between / wander.block_rows
    for mean in _block_means(rows, wander.block_rows):
        _take(wander, mean, passed)
        passed = 0.0


def _take(wander: Wander, mean: Array, passed: float) -> None:
    """One more block, `passed` blocks after the last."""
    known = np.isfinite(mean)
    anew = known & ~(np.abs(mean - wander.last) <= wander.gross)  # the first one too
    foretold = known & ~anew
    before = wander.variance + RATIOS[:, None] * (1.0 + passed + wander.idle)
    spread, error = before + 1.0, np.where(foretold, mean - wander.level, 0.0)
    wander.squares = wander.squares + error**2 / spread
    wander.volume = wander.volume + np.where(foretold, np.log(spread), 0.0)
    wander.level = np.where(anew, mean, wander.level + before / spread * error)
    wander.variance = np.where(anew, 1.0, np.where(foretold, before / spread, wander.variance))
    wander.counted = wander.counted + foretold
    wander.idle = np.where(known, 0.0, wander.idle + 1.0 + passed)
    wander.last = np.where(known, mean, wander.last)


def deviates(wander: Wander, averages: Array, rows_ahead: Array, *, about: Array | None = None) -> Array:
    """(k, c) how unexpected averages are, as signed deviates of the standard normal distribution.

    Args:
        wander: what was learned.
        averages: (k, c).
        rows_ahead: (k,) of the last row that was learned.
        about: (c,) levels to measure from, where not from the last row's.
    """
    weight, (noise, freedom) = wander.weight(), wander.noise()
    level = wander.level if about is None else np.broadcast_to(about, wander.level.shape)
    blocks = rows_ahead[:, None, None] / wander.block_rows + wander.idle
    spread = np.sqrt((wander.variance + RATIOS[:, None] * blocks + 1.0) * noise + wander.extra)
    far = np.abs(averages[:, None, :] - level) / np.maximum(spread, _TINY)
    chance = (stdtr(freedom, -far) * weight).sum(axis=1)
    sign = np.sign(averages - (level * weight).sum(axis=0))
    return np.asarray(-ndtri(np.clip(chance, _LEAST, 0.5)) * sign)


def _block_means(rows: Array, block_rows: int) -> Array:
    """(blocks, c), NaN where a channel is missing in more than half of the block."""
    count = len(rows) // block_rows
    if not count:
        return np.empty((0, rows.shape[1]))
    blocks = rows[len(rows) - count * block_rows :].reshape(count, block_rows, -1)
    known = np.isfinite(blocks)
    present = known.sum(axis=1)
    means = np.where(known, blocks, 0.0).sum(axis=1) / np.maximum(present, 1)
    return np.where(2 * present >= block_rows, means, np.nan)


def _usual_step(means: Array) -> Array:
    """(c,) deviation of the steps from block to block, by their median; infinite where most are 0 (a coarse scale)."""
    steps = [np.abs(column[np.isfinite(column)]) for column in np.diff(means, axis=0).T]
    usual = np.array([np.median(column) / _MEDIAN_TO_SD if column.size else 0.0 for column in steps])
    return np.where(usual > 0, usual, np.inf)
