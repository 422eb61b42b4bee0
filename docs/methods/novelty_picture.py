# ruff: noqa: INP001 - a script, no module
"""Draws the pictures of `novelty.md` and `sensor-faults.md`: `python docs/methods/novelty_picture.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

from cloud_service.analyse.detectors.novelty import NoveltyDetector
from evaluation.sensor_years import Followed, follow, like_sensors, new_sensor
from models.noise_floor import FALL, RISE, Floor
from models.noise_floor import follow as track
from sensors_sim.span import Span
from sensors_sim.years import Behaviour, Loss, simulate
from telltale.clock import NS_PER_DAY

HERE = Path(__file__).parent
START_NS = 20_454 * NS_PER_DAY
DAYS, DAMAGE_DAY = 540, 480


def main() -> None:
    """Write both pictures beside this file."""
    years = simulate(1, "picture", Span(START_NS, DAYS), Behaviour())
    damaged = years.damaged(Loss(0.005, DAMAGE_DAY))
    followed = Followed(damaged, *(getattr(follow(years), name) for name in ("lagged_c", "unsettled")))
    novelty(followed)
    noise_floor()


def novelty(followed: Followed) -> None:
    """Frequency against temperature, and the score through a loss of 0.5 %."""
    years = followed.years
    days, scores = _scores(followed)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), dpi=80)
    sound = years.days < DAMAGE_DAY
    for rows, colour, label in ((sound, "0.6", "undamaged"), (~sound, "tab:red", "0.5 % lower")):
        left.plot(years.air_c[rows][::6], years.features["mode1_hz"][rows][::6], ".", ms=2, color=colour, label=label)
    left.set(xlabel="air temperature, °C", ylabel="frequency of mode 1, Hz", ylim=(2.75, 3.15))
    left.legend(fontsize=8, markerscale=4)
    right.semilogy(days, np.maximum(scores, 0.05), lw=0.6)
    right.axhline(1, color="tab:orange", lw=1)
    right.axvline(DAMAGE_DAY, color="tab:red", lw=1, ls="--")
    right.set(xlabel="day", ylabel="score (1: threshold)", xlim=(0, DAYS))
    _save(figure, "novelty.png")


def noise_floor() -> None:
    """The floor of each day, a rise by a factor of six, and the days on which the model says that it changed."""
    days = np.arange(60)
    logs = np.random.default_rng(1).normal(0, 0.08, days.size) + np.where((days >= 35) & (days < 50), np.log(6), 0)
    floor, changed = Floor(), []
    for day in days.tolist():
        track(floor, day, logs[day : day + 1])
        changed.append(floor.changed)
    figure, axes = plt.subplots(figsize=(6, 2.6), dpi=80)
    axes.semilogy(days, np.exp(logs), "o-", ms=3, lw=0.6)
    axes.axhspan(np.exp(FALL), np.exp(RISE), color="tab:green", alpha=0.12)
    for day in days[changed]:
        axes.axvspan(day, day + 1, color="tab:red", alpha=0.12, lw=0)
    axes.set(xlabel="day", ylabel="floor over its reference", ylim=(0.07, 12))
    _save(figure, "noise_floor.png")


def _scores(followed: Followed) -> tuple[np.ndarray, np.ndarray]:
    sensor = new_sensor(NoveltyDetector(), like_sensors(1))
    days, scores = [], []
    for batch in followed.days():
        sensor.state, output = sensor.detector.step(sensor.place, sensor.state, batch)
        days += [(finding.t_ns - START_NS) / NS_PER_DAY for finding in output.findings]
        scores += [finding.score for finding in output.findings]
    return np.array(days), np.array(scores)


def _save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(HERE / name)
    plt.close(figure)


if __name__ == "__main__":
    main()
