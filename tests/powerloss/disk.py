"""A disk that loses power: which bytes and names can be there after it, given the calls before it.

What was synced is there. Of what was written to a file since its last sync, any 512-byte sectors may be there or not,
the last one may be torn anywhere; of the names that came and went since their folder's last sync, any may have done so.
A disk that lies about syncs is not modelled: nothing can be promised on it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.powerloss.recorder import SURPRISES, Call

SECTOR = 512


@dataclass(slots=True, eq=False)
class File:
    """One file: what is on the platter, what is on its way there, and its size as the program sees it."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)  # (offset, data); None: cut to that size
    size: int = 0

    def write(self, offset: int, data: bytes) -> None:
        self.since.append((offset, data))
        self.size = max(self.size, offset + len(data))

    def cut(self, size: int) -> None:
        self.since.append((size, None))
        self.size = size

    def sync(self) -> None:
        for offset, data in self.since:
            _apply(self.synced, offset, data)
        self.since.clear()

    def after_loss(self, chance: random.Random) -> bytes:
        """What may be found."""
        if not self.since:
            return bytes(self.synced)
        found, share = bytearray(self.synced), chance.choice((0.0, 0.5, 0.9, 1.0))
        torn = chance.randrange(len(self.since) + 1)
        for number, (offset, data) in enumerate(self.since):
            if data is None:
                if chance.random() < share:
                    _apply(found, offset, None)
                continue
            for first, sector in _sectors(offset, data):
                if chance.random() < share:
                    some = sector[: chance.randrange(len(sector))] if number == torn else sector
                    _apply(found, first, some)
        return bytes(found)


def _sectors(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    """The parts of a write that fall into one sector each."""
    end, parts = offset + len(data), []
    first = offset
    while first < end:
        last = min(end, (first // SECTOR + 1) * SECTOR)
        parts.append((first, data[first - offset : last - offset]))
        first = last
    return parts


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


Name = PurePosixPath


class Disk:
    """The files below one folder, as the calls of a recording make them.

    Args:
        root: the folder; it is there before the recording begins.
    """

    def __init__(self, root: Path) -> None:
        self._said = b""
        self._root = Name(root)
        self._now: dict[Name, File | None] = {self._root: None}  # None: a folder
        self._synced: dict[Name, File | None] = {self._root: None}
        self._since: list[tuple[Name, File | None, bool]] = []  # a name, what it names, whether it came or went
        self._open: dict[int, tuple[Name, File | None]] = {}
        self._append: set[int] = set()
        self._at: dict[int, int] = {}

    def take(self, call: Call) -> None:
        """One more call has happened."""
        action = getattr(self, f"_on_{call.name}", None)
        if action is not None:
            action(call)
        elif call.name in SURPRISES and call.fd in self._open:
            raise NotImplementedError(f"{call.name}: not modelled")

    @property
    def said(self) -> list[str]:
        """The whole lines that the program had written to its standard output."""
        return self._said.decode().split("\n")[:-1]

    def after_loss(self, chance: random.Random) -> dict[Name, bytes | None]:
        """Names and contents (None: a folder) that may be found, were the power lost now."""
        names, share = dict(self._synced), chance.choice((0.0, 0.5, 1.0))
        for name, file, came in self._since:
            if chance.random() < share:
                _rename(names, name, file, came)
        return {name: file.after_loss(chance) if file else None for name, file in names.items()}

    def _below(self, raw: bytes) -> Name | None:
        name = Name(raw.decode())
        return name if name.is_relative_to(self._root) else None

    def _name(self, name: Name, file: File | None, *, came: bool) -> None:
        _rename(self._now, name, file, came)
        self._since.append((name, file, came))

    def _on_openat(self, call: Call) -> None:
        name = self._below(call.strings[0])
        if name is None:
            return
        if name not in self._now:
            self._name(name, File(), came=True)
        file = self._now[name]
        self._open[call.result] = (name, file)
        self._at[call.result] = 0
        if "O_APPEND" in call.arguments:
            self._append.add(call.result)
        if "O_TRUNC" in call.arguments and file is not None and file.size:
            file.cut(0)

    def _on_close(self, call: Call) -> None:
        self._open.pop(call.fd, None)
        self._append.discard(call.fd)

    def _on_write(self, call: Call) -> None:
        if call.fd == 1:
            self._said += call.strings[0][: call.result]
            return
        _, file = self._open.get(call.fd, (None, None))
        if file is None:
            return
        data = b"".join(call.strings)[: call.result]
        file.write(file.size if call.fd in self._append else self._at[call.fd], data)
        self._at[call.fd] += len(data)

    _on_writev = _on_write

    def _on_pwrite64(self, call: Call) -> None:
        _, file = self._open.get(call.fd, (None, None))
        if file is not None:
            file.write(call.last_number, call.strings[0][: call.result])

    def _on_lseek(self, call: Call) -> None:
        self._at[call.fd] = call.result

    def _on_ftruncate(self, call: Call) -> None:
        _, file = self._open.get(call.fd, (None, None))
        if file is not None:
            file.cut(call.last_number)

    def _on_fsync(self, call: Call) -> None:
        name, file = self._open.get(call.fd, (None, None))
        if file is not None:
            file.sync()
        elif name is not None:
            kept = []
            for change in self._since:
                if change[0].parent == name:
                    _rename(self._synced, *change)
                else:
                    kept.append(change)
            self._since = kept

    _on_fdatasync = _on_fsync

    def _on_unlink(self, call: Call) -> None:
        name = self._below(call.strings[0])
        if name is not None:
            self._name(name, self._now[name], came=False)

    _on_unlinkat = _on_unlink

    def _on_mkdir(self, call: Call) -> None:
        name = self._below(call.strings[0])
        if name is not None and name not in self._now:
            self._name(name, None, came=True)

    _on_mkdirat = _on_mkdir


def _rename(names: dict[Name, File | None], name: Name, file: File | None, came: bool) -> None:
    if came:
        names[name] = file
    elif names.get(name) is file:
        names.pop(name, None)


def lay_out(found: dict[Name, bytes | None], root: Path, into: Path) -> None:
    """Make the files that were found in the folder `into`, which is empty; what has no folder is not found."""
    for name in sorted(found):
        content, path = found[name], into / name.relative_to(Name(root))
        if content is None:
            if path.parent.exists():
                path.mkdir(exist_ok=True)
        elif path.parent.exists():
            path.write_bytes(content)
