"""The picture of a report: the series with what was flagged, and the trend with temperature taken out."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse_file.report import Report, held
from cloud_service.analyse_file.run import VALUE, Found
from cloud_service.analyse_file.series import Series
from telltale.errors import UserError
from telltale.findings import SENSOR_FAULTS

MAX_POINTS = 4_000
FAULT, ODD, LINE, LIMIT = "#8a8a8a", "#d1495b", "#1f5f8b", "#b3001b"


def plot(path: Path, report: Report, series: Series, found: Found, limit: float | None) -> None:
    """Write the picture.

    Raises:
        UserError: the file cannot be written.
    """
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    figure, axes = plt.subplots(figsize=(10, 4.8), layout="constrained")
    try:
        _draw(axes, report, series, found, limit)
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise UserError(f"--plot {path}: cannot be written ({error.strerror})") from None
    finally:
        plt.close(figure)


def _draw(axes: object, report: Report, series: Series, found: Found, limit: float | None) -> None:
    ax = axes
    t_ns, low, high = _envelope(series.t_ns, series.value)
    times = t_ns.astype("datetime64[ns]")
    ax.fill_between(times, low, high, color=LINE, alpha=0.35, linewidth=0.6, label="readings")  # type: ignore[attr-defined]
    _compensated(ax, found)
    _spans(ax, found)
    if limit is not None:
        ax.axhline(limit, color=LIMIT, linestyle="--", linewidth=1, label=f"limit {limit:g}")  # type: ignore[attr-defined]
    ax.set_ylabel(f"{found.place.channel.label} ({report.unit})")  # type: ignore[attr-defined]
    ax.set_title(_title(report), loc="left", fontsize=10)  # type: ignore[attr-defined]
    ax.margins(x=0.01)  # type: ignore[attr-defined]
    ax.legend(loc="best", fontsize=8, frameon=False)  # type: ignore[attr-defined]
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)  # type: ignore[attr-defined]


def _envelope(
    t_ns: NDArray[np.int64], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """At most MAX_POINTS least and greatest values, so that no peak is lost."""
    known = np.isfinite(value)
    t_ns, value = t_ns[known], value[known]
    starts = np.unique(np.linspace(0, t_ns.size - 1, min(t_ns.size, MAX_POINTS)).astype(np.int64))
    return t_ns[starts], np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)


def _compensated(ax: object, found: Found) -> None:
    rows = [one for one in found.result.rows if one.measurement == "trend"]
    if rows:
        times = np.concatenate([one.t_ns for one in rows]).astype("datetime64[ns]")
        widths = np.concatenate([one.columns["compensated"] for one in rows])
        ax.plot(times, widths, color="black", linewidth=1.2, label="temperature taken out")  # type: ignore[attr-defined]


def _spans(ax: object, found: Found) -> None:
    named: set[str] = set()
    for run in held(found.result.judged):
        fault = run[0].reason in SENSOR_FAULTS
        if run[0].channel != VALUE and not fault:
            continue
        text = "sensor distrusted" if fault else run[0].reason.value
        start, stop = (np.datetime64(run[at].t_ns, "ns") for at in (0, -1))
        label = None if text in named else text
        ax.axvspan(start, stop, color=FAULT if fault else ODD, alpha=0.15, label=label)  # type: ignore[attr-defined]
        named.add(text)


def _title(report: Report) -> str:
    if report.trend_per_year is None or report.interval_per_year is None:
        return report.file.rpartition("/")[2]
    low, high = report.interval_per_year
    return f"{report.trend_per_year:+.3g} {report.unit}/year, 90 % interval {low:+.3g} to {high:+.3g}"
