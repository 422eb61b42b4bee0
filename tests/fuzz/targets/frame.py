"""The frame decoder: what it accepts is the same by every way in, can be encoded again, and nothing else is raised."""

from __future__ import annotations

import numpy as np

from cloud_service.ingest.envelope import identify
from cloud_service.ingest.screen import Screen
from cloud_service.journal.entries import FrameEntry
from telltale.clock import ManualClock
from telltale.errors import RejectedError
from telltale.readings import Block, Frame
from telltale.wire.codec import decode_frame, decode_good_blocks, encode_frame, screen_frame
from tests.contract.site import small_site

GATEWAY = "gw"
SITE = small_site(GATEWAY)
TOPIC = "telltale/v1/gw/frame"


def target(data: bytes) -> None:
    decoded, screened = _decoded(data), _screened(data)
    assert (decoded is None) == (screened is None), "screen_frame and decode_frame disagree"
    entry = Screen(SITE, ManualClock(1)).check(TOPIC, data)
    assert isinstance(entry, FrameEntry) == (decoded is not None)
    _check_identity(data, screened)
    _check_good_blocks(data, decoded)
    if decoded is not None:
        _check_round_trip(decoded)
        _check_use(decoded)


def _decoded(data: bytes) -> Frame | None:
    try:
        return decode_frame(data, GATEWAY)
    except RejectedError:
        return None


def _screened(data: bytes) -> Frame | None:
    try:
        return screen_frame(data, GATEWAY)[0]
    except RejectedError:
        return None


def _check_identity(data: bytes, screened: Frame | None) -> None:
    found = identify(data)
    if found is not None:
        run_id, sequence = found
        assert len(run_id) == 16
        assert 1 <= sequence < 2**63
    assert screened is None or 1 <= screened.sequence < 2**63


def _check_good_blocks(data: bytes, decoded: Frame | None) -> None:
    try:
        frame, bad = decode_good_blocks(data, GATEWAY)
    except RejectedError:
        assert decoded is None
        return
    assert (not bad) == (decoded is not None)
    for block in frame.blocks:
        assert block.times_ns().shape == (len(block),)


def _check_round_trip(frame: Frame) -> None:
    again = decode_frame(encode_frame(frame), GATEWAY)
    assert _words(again) == _words(frame)
    assert [_content(block) for block in again.blocks] == [_content(block) for block in frame.blocks]


def _words(frame: Frame) -> tuple[object, ...]:
    return tuple(getattr(frame, name) for name in Frame.__dataclass_fields__ if name != "blocks")


def _content(block: Block) -> tuple[object, ...]:
    times = None if block.dt_ns is None else block.dt_ns.tobytes()
    words = (block.channel, block.t0_ns, block.rate_hz, block.scale, block.offset, block.calibration_id, block.flags)
    return (*words, block.samples.tobytes(), times)


def _check_use(frame: Frame) -> None:
    """What analysis asks of each block first."""
    for block in frame.blocks:
        with np.errstate(over="ignore", invalid="ignore"):  # a scale of 1e308 gives infinities, which are judged later
            assert block.values().shape == (len(block),)
        assert block.flag_array().shape == (len(block),)
        assert abs(int(block.times_ns()[-1]) - block.end_ns()) <= 1_000
        assert -(2**63) <= block.end_ns() < 2**63
