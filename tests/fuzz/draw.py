"""Values out of bytes, the same for the same bytes: what stands between a fuzzer and a target with structure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Reads `data` from its start; past the end everything is zero or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._data))

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def choice(self, options: Sequence[T]) -> T:
        return options[self.number(1) % len(options)]

    def float64(self) -> float:
        value: float = struct.unpack("<d", self.take(8).ljust(8, b"\0"))[0]
        return value

    def text(self) -> str:
        """Up to 255 bytes of text; what is no UTF-8 becomes lone surrogates, which no encoder takes."""
        return self.take(self.number(1)).decode("utf-8", "surrogateescape")
