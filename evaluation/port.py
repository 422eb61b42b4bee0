"""The port of an evaluation: what is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from telltale.errors import UserError

Metrics = Mapping[str, "float | int | str | bool | Metrics | list[float] | None"]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked on the command line.

    Attributes:
        data: the folder of the recordings, for evaluations that need one.
        seed: of simulated data and of anything drawn.
        subset: a part of the data set, such as FD001; empty: the evaluation's own choice.
    """

    data: Path | None = None
    seed: int = 1
    subset: str = ""

    def folder(self, name: str) -> Path:
        """`data`, or its subfolder `name` where there is one.

        Raises:
            UserError: no folder was given, or it is not there.
        """
        if self.data is None:
            raise UserError(f"{name}: no recordings", "give their folder with --data, or set TELLTALE_DATA")
        if not self.data.is_dir():
            raise UserError(f"--data {self.data}: no such folder", "give the folder of the recordings")
        return self.data / name if (self.data / name).is_dir() else self.data


@dataclass(frozen=True, slots=True)
class Table:
    """A table for people: a line of names, then rows."""

    title: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found.

    Attributes:
        metrics: what `--json` prints; keys are promised to scripts.
        tables: for people: published figures, a data-free baseline, and ours, side by side.
        notes: assumptions, protocol, and what the figures do not show, a line each.
        unchanged: whether a renamed, time-shifted and rescaled copy of the data gave the same results; None: it cannot
            be asked of this evaluation (a simulation).
    """

    metrics: Metrics
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = field(default=())
    unchanged: bool | None = None


class Evaluate(Protocol):
    """An evaluation. Raises `UserError` naming the file that cannot be read, or the option that makes no sense."""

    def __call__(self, options: Options) -> Report:
        """Run it."""
