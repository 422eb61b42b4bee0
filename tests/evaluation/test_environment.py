"""Two sensors for a year and a half: the frame of the evaluation, not its figures."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
import pytest

from evaluation.environment import SETTINGS, EnvironmentSettings, judge
from evaluation.environment_ablations import Ablation, ablation_table
from evaluation.environment_trials import Life
from evaluation.port import Report
from evaluation.sensor_years import follow
from sensors_sim.span import Span
from sensors_sim.years import BLOCKS_A_DAY, Behaviour, Loss, simulate
from telltale.clock import NS_PER_DAY
from telltale.errors import SettingsError
from telltale.settings import convert

SMALL = {
    "sensors": 2,
    "days": 410,
    "start": "2026-01-01",
    "onsets_a_sensor": 1,
    "onset_days": [366, 400],
    "ablation_sensors": 1,
    "early_onset_days": [60, 80],
    "promised_false_alarms": 1.0,
    "ablations": [{"without": "thermometer", "damage_begins": "grown", "judged_by": "2"}],
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
    (row,) = report().tables[1].rows
    assert row[:5] == ("thermometer", "after the first year", "2", "1 of 1 found", "0 of 1 found")
    assert row[5:] == ("yes", "no"), "one of one is no more than chance"
    whole, without = report().tables[2].rows
    assert (whole[0], float(whole[4]), without[0], float(without[4])) == ("nothing", 1.0, "thermometer", 0.0)


def test_an_ablation_fails_where_it_does_clearly_worse_on_the_same_damages() -> None:
    def life(*delays: float) -> Life:
        return Life([], {"1": list(delays)})

    never = math.inf
    whole = [life(1, 2, 3), life(1, never, 2)]
    for other, found, fails in (
        ([life(never, never, never), life(never, never, never)], "0 of 6 found", "yes"),
        ([life(1, never, 3), life(never, 5, 2)], "4 of 6 found", "no"),
        (whole, "5 of 6 found", "no"),
    ):
        asked = Ablation(without="thermometer", damage_begins="young", judged_by="1")
        (row,) = ablation_table(
            [asked], {(None, "young"): (whole, 0.2), ("thermometer", "young"): (other, 3.0)}, 1.0
        ).rows
        assert row[3:] == ("5 of 6 found", found, "yes", fails)
        alarms = Ablation(without="thermometer", damage_begins="young", judged_by="false alarms", must_fail=False)
        (row,) = ablation_table(
            [alarms], {(None, "young"): (whole, 0.2), ("thermometer", "young"): (other, 3.0)}, 1.0
        ).rows
        assert row[3:] == ("0.20 a sensor-year", "3.00 a sensor-year", "no", "yes")


def test_an_ablation_judged_by_a_damage_that_is_not_played_is_refused() -> None:
    wrong = SMALL | {"ablations": [{"without": "thermometer", "damage_begins": "grown", "judged_by": "3"}]}
    with pytest.raises(SettingsError, match="judged by '3'"):
        convert(wrong, EnvironmentSettings, SETTINGS)


def test_the_shipped_settings_are_read() -> None:

    asked = convert(tomllib.loads((files("evaluation") / SETTINGS).read_text("utf-8")), EnvironmentSettings, SETTINGS)
    assert [damage.name for damage in asked.damages] == ["0.5", "1", "2", "slow2"]
    assert asked.sensors >= 20
    assert asked.days >= 3 * 365


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
