"""Vehicles and temperature in the girder's strain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensors_sim import traffic
from sensors_sim.condition import Condition
from sensors_sim.damage import StiffnessLoss
from sensors_sim.riverside import footbridge_deck
from sensors_sim.strain import GirderGauge
from sensors_sim.streams import Streams
from sensors_sim.traffic import VehicleClass
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from tests.sensors_sim.spans import START_NS, span, steady, world

WINDOW_NS = np.rint(np.arange(1024) / 50.0 * 1e9).astype(np.int64)
LORRY = (VehicleClass(200.0, 10.0, 0.0, 12.0, 5.0, 1.0),)


def _gauge(temperature_c: float, *damages: StiffnessLoss, vehicles: tuple[VehicleClass, ...] = ()) -> GirderGauge:
    deck = footbridge_deck(steady(temperature_c), Condition(damages, span()), Streams(1))
    deck = replace(deck, temperature=steady(temperature_c), vehicles=vehicles or deck.vehicles)
    return GirderGauge(deck, 13.0, 3.5, 10.0, 0.0, "g")


def _single_crossing(gauge: GirderGauge) -> np.ndarray:
    """A window in which one lorry passes mid-span and nothing else is on the bridge."""
    for tick in range(60 * 24, 119 * 24):
        found = traffic.crossings(LORRY, "footbridge", gauge.deck.streams, tick, START_NS + tick * NS_PER_HOUR)
        if found.enter_s.size == 1 and 2.0 < found.enter_s[0] < 8.0:
            return gauge.values(tick, START_NS + tick * NS_PER_HOUR + WINDOW_NS)
    raise AssertionError("no such window")


def test_a_lorry_draws_the_influence_line_of_midspan() -> None:
    strain = _single_crossing(_gauge(10.0, vehicles=LORRY))
    # 10 t at 13 µε a tonne; the lighter axle (a third) is 3 m off the 21 m slope when the heavier is at mid-span.
    assert strain.max() == pytest.approx(130.0 * (1 - 1 / 3 * 3.0 / 21.0), rel=0.01)
    assert strain.min() == 0.0
    rising = np.diff(strain[: strain.argmax()])
    assert (rising >= -1e-9).all()


def test_lost_stiffness_raises_the_live_load_strain() -> None:
    lost = StiffnessLoss("footbridge", ((0.0, 0.0), (1.0, 0.2)))
    sound, damaged = (
        _single_crossing(_gauge(10.0, vehicles=LORRY)),
        _single_crossing(_gauge(10.0, lost, vehicles=LORRY)),
    )
    np.testing.assert_allclose(damaged, sound / 0.8)


def test_temperature_adds_strain_in_proportion() -> None:
    at = START_NS + WINDOW_NS
    cold, warm = _gauge(-5.0).values(0, at), _gauge(15.0).values(0, at)
    np.testing.assert_allclose(warm - cold, 20 * 3.5)


def test_a_healthy_girder_is_loaded_but_far_from_its_limits() -> None:
    site = world()
    strain = np.concatenate([site.sound("footbridge.girder.strain", tick) for tick in range(0, 120 * 24, 2)])
    assert 80.0 < np.ptp(strain) < 300.0
    assert np.abs(strain).max() < 400.0


def test_the_accelerometer_and_the_gauge_see_the_same_vehicles() -> None:
    streams = Streams(9)
    busy_ns = START_NS + 2 * NS_PER_DAY + 16 * NS_PER_HOUR
    first, again = (traffic.crossings(LORRY, "footbridge", streams, 64, busy_ns) for _ in range(2))
    np.testing.assert_array_equal(first.enter_s, again.enter_s)
    assert first.enter_s.size > 0
