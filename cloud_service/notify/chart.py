"""The picture in a mail: one series with its limits, drawn by matplotlib's Agg backend, no display needed."""

from __future__ import annotations

from datetime import datetime, tzinfo
from io import BytesIO
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from cloud_service.notify.evidence import Line, Series
from cloud_service.wording.dates import moment

INK, QUIET, BLUE, RED, AMBER = "#1b2733", "#5b6b7a", "#1f6feb", "#b42318", "#b25e09"
SHADES = ("#0f8a7e", "#7c3aed", "#a16207", "#be185d", "#64748b")
_LINE_STYLES = {"alarm": (RED, "-"), "warn": (AMBER, "--")}


def draw(series: Series, occurred_ns: int, zone: tzinfo) -> bytes:
    """The chart as PNG, 1240 × 600 pixels; times in `zone`. Of settings it holds ids alone, so any font will do."""
    figure = Figure(figsize=(6.2, 3.0), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    times = [_local(int(t_ns), zone) for t_ns in series.t_ns]
    _draw_values(axes, series, times)
    _draw_beside(axes, series, zone)
    for line in _worth_showing(series):
        _draw_line(axes, line)
    axes.axvline(_local(occurred_ns, zone), color=QUIET, linewidth=1, linestyle=":")  # type: ignore[arg-type]
    _dress(axes, series, zone, moment(int(series.t_ns[-1]), zone).tzname() or "UTC")
    out = BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _local(t_ns: int, zone: tzinfo) -> datetime:
    # Naive local time: matplotlib would turn an aware one back to UTC.
    return moment(t_ns, zone).replace(tzinfo=None)


def _draw_values(axes: Axes, series: Series, times: list[datetime]) -> None:
    if series.low is not None and series.high is not None:
        axes.fill_between(times, series.low, series.high, color=BLUE, alpha=0.18, linewidth=0)  # type: ignore[arg-type]
    marker = "o" if series.values.size < 60 else ""
    axes.plot(times, series.values, color=BLUE, linewidth=1.4, marker=marker, markersize=3, label=series.name)  # type: ignore[arg-type]


def _draw_beside(axes: Axes, series: Series, zone: tzinfo) -> None:
    for (name, (t_ns, values)), shade in zip(series.beside.items(), cycle(SHADES), strict=False):
        times = [_local(int(at), zone) for at in t_ns]
        axes.plot(times, values, color=shade, linewidth=0.9, label=name, zorder=1)  # type: ignore[arg-type]
    if series.beside:
        axes.legend(fontsize=7, frameon=False, ncols=2, labelcolor=QUIET, loc="upper left")


def _worth_showing(series: Series) -> list[Line]:
    """Limits that are not so far away that showing them would flatten the curve."""
    low, high = float(np.nanmin(series.values)), float(np.nanmax(series.values))
    reach = 2.5 * max(high - low, 0.05 * max(abs(low), abs(high)), 1e-12)
    return [line for line in series.candidate.lines if low - reach <= line.value <= high + reach]


def _draw_line(axes: Axes, line: Line) -> None:
    colour, style = _LINE_STYLES.get(line.label, (RED, "-."))
    axes.axhline(line.value, color=colour, linewidth=1.2, linestyle=style)
    axes.annotate(
        line.label,
        (0.005, line.value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        color=colour,
        fontsize=8,
    )


def _dress(axes: Axes, series: Series, zone: tzinfo, zone_name: str) -> None:
    unit = f" ({series.candidate.unit})" if series.candidate.unit else ""
    axes.set_title(f"{series.candidate.label}{unit}", fontsize=9, color=INK, loc="left")
    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_xlabel(f"time zone {getattr(zone, 'key', zone_name)} · dotted: it began here", fontsize=7, color=QUIET)
    axes.tick_params(labelsize=8, colors=QUIET)
    axes.xaxis.get_offset_text().set(fontsize=8, color=QUIET)
    axes.grid(color="#d9dfe5", linewidth=0.6)
    axes.margins(x=0.02, y=0.12)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#b8c2cc")
