"""What UTC was at the machine's monotonic zero, boot by boot: kept on disk, so that a frame that is sent again after a
restart of the agent is corrected by the same amount.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge_agent.reports import LOG
from telltale.durable_file import write_durably

FILE_NAME = "clock.json"
KEPT_BOOTS = 64


class BootUtc(msgspec.Struct, frozen=True, kw_only=True):
    """The first synchronisation of a boot.

    Attributes:
        offset_ns: UTC minus monotonic time.
        error_ns: bound of its error; 0: none is known.
        monotonic_ns: when it was taken.
    """

    offset_ns: int
    error_ns: int
    monotonic_ns: int


class BootClock:
    """The boots whose UTC is known; the first word on a boot stands.

    Args:
        folder: of the agent's data; `clock.json` in it is read now, and a damaged one begins anew.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._boots = _read(self._path)

    def utc_of(self, boot: str) -> BootUtc | None:
        """What is known of a boot; an empty name is no boot."""
        return self._boots.get(boot) if boot else None

    def learn(self, boot: str, utc: BootUtc) -> None:
        """Keep the first synchronisation of a boot; on disk when this returns. Blocking.

        Raises:
            OSError: the disk did not take it; it counts until the agent ends.
        """
        if not boot or boot in self._boots:
            return
        kept = dict([*self._boots.items(), (boot, utc)][-KEPT_BOOTS:])
        try:
            write_durably(self._path, msgspec.json.encode(kept))
        finally:
            self._boots = kept


def _read(path: Path) -> dict[str, BootUtc]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, BootUtc])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        LOG.warning("%s cannot be read (%s): readings of unsynchronised clocks stay as they are", path, error)
        return {}
