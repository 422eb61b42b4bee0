"""`telltale model train|evaluate|card`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from cloud_service.model.card import card_text
from cloud_service.model.file import Loaded, load_model, save_model
from cloud_service.model.histories import Found, Layout, read_histories
from models.remaining_life_settings import Training
from telltale.command_line import CommandParser
from telltale.errors import UserError
from telltale.settings import load

SECONDS = {"cycles": 0.0, "hours": 3600.0, "days": 86400.0}


def model(argv: Sequence[str]) -> int:
    """Train a remaining-life model, judge it on other histories, or show its card.

    Raises:
        UserError: one line that names the culprit.
    """
    asked = _parser().parse_args(argv)
    {"train": _train, "evaluate": _evaluate, "card": _card}[asked.verb](asked)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="telltale model", description="Remaining-life models from run-to-failure histories.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="train|evaluate|card")
    train = verbs.add_parser("train", help="learn from histories in CSV", description="Learn from histories in CSV.")
    train.add_argument("histories", type=Path, metavar="CSV")
    train.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL", help="the file to write")
    train.add_argument("--indicators", default="", metavar="A,B", help="columns to learn from; else all others")
    train.add_argument("--conditions", default="", metavar="A,B", help="columns that tell the operating condition")
    train.add_argument("--unit", choices=sorted(SECONDS), default="days", help="of numbers in the time column")
    train.add_argument("--unit-s", type=float, default=0.0, metavar="S", help="seconds of a cycle")
    train.add_argument("--settings", type=Path, metavar="TOML", help="how to train; else the defaults")
    train.add_argument("--seed", type=int, default=1, metavar="N")
    judge = verbs.add_parser("evaluate", help="judge on histories of other assets")
    judge.add_argument("model", type=Path, metavar="MODEL")
    judge.add_argument("histories", type=Path, metavar="CSV")
    for verb in (train, judge):
        verb.add_argument("--asset", default="asset", metavar="NAME", help="column of assets")
        verb.add_argument("--time", default="time", metavar="NAME", help="column of times: numbers, or ISO 8601")
        verb.add_argument("--event", default="", metavar="NAME", help="column with 1 at a failure; else the last rows")
    card = verbs.add_parser("card", help="show what a model is and how good it was")
    card.add_argument("model", type=Path, metavar="MODEL")
    for verb in (train, judge, card):
        verb.add_argument("--json", dest="as_json", action="store_true", help="print exactly one JSON object")
    return parser


def _train(asked: argparse.Namespace) -> None:
    from cloud_service.model.train import train_model  # noqa: PLC0415 - scikit-learn takes a second to import

    unit_s = SECONDS[asked.unit] or asked.unit_s
    if not 0 < unit_s <= 1e10:
        raise UserError(f"--unit-s {asked.unit_s:g}", "give the seconds that a cycle takes")
    training = load(asked.settings, Training) if asked.settings else Training()
    conditions = _names(asked.conditions)
    layout = Layout(asked.asset, asked.time, asked.event, conditions, unit_s)
    found = read_histories(asked.histories, layout, _names(asked.indicators))
    card, trained = train_model(
        found, asked.histories, training, seed=asked.seed, unit=asked.unit, unit_s=unit_s, conditions=conditions
    )
    try:
        digest = save_model(asked.output, card, trained)
    except OSError as error:
        raise UserError(f"{asked.output}: cannot be written ({error.strerror})") from None
    _show(Loaded(card, trained, digest), as_json=asked.as_json)


def _evaluate(asked: argparse.Namespace) -> None:
    from cloud_service.model.judge import judge_model  # noqa: PLC0415

    loaded = load_model(asked.model)
    card = loaded.card
    layout = Layout(asked.asset, asked.time, asked.event, card.conditions, card.unit_s)
    found = read_histories(asked.histories, layout, card.indicators)
    _refuse_training_data(found, loaded, asked.histories)
    metrics = judge_model(loaded, found)
    if asked.as_json:
        print(msgspec.json.encode(metrics).decode())
    else:
        print("\n".join(f"{name}: {value:.4g}" for name, value in metrics.items()))


def _refuse_training_data(found: Found, loaded: Loaded, file: Path) -> None:
    if found.sha256 == loaded.card.data_sha256:
        raise UserError(f"{file}: the model was trained on this file", "the card has its cross-validation")
    if not np.unique(found.histories.asset).size:
        raise UserError(f"{file}: no asset failed", "expected histories that end in a failure")


def _card(asked: argparse.Namespace) -> None:
    _show(load_model(asked.model), as_json=asked.as_json)


def _show(loaded: Loaded, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode({"sha256": loaded.sha256, "card": loaded.card}).decode())
    else:
        print(card_text(loaded.card, loaded.sha256))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
