"""Years of one vibration sensor, as the features of its half-hour blocks, with the truth beside: made in seconds.

What a detector of novelty has to see through, all of it known exactly:

- air between about -25 and +25 °C of its mean, and a structure that follows it with two lags that nobody measures;
- natural frequencies that follow the structure's temperature, several times as steeply below freezing (Peeters and De
  Roeck, Earthquake Engng Struct. Dyn. 30 (2001) 149, the Z24 bridge), soften a little under load, and wander with
  what no thermometer knows (moisture, wind; a first-order autoregression);
- noise of each block's estimate, estimates that are wrong altogether (another peak was picked), blocks that are missing
  one by one and for days;
- octave shares, crest factor and kurtosis that follow level and temperature.

Damage lowers every mode's frequency by a share that is a function of time (`Loss`); the same years can be asked for
with and without it, so that a pair differs by the damage alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.spectra import usable_bands
from sensors_sim.autoregression import autoregression
from sensors_sim.environment import Climate, Temperature, air
from sensors_sim.span import Span
from sensors_sim.streams import Streams
from sensors_sim.vibration import Softening
from telltale.clock import NS_PER_DAY, NS_PER_HOUR

Values = NDArray[np.float64]

BLOCK_NS = NS_PER_HOUR // 2
BLOCKS_A_DAY = NS_PER_DAY // BLOCK_NS
MODES_HZ = (2.9, 4.6, 7.8)
WINDOW_SAMPLES = 1024
CONTINENTAL = Climate(mean_c=6.0, season_c=13.5, day_c=5.0, weather_c=3.5, weather_memory_h=72.0)
_BLOCK_H = BLOCK_NS / NS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How hard the years are. Deviations are relative (0.003 is 0.3 %).

    Attributes:
        climate: of the air.
        noise: of a block's frequency, each mode by itself: between this and half as much again, by sensor.
        wander, wander_days: of frequencies, without a cause that is measured; and its memory.
        outlier_share, outlier_size: of a mode's blocks, estimates that are off by a quarter of the size to all of it.
        gap_share, gap_days: of blocks that are missing; half of them one by one, half in outages of so long in the
            mean (exponential).
        lag_h: least and most of the structure's two unmeasured lags.
        thermometer_c: noise of a reading.
    """

    climate: Climate = CONTINENTAL
    noise: float = 0.003
    wander: float = 0.0003
    wander_days: float = 5.0
    outlier_share: float = 0.003
    outlier_size: float = 0.08
    gap_share: float = 0.05
    gap_days: float = 0.5
    lag_h: tuple[float, float] = (4.0, 40.0)
    thermometer_c: float = 0.2


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss of frequency: `share` in the end, reached over `ramp_days` from `start_day` of the span; 0: at once."""

    share: float
    start_day: float
    ramp_days: float = 0.0

    def at(self, days: Values) -> Values:
        """The share lost at `days` since the start of the span, same shape."""
        since = days - self.start_day
        grown = np.clip(since / self.ramp_days, 0.0, 1.0) if self.ramp_days else (since >= 0).astype(np.float64)
        return np.asarray(self.share * grown)


@dataclass(frozen=True)
class Years:
    """One sensor's years, n blocks that arrived.

    Attributes:
        t_ns: (n,) UTC of each block, ascending.
        days: (n,) since the start of the span.
        air_c: (n,) the thermometer, in the air.
        features: name → (n,): rms, mode frequencies in Hz, log octave shares, crest and kurtosis.
        structure_c: (n,) truth: what the frequencies follow.
        swing: truth: largest over smallest frequency of the first mode without noise and damage, less 1.
    """

    t_ns: NDArray[np.int64]
    days: Values
    air_c: Values
    features: Mapping[str, Values]
    structure_c: Values
    swing: float

    def damaged(self, loss: Loss) -> Years:
        """The same years with a loss of frequency."""
        left = 1.0 - loss.at(self.days)
        features = {name: value * left if name.startswith("mode") else value for name, value in self.features.items()}
        return replace(self, features=features)

    def part(self, start_day: float, end_day: float) -> Years:
        """The blocks of [start_day, end_day)."""
        keep = (self.days >= start_day) & (self.days < end_day)
        return replace(
            self,
            t_ns=self.t_ns[keep],
            days=self.days[keep],
            air_c=self.air_c[keep],
            features={name: value[keep] for name, value in self.features.items()},
            structure_c=self.structure_c[keep],
        )


def simulate(seed: int, name: str, span: Span, behaviour: Behaviour) -> Years:
    """The undamaged years of the sensor `name`; the same arguments give the same numbers."""
    streams = Streams(seed)
    site = streams.at(f"{name}/site")
    t_ns = np.arange(span.start_ns, span.end_ns, BLOCK_NS, dtype=np.int64)
    outside = air(behaviour.climate, span, _Prefixed(seed, name))
    structure_c = _structure(outside, behaviour, site).at(t_ns)
    log_level = _log_level(t_ns, streams.at(f"{name}/traffic"))
    softening = Softening(per_c=-site.uniform(0.0007, 0.0013), per_c_frozen=-site.uniform(0.002, 0.004))
    clean = softening.factor(structure_c)
    noise = behaviour.noise * site.uniform(1.0, 1.5)
    modes = {
        f"mode{index + 1}_hz": MODES_HZ[index]
        * clean ** site.uniform(0.8, 1.2)
        * np.exp(-0.0004 * log_level)
        * _disturbed(t_ns.size, noise, behaviour, streams.at(f"{name}/mode{index}"))
        for index in range(len(MODES_HZ))
    }
    features = {**_level(log_level), **modes, **_shapes(log_level, structure_c, site, streams.at(f"{name}/shapes"))}
    thermometer = outside.at(t_ns) + behaviour.thermometer_c * streams.at(f"{name}/air").standard_normal(t_ns.size)
    whole = Years(t_ns, span.days_at(t_ns), thermometer, features, structure_c, float(clean.max() / clean.min() - 1.0))
    return _with_gaps(whole, behaviour, streams.at(f"{name}/gaps"))


class _Prefixed(Streams):
    """Streams of one name: each site has weather of its own."""

    def __init__(self, seed: int, name: str) -> None:
        super().__init__(seed)
        self._name = name

    def at(self, name: str, tick: int = 0) -> np.random.Generator:
        return super().at(f"{self._name}/{name}", tick)


def _structure(outside: Temperature, behaviour: Behaviour, site: np.random.Generator) -> Temperature:
    """A mixture of two lags of the air, drawn on a log scale."""
    low, high = np.log(behaviour.lag_h)
    skin, core = (outside.lagged(math.exp(site.uniform(low, high))) for _ in range(2))
    share = site.uniform(0.3, 0.7)
    return Temperature(outside.origin_ns, share * skin.values_c + (1 - share) * core.values_c)


def _log_level(t_ns: NDArray[np.int64], generator: np.random.Generator) -> Values:
    """Log of the level over its mean: rush hours, weekends, chance."""
    hour = (t_ns % NS_PER_DAY) / NS_PER_HOUR
    workday = (t_ns // NS_PER_DAY + 3) % 7 < 5  # 1970 began on a Thursday
    rush = np.exp(-((hour - 8) ** 2) / 6) + np.exp(-((hour - 17) ** 2) / 8)
    return np.asarray((0.3 + 0.6 * workday) * rush - 0.4 + 0.2 * generator.standard_normal(t_ns.size))


def _disturbed(count: int, noise: float, behaviour: Behaviour, generator: np.random.Generator) -> Values:
    """Factor of each block's frequency: noise, wander and wrong estimates."""
    factor = 1.0 + noise * generator.standard_normal(count)
    factor += behaviour.wander * autoregression(generator, count, behaviour.wander_days * 24.0 / _BLOCK_H)
    hit = generator.random(count) < behaviour.outlier_share
    size = behaviour.outlier_size * generator.uniform(0.25, 1.0, count)
    return np.asarray(factor + hit * size * np.where(generator.random(count) < 0.5, -1.0, 1.0))


