"""Real recordings: crack gauges at Zion, and a measured truck load."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rainflow as oracle

from cloud_service.analyse import temperature
from cloud_service.analyse.detectors.crack import CrackDetector
from cloud_service.analyse.detectors.fatigue import FatigueDetector
from cloud_service.analyse.detectors.quality import QualityDetector
from models import fatigue
from telltale.channel_details import CrackDetail, FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.findings import Reason, Refusal
from telltale.loggerfile.read import read_logger_file
from tests.cloud_service.detectors.play import (
    START_NS,
    findings,
    lives,
    place_of,
    play,
    rows_of,
    scalars,
    table,
    windows_of,
)

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("TELLTALE_DATA" not in os.environ, reason="TELLTALE_DATA names no folder of recordings"),
]
A_DAY = 96  # rows


@pytest.fixture(scope="module")
def zion():
    folder = Path(os.environ["TELLTALE_DATA"]) / "crackmeter_zion"
    return read_logger_file(folder / "zion_eng_data_20200130_0830.csv")


def gauge(limit_mm: float | None = None, kind: str = "crack", unit: str = "mm", **more):
    detail = CrackDetail(material="rock", limit_mm=limit_mm, source="test") if kind == "crack" else None
    return place_of(kind=kind, unit=unit, interval_s=900.0, crack=detail, **more)


def conditioned(zion, displacement: str, thermistor: str):
    t_ns, celsius = zion.columns[thermistor].times_ns, zion.columns[thermistor].values
    history, lagged = temperature.new_history(), []
    for start in range(0, t_ns.size, A_DAY):
        part = slice(start, start + A_DAY)
        temperature.extend(history, t_ns[part], celsius[part], np.ones(t_ns[part].size, bool))
        lagged.append(temperature.look_up(history, t_ns[part]))
        temperature.trim(history)
    return scalars(t_ns, zion.columns[displacement].values, temperature_c=np.concatenate(lagged))


@pytest.mark.parametrize("at_once", [A_DAY, 4])
def test_the_dead_thermistor_is_a_sensor_fault_and_so_is_what_derives_from_it(zion, at_once):
    thermistor, control = zion.columns["TT_CTRL"], zion.columns["Disp_CTRL"]
    place = gauge(kind="temperature", unit="°C")
    outputs = play(QualityDetector(), place, scalars(thermistor.times_ns, thermistor.values), at_once=at_once)
    assert {Reason.SENSOR_RANGE, Reason.SENSOR_DROPOUTS} <= {one.reason for one in findings(outputs)}
    dead = np.concatenate([output.faulty for output in outputs])
    assert dead.mean() > 0.99

    derived = gauge(derived_from=("s.thermistor",))
    batch = scalars(control.times_ns, control.values, inputs_faulty=dead)
    judged = play(QualityDetector(), derived, batch, at_once=at_once)
    assert {Reason.SENSOR_DERIVED, Reason.SENSOR_DROPOUTS} <= {one.reason for one in findings(judged)}
    batch.faulty[:] = np.concatenate([output.faulty for output in judged])
    assert findings(play(CrackDetector(), derived, batch, at_once=at_once)) == []  # never the structure


@pytest.mark.parametrize("name", ["TT_Lower", "TT_Upper", "T109_C", "Disp_Lower", "Disp_Upper"])
def test_sensors_in_order_are_not_flagged(zion, name):
    column = zion.columns[name]
    place = gauge(kind="temperature", unit="°C") if name.startswith("T") else gauge()
    outputs = play(QualityDetector(), place, scalars(column.times_ns, column.values), at_once=A_DAY)
    assert findings(outputs) == []
    assert not any(output.faulty.any() for output in outputs)


@pytest.mark.parametrize("thermistor", ["TT_Upper", "T109_C"])
@pytest.mark.parametrize("limit_mm", [45.0, 40.0])
def test_upper_drifts_down_and_is_not_extrapolated_to_years(zion, thermistor, limit_mm):
    outputs = play(CrackDetector(), gauge(limit_mm), conditioned(zion, "Disp_Upper", thermistor), at_once=A_DAY)
    trend = list(table(outputs, "trend").values())[-1]
    assert trend["low_per_year"] <= -6.2
    assert -3.6 <= trend["high_per_year"] < 0
    assert lives(outputs)[-1].refused is Refusal.INSUFFICIENT_HISTORY
    dates = [one.p50_ns - one.t_ns for one in lives(outputs) if one.p50_ns is not None]
    assert all(ahead < 2 * 84 * NS_PER_DAY for ahead in dates)  # nothing was ever said of years


def test_lower_breathes_with_temperature(zion):
    outputs = play(CrackDetector(), gauge(), conditioned(zion, "Disp_Lower", "TT_Lower"), at_once=A_DAY)
    trend = list(table(outputs, "trend").values())[-1]
    assert trend["r2_below_36h"] >= 0.7
    assert trend["temperature_effect_per_c"] < 0
    assert findings(outputs) == []


@pytest.mark.parametrize("at_once", [1, 5])
def test_the_truck_load_counts_as_the_rainflow_package_counts(at_once):
    """±1 times 300 µε and E = 210 GPa, detail category 71: stated assumptions of the test."""
    path = Path(os.environ["TELLTALE_DATA"]) / "strain_rainflow" / "truck_switchingload.csv"
    strain = (300 * np.loadtxt(path, delimiter=",", skiprows=1)[:, 1]).astype(np.float32)
    window_ns = round(1024 / 100 * NS_PER_S)
    whole = strain.size // 1024
    t_ns = START_NS + np.arange(whole + 1) * window_ns
    detail = FatigueDetail(detail_category_mpa=71.0, youngs_modulus_gpa=210.0)
    place = place_of(kind="strain", unit="µε", rate_hz=100.0, interval_s=10.24, fatigue=detail)
    detector, outputs = FatigueDetector(), []
    state = detector.initial(place)
    body = windows_of(t_ns[:whole], strain[: whole * 1024].reshape(whole, 1024), 100.0)
    rest = windows_of(t_ns[whole:], strain[None, whole * 1024 :], 100.0)
    for batch in (*(rows_of(body, slice(at, at + at_once)) for at in range(0, whole, at_once)), rest):
        state, output = detector.step(place, state, batch)
        outputs.append(output)
    rows = list(table(outputs, "fatigue").values())
    cycles = [(span, share) for span, _, share, _, _ in oracle.extract_cycles(strain.astype(float).tolist())]
    ranges, counts = np.array(cycles).T
    closed = fatigue.damage(ranges * 0.21, counts, 71.0)
    assert closed > 0
    assert sum(row["cycles"] for row in rows) == counts.sum()
    assert sum(row["damage"] for row in rows) == pytest.approx(closed, rel=1e-9)
