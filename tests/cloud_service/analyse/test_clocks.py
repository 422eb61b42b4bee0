"""Which clock a reading's time is held against: the agent's where it is synchronised, else the service's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cloud_service.analyse.decode import Decoded, SkipReason, decode_records
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.journal.reader import Record
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, ClockMode
from telltale.readings import ClockQuality
from telltale.wire.codec import encode_frame
from tests.cloud_service.analyse.detectors import Range, Running
from tests.cloud_service.analyse.site import RUN, T0_NS, bridge, frame, hour

SYNCHRONISED, FREE, UNKNOWN = ClockQuality.SYNCHRONISED, ClockQuality.FREE_RUNNING, ClockQuality.UNKNOWN


def received(late_ns: int, quality: ClockQuality, error_ns: int = 0, mode: ClockMode = "system") -> Decoded:
    """A frame of one hour as analysis sees it, received so long after it was acquired by the service's clock."""
    sent = replace(frame(1, hour(0), T0_NS + NS_PER_HOUR), clock_quality=quality, clock_error_ns=error_ns)
    record = Record(1, "gw", RUN, 1, sent.acquired_ns + late_ns, encode_frame(sent), intact=True)
    return decode_records([record], mode)[0]


@pytest.mark.parametrize(
    ("late_ns", "quality", "error_ns", "is_dated"),
    [
        (30 * NS_PER_DAY, SYNCHRONISED, 0, True),
        (30 * NS_PER_DAY, FREE, NS_PER_S, True),
        (30 * NS_PER_DAY, FREE, NS_PER_DAY, False),
        (30 * NS_PER_DAY, UNKNOWN, 0, False),
        (NS_PER_S, UNKNOWN, 0, True),
        (-30 * NS_PER_DAY, UNKNOWN, 0, False),
    ],
)
def test_a_doubtful_clock_is_believed_where_the_frame_came_at_the_time_it_says(
    late_ns: int, quality: ClockQuality, error_ns: int, *, is_dated: bool
) -> None:
    assert received(late_ns, quality, error_ns).is_dated is is_dated
    assert received(late_ns, quality, error_ns, mode="data").is_dated


@pytest.mark.parametrize(
    ("late_ns", "quality", "is_judged"),
    [
        (0, UNKNOWN, True),
        (-10 * NS_PER_DAY, UNKNOWN, False),
        (-10 * NS_PER_DAY, SYNCHRONISED, True),
        (-T0_NS, UNKNOWN, True),
    ],
    ids=["agree", "the agent is ahead", "the service is behind", "the service says 1970"],
)
def test_a_wrong_clock_of_the_service_costs_no_reading(
    tmp_path: Path, late_ns: int, quality: ClockQuality, *, is_judged: bool
) -> None:
    _, result = Step(bridge(tmp_path), (Range(), Running()))(States(), [received(late_ns, quality)])
    assert {rows.measurement for rows in result.rows} >= {"reading", "window", "waveform"}
    assert bool(result.judged) is is_judged
    assert {skip.reason for skip in result.skips} == (set() if is_judged else {SkipReason.FUTURE})
