"""A model against histories of assets that it was not trained on."""

from __future__ import annotations

import numpy as np

from cloud_service.model.file import Loaded
from cloud_service.model.histories import Found
from cloud_service.model.train import life_metrics
from models.indicator_history import smoothed
from models.remaining_life import life_left, outside
from models.remaining_life_training import Histories


def judge_model(loaded: Loaded, found: Found) -> dict[str, float]:
    """Metrics over the rows that lie in the model's range, each asset weighing the same, and how many do not."""
    model, histories = loaded.model, found.histories
    inside = np.fromiter(
        (
            not outside(model, values, conditions, age)
            for values, conditions, age in zip(histories.values, histories.conditions, histories.age, strict=True)
        ),
        np.bool_,
        len(histories.age),
    )
    kept = Histories(
        histories.asset[inside],
        histories.age[inside],
        histories.left[inside],
        histories.values[inside],
        histories.conditions[inside],
    )
    metrics = {"assets": float(np.unique(kept.asset).size), "outside_share": float(1 - inside.mean())}
    if not kept.age.size:
        return metrics
    scaled = model.conditions.standardised(kept.values, kept.conditions)
    told = life_left(model, smoothed(scaled, kept.asset, model.spans), kept.age)
    return metrics | life_metrics(told.expected, told.quantiles[:, [0, -1]], kept, model.cap)
