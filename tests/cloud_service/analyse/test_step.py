from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_service.analyse.decode import SkipReason
from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.outcome import StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.store.waveform import unpack
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, ClockMode
from telltale.errors import RejectReason
from telltale.findings import Tier
from telltale.readings import Block, Flag, FlagSpan, Frame
from telltale.site import Site
from telltale.wire.codec import decode_frame, encode_frame
from tests.cloud_service.analyse.detectors import Failing, Range, Running
from tests.cloud_service.analyse.site import T0_NS, bridge, decoded, frame, hour, hours, scalar, wave

SYNTHETIC = (Range(), Running())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return bridge(tmp_path)


def run(site: Site, frames: Sequence[Frame], size: int, detectors: Sequence[Detector] = SYNTHETIC) -> list[StepResult]:
    step, states = Step(site, detectors), States()
    entries = decoded(frames)
    return [step(states, entries[start : start + size])[1] for start in range(0, len(entries), size)]


def stored(results: Sequence[StepResult]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """(measurement, subject, t) → its row; the later one wins, as in a store."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for result in results:
        for rows in result.rows:
            for index, t_ns in enumerate(rows.t_ns.tolist()):
                row = {name: column[index] for name, column in rows.columns.items()}
                found[rows.measurement, rows.subject, t_ns] = row
    return found


def verdicts(results: Sequence[StepResult]) -> list[tuple[Any, ...]]:
    return [
        (j.finding.channel, j.finding.t_ns, j.finding.reason, j.finding.tier, j.finding.score, j.heard_ns)
        for result in results
        for j in result.judged
    ]


def assert_same(some: Sequence[StepResult], others: Sequence[StepResult], rtol: float = 1e-6) -> None:
    """Equal rows and findings; numbers to `rtol` (float32 transforms)."""
    left, right = stored(some), stored(others)
    assert left.keys() == right.keys()
    for key, row in left.items():
        assert row.keys() == right[key].keys()
        for name, value in row.items():
            if isinstance(value, bytes | str):
                assert value == right[key][name], (key, name)
            else:
                np.testing.assert_allclose(value, right[key][name], rtol=rtol, err_msg=f"{key} {name}")
    one, other = verdicts(some), verdicts(others)
    assert [item[:4] for item in one] == [item[:4] for item in other]
    np.testing.assert_allclose([item[4] for item in one], [item[4] for item in other], rtol=1e-5)
    assert [item[5] for item in one] == [item[5] for item in other]


def test_every_reading_is_one_row_and_missing_ones_are_flags(site: Site) -> None:
    results = run(site, hours(range(40)), 7)
    rows = stored(results)
    gauge = [
        row for (measurement, subject, _), row in rows.items() if (measurement, subject) == ("reading", "bridge.gauge")
    ]
    assert len(gauge) == 40
    missing = [row for row in gauge if row["flag"] & Flag.MISSING]
    assert len(missing) == 3
    assert all(np.isnan(row["value"]) for row in missing)
    assert np.nanmax([row["value"] for row in gauge]) < 1  # µm → mm
    assert sum(key[0] == "window" for key in rows) == sum(key[0] == "waveform" for key in rows) == 40
    assert sum(result.samples for result in results) == 40 * 258


def test_windows_are_in_base_units_and_carry_the_temperature(site: Site) -> None:
    row = stored(run(site, hours([0]), 1))["window", "bridge.az", T0_NS]
    assert row["rms"] == pytest.approx(0.001 * 9.80665 * np.hypot(500 / np.sqrt(2), 60), rel=0.05)
    assert row["mode1_hz"] == pytest.approx(4.0, abs=0.2)
    assert (row["samples"], row["rate_hz"]) == (256, 100.0)
    assert row["temperature_c"] == pytest.approx(10, abs=1)


def test_windows_that_came_as_one_block_of_counts_are_stored_as_they_came(site: Site) -> None:
    samples = 500 * np.sin(2 * np.pi * 4 * np.arange(600) / 100)
    second_ns = NS_PER_HOUR // 3600

    def sent(number: int) -> tuple[Block, ...]:
        t_ns = T0_NS + number * NS_PER_HOUR
        gap = replace(wave("bridge.az", t_ns + 10 * second_ns, samples[:256]), flags=(FlagSpan(3, 2, Flag.MISSING),))
        return (
            wave("bridge.az", t_ns, samples[:256]),
            gap,
            wave("bridge.az", t_ns + 20 * second_ns, samples[:512]),
            wave("bridge.az", t_ns + 30 * second_ns, samples[:100]),
        )

    whole, late = hours([0, 1], sent)
    payloads = [encode_frame(replace(whole, blocks=whole.blocks[::-1])), encode_frame(late)]
    frames = [decode_frame(payload, "gw") for payload in payloads]
    blocks = [block for decoded_frame in frames for block in decoded_frame.blocks]
    found = {key[2]: row for key, row in stored(run(site, frames, 2)).items() if key[0] == "waveform"}
    assert [row["dtype"] for _, row in sorted(found.items())] == 2 * ["int16", "float32", "float32", "float32", "int16"]
    for block in blocks:
        row = found[block.t0_ns]
        assert row["dtype"] == "float32" or row["body"] == block.body
        got = unpack(row["body"], row["samples"], row["dtype"], row["scale"], row["offset"])
        np.testing.assert_allclose(got, block.values()[: row["samples"]] * 9.80665, rtol=1e-6)


@pytest.mark.parametrize("size", [3, 50])
def test_batches_do_not_matter(site: Site, size: int) -> None:
    frames = hours(range(100))
    assert_same(run(site, frames, 1), run(site, frames, size))


@pytest.mark.parametrize("size", [3, 50])
def test_batches_do_not_matter_to_the_registered_detectors(site: Site, size: int) -> None:
    def ugly(number: int) -> tuple[Any, ...]:
        """The thermometer dies at hour 60, the gauge leaps at hour 90."""
        waves, gauge, air = hour(number)
        air = scalar("bridge.air", air.t0_ns, -273.15) if number >= 60 else air
        return (waves, scalar("bridge.gauge", gauge.t0_ns, 5000.0) if number >= 90 else gauge, air)

    frames = hours(range(120), ugly)
    one, many = run(site, frames, 1, DETECTORS), run(site, frames, size, DETECTORS)
    assert_same(one, many)
    assert [fault for result in [*one, *many] for fault in result.faults] == []
    assert ("bridge.air", Tier.SUSPECT) in {(item[0], item[3]) for item in verdicts(one)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(14)), st.integers(2, 14))
def test_batches_do_not_matter_when_data_comes_late(site: Site, order: list[int], size: int) -> None:
    frames = hours(order)
    assert_same(run(site, frames, 1), run(site, frames, size))


def test_in_a_replay_a_row_is_heard_at_its_own_time_and_a_late_one_when_it_came(site: Site) -> None:
    gauges = [scalar("bridge.gauge", T0_NS + number * NS_PER_HOUR, 300.0) for number in range(48)]
    late = scalar("bridge.gauge", T0_NS + NS_PER_HOUR // 2, 300.0)
    entries = decoded(
        [frame(1, gauges, T0_NS + 48 * NS_PER_HOUR), frame(2, [late], T0_NS + 49 * NS_PER_HOUR)],
    )
    heard = {}
    for mode in get_args(ClockMode):
        _, result = Step(site, SYNTHETIC, mode=mode)(States(), entries)
        heard[mode] = [(item.heard_ns - T0_NS) / NS_PER_HOUR for item in result.judged]
    assert heard["system"] == [48.0] * 48 + [49.0]
    assert heard["data"] == [*range(48), 48.0]


def test_a_window_cut_short_still_counts_its_samples(site: Site) -> None:
    samples = np.random.default_rng(1).normal(0, 100, 256 * 2 + 70)
    results = run(site, [frame(1, [wave("bridge.az", T0_NS, samples)], T0_NS)], 1)
    windows = {key[2]: row for key, row in stored(results).items() if key[0] == "window"}
    assert sorted(row["samples"] for row in windows.values()) == [70, 256, 256]
    assert sorted(windows) == [T0_NS, T0_NS + 2_560_000_000, T0_NS + 5_120_000_000]
    assert len(verdicts(results)) == 2  # a detector that does not ask for cut-off windows is not shown one


@pytest.mark.parametrize("count", [1, 2, 15])
def test_a_handful_of_samples_is_a_window_without_a_spectrum(site: Site, count: int) -> None:
    results = run(site, [frame(1, [wave("bridge.az", T0_NS, np.arange(count))], T0_NS)], 1, DETECTORS)
    row = stored(results)["window", "bridge.az", T0_NS]
    assert row["samples"] == count
    assert row["mean"] == pytest.approx(np.arange(count).mean() * 0.001 * 9.80665)
    assert np.isnan(row["band0"])


def test_strays_are_counted_and_good_blocks_go_on(site: Site) -> None:
    strays = [scalar("bridge.nowhere", T0_NS, 1.0, 2.0), scalar("bridge.other", T0_NS, 1.0)]
    results = run(site, [frame(1, [*strays, *hour(0)], T0_NS + NS_PER_HOUR)], 1)
    skips = {skip.channel: (skip.reason, skip.samples) for skip in results[0].skips}
    assert skips == {
        "bridge.nowhere": (RejectReason.UNKNOWN_CHANNEL, 2),
        "bridge.other": (SkipReason.OTHER_GATEWAY, 1),
    }
    assert len({key[1] for key in stored(results) if key[0] in ("reading", "window")}) == 3


def test_a_faulty_thermometer_is_no_temperature_and_taints_what_derives_from_it(site: Site) -> None:
    def broken(number: int) -> tuple[Any, ...]:
        waves, gauge, air = hour(number)
        return (waves, gauge, scalar("bridge.air", air.t0_ns, -273.0) if number >= 10 else air)

    results = run(site, hours(range(20), broken), 5)
    rows = stored(results)
    known = [np.isfinite(rows["window", "bridge.az", T0_NS + n * NS_PER_HOUR]["temperature_c"]) for n in range(20)]
    assert known == [True] * 10 + [False] * 10
    judged = [item for item in verdicts(results) if item[0] == "bridge.gauge"]
    assert max(item[1] for item in judged) < T0_NS + 10 * NS_PER_HOUR


def test_a_detector_that_fails_ends_nothing(site: Site) -> None:
    def spiky(number: int) -> tuple[Any, ...]:
        waves, gauge, air = hour(number)
        return (waves, gauge, scalar("bridge.air", air.t0_ns, 500.0) if number == 3 else air)

    results = run(site, hours(range(6), spiky), 1, (Failing(), Running()))
    faults = [(fault.channel, fault.detector, fault.error) for result in results for fault in result.faults]
    assert faults == [("bridge.air", "failing", "ZeroDivisionError: by design")]
    assert sum(item[0] == "bridge.air" for item in verdicts(results)) == 6


def test_readings_from_the_future_are_kept_and_not_judged(site: Site) -> None:
    ahead = scalar("bridge.air", T0_NS + 40 * NS_PER_DAY, 12.0)
    results = run(site, [frame(1, hour(0), T0_NS), frame(2, [ahead], T0_NS), frame(3, hour(1), T0_NS)], 3)
    assert [skip.reason for skip in results[0].skips] == [SkipReason.FUTURE]
    assert ("reading", "bridge.air", T0_NS + 40 * NS_PER_DAY) in stored(results)
    assert results[0].latest["bridge.air"].t_ns == T0_NS + NS_PER_HOUR
    assert all(item[1] < T0_NS + NS_PER_DAY for item in verdicts(results))


def test_the_same_time_twice_in_a_frame_is_one_reading(site: Site) -> None:
    twice = [scalar("bridge.air", T0_NS, 5.0), scalar("bridge.air", T0_NS, 6.0)]
    results = run(site, [frame(1, twice, T0_NS)], 1)
    assert stored(results)["reading", "bridge.air", T0_NS]["value"] == 6.0
    assert len(verdicts(results)) == 1


def test_a_leap_is_found(site: Site) -> None:
    def leap(number: int) -> tuple[Any, ...]:
        waves, gauge, air = hour(number)
        return (waves, scalar("bridge.gauge", gauge.t0_ns, 900.0) if number > 30 else gauge, air)

    alarms = [item for item in verdicts(run(site, hours(range(40), leap), 8)) if item[3] is Tier.ALARM]
    assert {item[0] for item in alarms if item[0] != "bridge.air"} == {"bridge.gauge"}
