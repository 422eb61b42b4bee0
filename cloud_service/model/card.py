"""The card of a remaining-life model: what it was trained on, how good it was on assets it had not seen, its range."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from models.remaining_life_settings import Training

Text = Annotated[str, Meta(max_length=1000)]
Names = Annotated[tuple[Text, ...], Meta(max_length=256)]
Pair = tuple[float, float]

DESCRIPTION = (
    "Life left of an asset from indicators, by gradient-boosted trees over exponential means projected towards"
    " failure, with intervals from the errors on assets not seen. Method: docs/methods/remaining-life.md."
)


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is said of a model.

    Attributes:
        description: the method in a sentence.
        made: the day of training, ISO 8601.
        made_by: version of the program and of its libraries.
        data: name of the file of histories.
        data_sha256: of that file.
        assets, rows: that ran to failure, and were learned from.
        left_out: assets without a failure, of which nothing was learned.
        indicators: columns that the model reads, in its order.
        conditions: columns that tell the operating condition; empty where there is one.
        unused: columns that did not vary.
        unit, unit_s: of time, and its length in seconds.
        spacing: of rows, in that unit.
        ranges: least and greatest training value of each indicator; beyond `margin` of that the model refuses.
        lives: least, median and greatest training life.
        settings, seed: of training.
        metrics: by cross-validation grouped by asset, each asset weighing the same.
    """

    description: Text
    made: Text
    made_by: Text
    data: Text
    data_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    assets: int
    rows: int
    left_out: int
    indicators: Names
    conditions: Names
    unused: Names
    unit: Literal["cycles", "hours", "days"]
    unit_s: Annotated[float, Meta(gt=0, le=1e10)]
    spacing: Annotated[float, Meta(gt=0, le=1e10)]
    ranges: Annotated[tuple[Pair, ...], Meta(max_length=256)]
    lives: tuple[float, float, float]
    settings: Training
    seed: int
    metrics: dict[Text, float]


def card_text(card: Card, sha256: str) -> str:
    """The card for people, one thing a line; nothing in it can steer a terminal."""
    ranges = [f"  {name}: {low:g} to {high:g}" for name, (low, high) in zip(card.indicators, card.ranges, strict=True)]
    metrics = [f"  {name}: {value:.4g}" for name, value in card.metrics.items()]
    lines = [
        card.description,
        f"model sha256: {sha256}",
        f"made: {card.made} by {card.made_by}, seed {card.seed}",
        f"data: {card.data} (sha256 {card.data_sha256}), {card.assets} assets that failed, {card.rows} rows",
        f"left out: {card.left_out} assets without a failure; columns that vary too little: {_listed(card.unused)}",
        f"time: {card.unit} of {card.unit_s:g} s, a row each {card.spacing:g}; lives {_lives(card)} {card.unit}",
        f"life beyond {card.settings.cap:g} {card.unit} is not told apart",
        f"operating conditions: {card.settings.regimes}, told by {_listed(card.conditions)}",
        f"range of validity: the training values, and {100 * card.settings.margin:g} % of their span beyond:",
        *ranges,
        "metrics, by cross-validation grouped by asset:",
        *metrics,
    ]
    return "\n".join("".join(char if char.isprintable() else "?" for char in line) for line in lines)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _lives(card: Card) -> str:
    low, middle, high = card.lives
    return f"{low:g} to {high:g}, median {middle:g}"
