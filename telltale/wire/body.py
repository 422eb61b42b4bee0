"""Bodies of blocks: samples ↔ bytes.

Integers: first difference (modulo the type's width, so it never overflows), then bytes of equal significance side by
side ("byte shuffle"), then zstd. Floats: byte shuffle and zstd only, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import zstandard
from numpy.typing import NDArray

from telltale.errors import RejectedError, RejectReason
from telltale.readings import SAMPLE_DTYPES, SampleArray

MAX_SAMPLES_PER_BLOCK = 65_536
ZSTD_LEVEL = 3
# The low bytes of floats are noise to zstd: searching harder for matches costs three times as much for 2 % of the size.
ZSTD_FLOAT_LEVEL = -1


def _compressor(level: int) -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=level, write_content_size=True, write_checksum=True)


_OF_KIND = {"i": _compressor(ZSTD_LEVEL), "f": _compressor(ZSTD_FLOAT_LEVEL)}
_DECOMPRESSOR = zstandard.ZstdDecompressor()
_DTYPES = {name: np.dtype(name) for name in SAMPLE_DTYPES}
_NATIVE = frozenset(_DTYPES.values())  # to find a type here is ten times as fast as to ask for its name


def encode(samples: SampleArray) -> bytes:
    """Compress samples of shape (n,).

    Raises:
        ValueError: a dtype other than int16, int32, float32, float64, or too many samples.
    """
    if samples.dtype not in _NATIVE and samples.dtype.name not in SAMPLE_DTYPES:
        raise ValueError(f"samples are {samples.dtype.name}, expected one of {', '.join(SAMPLE_DTYPES)}")
    if samples.size > MAX_SAMPLES_PER_BLOCK:
        raise ValueError(f"{samples.size} samples in one block, at most {MAX_SAMPLES_PER_BLOCK}")
    return _OF_KIND[samples.dtype.kind].compress(_shuffle(_delta(samples)))


def decode(body: bytes, dtype: str, count: int) -> SampleArray:
    """Samples of shape (count,) from a body; never allocates more than `count` samples need.

    Raises:
        RejectedError: the body is no zstd frame, or its size is not what `count` declares.
    """
    rows: SampleArray = restore([unpack(body, dtype, count)], dtype, count)[0]
    return rows


def unpack(body: bytes, dtype: str, count: int) -> bytes:
    """The decompressed body, complete and intact, for `restore`. All that can be wrong with a body is found here.

    Raises:
        RejectedError: as `decode`.
    """
    expected = count * _DTYPES[dtype].itemsize
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
    return raw


def restore(unpacked: Sequence[bytes], dtype: str, count: int) -> SampleArray:
    """Samples of shape (len(unpacked), count) from what `unpack` gave for bodies of one type and size."""
    item = _DTYPES[dtype]
    planes = np.frombuffer(b"".join(unpacked), dtype=np.uint8).reshape(len(unpacked), item.itemsize, count)
    octets = np.empty((len(unpacked), count, item.itemsize), dtype=np.uint8)
    for plane in range(item.itemsize):  # a transposed copy in one go takes three times as long
        octets[:, :, plane] = planes[:, plane]
    rows: SampleArray = octets.view(item.newbyteorder("<")).reshape(len(unpacked), count).astype(item, copy=False)
    return rows if item.kind == "f" else np.add.accumulate(rows, axis=1, dtype=item, out=rows)


def _delta(samples: SampleArray) -> SampleArray:
    little = samples.astype(samples.dtype.newbyteorder("<"), copy=False)
    if little.dtype.kind == "f" or little.size == 0:
        return little
    out = np.empty_like(little)
    out[0] = little[0]
    np.subtract(little[1:], little[:-1], out=out[1:])
    return out


def _shuffle(samples: SampleArray) -> bytes:
    octets: NDArray[np.uint8] = samples.view(np.uint8).reshape(samples.size, samples.dtype.itemsize)
    return octets.T.tobytes()
