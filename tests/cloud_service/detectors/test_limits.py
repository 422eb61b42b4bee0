"""Fixed limits: sides, quantities, units, levels, and what must not be judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.detectors.limits import LimitsDetector
from telltale.channel_details import Limit
from telltale.findings import Reason, Tier
from telltale.site import Channel, Facility, Place, Structure
from tests.cloud_service.detectors.vibration import START_NS, back_to_back, run

G = 9.80665


def place_with(*limits, kind="crack", unit="mm", **more):
    channel = Channel(id="a.b", kind=kind, unit=unit, gateway="gw", interval_s=60.0, limits=limits, **more)
    structure = Structure(id="a", name="A", channels=(channel,))
    return Place(Facility(id="f", name="F", structures=(structure,)), structure, channel)


def readings(*values):
    count = len(values)
    return Batch(
        t_ns=START_NS + np.arange(count, dtype=np.int64),
        values=np.array(values, dtype=np.float64),
        flags=np.zeros(count, dtype=np.uint8),
        temperature_c=np.full((count, len(LAGS_H)), np.nan),
        faulty=np.zeros(count, dtype=np.bool_),
        inputs_faulty=np.zeros(count, dtype=np.bool_),
    )


def judge(place, batch):
    return run(LimitsDetector(), place, [batch])[1]


def test_two_levels_and_their_sources():
    place = place_with(
        Limit(level="warn", value=0.3, source="guideline"), Limit(level="alarm", value=0.5, source="code")
    )
    findings = judge(place, readings(0.1, 0.3, 0.49, 0.5, 2.0))
    assert [finding.tier for finding in findings] == [Tier.CLEAR, Tier.WARN, Tier.WARN, Tier.ALARM, Tier.ALARM]
    assert [finding.limit_source for finding in findings][1::2] == ["guideline", "code"]
    assert {finding.reason for finding in findings} == {Reason.LIMIT}
    assert findings[0].score == pytest.approx(0.1 / 0.3)
    assert findings[3].value == 0.5


def test_a_limit_in_the_channels_own_unit():
    place = place_with(Limit(level="warn", value=300.0, source="s"), unit="µm")
    (finding,) = judge(place, readings(0.33))
    assert (finding.tier, finding.unit) == (Tier.WARN, "µm")
    assert finding.value == pytest.approx(330.0)


@pytest.mark.parametrize(
    ("side", "limit", "clear", "crossed"),
    [("above", 0.0, -0.5, 0.1), ("below", -10.0, -9.0, -11.0), ("below", 5.0, 6.0, 4.0), ("absolute", 2.0, -1.5, -2.5)],
)
def test_sides(side, limit, clear, crossed):
    place = place_with(Limit(level="warn", value=limit, source="s", side=side))
    assert [finding.tier for finding in judge(place, readings(clear, crossed))] == [Tier.CLEAR, Tier.WARN]


def test_missing_and_distrusted_readings_are_not_judged():
    place = place_with(Limit(level="warn", value=1.0, source="s"))
    batch = readings(5.0, np.nan, 5.0, 5.0)
    batch.faulty[0] = True
    batch.inputs_faulty[2] = True
    assert [finding.t_ns for finding in judge(place, batch)] == [START_NS + 3]
    assert judge(place, readings()) == []


def test_features_and_extremes_of_a_window():
    limits = (
        Limit(level="warn", value=0.5, source="rms", quantity="rms"),
        Limit(level="alarm", value=2.0, source="peak", quantity="peak"),
        Limit(level="alarm", value=3.5, source="value", side="absolute"),
    )
    place = place_with(*limits, kind="vibration", unit="g", rate_hz=100.0)
    samples = 0.1 * G * np.sin(np.arange(4096) / 3.0)
    samples[1024:2048] *= 10.0
    samples[2500] = -2.5 * G
    samples[3200] = -4.0 * G
    found = judge(place, back_to_back(samples, 100.0))
    assert [finding.tier for finding in found] == [Tier.CLEAR, Tier.WARN, Tier.ALARM, Tier.ALARM]
    assert [finding.limit_source for finding in found][1:3] == ["rms", "peak"]
    assert found[1].value == pytest.approx(1.0 / np.sqrt(2), rel=0.01)


def test_a_window_with_gaps_is_judged_by_what_is_there():
    place = place_with(
        Limit(level="warn", value=-1.0, source="s", side="below"), kind="vibration", unit="m/s2", rate_hz=1.0
    )
    windows = np.full((3, 64), np.nan, dtype=np.float32)
    windows[0, 3], windows[1, 5] = -2.0, 0.5
    batch = replace(back_to_back(np.zeros(3 * 64), 1.0, 64), windows=windows)
    assert [finding.tier for finding in judge(place, batch)] == [Tier.WARN, Tier.CLEAR]