def _level(log_level: Values) -> dict[str, Values]:
    rms = 0.01 * np.exp(log_level)
    return {"rms": rms, "peak": 4.0 * rms}


def _shapes(
    log_level: Values, structure_c: Values, site: np.random.Generator, generator: np.random.Generator
) -> dict[str, Values]:
    """Octave shares (logs), crest factor and kurtosis."""
    count = log_level.size
    found = {}
    for band in usable_bands(WINDOW_SAMPLES):
        mean = site.uniform(-4.0, -1.0) + site.normal(0.0, 0.1) * log_level + site.normal(0.0, 0.004) * structure_c
        found[band] = mean + 0.15 * generator.standard_normal(count) + 0.02 * autoregression(generator, count, 96.0)
    found["crest"] = np.exp(1.4 + 0.08 * log_level + 0.08 * generator.standard_normal(count))
    found["kurtosis"] = np.exp(1.3 + 0.10 * log_level + 0.15 * generator.standard_normal(count))
    return found


def _with_gaps(years: Years, behaviour: Behaviour, generator: np.random.Generator) -> Years:
    """Without the blocks that are missing."""
    count = years.t_ns.size
    gone = generator.random(count) < behaviour.gap_share / 2
    outages = round(behaviour.gap_share / 2 * count / (behaviour.gap_days * BLOCKS_A_DAY))
    for start in generator.integers(0, count, outages).tolist():
        gone[start : start + math.ceil(generator.exponential(behaviour.gap_days * BLOCKS_A_DAY))] = True
    return replace(
        years,
        t_ns=years.t_ns[~gone],
        days=years.days[~gone],
        air_c=years.air_c[~gone],
        features={name: value[~gone] for name, value in years.features.items()},
        structure_c=years.structure_c[~gone],
    )
