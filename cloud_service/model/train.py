"""From a file of histories to a model with its card."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import sklearn
from numpy.typing import NDArray

from cloud_service.model.card import DESCRIPTION, Card
from cloud_service.model.file import LONGEST_ROW_S, SHORTEST_ROW_S
from cloud_service.model.histories import Found
from models.life import QUANTILES
from models.life_scores import coverage, interval_score, rms
from models.remaining_life import LifeModel
from models.remaining_life_settings import Training
from models.remaining_life_training import FEWEST_ASSETS, Histories, Trained, train, usable_columns
from telltale import __version__
from telltale.errors import UserError

Floats = NDArray[np.float64]
Unit = Literal["cycles", "hours", "days"]
COVERAGE = QUANTILES[-1] - QUANTILES[0]


def train_model(
    found: Found, file: Path, training: Training, *, seed: int, unit: Unit, unit_s: float, conditions: tuple[str, ...]
) -> tuple[Card, LifeModel]:
    """Train on what was found in `file`.

    Raises:
        UserError: too few assets failed, or no indicator varies.
    """
    _refuse_what_teaches_nothing(found, file, training, conditions)
    if not SHORTEST_ROW_S <= found.spacing * unit_s <= LONGEST_ROW_S:
        raise UserError(f"{file}: rows {found.spacing * unit_s:g} s apart", "give the time column in --unit")
    used = usable_columns(found.histories.values)
    names = tuple(name for name, use in zip(found.names, used, strict=True) if use)
    if not names:
        raise UserError(f"{file}: no indicator varies", "expected columns that take at least three values")
    histories = Histories(
        found.histories.asset,
        found.histories.age,
        found.histories.left,
        found.histories.values[:, used],
        found.histories.conditions,
    )
    lives = histories.age[histories.left == 0]
    training = training.for_lives(lives, np.unique(histories.asset, return_counts=True)[1])
    trained = train(histories, training, seed)
    card = Card(
        description=DESCRIPTION,
        made=date.today().isoformat(),  # noqa: DTZ011 - a day for people, of a command
        made_by=f"telltale {__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}",
        data=file.name,
        data_sha256=found.sha256,
        assets=lives.size,
        rows=len(histories.age),
        left_out=found.left_out,
        indicators=names,
        conditions=conditions,
        unused=tuple(name for name in found.names if name not in names),
        unit=unit,
        unit_s=unit_s,
        spacing=found.spacing,
        ranges=tuple((float(low), float(high)) for low, high in _ranges(histories.values)),
        lives=(float(lives.min()), float(np.median(lives)), float(lives.max())),
        settings=training,
        seed=seed,
        metrics=unseen_metrics(trained, histories, training.cap),
    )
    return card, trained.model


def _refuse_what_teaches_nothing(found: Found, file: Path, training: Training, conditions: tuple[str, ...]) -> None:
    assets, fewest = np.unique(found.histories.asset).size, max(FEWEST_ASSETS, training.folds)
    if assets < fewest:
        raise UserError(f"{file}: {assets} assets ran to failure", f"at least {fewest} are needed")
    if bool(conditions) != (training.regimes > 1):
        raise UserError(
            f"{training.regimes} regimes told by {', '.join(conditions) or 'no column'}",
            "give --conditions and regimes above 1 in the settings together",
        )


def _ranges(values: Floats) -> Floats:
    return np.stack((values.min(axis=0), values.max(axis=0)), axis=1)


def unseen_metrics(trained: Trained, histories: Histories, cap: float) -> dict[str, float]:
    """What cross-validation found, each asset weighing the same."""
    return life_metrics(trained.unseen, trained.covered, histories, cap)


def life_metrics(expected: Floats, interval: Floats, histories: Histories, cap: float) -> dict[str, float]:
    """Errors and intervals over rows, each asset weighing the same; all but `rmse_uncapped` against life at most `cap`.

    Args:
        expected: (n,) life left, predicted.
        interval: (n, 2) P5 and P95.
        histories: with the truth.
        cap: life beyond is not told apart.
    """
    _, index, rows = np.unique(histories.asset, return_inverse=True, return_counts=True)
    weights = 1 / rows[index]
    truth = np.minimum(histories.left, cap)
    low, high = np.minimum(interval, cap).T
    return {
        "rmse": rms(expected - truth, weights),
        "rmse_uncapped": rms(expected - histories.left, weights),
        "coverage90": coverage(low, high, truth, weights),
        "coverage90_uncapped": coverage(interval[:, 0], interval[:, 1], histories.left, weights),
        "interval_score": interval_score(low, high, truth, COVERAGE, weights),
    }
