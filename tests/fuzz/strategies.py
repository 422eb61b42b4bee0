"""Hypothesis strategies for hostile input, for any test that takes some."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from telltale.readings import Block, DropRecord, Flag, FlagSpan, Frame, RunEnd
from telltale.wire import body
from telltale.wire import frame_pb2 as pb
from telltale.wire.codec import encode_frame
from tests.fuzz.mutate import mutated

RUN = bytes(range(16))
T0_NS = 1_700_000_000_000_000_000
CORPUS = Path(__file__).with_name("corpus")
INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from((0, 1, -1, 2**63 - 1, -(2**63)))
UINT64 = st.integers(0, 2**64 - 1) | st.sampled_from((0, 1, 2**63 - 1, 2**63, 2**64 - 1))
UINT32 = st.integers(0, 40) | st.sampled_from((2**16, 2**16 + 1, 2**31, 2**32 - 1))
FLOATS = st.floats(width=64) | st.sampled_from((0.0, 5e-324, 1e-12, 1.0, 100.0, 1e308))
NAMES = st.sampled_from(("bridge.az", "a", "x" * 64, "x" * 65, "", "Bad Name", "a/b", "a'", "é", "a\n"))

# Text that goes for the throat of a header, in whole pieces and in halves that join.
HOSTILE_WORDS = (
    "=?", "?=", "utf-8", "us-ascii", "?q?", "?b?", "?Q?", "=0D=0A", "=0A", "\r", "\n", "\r\n", "\r\n ", "\0", "\x0b", "\x0c",
    "\x1c", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "\ud800", " ", "\t", ":", ";", ",", "<",
    ">", "(", ")", '"', "\\", "@", "=", "?", "_", "é", "數", "Bcc: victim@example.org", "Bcc:_victim@example.org",
    "=?utf-8?q?x=0D=0ABcc:_victim@example.org?=", "=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5vcmc=?=",
    "=?utf-8?q?x=0D?=", "=?utf-8?q?=0ABcc:_victim@example.org?=", "=?utf-8*en?q?=0D=0ABcc:_v@example.org?=",
    "=?us-ascii?q?=3D=3Futf-8=3Fq=3F=0D=0ABcc:_v@example.org=3F=3D?=", "\r\nContent-Type: text/html\r\n\r\n",
)  # fmt: skip
hostile_text: SearchStrategy[str] = st.lists(st.sampled_from(HOSTILE_WORDS), max_size=12).map("".join) | st.text(
    max_size=120
)


def good_frame(rng: random.Random, gateway: str = "gw") -> bytes:
    """A frame as a gateway sends it: counts with flags, values with a gap, irregular times, drops, earlier runs."""
    counts = np.array([rng.randrange(-500, 500) for _ in range(rng.randrange(1, 200))], np.int16)
    values = np.array([rng.random() for _ in range(5)])
    values[2] = np.nan
    blocks = (
        Block("bridge.az", T0_NS, 100.0, counts, 1e-3, flags=(FlagSpan(0, 1, Flag.CLIPPED),)),
        Block("bridge.t", T0_NS, 0.0, values, flags=(FlagSpan(2, 1, Flag.MISSING),), dt_ns=np.arange(5) * 1_000),
    )
    sequence = rng.randrange(1, 1_000)
    drops = (DropRecord(1, 2, "full"),) if rng.random() < 0.5 else ()
    after = (RunEnd(b"e" * 16, 9),)
    return encode_frame(Frame(gateway, RUN, sequence, T0_NS, 5, blocks=blocks, drops=drops, after=after))


def damaged_frames() -> SearchStrategy[bytes]:
    """Good frames and what bit flips, cuts, wrong counts and bombs make of them."""
    return st.integers(0, 2**32).map(random.Random).map(lambda rng: mutated(good_frame(rng), rng))


@st.composite
def blocks(draw: st.DrawFn) -> pb.Block:
    """A block whose every field may be anything that protobuf can carry; the body mostly fits."""
    count = draw(UINT32)
    kind = draw(st.integers(0, 3))
    if draw(st.booleans()):
        item = ("<i2", "<i4", "<f4", "<f8")[kind]
        length = min(count, 4_096) * np.dtype(item).itemsize
        raw = draw(st.binary(min_size=length, max_size=length)) if length <= 64 else bytes(length)
        packed = body.encode(np.frombuffer(raw, np.dtype(item)))
    else:
        packed = draw(st.binary(max_size=40))
    message = pb.Block(
        channel=draw(NAMES),
        t0_ns=draw(INT64),
        rate_hz=draw(FLOATS),
        calibration_id=draw(st.text(max_size=70)),
        scale=draw(FLOATS),
        offset=draw(FLOATS),
        type=kind,  # type: ignore[arg-type]
        count=count,
        body=packed,
    )
    for _ in range(draw(st.integers(0, 3))):
        message.flags.add(start=draw(UINT32), count=draw(UINT32), flag=draw(UINT32))
    if draw(st.booleans()):
        message.dt_ns.extend(draw(st.lists(INT64, min_size=min(count, 40), max_size=min(count, 40))))
    return message


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame whose every field may be anything that protobuf can carry."""
    message = pb.Frame(
        version=draw(st.sampled_from((1, 1, 1, 0, 2))),
        gateway=draw(st.sampled_from(("gw", "gw", "gw", "other", ""))),
        run_id=draw(st.sampled_from((RUN, RUN, b"", RUN * 2))),
        sequence=draw(UINT64),
        acquired_ns=draw(INT64),
        monotonic_ns=draw(UINT64),
        clock_quality=draw(st.integers(0, 3)),  # type: ignore[arg-type]
        clock_error_ns=draw(UINT64),
        blocks=draw(st.lists(blocks(), max_size=3)),
    )
    for _ in range(draw(st.integers(0, 2))):
        message.drops.add(first=draw(UINT64), last=draw(UINT64), reason=draw(st.text(max_size=70)))
    for _ in range(draw(st.integers(0, 2))):
        message.after.add(run_id=draw(st.binary(max_size=17)), last_sequence=draw(UINT64))
    return message.SerializeToString()


def damaged_seeds(target: str) -> SearchStrategy[bytes]:
    """Files of a target's corpus, each damaged in a way of its own."""
    seeds = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    return st.tuples(st.sampled_from(seeds), st.integers(0, 2**32).map(random.Random)).map(lambda two: mutated(*two))
