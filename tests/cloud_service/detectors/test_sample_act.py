"""The sensor that is replaced in the simulated site: a fault to whoever was not told of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cloud_service.analyse.detector import Batch
from cloud_service.analyse.detectors.noise_floor import NoiseFloorDetector
from models.spectra import window_features
from sensors_sim.scenarios import NEW_ACCELEROMETER, SCENARIOS
from sensors_sim.span import DEFAULT_START, Span, parse_start
from sensors_sim.world import World
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding
from telltale.site import Place
from tests.cloud_service.detectors.play import findings, place_of, windows_of

CHANNEL, DAYS_BEFORE, DAYS_AFTER = NEW_ACCELEROMETER.channel, 20, 6


def test_without_the_act_the_new_sensor_is_told_as_a_fault_two_days_later() -> None:
    world = World(SCENARIOS["riverside"], 1, Span(parse_start(DEFAULT_START, "test"), 120))
    day = int(NEW_ACCELEROMETER.start_day)
    ticks = range((day - DAYS_BEFORE) * 24, (day + DAYS_AFTER) * 24)
    samples = np.array([world.reading(CHANNEL, tick) for tick in ticks], dtype=np.float32)
    t_ns = np.array([world.span.tick_ns(tick) for tick in ticks])
    batch = replace(windows_of(t_ns, samples, 100.0), features=window_features(samples, 100.0, ()))
    place = place_of(kind="vibration", unit="m/s2", rate_hz=100.0, window_samples=1024)
    (first, *_) = faults_of(batch, place)
    assert 1 <= (first.t_ns - world.span.day_ns(day)) / NS_PER_DAY <= 3
    assert faults_of(batch.take(slice(0, DAYS_BEFORE * 24)), place) == []


def faults_of(batch: Batch, place: Place) -> list[Finding]:
    detector = NoiseFloorDetector()
    return findings([detector.step(place, detector.initial(place), batch)[1]])
