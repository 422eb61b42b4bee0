"""Draw the picture of remaining-life.md: `python docs/methods/pictures_remaining_life.py` from the root."""

# ruff: noqa: INP001

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

sys.path.insert(0, str(Path(__file__).parents[2]))
from models.indicator_history import smoothed
from models.remaining_life import life_left
from models.remaining_life_settings import Training
from models.remaining_life_training import train
from tests.models.fleet import fleet

SETTINGS = Training(cap=55.0, spans=(4.0, 12.0, 36.0), trees=150, every=1, members=2)


def main() -> None:
    """A fleet of 40 simulated assets teaches; three others are predicted as they age."""
    model = train(fleet(1, 40), SETTINGS, 1).model
    others = fleet(7, 3)
    scaled = model.conditions.standardised(others.values, others.conditions)
    left = life_left(model, smoothed(scaled, others.asset, model.spans), others.age)
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
    for asset, axis in enumerate(axes):
        rows = (others.asset == asset) & (others.age >= model.first_rows)
        age = others.age[rows]
        axis.fill_between(age, left.quantiles[rows, 0], left.quantiles[rows, -1], color="#9ecae1", label="P5 to P95")
        axis.plot(age, left.quantiles[rows, 2], color="#08519c", label="P50")
        axis.plot(age, others.left[rows], color="black", ls="--", lw=1, label="truth")
        axis.set(xlabel="age (rows)", ylim=(0, 110))
    axes[0].set_ylabel("life left (rows)")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(Path(__file__).with_name("remaining-life.png"), dpi=75)
    print(np.round(left.expected[-1], 1))


if __name__ == "__main__":
    main()
