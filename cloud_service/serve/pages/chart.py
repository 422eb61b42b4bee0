"""A chart as a page hands it to the script that draws it, and how one is made of a channel's history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_service.wording.numbers import unit_text
from telltale.kinds import KINDS
from telltale.site import Channel

# Standard errors either side that hold 90 % of a normal distribution.
COVERAGE_90 = 1.645


@dataclass(frozen=True, slots=True)
class Chart:
    """Title and explanation for people, `spec` for the script, `said`: what the drawing comes to, in a sentence."""

    title: str
    about: str
    spec: dict[str, Any]
    said: str = ""

    @property
    def is_history(self) -> bool:
        """Whether it shows the past and not the newest window alone."""
        return self.spec["kind"] not in ("waveform", "spectrum")


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the charts of a channel, from `start` (ISO 8601) on, with times in the zone of that IANA name."""

    item: Channel
    zone: str
    start: str

    @property
    def unit(self) -> str:
        """Base unit of the channel, for people."""
        return unit_text(KINDS[self.item.kind].base_unit)

    @property
    def quantity(self) -> str:
        """What it measures."""
        return KINDS[self.item.kind].quantity.capitalize()

    def series(self, title: str, about: str, measurement: str, fields: tuple[str, ...], **extra: Any) -> Chart:
        """A chart over time; `extra` are further keys of its `spec`."""
        url = history_url(self.item.id, measurement, fields, self.start)
        spec = {"kind": "series", "url": url, "fields": fields, "unit": self.unit}
        return Chart(title, about, {**spec, "zone": self.zone, "limits": [], **extra})

    def newest_window(self, title: str, about: str, kind: str, **extra: Any) -> Chart:
        """A chart of the newest waveform."""
        url = f"/api/v1/channels/{self.item.id}/waveform"
        return Chart(title, about, {"kind": kind, "url": url, "unit": self.unit, "zone": self.zone, **extra})


def history_url(channel: str, measurement: str, fields: Sequence[str], start: str) -> str:
    """Where the script gets a history."""
    return f"/api/v1/channels/{channel}/series?measurement={measurement}&fields={','.join(fields)}&start={start}"


def limit_lines(item: Channel, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """Lines to draw, in the base unit; limits of one value share a line."""
    lines: dict[float, dict[str, Any]] = {}
    for value, label, level in _each_limit(item, fields):
        line = lines.setdefault(value, {"value": value, "label": label, "level": level})
        if line["label"] != label:
            line.update(label=f"{line['label']}, {label}", level="alarm")
    return list(lines.values())


def _each_limit(item: Channel, fields: tuple[str, ...]) -> Iterator[tuple[float, str, str]]:
    for limit in item.limits:
        if limit.quantity in fields:
            value = limit.value * item.to_base_unit
            label = limit.level if limit.quantity == "value" else f"{limit.level} ({limit.quantity})"
            yield value, label, limit.level
            if limit.side == "absolute":
                yield -value, label, limit.level
    if item.crack is not None and item.crack.limit_mm is not None and "value" in fields:
        yield item.crack.limit_mm + item.crack.datum_mm, "end of life", "alarm"
