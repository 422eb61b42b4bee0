"""Cracks and tilts: breathing with temperature, growing with damage."""

from __future__ import annotations

import numpy as np
import pytest

from sensors_sim.condition import Condition
from sensors_sim.damage import BearingSettlement, CrackGrowth
from sensors_sim.slow import crack, tilt
from sensors_sim.streams import Streams
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY
from tests.sensors_sim.spans import START_NS, span, steady, world


def _days(*days: float) -> np.ndarray:
    return START_NS + (np.array(days) * NS_PER_DAY).astype(np.int64)


def test_a_crack_closes_when_the_concrete_warms() -> None:
    still = Condition((), span())
    widths = [
        crack("c", Streams(1), still, steady(c), width_mm=0.2, per_c=-0.01, noise=0.0).values(0, _days(1.0))[0]
        for c in (0.0, 10.0, 20.0)
    ]
    np.testing.assert_allclose(widths, [0.3, 0.2, 0.1])


def test_a_crack_follows_the_concrete_a_day_behind_the_gallery_air() -> None:
    site = world()
    hours = range(10 * 24, 110 * 24)
    width = np.array([site.sound("dam.gallery.crack_a", tick)[0] for tick in hours])
    gallery = np.array([site.sound("dam.gallery.temp", tick)[0] for tick in range(110 * 24)])
    fit = [-np.corrcoef(width, gallery[10 * 24 - lag : 110 * 24 - lag])[0, 1] for lag in range(0, 60, 4)]
    assert 16 <= 4 * int(np.argmax(fit)) <= 32


def test_a_crack_grows_by_rate_and_acceleration_from_its_day_and_only_there() -> None:
    growth = CrackGrowth("s", "c", 40.0, 0.25, 0.4)
    body = Condition((growth,), span())
    years = 60 / DAYS_PER_YEAR
    np.testing.assert_allclose(
        body.crack_growth_mm("c", _days(0.0, 40.0, 100.0)), [0.0, 0.0, 0.25 * years + 0.2 * years**2], atol=1e-12
    )
    np.testing.assert_array_equal(body.crack_growth_mm("other", _days(100.0)), [0.0])


def test_a_bearing_that_settles_turns_the_span() -> None:
    body = Condition((BearingSettlement("s", 50.0, 70.0, 42.0),), span())
    signal = tilt("t", Streams(1), body, steady(10.0), per_c=0.01, noise=0.0, length_m=42.0)
    np.testing.assert_allclose(signal.values(0, _days(50.0, 60.0, 70.0, 100.0)), [0.0, 0.5, 1.0, 1.0])


def test_noise_has_the_stated_deviation() -> None:
    signal = crack("c", Streams(1), Condition((), span()), steady(10.0), width_mm=0.2, per_c=-0.01, noise=0.002)
    readings = np.concatenate([signal.values(tick, _days(1.0, 1.1)) for tick in range(2_000)])
    assert readings.std() == pytest.approx(0.002, rel=0.05)
