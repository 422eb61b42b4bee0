"""Samples of a window as they are stored: as the gateway packed them where they can be, else as values."""

from __future__ import annotations

import numpy as np
import pytest

from cloud_service.store.waveform import pack, unpack
from telltale.errors import RejectedError
from telltale.readings import Block
from telltale.wire.body import encode

COUNTS = np.random.default_rng(1).integers(-30_000, 30_000, 256)
UNIT = 9.80665


def sent(dtype="int16", **changes):
    samples = COUNTS.astype(dtype)
    return Block(**{"channel": "a", "t0_ns": 0, "rate_hz": 100.0, "samples": samples, "scale": 1e-3, "offset": -2.0,
                    "body": encode(samples), **changes})  # fmt: skip


def window(block):
    return (block.values() * UNIT).astype(np.float32)


def unpacked(row):
    dtype, scale, offset, body = row
    return unpack(body, COUNTS.size, dtype, scale, offset)


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_counts_stay_as_they_were_sent_and_come_back_in_the_base_unit(dtype):
    block = sent(dtype)
    row = pack(window(block), block, UNIT)
    assert (row[0], row[3]) == (dtype, block.body)
    np.testing.assert_allclose(unpacked(row), block.values() * UNIT, rtol=1e-12)


@pytest.mark.parametrize(
    "block",
    [
        None,
        sent(body=b""),  # made here, not sent
        sent(body=encode(COUNTS.astype(np.int16)) + bytes(4096)),  # something behind the samples
    ],
    ids=["no block", "no body", "a body that is too long"],
)
def test_anything_else_is_stored_as_values(block):
    values = window(sent())
    row = pack(values, block, UNIT)
    assert row[:3] == ("float32", 1.0, 0.0)
    assert unpacked(row).tolist() == values.tolist()


def test_a_scale_beyond_all_numbers_in_the_base_unit_is_not_stored():
    block = sent(scale=1e308)
    assert pack(window(sent()), block, 1e6)[0] == "float32"


def test_a_row_of_an_older_version_is_values():
    values = window(sent())
    assert unpack(encode(values), COUNTS.size, None, np.nan, np.nan).tolist() == values.tolist()


@pytest.mark.parametrize(("body", "dtype"), [(b"not zstd", "int16"), (sent().body, "int32"), (sent().body, "object")])
def test_a_row_that_holds_something_else_is_refused(body, dtype):
    with pytest.raises(RejectedError):
        unpack(body, COUNTS.size, dtype, 1.0, 0.0)
