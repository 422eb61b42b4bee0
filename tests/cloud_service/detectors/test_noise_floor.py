"""The noise floor of a simulated accelerometer: steady through traffic and damage, told when the sensor changes."""

from __future__ import annotations

import numpy as np
import pytest

from cloud_service.analyse.detectors.noise_floor import NoiseFloorDetector
from cloud_service.analyse.detectors.quality import QualityDetector
from models.spectra import window_features
from sensors_sim.damage import StiffnessLoss
from sensors_sim.faults import Clipped, Noise
from sensors_sim.scenarios import Scenario
from telltale.clock import NS_PER_DAY
from telltale.findings import Tier
from tests.cloud_service.detectors.vibration import batch_of, vibration_place
from tests.sensors_sim.spans import world

AZ = "footbridge.midspan.az"
DAYS = 24
CHANGE_DAY = 18


def windows_of(scenario: Scenario, every_h: int = 2):
    site = world(scenario, days=DAYS)
    chunks = [site.chunk(AZ, tick) for tick in range(0, DAYS * 24, every_h)]
    scale = site.sensors[AZ].scale
    windows = np.stack([chunk.samples.astype(np.float32) * scale for chunk in chunks])
    return np.array([chunk.t0_ns for chunk in chunks]), windows, chunks[0].rate_hz


def judge(tmp_path, scenario: Scenario, gain_from: float = 1.0, at_once: int = 12):
    t_ns, windows, rate_hz = windows_of(scenario)
    windows[t_ns >= t_ns[0] + CHANGE_DAY * NS_PER_DAY] *= gain_from
    settings = f"interval_s = 7200\nrate_hz = {rate_hz}\nwindow_samples = {windows.shape[1]}"
    place, detector = vibration_place(tmp_path, settings), NoiseFloorDetector()
    state, findings, faulty = detector.initial(place), [], []
    for start in range(0, len(t_ns), at_once):
        part = slice(start, start + at_once)
        features = window_features(windows[part], rate_hz, ())
        state, output = detector.step(place, state, batch_of(t_ns[part], features, rate_hz=rate_hz))
        findings += output.findings
        faulty += output.faulty.tolist()
    days = np.array([(finding.t_ns - t_ns[0]) / NS_PER_DAY for finding in findings])
    return days, findings, np.array(faulty)


def test_traffic_weather_and_damage_move_no_floor(tmp_path) -> None:
    loss = StiffnessLoss("footbridge", ((15.0, 0.0), (15.001, 0.2)))
    _, findings, faulty = judge(tmp_path, Scenario("damaged", "", damages=(loss,)))
    assert {finding.tier for finding in findings} == {Tier.CLEAR}
    assert not faulty.any()


def test_more_noise_is_told_after_two_days_and_ends_with_it(tmp_path) -> None:
    noise = Noise(AZ, float(CHANGE_DAY), size=0.05, end_day=CHANGE_DAY + 4.0)
    days, findings, faulty = judge(tmp_path, Scenario("noisy", "", faults=(noise,)))
    suspect = days[[finding.tier is Tier.SUSPECT for finding in findings]]
    assert CHANGE_DAY + 2 <= suspect.min() < CHANGE_DAY + 3
    assert findings[-1].tier is Tier.CLEAR
    assert faulty.any()
    assert not faulty[: CHANGE_DAY * 12].any()


def test_a_detached_element_is_told(tmp_path) -> None:
    _, findings, faulty = judge(tmp_path, Scenario("sound", ""), gain_from=0.02)
    assert findings[-1].tier is Tier.SUSPECT
    assert findings[-1].value == pytest.approx(0.02, rel=0.5)
    assert faulty[-1]


def test_clipped_windows_are_told_by_quality(tmp_path) -> None:
    t_ns, windows, rate_hz = windows_of(Scenario("clipped", "", faults=(Clipped(AZ, float(CHANGE_DAY), limit=0.02),)))
    place, detector = vibration_place(tmp_path, f"interval_s = 7200\nrate_hz = {rate_hz}"), QualityDetector()
    features = window_features(windows, rate_hz, ())
    batch = batch_of(t_ns, features, windows=windows, rate_hz=rate_hz)
    _, output = detector.step(place, detector.initial(place), batch)
    after = t_ns >= t_ns[0] + CHANGE_DAY * NS_PER_DAY
    assert not output.faulty[~after].any()
    assert output.faulty[after].mean() > 0.5
