"""Small trained models for tests: of a tilt that grows towards failure, in days."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from cloud_service.model.card import Card
from cloud_service.model.file import Loaded
from cloud_service.model.histories import Layout, read_histories
from cloud_service.model.train import train_model
from models.remaining_life import LifeModel
from models.remaining_life_settings import Training

QUICK = Training(trees=20, leaf_rows=10, every=1, members=1, folds=3)
LAYOUT = Layout("asset", "time", "", (), 86400.0)
HEADER = "asset,time,value,still"


def tilt_csv(seed: int = 1, assets: int = 12) -> str:
    """Histories in days: 2 mrad that grow to 5 at failure, after 40 to 70 days."""
    rng = np.random.default_rng(seed)
    lines = [HEADER]
    for asset in range(assets):
        life = int(rng.integers(40, 70))
        day = np.arange(life)
        tilt = 2 + 3 * np.exp((day + 1 - life) / (0.25 * life)) + 0.05 * rng.standard_normal(life)
        lines += [f"A{asset},{at},{value:.5f},7" for at, value in zip(day, tilt, strict=True)]
    return "\n".join(lines) + "\n"


def trained_on(file: Path, training: Training = QUICK) -> tuple[Card, LifeModel]:
    """A model of the histories in `file`."""
    found = read_histories(file, LAYOUT)
    return train_model(found, file, training, seed=1, unit="days", unit_s=86400.0, conditions=())


def two_piers_csv(seed: int = 2, assets: int = 12) -> str:
    """The same, of assets that two gauges watch: one tilts as above, the other the other way and by half."""
    rng = np.random.default_rng(seed)
    lines = ["asset,time,left,right"]
    for asset in range(assets):
        life = int(rng.integers(40, 70))
        day = np.arange(life)
        wear = np.exp((day + 1 - life) / (0.25 * life))
        noise = 0.05 * rng.standard_normal((2, life))
        pairs = zip(day, 2 + 3 * wear + noise[0], 1 - 1.5 * wear + noise[1], strict=True)
        lines += [f"A{asset},{at},{left:.5f},{right:.5f}" for at, left, right in pairs]
    return "\n".join(lines) + "\n"


@cache
def tilting_model() -> Loaded:
    """A model of `tilt_csv`, as if it had come from a file."""
    return _model_of(tilt_csv(), "ab")


@cache
def two_piers_model() -> Loaded:
    """A model of `two_piers_csv`."""
    return _model_of(two_piers_csv(), "cd")


def _model_of(text: str, digits: str) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tilts.csv"
        file.write_text(text)
        card, model = trained_on(file)
    return Loaded(card, model, digits * 32)
