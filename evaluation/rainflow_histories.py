"""The recorded histories of `telltale evaluate rainflow` and its declared settings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telltale.errors import UserError
from telltale.settings import Settings

Floats = NDArray[np.float64]


class History(Settings, frozen=True):
    """A recorded history.

    Attributes:
        name: for people.
        files: names that it is published under; the first one that is there is taken.
        column: of its numbers.
        rate_hz: samples a second.
        microstrain: what one unit of the file is taken for.
    """

    name: str
    files: tuple[str, ...]
    column: int
    rate_hz: float
    microstrain: float


class RainflowSettings(Settings, frozen=True):
    """The declared settings, `rainflow.toml`; explained there."""

    tolerance: float
    repeats: int
    pieces: int
    window_samples: int
    windows_a_frame: int
    detail_category_mpa: float
    start: datetime
    histories: tuple[History, ...]


def read_histories(folder: Path, settings: RainflowSettings) -> Iterator[tuple[History, Floats]]:
    """The histories that are there, each with its values, shape (n,).

    Raises:
        UserError: none of them is, or a file holds no numbers.
    """
    none = True
    for history in settings.histories:
        path = next((folder / name for name in history.files if (folder / name).is_file()), None)
        if path is not None:
            none = False
            yield history, _read(path, history.column)
    if none:
        expected = ", ".join(name for history in settings.histories for name in history.files)
        raise UserError(f"{folder}: no history that is known", f"expected one of {expected}")


def _read(path: Path, column: int) -> Floats:
    text = path.read_text(encoding="utf-8")
    lines = [line.split(",") for line in text.splitlines() if line.strip()]
    headed = bool(lines) and not _is_number(lines[0][0])
    try:
        return np.array([float(line[column]) for line in lines[headed:]])
    except (ValueError, IndexError) as error:
        raise UserError(f"{path}: no numbers in column {column} ({error})") from None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
