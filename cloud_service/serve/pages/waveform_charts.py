"""The charts of a channel that brings windows of samples: vibration and strain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cloud_service.serve.pages.chart import COVERAGE_90, Chart, Maker, history_url, limit_lines
from cloud_service.store.schema import MODES
from models.standards import cite
from models.vibration_limits import GUIDE_CURVES

GUIDE_HZ = (1.0, 80.0)  # measuring range of DIN 4150-3


def waveform_charts(make: Maker) -> Iterator[Chart]:
    """What to draw, the most telling first."""
    if make.item.modes_hz:
        yield _frequencies(make)
        yield _fitted(make, "damping")
        yield _fitted(make, "hz")
    if make.item.velocity is not None:
        yield from _velocity(make)
    fields = ("rms", "peak")
    about = "Each point is one window, or the mean of several with their range. Limits are dashed lines."
    limits = limit_lines(make.item, fields)
    yield make.series(f"{make.quantity}: rms and peak", about, "window", fields, limits=limits)
    if make.item.fatigue is not None:
        about = "Miner's sum: at 1 the detail is used up."
        yield make.series("Fatigue damage", about, "fatigue", ("damage_total",), unit="of 1")
        about = (
            "Largest stress range of each day, without temperature; the newest day holds the half cycles still open."
        )
        yield make.series("Stress ranges", about, "fatigue", ("range_max_mpa",), unit="MPa")
    elif make.item.kind == "vibration":
        about = "How far the readings are from what temperature and past behaviour explain. 1 is the threshold."
        threshold = [{"value": 1.0, "label": "threshold", "level": "alarm"}]
        yield make.series("Difference from normal", about, "novelty", ("score",), unit="× threshold", limits=threshold)
    yield make.newest_window("Newest window", "The samples as they came.", "waveform")
    about = "Its peaks are the frequencies at which the structure vibrates. Shaded: the modes that are tracked."
    yield make.newest_window("Its spectrum", about, "spectrum", unit=f"({make.unit})²/Hz", bands=make.item.modes_hz)


def _modes(make: Maker) -> range:
    return range(1, min(len(make.item.modes_hz), MODES) + 1)


def _frequencies(make: Maker) -> Chart:
    """What maintenance engineers ask for first: each tracked frequency over time, above the temperature."""
    rows = [{"field": f"mode{i}_hz", "label": f"mode {i}", "unit": "Hz"} for i in _modes(make)]
    about = "Cold makes most structures stiffer and their frequencies higher."
    if make.item.temperature is not None:
        rows.append({"field": "temperature_c", "label": "temperature", "unit": "°C"})
        about += " What temperature does not explain is a change of stiffness, mass or support."
    fields = tuple(row["field"] for row in rows)
    return make.series(
        "Tracked frequencies", about, "window", fields, kind="stack", unit="Hz, window by window", rows=rows
    )


def _fitted(make: Maker, what: str) -> Chart:
    """Damping or frequency of each mode as fitted to mean spectra, with the 90 % interval of each estimate."""
    damping = what == "damping"
    error, unit, scale = ("damping_se", "%", 100.0) if damping else ("se_hz", "Hz", 1.0)
    rows = [
        {
            "field": f"mode{i}_{what}",
            "error": f"mode{i}_{error}",
            "reach": COVERAGE_90,
            "scale": scale,
            "label": f"mode {i}",
            "unit": unit,
        }
        for i in _modes(make)
    ]
    fields = tuple(str(row[name]) for row in rows for name in ("field", "error"))
    title = "Damping" if damping else "Frequencies with their error"
    about = "From the mean spectrum of half an hour, or of a day where windows only sample. Bars: 90 % interval."
    about += " A mode whose width the window cannot resolve has no damping." if damping else ""
    said = "% of critical damping" if damping else "Hz, mean spectra"
    return make.series(title, about, "modes", fields, kind="stack", unit=said, rows=rows)


def _velocity(make: Maker) -> Iterator[Chart]:
    guide = make.item.velocity
    assert guide is not None
    curve = GUIDE_CURVES[guide.guide]
    source = f"{cite(curve.standard, curve.clause)}: {curve.building}"
    about = f"Each window's largest velocity at its own frequency, under the guide value. {source}."
    low, high = GUIDE_HZ
    points = [(hz, v) for hz, v in curve.points if low < hz < high]
    at_hz = (low, *(hz for hz, _ in points), high)
    values = curve.velocity_mm_s(np.array(at_hz)).tolist()
    drawn = {"hz": at_hz, "guide": [v if np.isfinite(v) else None for v in values], "warn_share": guide.warn_share}
    fields = ("peak_mm_s", "frequency_hz")
    raw = f"{history_url(make.item.id, 'velocity', fields, make.start)}&bucket_s=0"  # a mean has no frequency
    yield make.series(
        "Velocity against the guide value", about, "velocity", fields, kind="guide", url=raw,
        unit="mm/s", curve=drawn,
    )  # fmt: skip
    about = "Largest velocity of each window, 1-80 Hz, and the guide value at its frequency."
    names = {"peak_mm_s": "largest velocity", "guide_mm_s": "guide value"}
    yield make.series("Vibration velocity", about, "velocity", ("peak_mm_s", "guide_mm_s"), unit="mm/s", names=names)
