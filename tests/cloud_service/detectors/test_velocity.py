"""Velocity against guide values: tiers, units, three axes, refusals; and the settings that name a guide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_service.alert.evaluate import Change, Watch, evaluate
from cloud_service.alert.settings import AlertSettings
from cloud_service.analyse.detectors.velocity import VelocityDetector
from telltale.errors import SettingsError
from telltale.findings import Reason, Tier
from telltale.site_file import load_site
from tests.cloud_service.detectors.vibration import SITE, back_to_back, part_of, run

RATE_HZ, LENGTH = 250.0, 1250
SETTINGS = "interval_s = 5\nrate_hz = 250.0\nwindow_samples = 1250\nvelocity = {guide = '%s'}\n"
DWELLING = "din_4150_3.dwelling.foundation"


def place_with(folder, guide=DWELLING, **more):
    path = folder / "site.toml"
    extra = "".join(f"{key} = {value}\n" for key, value in more.items())
    path.write_text(SITE.format(settings=SETTINGS % guide + extra), encoding="utf-8")
    return load_site(path).places["motor.de"]


def shaken(*bursts):
    """One window a burst (mm/s, Hz)."""
    time_s = np.arange(LENGTH) / RATE_HZ
    envelope = np.exp(-((time_s - 2.5) ** 2) / (2 * 0.4**2))
    windows = [
        2 * np.pi * hz * 1e-3 * mm_s * np.cos(2 * np.pi * hz * (time_s - 2.5) + np.pi / 2) * envelope
        for mm_s, hz in bursts
    ]
    return back_to_back(np.concatenate(windows) + 9.81, RATE_HZ, LENGTH)


def test_tiers_follow_the_guide_value_at_the_peaks_own_frequency(tmp_path):
    place = place_with(tmp_path, axis='"x"')
    batch = shaken((1.0, 8.0), (4.0, 8.0), (6.0, 8.0), (6.0, 30.0), (12.0, 30.0))
    _, findings, rows = run(VelocityDetector(), place, [batch])
    assert [finding.tier for finding in findings] == [Tier.CLEAR, Tier.WARN, Tier.ALARM, Tier.CLEAR, Tier.ALARM]
    assert {finding.reason for finding in findings} == {Reason.VIBRATION_VELOCITY}
    alarm = findings[2]
    assert alarm.value == pytest.approx(6.0, rel=0.05)
    assert alarm.limit == pytest.approx(5.0)
    assert alarm.unit == "mm/s"
    assert alarm.evidence["axis"] == "x"
    assert alarm.evidence["frequency_hz"] == pytest.approx(8.0, rel=0.05)
    assert "DIN 4150-3:2016-12" in alarm.limit_source
    assert "dwellings" in alarm.limit_source
    assert "70% of the value of" in findings[1].limit_source
    assert findings[4].limit == pytest.approx(10.0, rel=0.03)
    (stored,) = rows
    np.testing.assert_allclose(stored.columns["peak_mm_s"], [1, 4, 6, 6, 12], rtol=0.05)


def test_the_worst_axis_of_a_sensor_tells_for_all(tmp_path):
    """Whatever axis is largest is judged at its own frequency: nothing that the standard finds can be missed."""
    place = place_with(tmp_path)
    axes = {"x": (2.0, 8.0), "y": (5.5, 9.0), "z": (3.0, 40.0)}
    verdicts = {axis: run(VelocityDetector(), place, [shaken(burst)])[1][0] for axis, burst in axes.items()}
    assert max(verdicts.values(), key=lambda finding: finding.value) is verdicts["y"]
    assert verdicts["y"].tier is Tier.ALARM
    assert {axis: finding.tier for axis, finding in verdicts.items() if axis != "y"} == {
        "x": Tier.CLEAR,
        "z": Tier.CLEAR,
    }


def seam(offset_s):
    """Four windows; a burst of 8 mm/s at 10 Hz so long after the beginning of the third."""
    time_s = np.arange(4 * LENGTH) / RATE_HZ - 2 * LENGTH / RATE_HZ - offset_s
    velocity = 8.0 * np.exp(-(time_s**2) / (2 * 0.15**2))
    return back_to_back(2 * np.pi * 10 * 1e-3 * velocity * np.cos(2 * np.pi * 10 * time_s + np.pi / 2), RATE_HZ, LENGTH)


@pytest.mark.parametrize("offset_s", [-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0])
def test_a_burst_at_the_seam_of_continuous_windows_is_read_in_full(tmp_path, offset_s):
    batch = seam(offset_s)
    _, findings, _ = run(VelocityDetector(), place_with(tmp_path), [batch])
    assert max(finding.value for finding in findings) == pytest.approx(8.0, rel=0.06)
    _, apart, _ = run(VelocityDetector(), place_with(tmp_path), [part_of(batch, slice(at, at + 1)) for at in range(4)])
    assert [f.value for f in apart] == pytest.approx([f.value for f in findings], rel=1e-6)


def test_nothing_is_put_before_a_window_that_follows_a_distrusted_one_or_comes_late(tmp_path):
    batch, place = seam(0.0), place_with(tmp_path)
    second, third = (run(VelocityDetector(), place, [part_of(batch, [at])])[1][0].value for at in (1, 2))
    _, late, _ = run(VelocityDetector(), place, [part_of(batch, [2]), part_of(batch, [1])])
    assert [finding.value for finding in late] == pytest.approx([third, second], rel=1e-9)
    batch.faulty[1] = True
    _, (finding,), _ = run(VelocityDetector(), place, [part_of(batch, [1, 2])])
    assert finding.value == pytest.approx(third, rel=1e-9)


def test_distrusted_windows_are_not_judged(tmp_path):
    batch = shaken((9.0, 8.0), (9.0, 8.0))
    batch.faulty[0] = True
    assert len(run(VelocityDetector(), place_with(tmp_path), [batch])[1]) == 1


def test_a_rate_that_cannot_tell_is_said_once_a_day(tmp_path):
    batch = replace(shaken(*[(9.0, 8.0)] * 4), rate_hz=125.0)
    _, findings, rows = run(VelocityDetector(), place_with(tmp_path), [batch])
    assert [finding.tier for finding in findings] == [Tier.CLEAR]
    assert findings[0].evidence["refused"] == "outside_model_range"
    assert "200 samples a second" in str(findings[0].evidence["detail"])
    assert not rows


def test_one_window_is_enough_to_tell(tmp_path):
    """A blast is over within a window: a second look would never come."""
    _, findings, _ = run(VelocityDetector(), place_with(tmp_path), [shaken((1.0, 8.0), (8.0, 8.0), (1.0, 8.0))])
    watch, settings = Watch(), AlertSettings()
    events = [evaluate(watch, finding, finding.t_ns, settings) for finding in findings]
    assert [event and event.change for event in events][:2] == [None, Change.RAISED]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("rate_hz = 100.0\nwindow_samples = 1024", "rate_hz 100"),
        ("rate_hz = 1000.0\nwindow_samples = 1024", "at least 4000"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_load(tmp_path, settings, said):
    path = tmp_path / "site.toml"
    settings += "\ninterval_s = 5\nvelocity = {guide = 'bs_7385_2.light.transient'}\n"
    path.write_text(SITE.format(settings=settings), encoding="utf-8")
    with pytest.raises(SettingsError, match=said) as caught:
        load_site(path)
    assert "motor.de" in str(caught.value)


def test_an_unknown_guide_is_named(tmp_path):
    with pytest.raises(SettingsError, match="guide"):
        place_with(tmp_path, guide="din_4150_3.castle")
