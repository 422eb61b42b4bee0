"""The pictures of the pages on fatigue: `python docs/methods/pictures_fatigue.py`."""  # noqa: INP001

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from models import fatigue, life, rainflow

OUT = Path(__file__).parent
LINE, OTHER, FAINT = "#1f5f8b", "#d1495b", "#8a8a8a"
ASTM = np.array([-2, 1, -3, 5, -1, 3, -4, 4, -2], dtype=float)
WEEKS = 52


def main() -> None:
    """All of them."""
    mpl.use("Agg")
    for name, draw in (("rainflow", _rainflow), ("fatigue-life", _life)):
        figure = draw()
        figure.savefig(OUT / f"{name}.png", dpi=80)
        plt.close(figure)


def _rainflow() -> plt.Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.plot(ASTM, color=LINE, marker="o", label="ASTM E1049, worked example")
    left.plot([4, 5], ASTM[4:6], color=OTHER, linewidth=3, label="closed: one full cycle of range 4")
    residue, _ = rainflow.feed(np.empty(0), ASTM)
    left.plot(np.flatnonzero(np.isin(ASTM, residue))[-residue.size :], residue, "s", color=FAINT, label="residue")
    left.set(xlabel="turning point", ylabel="load", ylim=(-4.5, 9))
    left.legend(fontsize=8, loc="upper left")
    cycles = rainflow.count(ASTM)
    ranges = np.unique(cycles.ranges)
    right.bar(ranges, [cycles.counts[cycles.ranges == one].sum() for one in ranges], color=LINE)
    right.set(xlabel="range", ylabel="cycles", xticks=ranges)
    return figure


def _life() -> plt.Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    ranges = np.geomspace(0.41, 4, 200)
    for category, color in ((112.0, FAINT), (71.0, LINE), (36.0, OTHER)):
        left.loglog(fatigue.endurance_cycles(ranges * category, category), ranges * category, color=color)
        left.annotate(f"{category:g}", (2e6, category), color=color, fontsize=8, va="bottom")
    left.axvline(2e6, color=FAINT, linewidth=0.5)
    left.axvline(5e6, color=FAINT, linewidth=0.5)
    left.set(xlabel="cycles endured N", ylabel="stress range Δσ, MPa", title="EN 1993-1-9, detail categories")
    left.title.set_fontsize(9)
    rng = np.random.default_rng(1)
    damage = 0.05 / WEEKS * np.exp(rng.normal(0, 0.3, WEEKS))
    draws = life.fatigue_years(damage, np.full(WEEKS, 7 / 365.25), 0.05, life.seed_of("girder.strain"))
    right.hist(draws, bins=50, color=LINE, alpha=0.7)
    p5, p10, p50, p90, p95 = life.quantiles(draws)
    for value, name in ((p10, "P10"), (p50, "P50"), (p90, "P90")):
        right.axvline(value, color=OTHER)
        right.annotate(f" {name}", (value, 1), xycoords=("data", "axes fraction"), color=OTHER, fontsize=8, va="top")
    right.axvspan(p5, p95, color=FAINT, alpha=0.15)
    right.set(xlabel="years until the detail fails", ylabel="draws", title="a year recorded, 5 % of damage in it")
    right.title.set_fontsize(9)
    return figure


if __name__ == "__main__":
    main()
