"""The pictures of the pages on vibration: `python docs/methods/pictures_vibration.py` (needs the extra `oma`)."""  # noqa: INP001

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from scipy import signal

from cloud_service.modal.identify import identify
from cloud_service.modal.simultaneous import Simultaneous
from models.mode_fit import fit_mode
from models.modes import mode_bands
from models.spectra import BAND_NAMES, psd, window_features
from models.velocity import velocities_mm_s, velocity_peaks
from models.vibration_limits import GUIDE_CURVES

OUT = Path(__file__).parent
LINE, OTHER, FAINT = "#1f5f8b", "#d1495b", "#8a8a8a"
RATE_HZ = 100.0


def main() -> None:
    """All of them."""
    mpl.use("Agg")
    for name, draw in (
        ("spectra", _spectra),
        ("modes-and-damping", _modes),
        ("vibration-velocity", _velocity),
        ("modal-analysis", _modal),
    ):
        figure = draw()
        figure.savefig(OUT / f"{name}.png", dpi=80)
        plt.close(figure)


def _oscillator(frequency_hz: float, damping: float, count: int, seed: int) -> np.ndarray:
    pole = np.exp(2 * np.pi * frequency_hz * (-damping + 1j) / RATE_HZ)
    force = np.random.default_rng(seed).standard_normal(count)
    motion = signal.lfilter([1, -2, 1], [1, -2 * pole.real, abs(pole) ** 2], force)
    return np.asarray(motion / motion.std())


def _spectra() -> plt.Figure:
    samples = _oscillator(4.0, 0.01, 1024 * 40, 1) + 0.4 * _oscillator(17.0, 0.01, 1024 * 40, 2)
    windows = samples.reshape(-1, 1024).astype(np.float32)
    features = window_features(windows, RATE_HZ, ((3.0, 5.0),))
    frequency_hz, density = psd(windows, RATE_HZ)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.semilogy(frequency_hz, density[5], color=FAINT, linewidth=0.8, label="one window")
    left.semilogy(frequency_hz, density.mean(axis=0), color=LINE, label="mean of 40")
    left.axvspan(3.0, 5.0, color=OTHER, alpha=0.15, label="tracked band")
    left.set(xlabel="Hz", ylabel="(m/s²)²/Hz", ylim=(1e-7, 10))
    left.legend(fontsize=8, loc="upper right")
    right.boxplot([features[name] for name in BAND_NAMES], showfliers=False)
    right.set(xlabel="octave below half the sample rate (8: the upper half)", ylabel="ln of the share of energy")
    return figure


def _modes() -> plt.Figure:
    length, count = 1024, 64
    samples = _oscillator(4.0, 0.02, length * count, 3)
    _, density = psd(samples.reshape(count, length).astype(np.float32), RATE_HZ)
    bands = mode_bands(((3.2, 4.8),), length, RATE_HZ)
    (first, last), mean = bands.slots[0], density.mean(axis=0)
    fit = fit_mode(mean[first : last + 1], first, bands.spacing_hz, count)
    lines = np.arange(first, last + 1) * bands.spacing_hz
    fine = np.linspace(lines[0], lines[-1], 600)
    shape = 1 / ((1 - (fit.frequency_hz / fine) ** 2) ** 2 + (2 * fit.damping * fit.frequency_hz / fine) ** 2)
    figure, axes = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    axes.plot(lines, mean[first : last + 1] / mean.max(), "o", color=FAINT, label="mean spectrum, 10 s windows")
    axes.plot(fine, shape / shape.max(), color=LINE, label="the resonance behind it")
    axes.axhline(0.5, color=OTHER, linewidth=0.8, linestyle="--", label="half power (of the dots: too wide)")
    axes.set(xlabel="Hz", ylabel="share of the peak")
    axes.set_title(
        f"{fit.frequency_hz:.3f} ± {fit.frequency_se_hz:.3f} Hz, damping {100 * fit.damping:.2f} ± "
        f"{100 * fit.damping_se:.2f} % (true: 4 Hz, 2 %)",
        fontsize=9,
    )
    axes.legend(fontsize=7, loc="upper right")
    return figure


def _velocity() -> plt.Figure:
    rate_hz = 250.0
    time_s = np.arange(2000) / rate_hz
    envelope = np.exp(-((time_s - 4) ** 2) / (2 * 0.3**2))
    window = (0.4 * np.sin(2 * np.pi * 12 * time_s) * envelope + 9.81).astype(np.float32)[None]
    (peak,), (frequency_hz,) = velocity_peaks(window, rate_hz)
    velocity, fine_hz = velocities_mm_s(window, rate_hz)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(np.arange(velocity.size) / fine_hz, velocity[0], color=LINE, linewidth=0.8)
    left.set(xlabel="s", ylabel="mm/s", title="velocity of a blast, from acceleration")
    hz = np.linspace(1, 100, 400)
    for name, style in (("industrial", ":"), ("dwelling", "-"), ("sensitive", "--")):
        curve = GUIDE_CURVES[f"din_4150_3.{name}.foundation"]
        right.plot(hz, curve.velocity_mm_s(hz), style, color=LINE, label=f"DIN 4150-3 {name}, foundation")
    right.plot(hz, GUIDE_CURVES["bs_7385_2.light.transient"].velocity_mm_s(hz), color=OTHER, label="BS 7385-2 light")
    right.plot([frequency_hz], [peak], "o", color="black", label="the blast, at its own frequency")
    right.set(xlabel="Hz", ylabel="mm/s", xscale="log", yscale="log")
    right.legend(fontsize=6, loc="lower right")
    return figure


def _modal() -> plt.Figure:
    places = 5
    stiffness = 2 * np.eye(places) - np.eye(places, k=1) - np.eye(places, k=-1)
    stiffness[-1, -1] = 1
    eigenvalues, shapes = np.linalg.eigh(stiffness)
    true_hz = np.sqrt(eigenvalues / eigenvalues[0])
    modal = np.stack([_oscillator(hz, 0.01, 60_000, seed) for seed, hz in enumerate(true_hz)])
    samples = (shapes @ modal).T
    samples += 0.1 * np.random.default_rng(9).standard_normal(samples.shape) * samples.std(axis=0)
    names = tuple(f"floor {i}" for i in range(1, places + 1))
    found = identify(Simultaneous(names, samples, RATE_HZ), 0.5, 10.0, 30)
    figure, row = plt.subplots(1, len(found), figsize=(9, 3.2), sharey=True, layout="constrained")
    for axes, mode, shape in zip(row, found, shapes.T, strict=False):
        true = shape / shape[np.abs(shape).argmax()]
        axes.plot([0, *true], range(places + 1), color=FAINT, linewidth=3, label="true")
        axes.plot([0, *mode.shape.values()], range(places + 1), "o--", color=LINE, markersize=4, label="found")
        axes.set_title(
            f"{mode.frequency_hz:.3f} Hz\n{100 * mode.damping:.1f} ± {100 * mode.damping_se:.1f} %", fontsize=9
        )
    row[0].set_ylabel("floor")
    row[0].legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
