"""A converter whose clock is not what it says: told by the hour, whatever single stamps are off by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_service.analyse.detectors.sample_rate import SampleRateDetector
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.findings import Tier
from tests.cloud_service.detectors.play import START_NS, findings, place_of, play, windows_of

RATE_HZ, SAMPLES = 100.0, 2048
PLACE = place_of(
    kind="vibration", unit="g", shape="waveform", rate_hz=RATE_HZ, window_samples=SAMPLES, interval_s=20.48
)


def windows(hours: float, off: np.ndarray | float, *, pause_s: float = 0.0, seed: int = 1):
    """Windows one after the other, of a converter whose rate is off by `off`, stamped with 20 ms of jitter."""
    rng = np.random.default_rng(seed)
    count = int(hours * 3600 / (SAMPLES / RATE_HZ + pause_s))
    lasts_s = SAMPLES / (RATE_HZ * (1 + np.broadcast_to(off, count))) + pause_s
    t_s = np.concatenate(([0.0], np.cumsum(lasts_s)[:-1])) + rng.normal(0, 0.02, count)
    t_ns = START_NS + NS_PER_S + (t_s * NS_PER_S).astype(np.int64)
    return windows_of(t_ns, rng.standard_normal((count, SAMPLES)).astype(np.float32), RATE_HZ)


@pytest.mark.parametrize("off", [0.0, 1e-4, -1e-4])
def test_a_crystal_as_it_should_be_is_not_spoken_of(off: float) -> None:
    said = play(SampleRateDetector(), PLACE, windows(30, off), at_once=50)
    assert findings(said) == []
    last = findings(said, clear=True)[-1]
    assert last.value == pytest.approx(100 * off, abs=0.005)
    assert last.evidence["judged_over"] > 150
    assert not any(output.faulty.any() for output in said)


@pytest.mark.parametrize("off", [0.003, -0.003, 0.024])
def test_another_rate_is_told_after_two_hours_and_cleared_when_it_is_right(off: float) -> None:
    batch = windows(30, np.where(np.arange(5273) // 176 // 10 % 2 == 1, off, 0.0))
    said = play(SampleRateDetector(), PLACE, batch, at_once=50)
    wrong = findings(said)[0]
    assert 11 <= (wrong.t_ns - START_NS) / NS_PER_HOUR < 14
    assert wrong.value == pytest.approx(100 * off, rel=0.02)
    assert wrong.score == pytest.approx(abs(off) / 0.001, rel=0.02)
    every = findings(said, clear=True)
    right = next(finding for finding in every if finding.t_ns > wrong.t_ns and finding.tier is Tier.CLEAR)
    assert 21 <= (right.t_ns - START_NS) / NS_PER_HOUR < 25
    faulty = np.concatenate([output.faulty for output in said])
    assert np.array_equal(faulty, (batch.t_ns >= wrong.t_ns) & (batch.t_ns < right.t_ns))


def test_windows_with_pauses_or_of_no_reliable_time_are_not_judged() -> None:
    paused = play(SampleRateDetector(), PLACE, windows(30, 0.01, pause_s=20.0))
    assert {finding.evidence["judged_over"] for finding in findings(paused, clear=True)} == {0.0}
    batch = windows(30, 0.01)
    undated = play(SampleRateDetector(), PLACE, replace(batch, undated=np.ones(len(batch), bool)))
    assert findings(undated) == []


def test_it_does_not_matter_how_windows_were_batched() -> None:
    batch = windows(12, 0.002)
    several = [play(SampleRateDetector(), PLACE, batch, at_once=size) for size in (1, 7, 1000)]
    assert len({repr(findings(said, clear=True)) for said in several}) == 1
    assert len({np.concatenate([output.faulty for output in said]).tobytes() for said in several}) == 1
