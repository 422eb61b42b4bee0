"""Shared by the simulator's tests: a short span, and worlds on it."""

from __future__ import annotations

import numpy as np

from sensors_sim.environment import STEP_NS, Temperature
from sensors_sim.scenarios import SCENARIOS, Scenario
from sensors_sim.span import Span, parse_start
from sensors_sim.world import World
from telltale.clock import NS_PER_DAY

START_NS = parse_start("2025-11-15", "test")


def span(days: int = 120) -> Span:
    return Span(START_NS, days)


def world(scenario: str | Scenario = "healthy", days: int = 120, seed: int = 1) -> World:
    return World(SCENARIOS[scenario] if isinstance(scenario, str) else scenario, seed, span(days))


def steady(temperature_c: float, days: int = 120) -> Temperature:
    """The same temperature all the time."""
    return Temperature(START_NS, np.full(days * NS_PER_DAY // STEP_NS, temperature_c))
