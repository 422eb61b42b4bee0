"""Windows of vibration and strain: level, natural frequencies, damping, velocity, shape."""

from __future__ import annotations

from grafana_foundation_sdk.builders.timeseries import Panel

from cloud_service.store.schema import BANDS, MODES

from .influxql import InfluxQL, over_time
from .panels import Steps, history


def level() -> Panel:
    """Rms and peak."""
    return history(
        "Rms and peak of the windows",
        "About the window's mean; m/s² (vibration) or µε (strain). 'highest' is the largest peak of the interval. "
        "Peak values are what DIN 4150-3 style limits are judged on; rms follows traffic.",
        over_time("window", 'mean("rms")', "rms"),
        over_time("window", 'mean("peak")', "peak"),
        over_time("window", 'max("peak")', "highest"),
        unit="none",
        w=8,
    )


def modes() -> Panel:
    """Tracked frequencies."""
    return history(
        "Natural frequencies",
        "Searched only in the bands that site.toml tracks. They fall as the structure warms (and kink at freezing): "
        "only a change that temperature does not explain speaks of stiffness.",
        *[over_time("window", f'mean("mode{i}_hz")', f"mode {i}") for i in range(1, MODES + 1)],
        unit="hertz",
        w=8,
        decimals=3,
    )


def temperature() -> Panel:
    """Temperature of the windows."""
    return history(
        "Temperature of the windows",
        "Of the channel's thermometer when the window was taken; what novelty is conditioned on.",
        over_time("window", 'mean("temperature_c")', "temperature"),
        unit="celsius",
        w=8,
    )


def _of_modes(quantity: str) -> list[InfluxQL]:
    """A curve for each mode, of what was fitted to mean spectra."""
    return [over_time("modes", f'mean("mode{i}_{quantity}")', f"mode {i}") for i in range(1, MODES + 1)]


def damping() -> Panel:
    """Damping with the 90 % interval of its estimates."""
    return history(
        "Damping of the natural frequencies",
        "Share of critical damping, from the mean spectrum of half an hour (of a day where windows only sample). Empty "
        "where windows are too short to resolve the peak's width; measurement 'modes' says why.",
        *_of_modes("damping"),
        unit="percentunit",
        w=12,
        decimals=2,
    )


def damping_error() -> Panel:
    """How well damping is known."""
    return history(
        "Standard error of damping",
        "Of the dampings beside; 1.645 times it either side is the 90 % interval. A change within it is none.",
        *_of_modes("damping_se"),
        unit="percentunit",
        w=12,
        decimals=2,
    )


def frequency_error() -> Panel:
    """How well frequencies are known."""
    return history(
        "Standard error of the frequencies",
        "Of the frequencies fitted to mean spectra (measurement 'modes'), from the Fisher information of the fit.",
        *_of_modes("se_hz"),
        unit="hertz",
        w=12,
        decimals=4,
    )


def velocity() -> Panel:
    """Velocity and its guide value."""
    return history(
        "Vibration velocity and its guide value",
        "Largest velocity of a window (1-80 Hz, integrated from acceleration) and the lowest guide value at the "
        "frequencies of these peaks: DIN 4150-3 or BS 7385-2, as the channel's settings say.",
        over_time("velocity", 'max("peak_mm_s")', "largest"),
        over_time("velocity", 'min("guide_mm_s")', "guide value"),
        unit="suffix: mm/s",
        w=12,
    )


def velocity_frequency() -> Panel:
    """At which frequency the peaks stand."""
    return history(
        "Frequency of the velocity peaks",
        "Frequency of the half wave that holds each window's peak: the guide value of a foundation rises with it.",
        over_time("velocity", 'min("frequency_hz")', "lowest"),
        over_time("velocity", 'mean("frequency_hz")', "mean"),
        unit="hertz",
        w=12,
    )


def guide_share() -> Panel:
    """How much of the guide value is reached."""
    return history(
        "Share of the guide value",
        "Largest velocity of the interval over the lowest guide value in it: 1 is the value up to which the standard "
        "expects no damage; it never reads lower than the worst window.",
        over_time("velocity", 'max("peak_mm_s") / min("guide_mm_s") AS "share"', "share"),
        unit="percentunit",
        line=Steps(((0.7, "orange"), (1.0, "red"))),
        w=12,
    )


def shape() -> Panel:
    """Crest factor and kurtosis."""
    return history(
        "Crest factor and kurtosis",
        "Level-free: shocks, loose parts and spikes raise them. Gaussian vibration has kurtosis 3.",
        over_time("window", 'mean("crest")', "crest factor"),
        over_time("window", 'mean("kurtosis")', "kurtosis"),
        unit="none",
    )


def bands() -> Panel:
    """Band energies."""
    return history(
        "Band energies, level removed",
        "Logarithm of the share of each frequency band, low (0) to high; what the novelty score looks at.",
        *[over_time("window", f'mean("band{i}")', f"band {i}") for i in range(BANDS)],
        unit="none",
    )
