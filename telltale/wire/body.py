"""Bodies of blocks: samples ↔ bytes.

Integers: first difference (modulo the type's width, so it never overflows), then bytes of equal significance side by
side ("byte shuffle"), then zstd. Floats: byte shuffle and zstd only, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from telltale.errors import RejectedError, RejectReason
from telltale.readings import SAMPLE_DTYPES, SampleArray

MAX_SAMPLES_PER_BLOCK = 65_536
ZSTD_LEVEL = 3

_COMPRESSOR = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=True, write_checksum=True)
_DECOMPRESSOR = zstandard.ZstdDecompressor()


def encode(samples: SampleArray) -> bytes:
    """Compress samples of shape (n,).

    Raises:
        ValueError: a dtype other than int16, int32, float32, float64, or too many samples.
    """
    if samples.dtype.name not in SAMPLE_DTYPES:
        raise ValueError(f"samples are {samples.dtype.name}, expected one of {', '.join(SAMPLE_DTYPES)}")
    if samples.size > MAX_SAMPLES_PER_BLOCK:
        raise ValueError(f"{samples.size} samples in one block, at most {MAX_SAMPLES_PER_BLOCK}")
    return _COMPRESSOR.compress(_shuffle(_delta(samples)))


def decode(body: bytes, dtype: str, count: int) -> SampleArray:
    """Samples of shape (count,) from a body; never allocates more than `count` samples need.

    Raises:
        RejectedError: the body is no zstd frame, or its size is not what `count` declares.
    """
    item = np.dtype(dtype)
    expected = count * item.itemsize
    if count > MAX_SAMPLES_PER_BLOCK:
        raise RejectedError(RejectReason.TOO_LARGE, f"{count} samples in a block, at most {MAX_SAMPLES_PER_BLOCK}")
    try:
        declared = zstandard.frame_content_size(body)
        if declared != expected:
            raise RejectedError(RejectReason.COUNT_MISMATCH, f"body holds {declared} bytes, expected {expected}")
        raw = _DECOMPRESSOR.decompress(body, max_output_size=expected)
    except zstandard.ZstdError as error:
        raise RejectedError(RejectReason.BAD_BODY, str(error)) from None
    if len(raw) != expected:
        raise RejectedError(RejectReason.COUNT_MISMATCH, f"body holds {len(raw)} bytes, expected {expected}")
    return _undelta(_unshuffle(raw, item, count))


def _delta(samples: SampleArray) -> SampleArray:
    little = samples.astype(samples.dtype.newbyteorder("<"), copy=False)
    if little.dtype.kind == "f" or little.size == 0:
        return little
    out = np.empty_like(little)
    out[0] = little[0]
    np.subtract(little[1:], little[:-1], out=out[1:])
    return out


def _undelta(values: SampleArray) -> SampleArray:
    return values if values.dtype.kind == "f" else np.cumsum(values, dtype=values.dtype)


def _shuffle(samples: SampleArray) -> bytes:
    octets: NDArray[np.uint8] = samples.view(np.uint8).reshape(samples.size, samples.dtype.itemsize)
    return octets.T.tobytes()


def _unshuffle(raw: bytes, item: np.dtype[Any], count: int) -> SampleArray:
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(item.itemsize, count)
    return np.ascontiguousarray(planes.T).view(item.newbyteorder("<")).reshape(count).astype(item, copy=False)
