"""What every detector of the registry keeps: a new one is tested by being registered."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import numpy as np
import pytest

from cloud_service.analyse.detector import Batch, Detector, Output
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.state_codec import decode_state, encode_state
from cloud_service.analyse.states import States
from cloud_service.store.schema import MEASUREMENTS, encode_rows
from telltale.findings import Reason, Tier
from telltale.site import Place
from tests.contract.batches import every_place, hostile, plain, rows_of

MAX_STATE_BYTES = 64 * 1024
INTERVAL_S = 3 * 3600.0
COUNT = 45 * 8  # past the first baselines and the first life estimates
PAIRS = [
    pytest.param(detector, place, id=f"{detector.name}-{place.channel.id}")
    for detector in DETECTORS
    for place in every_place(INTERVAL_S)
    if detector.applies(place)
]
every_pair = pytest.mark.parametrize(("detector", "place"), PAIRS)


def play(detector: Detector, place: Place, batch: Batch, at_once: int, *, packed: bool = False) -> list[Output]:
    """The outputs of consecutive batches; with `packed` the state goes through its bytes between any two."""
    state, outputs = detector.initial(place), []
    for start in range(0, len(batch), at_once):
        state, output = detector.step(place, state, rows_of(batch, slice(start, start + at_once)))
        outputs.append(output)
        if packed:
            data = encode_state(state)
            assert len(data) <= MAX_STATE_BYTES
            state = decode_state(data, detector.state_type)
    return outputs


def said(outputs: list[Output]) -> list[object]:
    """Everything that was said, comparable bit by bit."""
    return [
        [msgspec.json.encode(item.findings), msgspec.json.encode(item.lives), encode_rows(item.rows)]
        for item in outputs
    ]


def stored(outputs: list[Output]) -> dict[tuple[str, int], dict[str, object]]:
    """(measurement, time) → fields, the later row winning, as in a store."""
    kept: dict[tuple[str, int], dict[str, object]] = {}
    for rows in (rows for output in outputs for rows in output.rows):
        for at, t_ns in enumerate(rows.t_ns.tolist()):
            fields = {name: column[at] for name, column in rows.columns.items()}
            kept.setdefault((rows.measurement, t_ns), {}).update(fields)
    return kept


def estimates(outputs: list[Output]) -> list[list[float]]:
    """Time of each estimate and the seconds to its dates; NaN where refused."""
    return [
        [
            life.t_ns / 1e9,
            *(
                math.nan if date is None else (date - life.t_ns) / 1e9
                for date in (life.p5_ns, life.p50_ns, life.p95_ns)
            ),
        ]
        for output in outputs
        for life in output.lives
    ]


def changes(outputs: list[Output]) -> list[tuple[Reason, Tier, int]]:
    """When each reason's tier changed: what incidents are made of."""
    found, last = [], dict.fromkeys(Reason, Tier.CLEAR)
    for finding in (finding for output in outputs for finding in output.findings):
        if finding.tier is not last[finding.reason]:
            last[finding.reason] = finding.tier
            found.append((finding.reason, finding.tier, finding.t_ns))
    return sorted(found)


def faults_and_growth(place: Place) -> Batch:
    """A channel that behaves and then does not, so that verdicts change."""
    batch = plain(place.channel, COUNT)
    rows = np.arange(COUNT)
    batch.values[rows >= COUNT - 20] *= 40
    batch.values[(rows > 60) & (rows < 66)] = np.nan
    batch.flags[(rows > 60) & (rows < 66)] = 1
    batch.temperature_c[(rows > 200) & (rows < 230)] = np.nan  # the thermometer is out, and its lags a guess after
    return dataclasses.replace(batch, unsettled=(rows >= 230) & (rows < 250))


@every_pair
def test_the_same_state_and_batch_give_the_same_result(detector: Detector, place: Place) -> None:
    batch = faults_and_growth(place)
    assert said(play(detector, place, batch, 24)) == said(play(detector, place, batch, 24))


@every_pair
def test_it_does_not_matter_how_readings_were_batched(detector: Detector, place: Place) -> None:
    """Rows, estimates and changes of verdict; how often an unchanged verdict is repeated may differ."""
    batch = faults_and_growth(place)
    one, many = play(detector, place, batch, 1), play(detector, place, batch, 50)
    assert changes(one) == changes(many)
    assert estimates(one) == [pytest.approx(estimate, rel=1e-6, nan_ok=True) for estimate in estimates(many)]
    single, together = stored(one), stored(many)
    assert single.keys() == together.keys()
    for key, fields in single.items():
        for name, value in fields.items():
            assert together[key][name] == (
                value if isinstance(value, str) else pytest.approx(value, 1e-6, nan_ok=True)
            ), key


@every_pair
def test_the_state_survives_its_bytes_at_any_point(detector: Detector, place: Place) -> None:
    batch = faults_and_growth(place)
    assert said(play(detector, place, batch, 7, packed=True)) == said(play(detector, place, batch, 7))


