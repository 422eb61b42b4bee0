"""Which charts a channel's page shows. The script on the page reads the data from the API and draws them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cloud_service.serve.pages.trend import forecast_spec, trend_spec, trend_words
from cloud_service.serve.status import ChannelStatus
from cloud_service.store.schema import MODES
from cloud_service.wording.dates import iso, zone_of
from cloud_service.wording.numbers import unit_text
from telltale.clock import NS_PER_DAY
from telltale.kinds import KINDS
from telltale.site import Channel

# A forecast is drawn where it needs no more than so many times the span of the past that is shown.
FORECAST_SPANS = 3


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
        return self.spec["kind"] in ("series", "stack")


def charts(status: ChannelStatus, now_ns: int, days: int) -> list[Chart]:
    """What to draw for this channel, the most telling first."""
    item = status.place.channel
    make = _Maker(item, status.place.facility.timezone, iso(now_ns - days * NS_PER_DAY))
    return list(_waveform_charts(make) if item.is_waveform else _scalar_charts(make, status, now_ns, days))


@dataclass(frozen=True, slots=True)
class _Maker:
    item: Channel
    zone: str
    start: str

    @property
    def unit(self) -> str:
        return unit_text(KINDS[self.item.kind].base_unit)

    @property
    def quantity(self) -> str:
        return KINDS[self.item.kind].quantity.capitalize()

    def series(self, title: str, about: str, measurement: str, fields: tuple[str, ...], **extra: Any) -> Chart:
        url = f"/api/v1/channels/{self.item.id}/series?measurement={measurement}&fields={','.join(fields)}"
        spec = {"kind": "series", "url": f"{url}&start={self.start}", "fields": fields, "unit": self.unit}
        return Chart(title, about, {**spec, "zone": self.zone, "limits": [], **extra})

    def newest_window(self, title: str, about: str, kind: str, **extra: Any) -> Chart:
        url = f"/api/v1/channels/{self.item.id}/waveform"
        return Chart(title, about, {"kind": kind, "url": url, "unit": self.unit, "zone": self.zone, **extra})


def _scalar_charts(make: _Maker, status: ChannelStatus, now_ns: int, days: int) -> Iterator[Chart]:
    about = "Every reading, or the mean of several with their range. Limits are dashed lines."
    yield make.series(make.quantity, about, "reading", ("value",), limits=_limits(make.item, ("value",)))
    if make.item.kind == "crack":
        yield _growth_chart(make, status, now_ns + FORECAST_SPANS * days * NS_PER_DAY)


def _growth_chart(make: _Maker, status: ChannelStatus, until_ns: int) -> Chart:
    """Widths without temperature with their trend; the way to the limit too, where it fits beside the past."""
    about = "The same with the effect of temperature removed: what is left is the structure."
    drawn: dict[str, Any] = {"trend": trend_spec(status)}
    if status.life is not None and status.life.p90_ns is not None and status.life.p90_ns <= until_ns:
        drawn |= {"forecast": forecast_spec(status), "limits": _limits(make.item, ("value",))}
        about += " Shaded: the way to the limit, P10 to P90."
    chart = make.series("Without temperature", about, "trend", ("compensated",), **drawn)
    return replace(chart, said=trend_words(status, zone_of(make.zone)))


def _waveform_charts(make: _Maker) -> Iterator[Chart]:
    if make.item.modes_hz:
        yield _modes_chart(make)
    fields = ("rms", "peak")
    about = "Each point is one window, or the mean of several with their range. Limits are dashed lines."
    yield make.series(f"{make.quantity}: rms and peak", about, "window", fields, limits=_limits(make.item, fields))
    if make.item.velocity is not None:
        about = "Largest velocity of each window, 1-80 Hz, and the guide value at its frequency."
        yield make.series("Vibration velocity", about, "velocity", ("peak_mm_s", "guide_mm_s"), unit="mm/s")
    if make.item.fatigue is not None:
        about = "Miner's sum: at 1 the detail is used up."
        yield make.series("Fatigue damage", about, "fatigue", ("damage_total",), unit="of 1")
    else:
        about = "How far the readings are from what temperature and past behaviour explain. 1 is the threshold."
        threshold = [{"value": 1.0, "label": "threshold", "level": "alarm"}]
        yield make.series("Difference from normal", about, "novelty", ("score",), unit="× threshold", limits=threshold)
    yield make.newest_window("Newest window", "The samples as they came.", "waveform")
    about = "Its peaks are the frequencies at which the structure vibrates. Shaded: the modes that are tracked."
    yield make.newest_window("Its spectrum", about, "spectrum", unit=f"({make.unit})²/Hz", bands=make.item.modes_hz)


def _modes_chart(make: _Maker) -> Chart:
    """What maintenance engineers ask for first: each tracked frequency over time, above the temperature."""
    modes = range(1, min(len(make.item.modes_hz), MODES) + 1)
    rows = [{"field": f"mode{i}_hz", "label": f"mode {i}", "unit": "Hz"} for i in modes]
    about = "Cold makes most structures stiffer and their frequencies higher."
    if make.item.temperature is not None:
        rows.append({"field": "temperature_c", "label": "temperature", "unit": "°C"})
        about += " What temperature does not explain is a change of stiffness, mass or support."
    fields = tuple(row["field"] for row in rows)
    return make.series(
        "Tracked frequencies", about, "window", fields, kind="stack", unit="Hz, window by window", rows=rows
    )


def _limits(item: Channel, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """Lines to draw, in the base unit; limits of one value share a line."""
    lines: dict[float, dict[str, Any]] = {}
    for value, label, level in _limit_lines(item, fields):
        line = lines.setdefault(value, {"value": value, "label": label, "level": level})
        if line["label"] != label:
            line.update(label=f"{line['label']}, {label}", level="alarm")
    return list(lines.values())


def _limit_lines(item: Channel, fields: tuple[str, ...]) -> Iterator[tuple[float, str, str]]:
    for limit in item.limits:
        if limit.quantity in fields:
            value = limit.value * item.to_base_unit
            label = limit.level if limit.quantity == "value" else f"{limit.level} ({limit.quantity})"
            yield value, label, limit.level
            if limit.side == "absolute":
                yield -value, label, limit.level
    if item.crack is not None and item.crack.limit_mm is not None and "value" in fields:
        yield item.crack.limit_mm + item.crack.datum_mm, "end of life", "alarm"
