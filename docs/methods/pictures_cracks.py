"""Pictures of the pages on cracks: `python docs/methods/pictures_cracks.py`, written beside the pages."""  # noqa: INP001

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from cloud_service.analyse.detector import LAGS_H
from cloud_service.analyse.detectors.crack import CrackSettings
from cloud_service.analyse.detectors.crack_first_passage import first_passage
from cloud_service.analyse.detectors.crack_life import CrackHistory
from models.crack import growth, slow_lag
from models.crack_fleet import History, conformal_quantiles, fleet_cycles_to
from models.crack_grades import GRADE_TABLES, GRADES
from models.crack_rate import cycles_to, fit_rate
from models.life import QUANTILES, quantiles
from models.stress_intensity import Loaded
from sensors_sim.crack_fleet import A_DAY, CrackPlan, crack
from telltale.channel_details import CrackDetail
from telltale.clock import NS_PER_DAY
from telltale.site import Channel

NUMBER = 3  # of a crack that is given a life
FOLDER = Path(__file__).parent
PLATE, LENGTHS_MM, LIMIT_MM = Loaded(48.28, 1.0, 152.4), np.geomspace(9.0, 50.0, 160), 49.0


def concrete() -> None:
    """A simulated crack: gauge, width without temperature, and the dates of its limit."""
    one = crack(1, NUMBER, CrackPlan(), growing=True)
    day = one.t_ns.reshape(-1, A_DAY)[:, 0] / NS_PER_DAY + 0.5
    width, celsius = one.width_mm.reshape(-1, A_DAY).mean(axis=1), one.celsius.reshape(-1, A_DAY).mean(axis=1)
    lagged_c = np.stack([celsius, *(slow_lag(day, celsius, lag_h / 24) for lag_h in LAGS_H[1:])], axis=1)
    found = growth(day, width, lagged_c)
    detail = CrackDetail(limit_mm=one.limit_mm, source="simulated")
    channel = Channel(id=one.name, kind="crack", unit="mm", gateway="g", interval_s=21_600, crack=detail)
    rules = CrackSettings()
    now_ns = int(day[-1] * NS_PER_DAY)
    life = first_passage(
        channel, now_ns, CrackHistory(day, width, found), min_history_days=rules.min_history_days, rules=rules.life
    )
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axes.plot(day - day[0], width, color="0.75", lw=0.8, label="gauge, daily means")
    effect = found.betas[:-1] @ (lagged_c - found.reference_c[:-1]).T
    axes.plot(day - day[0], width - effect, color="C0", lw=0.8, label="temperature taken out")
    axes.axhline(one.limit_mm, color="C3", lw=1, label="limit")
    for date, share, style in ((life.p10_ns, 10, ":"), (life.p50_ns, 50, "-"), (life.p90_ns, 90, ":")):
        if date is not None:
            ahead = [day[-1] - day[0], date / NS_PER_DAY - day[0]]
            axes.plot(ahead, [found.level(), one.limit_mm], style, color="C1", lw=1.2, label=f"P{share}")
    axes.plot(day[-1] - day[0] + one.reached_days, one.limit_mm, "k*", label="truth")
    axes.set(xlabel="day", ylabel="width, mm")
    axes.legend(fontsize=7, ncols=2)
    figure.savefig(FOLDER / "crack-trend.png", dpi=90)


def steel() -> None:
    """A simulated plate from half its life on: alone and with a fleet."""
    plates = [_plate(seed) for seed in range(41)]
    own, others, cut = plates[0], plates[1:], 80
    seen = History(own.length_mm[: cut + 1], own.cycles[: cut + 1])
    alone = quantiles(cycles_to(fit_rate(seen.length_mm, seen.cycles, PLATE), LIMIT_MM, PLATE))
    fleet = conformal_quantiles(fleet_cycles_to(seen, others, LIMIT_MM, PLATE), QUANTILES)
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for other in others:
        axes.plot(other.cycles / 1e3, other.length_mm, color="0.85", lw=0.6)
    axes.plot(seen.cycles / 1e3, seen.length_mm, color="C0", lw=2, label="seen")
    axes.plot(own.cycles[cut:] / 1e3, own.length_mm[cut:], color="C0", lw=1, ls=":", label="what became of it")
    for name, life, height, colour in (("alone", alone, 1.5, "C1"), ("with the fleet", fleet, 0.0, "C2")):
        low, median, high = (float(seen.cycles[-1] + life[at]) / 1e3 for at in (0, 2, 4))
        axes.errorbar(
            median,
            LIMIT_MM + height,
            xerr=[[median - low], [high - median]],
            fmt="o",
            color=colour,
            capsize=4,
            label=name,
        )
    axes.set(xlabel="thousand cycles", ylabel="length a, mm")
    axes.legend(fontsize=7, loc="upper left")
    figure.savefig(FOLDER / "crack-growth-steel.png", dpi=90)


def _plate(seed: int) -> History:
    rng = np.random.default_rng(seed)
    middle, steps = np.sqrt(LENGTHS_MM[1:] * LENGTHS_MM[:-1]), np.diff(np.log(LENGTHS_MM))
    level = rng.normal(0, 0.1) + np.cumsum(rng.normal(0, np.sqrt(0.02 * steps)))
    rate = 5e-12 * PLATE.range_at(middle) ** 2.9 * np.exp(level + rng.normal(0, 0.15, middle.size))
    return History(LENGTHS_MM, np.concatenate(([0.0], np.cumsum(np.diff(LENGTHS_MM) / rate))))


def grades() -> None:
    """The grades of the table as bands of width."""
    table = GRADE_TABLES["kr_rc_deck_crack"]
    edges = (0.0, *table.below_mm, 1.3)
    figure, axes = plt.subplots(figsize=(7, 1.3), layout="constrained")
    colours = ("#4c9f70", "#a3c96b", "#f2d35e", "#ee9a4d", "#d65a4a")
    for grade, left, right, colour in zip(GRADES, edges, edges[1:], colours, strict=False):
        axes.barh(0, right - left, left=left, color=colour)
        axes.text((left + right) / 2, 0, grade, ha="center", va="center")
    axes.set(xlabel="crack width, mm", yticks=[], xlim=(0, 1.3))
    figure.savefig(FOLDER / "condition-grades.png", dpi=90)


if __name__ == "__main__":
    concrete()
    steel()
    grades()
