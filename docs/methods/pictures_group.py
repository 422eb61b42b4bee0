"""The picture of the page on groups of like sensors: `python docs/methods/pictures_group.py`."""  # noqa: INP001

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from models.group_novelty import follow, learn
from models.group_novelty_state import STATISTICS, Rule, start

OUT = Path(__file__).parent
COLOURS = ("#1f5f8b", "#d1495b", "#8a8a8a")
ROWS, LEARNED, MOVED = 900, 504, 700


def main() -> None:
    """Four sensors under one load, one of which leaves the others."""
    mpl.use("Agg")
    rng = np.random.default_rng(4)
    load = np.convolve(rng.standard_normal(ROWS + 5), np.ones(6) / 2, mode="valid")
    values = load[:, None] * np.linspace(1, 1.6, 4) + 0.3 * rng.standard_normal((ROWS, 4))
    values[MOVED:, 2] += 1.0
    none = np.empty((ROWS, 0))
    model = learn(values[:LEARNED], none[:LEARNED], Rule())
    scores = follow(model, start(4), values, none)
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 4.4), sharex=True, layout="constrained")
    above.plot(values[:, [0, 1, 3]], color=COLOURS[2], linewidth=0.4)
    above.plot(values[:, 2], color=COLOURS[1], linewidth=0.6, label="sensor that moves by less than the load does")
    above.set(ylabel="readings")
    above.legend(fontsize=8, loc="upper left")
    for name, ratio, colour in zip(STATISTICS, scores.ratios.T, COLOURS, strict=True):
        below.plot(ratio, color=colour, linewidth=0.9, label=name)
    below.axhline(1.0, color="black", linewidth=0.8, linestyle="--")
    below.axvspan(0, LEARNED, color="#000000", alpha=0.06, label="baseline")
    below.set(xlabel="row", ylabel="statistic over its limit", xlim=(0, ROWS))
    below.legend(fontsize=8, loc="upper left")
    figure.savefig(OUT / "group-novelty.png", dpi=50)
    plt.close(figure)


if __name__ == "__main__":
    main()
