"""Arrays of an npz file, streamed from the archive; nothing in it is ever unpickled."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from telltale.errors import UserError
from telltale.loggerfile.recording import ReadOptions, Rows, missing_column
from telltale.loggerfile.stamps import StampError, from_numbers, regular_times
from telltale.readings import SAMPLE_DTYPES, SampleArray

MAGIC = b"PK"
NUMERIC_KINDS = "iuf"
# What zipfile, its decompressors and numpy's header parser raise for a file that is none of theirs. RuntimeError: an
# encrypted member; OverflowError, MemoryError: a shape that no machine holds.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    TypeError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class _Member:
    count: int
    dtype: np.dtype[Any]


class NpzReader:
    """A `LoggerReader` for npz: each array of numbers with one axis is a column; lengths may differ.

    Arrays keep the sample type they have (int16, int32, float32, float64); others are read as float64.

    Raises:
        UserError: no npz, a wanted array missing or not numeric, no time and no rate.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.rate_hz = options.rate_hz
        self.notes: list[str] = []
        self._options = options
        members = self._members()
        self._check_time(members)
        wanted = options.columns or tuple(name for name in members if name != options.time)
        for name in wanted:
            if name not in members:
                raise missing_column(path, name, list(members), "array")
        if not wanted:
            raise UserError(f"{path}: no array of numbers with one axis", "expected one a channel")
        self._wanted = {name: members[name] for name in wanted}
        self.units = dict.fromkeys(wanted, "")

    def _check_time(self, members: dict[str, _Member]) -> None:
        if self._options.rate_hz:
            return
        if not self._options.time:
            raise UserError(
                f"{self.path}: no sample rate given", "give rate_hz, or the name of an array that holds the times"
            )
        if self._options.time not in members:
            raise missing_column(self.path, self._options.time, list(members), "time array")

    def _members(self) -> dict[str, _Member]:
        found: dict[str, _Member] = {}
        try:
            with zipfile.ZipFile(self.path) as archive:
                for info in archive.infolist():
                    name = info.filename.removesuffix(".npy")
                    with archive.open(info) as file:
                        shape, dtype = _header(file)
                    if dtype.kind in NUMERIC_KINDS and sum(length != 1 for length in shape) <= 1:
                        found[name] = _Member(int(np.prod(shape)), dtype)
                    else:
                        self.notes.append(f"left out: {name} ({dtype.name}, {len(shape)} axes)")
        except UNREADABLE as error:
            raise UserError(f"{self.path}: not a readable npz file ({error})") from None
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror or error})") from None
        return found

    def rows(self, size: int) -> Iterator[Rows]:
        """At most `size` samples of each array in turn (see `LoggerReader.rows`): arrays mostly cover the same time."""
        arrays = [(name, self._samples(name, member, size)) for name, member in self._wanted.items()]
        done = 0
        while arrays:
            going = []
            for name, parts in arrays:
                samples = next(parts, None)
                if samples is not None:
                    yield Rows((name,), self._times(name, done, samples.size), (samples,))
                    going.append((name, parts))
            arrays = going
            done += size

    def _samples(self, name: str, member: _Member, size: int) -> Iterator[SampleArray]:
        left = member.count
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
                _header(file)
                while left:
                    count = min(size, left)
                    raw = file.read(count * member.dtype.itemsize)
                    yield _as_samples(np.frombuffer(raw, member.dtype, count))
                    left -= count
        except (*UNREADABLE, OSError) as error:
            raise UserError(f"{self.path}: array {name!r} is damaged ({error})") from None

    def _times(self, name: str, first: int, count: int) -> NDArray[np.int64]:
        options = self._options
        if options.rate_hz:
            return regular_times(first, count, options.rate_hz, options.start_ns)
        with np.load(self.path, allow_pickle=False) as archive:
            stamps = np.ravel(archive[options.time])[first : first + count]
        if stamps.size != count:
            raise UserError(f"{self.path}: array {name!r} is longer than its times {options.time!r}")
        try:
            return from_numbers(stamps, options.start_ns)
        except StampError as error:
            raise UserError(f"{self.path}: array {options.time!r}, element {first + error.index}: {error}") from None


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _as_samples(samples: NDArray[Any]) -> SampleArray:
    native = samples.astype(samples.dtype.newbyteorder("="))
    if native.dtype.name not in SAMPLE_DTYPES:
        native = native.astype(np.float64)
    if native.dtype.kind == "f":
        native[np.isinf(native)] = np.nan
    return native
