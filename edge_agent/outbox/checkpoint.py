"""What is known of the runs in the outbox, as one record: with it, nothing before it is needed but frames."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from telltale.errors import FatalError

VERSION = 1


class RunState(msgspec.Struct, frozen=True, array_like=True):
    """One run.

    Attributes:
        ordinal, run_id, boot_id: as in `Run`.
        last_sequence: the highest sequence that was written.
        live: packed ranges of sequences that are still needed; all others up to `last_sequence` are gone.
        notes: packed (first, last, reason, reporter) of what was let go.
    """

    ordinal: int
    run_id: bytes
    boot_id: str
    last_sequence: int
    live: bytes
    notes: bytes


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """The whole."""

    version: int
    runs: tuple[RunState, ...]


def encode_checkpoint(runs: Iterable[RunState]) -> bytes:
    """The payload of a CHECKPOINT record."""
    return msgspec.msgpack.encode(Checkpoint(VERSION, tuple(runs)))


def decode_checkpoint(payload: bytes, where: str) -> Checkpoint:
    """The checkpoint in a payload whose CRC is right.

    Raises:
        FatalError: a newer version of the agent wrote it.
    """
    try:
        version = msgspec.msgpack.decode(payload)[0]
        if version == VERSION:
            return msgspec.msgpack.decode(payload, type=Checkpoint)
    except (msgspec.DecodeError, IndexError, TypeError) as error:
        raise FatalError(f"{where}: a checkpoint that this agent cannot read ({error})") from None
    raise FatalError(f"{where}: outbox version {version} is newer than this agent's {VERSION}")


def pack_ranges(ranges: NDArray[np.int64]) -> bytes:
    """(first, last) ranges of sequences, shape (n, 2), compressed."""
    return pack_numbers(ranges.ravel())


def unpack_ranges(packed: bytes) -> NDArray[np.int64]:
    """The ranges, shape (n, 2)."""
    return unpack_numbers(packed).reshape(-1, 2)


def pack_numbers(numbers: NDArray[np.int64]) -> bytes:
    """Integers, shape (n,), as compressed differences; nothing for none."""
    if not len(numbers):
        return b""
    return zlib.compress(np.diff(numbers, prepend=0).astype("<i8").tobytes(), 1)


def unpack_numbers(packed: bytes) -> NDArray[np.int64]:
    """The integers, shape (n,)."""
    if not packed:
        return np.empty(0, np.int64)
    return np.cumsum(np.frombuffer(zlib.decompress(packed), "<i8"), dtype=np.int64)
