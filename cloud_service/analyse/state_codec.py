"""Detector state ↔ bytes: msgpack, with numpy arrays as (dtype, shape, little-endian bytes). Never pickle."""

from __future__ import annotations

import math
import re
from typing import Any, TypeVar

import msgspec
import numpy as np

from telltale.errors import FatalError

MAX_BYTES = 4 * 1024 * 1024
_NUMBERS = re.compile(r"\|[biu]1|<[iu][248]|<f[248]")  # what `_pack_array` writes; numpy reads far more as a dtype

T = TypeVar("T")


def encode_state(state: Any) -> bytes:
    """The bytes of a `msgspec.Struct` of numbers, texts, bytes, lists, dicts and numeric arrays.

    Raises:
        TypeError: a field of another type, or an array of objects.
    """
    return msgspec.msgpack.encode(state, enc_hook=_pack_array)


def decode_state(data: bytes, into: type[T]) -> T:
    """The state that `encode_state` packed; arrays are writable copies.

    Raises:
        FatalError: not such a state: the database was written by another version or is damaged.
    """
    try:
        return msgspec.msgpack.decode(data, type=into, dec_hook=_unpack_array)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise FatalError(f"state of {into.__name__} cannot be read ({error})") from error


def _pack_array(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        return [little.dtype.str, value.shape, little.tobytes()]
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    raise TypeError(f"a state cannot hold {type(value).__name__}")


def _unpack_array(into: type[Any], value: Any) -> Any:
    if np.ndarray not in (into, getattr(into, "__origin__", None)):
        raise TypeError(f"a state cannot hold {into}")
    name, shape, data = value
    if not isinstance(name, str) or not _NUMBERS.fullmatch(name):
        raise ValueError(f"array of {name!r}")
    dtype = np.dtype(name)
    if len(data) != math.prod(shape) * dtype.itemsize or len(data) > MAX_BYTES:
        raise ValueError(f"array of {name} with shape {shape} in {len(data)} bytes")
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy()
