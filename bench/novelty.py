"""Novelty of many channels at one block each, and what a channel's state weighs; the daily work told apart.

`novelty=10000` sets the number of channels; the cost of one is measured, and multiplied.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from cloud_service.analyse.detectors.novelty import NoveltyDetector
from cloud_service.analyse.state_codec import encode_state
from evaluation.sensor_years import Followed, Sensor, follow, like_sensors, new_sensor
from sensors_sim.span import Span
from sensors_sim.years import BLOCKS_A_DAY, Behaviour, simulate
from telltale.clock import NS_PER_DAY

START_NS = 20_454 * NS_PER_DAY
BASELINE_DAYS = 40
JUDGED_DAYS = 6
TARGET_S = 1.0


def run(_folder: Path, channels: float = 10_000) -> None:
    years = simulate(1, "bench", Span(START_NS, BASELINE_DAYS + JUDGED_DAYS), Behaviour())
    followed = follow(years)
    sensor = new_sensor(NoveltyDetector(), like_sensors(1))
    sensor.judge(followed.part(0, BASELINE_DAYS))
    within, new_day = _seconds(sensor, followed.part(BASELINE_DAYS, BASELINE_DAYS + JUDGED_DAYS))
    amortised = within + (new_day - within) / BLOCKS_A_DAY
    print(
        f"one block              {within * 1e6:8.0f} µs of CPU; the first of a day {new_day * 1e6:.0f} µs (fit, thresholds)"
    )
    print(
        f"{channels:8.0f} channels      {amortised * channels:8.2f} s of CPU at one block each   (target {TARGET_S} s)"
    )
    print(f"state                  {len(encode_state(sensor.state)):8d} bytes a channel   (at most 65536)")


def _seconds(sensor: Sensor, judged: Followed) -> tuple[float, float]:
    """CPU seconds of a block: (within a day, the first of a day); medians."""
    within, first = [], []
    for batch in judged.days():
        for row in range(len(batch)):
            began = time.process_time()
            sensor.state, _ = sensor.detector.step(sensor.place, sensor.state, batch.take(slice(row, row + 1)))
            (within if row else first).append(time.process_time() - began)
    return float(np.median(within)), float(np.median(first))
