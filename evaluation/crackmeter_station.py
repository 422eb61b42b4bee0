"""The crack meters of one logger station as channels of a site, and the declared settings of their evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY
from telltale.errors import UserError
from telltale.kinds import KINDS
from telltale.loggerfile.read import read_logger_file
from telltale.readings import Block, missing_spans
from telltale.settings import Settings
from telltale.site import Channel

GATEWAY = "evaluation"


class Gauge(Settings, frozen=True):
    """A crack meter: its column, the thermistor that conditions it, or the one that its values were computed with."""

    column: str
    temperature: str = ""
    derived_from: str = ""


class StationSettings(Settings, frozen=True):
    """The declared settings, `crackmeter.toml`; explained there."""

    files: tuple[str, ...]
    interval_s: float
    copy_later_days: int
    copy_unit: str
    gauges: tuple[Gauge, ...]

    def columns(self) -> tuple[str, ...]:
        """Every column that is read, thermistors first: they are judged before what depends on them."""
        thermistors = [name for gauge in self.gauges for name in (gauge.temperature, gauge.derived_from) if name]
        return (*dict.fromkeys(thermistors), *(gauge.column for gauge in self.gauges))


@dataclass(frozen=True, slots=True)
class Station:
    """Attributes:
    t_ns: (n,) ascending.
    columns: name → (n,) values, NaN where missing.
    unit: of displacement.
    prefix: of channel ids.
    """

    t_ns: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]
    unit: str = "mm"
    prefix: str = "rock"

    def id_of(self, column: str) -> str:
        """The channel of a column."""
        return f"{self.prefix}.{column.lower()}" if column else ""

    def copy(self, settings: StationSettings) -> Station:
        """Renamed, later, in another unit of displacement."""
        factor = KINDS["crack"].units[self.unit] / KINDS["crack"].units[settings.copy_unit]
        gauges = {gauge.column for gauge in settings.gauges}
        values = {name: column * factor if name in gauges else column for name, column in self.columns.items()}
        return Station(self.t_ns + settings.copy_later_days * NS_PER_DAY, values, settings.copy_unit, "copy")

    def channels(self, settings: StationSettings) -> Iterator[Channel]:
        """Thermistors and gauges."""
        gauges = {gauge.column: gauge for gauge in settings.gauges}
        for name in settings.columns():
            gauge = gauges.get(name)
            derived = (self.id_of(gauge.derived_from),) if gauge is not None and gauge.derived_from else ()
            yield Channel(
                id=self.id_of(name),
                kind="temperature" if gauge is None else "crack",
                unit="°C" if gauge is None else self.unit,
                gateway=GATEWAY,
                interval_s=settings.interval_s,
                temperature=self.id_of(gauge.temperature) or None if gauge is not None else None,
                derived_from=derived,
                crack=None if gauge is None else CrackDetail(material="rock"),
            )

    def frames(self) -> Iterator[list[Block]]:
        """A frame a day."""
        for rows in np.split(np.arange(self.t_ns.size), np.flatnonzero(np.diff(self.t_ns // NS_PER_DAY)) + 1):
            t_ns = self.t_ns[rows]
            yield [
                Block(self.id_of(name), int(t_ns[0]), 0.0, part, flags=missing_spans(part), dt_ns=t_ns - t_ns[0])
                for name, column in self.columns.items()
                for part in (column[rows],)
            ]


def read_station(folder: Path, settings: StationSettings) -> Station:
    """The logger's TOA5 file.

    Raises:
        UserError: it is not there, or lacks a column.
    """
    found = [path for pattern in settings.files for path in sorted(folder.glob(pattern))]
    if not found:
        raise UserError(f"{folder}: no {settings.files[-1]}", "give the folder of the recordings with --data")
    recording = read_logger_file(found[0], columns=settings.columns())
    columns = {name: recording.column(name) for name in settings.columns()}
    first = next(iter(columns.values()))
    return Station(first.times_ns, {name: column.values for name, column in columns.items()})
