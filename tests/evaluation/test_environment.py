"""Two sensors for a year and a half: the frame of the evaluation, not its figures."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
import pytest

from evaluation.environment import SETTINGS, EnvironmentSettings, evaluate, judge
from evaluation.port import Options, Report
from evaluation.sensor_years import follow
from sensors_sim.span import Span
from sensors_sim.years import BLOCKS_A_DAY, Behaviour, Loss, simulate
from telltale.clock import NS_PER_DAY
from telltale.settings import convert

SMALL = {
    "sensors": 2,
    "days": 430,
    "start": "2026-01-01",
    "onsets_a_sensor": 1,
    "onset_days": [366, 400],
    "ablation_sensors": 1,
    "damages": [{"name": "1", "loss_percent": 1, "within_days": 7}, {"name": "2", "loss_percent": 2, "within_days": 7}],
}
SPAN = Span(20_454 * NS_PER_DAY, 400)


@cache
def report() -> Report:
    settings = msgspec.convert(SMALL, EnvironmentSettings, strict=False)
    return judge(4, settings)


def test_the_promised_keys_are_there_and_damage_of_one_percent_is_found_in_silence() -> None:
    metrics = report().metrics
    assert set(metrics) == {"false_alarms_per_sensor_year", "pod", "pod_low", "delay_days"}
    assert metrics["pod"] == {"1": 1.0, "2": 1.0}
    assert metrics["pod_low"]["1"] == pytest.approx(0.025 ** (1 / 2))
    assert 0 < metrics["delay_days"]["1"] <= 2
    assert metrics["false_alarms_per_sensor_year"] <= 1
    msgspec.json.encode(metrics)


def test_without_a_thermometer_it_fails_as_it_should() -> None:
    methods = {row[0]: row for row in report().tables[1].rows}
    assert float(methods["as registered"][3]) == 1.0
    assert float(methods["no thermometer"][3]) == 0.0


def test_the_shipped_settings_are_read() -> None:

    asked = convert(tomllib.loads((files("evaluation") / SETTINGS).read_text("utf-8")), EnvironmentSettings, SETTINGS)
    assert [damage.name for damage in asked.damages] == ["0.5", "1", "2", "slow2"]
    assert asked.sensors >= 20
    assert asked.days >= 3 * 365
    assert callable(evaluate)
    assert Options(seed=3).seed == 3


@pytest.mark.parametrize("seed", range(3))
def test_the_years_are_as_hard_as_promised(seed: int) -> None:
    years = simulate(seed, "s", SPAN, Behaviour())
    assert years.swing >= 0.05
    assert np.ptp(years.air_c) >= 45
    assert 0.02 <= 1 - years.t_ns.size / (SPAN.days * BLOCKS_A_DAY) <= 0.08
    warm = years.structure_c > 3
    level = years.features["mode1_hz"][warm]
    noise = np.diff(level) / level[1:] / np.sqrt(2)
    assert np.median(np.abs(noise)) / 0.6745 >= 0.003
    again = simulate(seed, "s", SPAN, Behaviour())
    np.testing.assert_array_equal(again.features["mode2_hz"], years.features["mode2_hz"])


def test_damage_is_the_only_difference() -> None:
    years = simulate(1, "s", SPAN, Behaviour())
    damaged = years.damaged(Loss(0.02, 100.0, 200.0))
    left = damaged.features["mode1_hz"] / years.features["mode1_hz"]
    np.testing.assert_allclose(left, 1 - 0.02 * np.clip((years.days - 100) / 200, 0, 1))
    np.testing.assert_array_equal(damaged.features["crest"], years.features["crest"])


def test_lags_are_known_and_settled_after_the_first_days() -> None:
    followed = follow(simulate(2, "s", SPAN, Behaviour(gap_share=0.0)))
    assert np.isfinite(followed.lagged_c).all()
    assert not followed.unsettled.any()
    assert sum(len(batch) for batch in followed.days()) == SPAN.days * BLOCKS_A_DAY