@every_pair
def test_the_state_survives_its_records_at_any_point(detector: Detector, place: Place) -> None:
    """As the service keeps it: one record, or two where a part of it changes seldom."""
    batch, outputs = faults_and_growth(place), list[Output]()
    records: dict[tuple[str, str], bytes] = {}

    def load(subject: str, owner: str) -> bytes | None:
        return records.get((subject, owner))

    key = (place.channel.id, detector.name)
    for start in range(0, len(batch), 7):
        states = States(load)
        state = states.get(*key, detector.state_type, lambda: detector.initial(place))
        state, output = detector.step(place, state, rows_of(batch, slice(start, start + 7)))
        states.put(*key, state)
        records |= {(subject, owner): data for subject, owner, data in states.changed()}
        outputs.append(output)
    assert said(outputs) == said(play(detector, place, batch, 7))


@every_pair
def test_the_state_stays_small(detector: Detector, place: Place) -> None:
    """More than a year of days; the state is written with every batch."""
    state = detector.initial(place)
    batch = plain(place.channel, 420)
    for start in range(0, 420, 60):
        part = rows_of(batch, slice(start, start + 60))
        part.t_ns[:] = batch.t_ns[0] + (part.t_ns - batch.t_ns[0]) * 8  # one a day
        state, _ = detector.step(place, state, part)
        assert len(encode_state(state)) <= MAX_STATE_BYTES


@every_pair
@pytest.mark.parametrize(
    "changed",
    [
        {"modes_hz": ((2.0, 4.0),)},
        {"modes_hz": ((2.0, 5.0), (8.0, 14.0))},
        {"modes_hz": ()},
        {"window_samples": 1024},
        {"temperature": None},
    ],
    ids=str,
)
def test_a_state_of_other_settings_ends_no_detector(
    detector: Detector, place: Place, changed: dict[str, object]
) -> None:
    """Whoever edits the site file and restarts must not lose the channel."""
    state, _ = detector.step(place, detector.initial(place), plain(place.channel, COUNT))
    other = dataclasses.replace(place, channel=msgspec.structs.replace(place.channel, **changed))
    if detector.applies(other):
        batch = plain(other.channel, 2 * COUNT)
        for rows in (slice(COUNT, COUNT + 1), slice(COUNT + 1, 2 * COUNT)):
            state, output = detector.step(other, state, rows_of(batch, rows))
            encode_state(state)
            msgspec.json.encode(output.findings)


@every_pair
def test_nothing_that_a_sensor_gives_raises(detector: Detector, place: Place) -> None:
    fresh = detector.initial(place)
    used = detector.initial(place)
    used, _ = detector.step(place, used, plain(place.channel, COUNT))
    for name, batch in hostile(place.channel):
        for state in (fresh, used):
            after, output = detector.step(place, state, batch)
            encode_state(after)
            msgspec.json.encode(output.findings)
            encode_rows(output.rows)
            assert all(math.isfinite(finding.score) for finding in output.findings), name
    after, _ = detector.step(place, used, plain(place.channel, COUNT + 10))
    assert len(encode_state(after)) <= MAX_STATE_BYTES


@every_pair
def test_a_verdict_names_what_it_rests_on(detector: Detector, place: Place) -> None:
    outputs = play(detector, place, faults_and_growth(place), 24)
    findings = [finding for output in outputs for finding in output.findings]
    measured = any(output.rows for output in outputs)
    assert findings or measured, "nothing was judged or measured: the alert stage needs the clear verdicts too"
    for finding in findings:
        assert finding.channel == place.channel.id
        assert finding.limit_source, finding
        assert math.isfinite(finding.score), finding
        assert finding.score >= 0, finding
        assert finding.provisional == (finding.reason is Reason.NOVELTY_PROVISIONAL), finding
        if finding.tier is not Tier.CLEAR and finding.reason is not Reason.CRACK_TREND:
            assert finding.score >= 1, finding
    for rows in (rows for output in outputs for rows in output.rows):
        assert set(rows.columns) <= set(MEASUREMENTS[rows.measurement].fields)
        assert all(len(column) == len(rows) for column in rows.columns.values())
    for life in (life for output in outputs for life in output.lives):
        quantiles = (life.p5_ns, life.p10_ns, life.p50_ns, life.p90_ns, life.p95_ns)
        assert (life.refused is None) == all(date is not None for date in quantiles)
        assert life.refused is not None or list(quantiles) == sorted(quantiles)  # type: ignore[type-var]


def test_names_are_unique_and_quality_runs_first() -> None:
    names = [detector.name for detector in DETECTORS]
    assert len(names) == len(set(names))
    assert names[0] == "quality"


def test_every_detector_applies_somewhere() -> None:
    assert {detector.name for detector, _ in (param.values for param in PAIRS)} == {item.name for item in DETECTORS}
