"""What every group detector of the registry keeps: a new one is tested by being registered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cloud_service.analyse.detector import LAGS_H, Output
from cloud_service.analyse.group_detector import GroupBatch, GroupDetector, GroupPlace
from cloud_service.analyse.group_detectors import GROUP_DETECTORS
from cloud_service.analyse.judge_groups import groups_of
from cloud_service.analyse.state_codec import decode_state, encode_state
from cloud_service.store.schema import MEASUREMENTS, encode_rows
from telltale.findings import Tier
from telltale.settings import convert
from telltale.site import Site
from telltale.site_file import SiteFile, build_site

MAX_BYTES_A_CHANNEL = 64 * 1024
ROWS = 480
every_detector = pytest.mark.parametrize("detector", GROUP_DETECTORS, ids=lambda detector: detector.name)


def place(**settings: object) -> GroupPlace:
    return groups_of(group_site(**settings))["bridge"][0]


def group_site(**settings: object) -> Site:
    common = {"kind": "tilt", "unit": "mrad", "gateway": "gw", "interval_s": 3600.0}
    channels = [{"id": f"pier.{name}", **common} for name in "abc"]
    group = {"id": "piers", "channels": [one["id"] for one in channels], "baseline_rows": 240, **settings}
    structure = {"id": "bridge", "name": "Bridge", "channels": channels, "groups": [group]}
    file = convert({"facilities": [{"id": "river", "name": "River", "structures": [structure]}]}, SiteFile, "test")
    return build_site(file, "test")


def batch(rows: int = ROWS, seed: int = 1) -> GroupBatch:
    """A group that behaves, with gaps, until its second channel moves away."""
    rng = np.random.default_rng(seed)
    warm = 10 + 8 * np.sin(np.arange(rows) / 24 * 2 * np.pi)
    values = 5 + 0.1 * warm[:, None] * np.array([1.0, 1.2, 0.8]) + 0.1 * rng.standard_normal((rows, 3))
    values[rng.random((rows, 3)) < 0.03] = np.nan
    values[rows - 60 :, 1] += 2.0
    outside = np.column_stack([warm] * len(LAGS_H)) + 0.05 * rng.standard_normal((rows, len(LAGS_H)))
    outside[rng.random(rows) < 0.02] = np.nan
    return GroupBatch(np.arange(rows, dtype=np.int64) * 3600 * 10**9, values, outside)


def play(
    detector: GroupDetector, at: GroupPlace, rows: GroupBatch, at_once: int, *, packed: bool = False
) -> list[Output]:
    state, outputs = detector.initial(at), []
    for start in range(0, len(rows), at_once):
        part = slice(start, start + at_once)
        state, output = detector.step(at, state, GroupBatch(rows.t_ns[part], rows.values[part], rows.outside[part]))
        outputs.append(output)
        if packed:
            data = encode_state(state)
            assert len(data) <= MAX_BYTES_A_CHANNEL * len(at.channels)
            state = decode_state(data, detector.state_type)
    return outputs


def said(outputs: list[Output]) -> tuple[list[object], list[float]]:
    """Verdicts, and numbers (matrix products round by the size of a batch)."""
    findings = [finding for output in outputs for finding in output.findings]
    verdicts: list[object] = [
        (one.t_ns, one.reason, one.tier, *(value for value in one.evidence.values() if isinstance(value, str)))
        for one in findings
    ]
    rows = {
        (t_ns, name): float(value)
        for output in outputs
        for one in output.rows
        for name, column in one.columns.items()
        for t_ns, value in zip(one.t_ns.tolist(), column, strict=True)
        if not isinstance(value, str)
    }
    return verdicts, [*(one.score for one in findings), *(rows[key] for key in sorted(rows))]


@every_detector
def test_it_does_not_matter_how_rows_were_batched_nor_where_it_was_restarted(detector: GroupDetector) -> None:
    verdicts, numbers = said(play(detector, place(), batch(), ROWS))
    for at_once in (1, 37):
        same, close = said(play(detector, place(), batch(), at_once, packed=True))
        assert same == verdicts
        assert close == pytest.approx(numbers, rel=1e-6, abs=1e-9, nan_ok=True)


@every_detector
def test_verdicts_change_when_the_group_does_and_name_what_they_rest_on(detector: GroupDetector) -> None:
    outputs = play(detector, place(), batch(), 50)
    findings = [finding for output in outputs for finding in output.findings]
    assert [finding.t_ns for finding in findings] == sorted(finding.t_ns for finding in findings)
    quiet = [finding for finding in findings if finding.t_ns < batch().t_ns[ROWS - 60]]
    late = [finding for finding in findings if finding.t_ns >= batch().t_ns[ROWS - 40]]
    assert {finding.tier for finding in late} == {Tier.ALARM}
    assert {finding.evidence["contributes_most"] for finding in late} == {"pier.b"}
    assert sum(finding.tier is not Tier.CLEAR for finding in quiet) <= 0.05 * len(quiet)
    for finding in findings:
        assert finding.channel == "pier.a"
        assert finding.limit_source
        assert math.isfinite(finding.score)
        assert (finding.tier is Tier.CLEAR) == (finding.score < 1)
    for rows in (rows for output in outputs for rows in output.rows):
        assert set(rows.columns) <= set(MEASUREMENTS[rows.measurement].fields)
        encode_rows([rows])


@every_detector
def test_late_and_hostile_rows_change_nothing_and_raise_nothing(detector: GroupDetector) -> None:
    rows = batch()
    state, _ = detector.step(place(), detector.initial(place()), rows)
    before = encode_state(state)
    state, output = detector.step(place(), state, rows)
    assert not output.findings
    assert encode_state(state) == before
    odd = np.array([[np.nan] * 3, [np.inf, 0, 0], [1e300, -1e300, 0], [0, 0, 0]])
    t_ns = rows.t_ns[-1] + np.arange(1, 5) * 3600 * 10**9
    state, output = detector.step(place(), state, GroupBatch(t_ns, odd, np.full((4, len(LAGS_H)), np.nan)))
    assert all(math.isfinite(finding.score) for finding in output.findings)
    assert len(encode_state(state)) <= MAX_BYTES_A_CHANNEL * 3


@every_detector
def test_slow_damage_is_not_learned_and_quiet_rows_are(detector: GroupDetector) -> None:
    """Quiet blocks pass the quarantine; those of a channel that drifts away do not."""
    noise = np.random.default_rng(3).standard_normal((3000, 3))
    calm = GroupBatch(batch(3000).t_ns, 5 + 0.1 * noise, np.full((3000, len(LAGS_H)), 10.0))
    outputs = play(detector, place(freeze_rows=360), calm, 300)
    grown = {float(finding.evidence["baseline_rows"]) for output in outputs for finding in output.findings}
    assert 240 < max(grown) <= 360
    calm.values[:, 1] += np.maximum(0, np.arange(3000) - 300) * 0.001
    outputs = play(detector, place(freeze_rows=900), calm, 300)
    last = [finding for output in outputs for finding in output.findings][-1]
    assert last.tier is Tier.ALARM
    assert float(last.evidence["baseline_rows"]) < 480
