"""Rows of inputs through the service's remaining-life model, as it runs on an asset of several channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse import remaining_life
from cloud_service.analyse.gather import Column
from cloud_service.analyse.group_detector import GroupBatch
from cloud_service.analyse.life_models import AssetPlace, sheet_of
from cloud_service.model.file import Loaded
from models.life import QUANTILES
from telltale.asset import Asset, Input
from telltale.clock import NS_PER_S, NS_PER_YEAR
from telltale.findings import Life
from telltale.site import Channel, Facility, Place, Structure

Floats = NDArray[np.float64]

# A model knows no kinds: what a rig measures is declared as one kind that the site file has.
KIND, UNIT = "tilt", "mrad"


@dataclass(frozen=True, slots=True)
class Newest:
    """What the service says at the end of an asset's rows, in the model's unit.

    Attributes:
        expected: life left; NaN where there never was an estimate.
        quantiles: (5,) `models.life.QUANTILES` of it.
        rows_ago: 0: at the last row; else what was refused since.
    """

    expected: float
    quantiles: Floats
    rows_ago: int


def play_asset(loaded: Loaded, inputs: Floats) -> Newest:
    """All rows of one asset that was new before the first of them.

    Args:
        loaded: a model whose rows are a day apart or more, so that each is answered.
        inputs: (n, p + c) indicators, then conditions, in the model's order.
    """
    place = asset_of(loaded)
    t_ns = np.arange(len(inputs), dtype=np.int64) * place.sheet.every_ns
    batch = GroupBatch(t_ns, inputs, np.empty((len(inputs), 0)))
    _, output = remaining_life.step(place, remaining_life.initial(place), batch)
    told = [at for at, life in enumerate(output.lives) if life.refused is None]
    if not told:
        return Newest(np.nan, np.full(len(QUANTILES), np.nan), len(inputs))
    life = output.lives[told[-1]]
    finding = next(one for one in reversed(output.findings) if one.t_ns == life.t_ns)
    unit_ns = loaded.card.unit_s * NS_PER_S
    expected = float(finding.evidence["expected_years"]) * NS_PER_YEAR / unit_ns
    return Newest(expected, _left(life, unit_ns), len(output.lives) - 1 - told[-1])


def _left(life: Life, unit_ns: float) -> Floats:
    dates = (life.p5_ns, life.p10_ns, life.p50_ns, life.p90_ns, life.p95_ns)
    return np.array([np.nan if date is None else (date - life.t_ns) / unit_ns for date in dates])


def asset_of(loaded: Loaded) -> AssetPlace:
    """An asset with a channel for each input of its model."""
    names = (*loaded.card.indicators, *loaded.card.conditions)
    every_s = loaded.card.spacing * loaded.card.unit_s
    channels = tuple(
        Channel(id=f"input{at}", kind=KIND, unit=UNIT, gateway="evaluation", interval_s=every_s)
        for at in range(len(names))
    )
    inputs = {name: Input(channel=channel.id) for name, channel in zip(names, channels, strict=True)}
    asset = Asset(id="asset", model="evaluated", inputs=inputs)
    structure = Structure(id="structure", name="structure", channels=channels, assets=(asset,))
    place = Place(Facility(id="facility", name="facility", structures=(structure,)), structure, channels[0])
    columns = tuple(Column(channel, "value") for channel in channels)
    return AssetPlace(place, asset.id, asset, loaded, sheet_of(loaded, columns))
