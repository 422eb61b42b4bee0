"""The wire format: what goes in comes out, and nothing from outside does worse than a named rejection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from telltale.errors import RejectedError, RejectReason
from telltale.readings import SAMPLE_DTYPES, Block, ClockQuality, DropRecord, Flag, FlagSpan, Frame, RunEnd
from telltale.wire import ack, body, codec
from telltale.wire import frame_pb2 as pb

RUN_ID = bytes(range(16))


def finite_samples(dtype: str, size: st.SearchStrategy[int]) -> st.SearchStrategy[np.ndarray]:
    if dtype.startswith("float"):
        width = int(dtype[5:])
        elements: st.SearchStrategy = st.floats(width=width, allow_nan=False, allow_infinity=False)
        return hnp.arrays(dtype, size, elements=elements)
    return hnp.arrays(dtype, size)


samples = st.sampled_from(SAMPLE_DTYPES).flatmap(lambda name: finite_samples(name, st.integers(1, 300)))


@given(samples)
def test_body_gives_back_every_bit(values: np.ndarray) -> None:
    back = body.decode(body.encode(values), values.dtype.name, values.size)
    assert back.dtype == values.dtype
    assert back.tobytes() == values.tobytes()


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_body_survives_steps_over_the_whole_range(dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = np.array([limits.min, limits.max, limits.min, 0, limits.max], dtype=dtype)
    assert (body.decode(body.encode(values), dtype, 5) == values).all()


def test_body_takes_at_most_two_bytes_a_sample_for_converter_noise() -> None:
    """DESIGN section 8 asks ≤ 2.1 bytes a sample; Gaussian noise of 100 counts carries about 8.7 bits."""
    noise = np.random.default_rng(7).normal(0, 100, 1024).round().astype(np.int16)
    assert len(body.encode(noise)) <= 2.1 * noise.size


@given(samples, st.integers(-(2**60), 2**60), st.floats(0.01, 1e5), st.data())
def test_frame_comes_back_equal(values: np.ndarray, t0_ns: int, rate_hz: float, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, values.size - 1))
    flags = (FlagSpan(start, values.size - start, Flag.SUSPECT | Flag.CLIPPED),)
    irregular = data.draw(st.booleans())
    dt_ns = np.sort(data.draw(hnp.arrays(np.int64, values.size, elements=st.integers(0, 2**50)))) if irregular else None
    block = Block("bridge.az", t0_ns, 0.0 if irregular else rate_hz, values, 0.5, -1.0, "cal-1", flags, dt_ns)
    drops, after = (DropRecord(1, 2, "full"),), (RunEnd(b"earlier run here", 41),)
    frame = Frame("gw-1", RUN_ID, 3, 77, 88, ClockQuality.SYNCHRONISED, 99, (block,), drops, after)
    back = codec.decode_frame(codec.encode_frame(frame), "gw-1")
    assert (back.gateway, back.run_id, back.sequence, back.acquired_ns) == ("gw-1", RUN_ID, 3, 77)
    assert (back.clock_quality, back.clock_error_ns, back.drops) == (frame.clock_quality, 99, drops)
    assert back.after == after
    assert back.blocks[0].flags == flags
    assert back.blocks[0].samples.tobytes() == values.tobytes()
    assert (back.blocks[0].times_ns() == block.times_ns()).all()


@given(st.binary(max_size=400))
def test_any_bytes_are_a_frame_or_a_rejection(payload: bytes) -> None:
    for decode in (lambda: codec.decode_frame(payload, "gw-1"), lambda: ack.decode_stored(payload)):
        try:
            decode()
        except RejectedError as error:
            assert error.reason in RejectReason


@given(st.data())
def test_a_damaged_frame_is_a_frame_or_a_rejection(data: st.DataObject) -> None:
    block = Block("a", 5, 100.0, np.arange(50, dtype=np.int16), flags=(FlagSpan(2, 3, Flag.MISSING),))
    payload = bytearray(codec.encode_frame(Frame("gw-1", RUN_ID, 1, 1, blocks=(block, block))))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        codec.decode_frame(bytes(payload), "gw-1")
    except RejectedError as error:
        assert error.detail


def rejected(change: object, gateway: str = "gw-1") -> RejectReason:
    message = pb.Frame(version=1, gateway="gw-1", run_id=RUN_ID, sequence=1)
    message.blocks.add(channel="a", rate_hz=1, scale=1, count=2, body=body.encode(np.zeros(2, dtype=np.int16)))
    change(message)  # type: ignore[operator]
    with pytest.raises(RejectedError) as caught:
        codec.decode_frame(message.SerializeToString(), gateway)
    return caught.value.reason


def nan_block(message: pb.Frame) -> None:
    values = np.array([1.0, np.nan])
    message.blocks[0].type = pb.FLOAT64
    message.blocks[0].body = body.encode(values)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (RejectReason.UNKNOWN_VERSION, lambda m: setattr(m, "version", 9)),
        (RejectReason.IDENTITY_MISMATCH, lambda m: setattr(m, "gateway", "gw-2")),
        (RejectReason.NOT_A_FRAME, lambda m: setattr(m, "run_id", b"short")),
        (RejectReason.BAD_VALUE, lambda m: setattr(m, "sequence", 0)),
        (RejectReason.BAD_NAME, lambda m: setattr(m.blocks[0], "channel", "a/b")),
        (RejectReason.BAD_NAME, lambda m: setattr(m.blocks[0], "channel", "a\n")),
        (RejectReason.COUNT_MISMATCH, lambda m: setattr(m.blocks[0], "count", 3)),
        (RejectReason.COUNT_MISMATCH, lambda m: setattr(m.blocks[0], "count", 70_000)),
        (RejectReason.BAD_BODY, lambda m: setattr(m.blocks[0], "body", b"not zstd")),
        (RejectReason.BAD_VALUE, lambda m: setattr(m.blocks[0], "rate_hz", float("nan"))),
        (RejectReason.BAD_VALUE, lambda m: setattr(m.blocks[0], "rate_hz", 1e-300)),
        (RejectReason.COUNT_MISMATCH, lambda m: m.blocks[0].dt_ns.extend([1])),
        (RejectReason.BAD_VALUE, lambda m: m.blocks[0].dt_ns.extend([2**62, 2**62])),
        (RejectReason.COUNT_MISMATCH, lambda m: m.blocks[0].flags.add(start=1, count=5, flag=1)),
        (RejectReason.BAD_VALUE, lambda m: m.drops.add(first=5, last=2, reason="x")),
        (RejectReason.BAD_VALUE, nan_block),
    ],
)
def test_each_fault_is_rejected_by_name(reason: RejectReason, change: object) -> None:
    assert rejected(change) is reason


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    import zstandard

    bomb = zstandard.compress(b"\0" * 100_000_000)
    with pytest.raises(RejectedError) as caught:
        body.decode(bomb, "int16", 10)
    assert caught.value.reason is RejectReason.COUNT_MISMATCH


def test_an_oversized_packet_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(RejectedError) as caught:
        codec.decode_frame(bytes(codec.MAX_PACKET_BYTES + 1), "gw-1")
    assert caught.value.reason is RejectReason.TOO_LARGE


def test_store_ack_comes_back_equal() -> None:
    sent = ack.StoredAck(RUN_ID, 12, ((14, 20), (30, 30)), ((13, "bad_body", "x"),))
    assert ack.decode_stored(ack.encode_stored(sent)) == sent
