"""What a detector that steps channels together keeps: each channel's results, to the last bit, whoever stands beside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from cloud_service.analyse.detector import Batch, ManyDetector, Output
from cloud_service.analyse.state_codec import encode_state
from telltale.site import Place
from tests.contract.batches import every_place, hostile, plain, rows_of
from tests.contract.test_detectors import DETECTORS, faults_and_growth, said

INTERVALS_S = (3 * 3600.0, 600.0)
COUNT = 30 * 8  # past the first baseline
MANY = [cast("ManyDetector", detector) for detector in DETECTORS if hasattr(detector, "step_many")]
every_detector = pytest.mark.parametrize("detector", MANY, ids=lambda detector: detector.name)


def played(detector: ManyDetector, seed: int = 1) -> list[tuple[Place, Batch]]:
    """Channels of every shape and pace that the detector judges, as they behave and as they do not."""
    found = []
    for interval_s in INTERVALS_S:
        for place in every_place(interval_s):
            if detector.applies(place):
                bare = msgspec.structs.replace(place.channel, modes_hz=(), temperature=None)
                for channel in (place.channel, place.channel, bare):
                    seed += 1
                    other = dataclasses.replace(place, channel=channel)
                    found.append((other, plain(channel, COUNT, seed)))
                found.append((place, dataclasses.replace(faults_and_growth(place))))
    return found


def alone(detector: ManyDetector, place: Place, batch: Batch, cuts: Sequence[slice]) -> tuple[bytes, list[object]]:
    state, outputs = detector.initial(place), []
    for cut in cuts:
        state, output = detector.step(place, state, rows_of(batch, cut))
        outputs.append(output)
    return encode_state(state), said(outputs)


def together(
    detector: ManyDetector, channels: list[tuple[Place, Batch]], cuts: Sequence[slice], rng: np.random.Generator
) -> list[tuple[bytes, list[object]]]:
    """Every cut in groups of other members and in another order."""
    states: list[Any] = [detector.initial(place) for place, _ in channels]
    outputs: list[list[Output]] = [[] for _ in channels]
    for cut in cuts:
        order = rng.permutation(len(channels))
        for group in np.split(order, np.sort(rng.integers(0, len(channels) + 1, 2))):
            members = group.tolist()
            stepped = detector.step_many(
                [channels[i][0] for i in members],
                [states[i] for i in members],
                [rows_of(channels[i][1], cut) for i in members],
            )
            for i, result in zip(members, stepped, strict=True):
                assert not isinstance(result, Exception)
                states[i], output = result
                outputs[i].append(output)
    return [(encode_state(state), said(of_channel)) for state, of_channel in zip(states, outputs, strict=True)]


def random_cuts(rng: np.random.Generator) -> list[slice]:
    """Consecutive parts, some of a single row, some of days."""
    found, start = [], 0
    while start < COUNT:
        size = int(rng.choice([1, 1, 2, 8, 13, 40]))
        found.append(slice(start, start + size))
        start += size
    return found


def test_there_is_one() -> None:
    assert MANY


@every_detector
@pytest.mark.parametrize("seed", range(3))
def test_together_is_as_alone_to_the_last_bit(detector: ManyDetector, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels, cuts = played(detector), random_cuts(rng)
    expected = [alone(detector, place, batch, cuts) for place, batch in channels]
    assert together(detector, channels, cuts, rng) == expected


@every_detector
def test_a_fault_of_one_is_no_fault_of_the_others(detector: ManyDetector) -> None:
    channels = played(detector)
    places = [place for place, _ in channels]
    batches = [rows_of(batch, slice(0, 200)) for _, batch in channels]
    expected = [
        said([detector.step(place, detector.initial(place), b)[1]]) for place, b in zip(places, batches, strict=True)
    ]
    odd = len(batches) // 2
    batches[odd] = dataclasses.replace(batches[odd], features={}, windows=None)
    stepped = detector.step_many(places, [detector.initial(place) for place in places], batches)
    assert isinstance(stepped[odd], Exception)
    for i, result in enumerate(stepped):
        assert i == odd or (not isinstance(result, Exception) and said([result[1]]) == expected[i])


@every_detector
def test_what_one_sensor_gives_is_as_nothing_to_the_others(detector: ManyDetector) -> None:
    """Empty, late, hostile batches beside good ones."""
    channels = played(detector)
    places = [place for place, _ in channels]
    for name, strange in hostile(places[0].channel):
        batches = [strange, *(rows_of(batch, slice(0, 230)) for _, batch in channels[1:])]
        stepped = detector.step_many(places, [detector.initial(place) for place in places], batches)
        for place, batch, result in zip(places, batches, stepped, strict=True):
            assert not isinstance(result, Exception), name
            state, output = detector.step(place, detector.initial(place), batch)
            assert (encode_state(result[0]), said([result[1]])) == (encode_state(state), said([output])), name


@every_detector
def test_no_channels_are_no_results(detector: ManyDetector) -> None:
    assert detector.step_many([], [], []) == []
