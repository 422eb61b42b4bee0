"""The report for people, in plain text."""

from __future__ import annotations

from collections.abc import Iterator

from cloud_service.analyse_file.report import Quantiles, Report

MAX_LISTED = 12


def summary(report: Report) -> str:
    """A few lines: what was read, what the sensor did, how it trends, what is odd, how long it lasts."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.file}: {report.rows} rows, {report.from_} to {report.to}, {report.missing} missing"
    yield from (f"  note: {note}" for note in report.notes)
    yield "Quality: " + ("no sensor fault found" if not report.quality else f"{len(report.quality)} flagged spans")
    for flag in report.quality[:MAX_LISTED]:
        yield f"  {flag.flag:<18} {flag.column}  {flag.from_} to {flag.to}"
    yield from _more(len(report.quality))
    yield _trend(report)
    if report.fatigue is not None:
        fatigue = report.fatigue
        yield (
            f"Fatigue: {fatigue.cycles:g} cycles, Miner damage {fatigue.damage:.3g},"
            f" largest range {fatigue.range_max_mpa:.3g} MPa"
        )
    yield "Anomalies: " + ("none" if not report.anomalies else str(len(report.anomalies)))
    for odd in report.anomalies[:MAX_LISTED]:
        first = " (provisional)" if odd.provisional else ""
        figures = f"{odd.value:.4g} against {odd.limit:.4g} {odd.unit}"
        yield f"  {odd.tier:<6} {odd.reason}{first}  {odd.from_} to {odd.to}  {figures}"
    yield from _more(len(report.anomalies))
    yield from _life(report)


def _more(count: int) -> Iterator[str]:
    if count > MAX_LISTED:
        yield f"  … and {count - MAX_LISTED} more (--json lists all)"


def _trend(report: Report) -> str:
    if report.trend_per_year is None or report.interval_per_year is None:
        return "Trend: not estimated"
    low, high = report.interval_per_year
    text = f"Trend: {report.trend_per_year:+.3g} {report.unit}/year (90 % interval {low:+.3g} to {high:+.3g})"
    if report.temperature_effect_per_c is not None:
        text += f", temperature {report.temperature_effect_per_c:+.3g} {report.unit}/°C"
    if report.r2_below_36h is not None:
        text += f", which explains {100 * report.r2_below_36h:.0f} % of the variation below 36 h"
    return text


def _life(report: Report) -> Iterator[str]:
    life = report.life
    if not isinstance(life, Quantiles):
        yield f"Life: refused, {life.refused}: {life.detail}"
        return
    yield f"Life: limit reached by {life.p10} (10 %), {life.p50} (50 %), {life.p90} (90 %)"
    yield f"  {life.detail}"
    yield from (f"  assumes: {text}" for text in life.assumptions)
