"""Cycle counting: ASTM E1049's worked example, and measured histories beside the `rainflow` package.

Two ways are judged: the counter itself (`models.rainflow`), cycle for cycle, whole and in pieces; and the registered
fatigue detector, through the service's step with a restart after every frame, by its sums of cycles and damage.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from timeit import Timer
from typing import Any

import numpy as np

from evaluation.port import Options, Report, Table
from evaluation.rainflow_histories import Floats, History, RainflowSettings, read_histories
from evaluation.rainflow_service import Cycle, Oracle, detector_agrees, is_unchanged
from models import rainflow
from models.standards import cite
from telltale.errors import UserError
from telltale.settings import load

ASTM_SERIES = (-2, 1, -3, 5, -1, 3, -4, 4, -2)
ASTM_CYCLES = {3: 0.5, 4: 1.5, 6: 0.5, 8: 1.0, 9: 0.5}


@dataclass(frozen=True, slots=True)
class Compared:
    """One history, by us and by the package."""

    name: str
    samples: int
    cycles: int
    largest_difference: float
    in_pieces: bool
    restarted: bool
    unchanged: bool
    speed_ratio: float


def evaluate(options: Options) -> Report:
    """Compare with the package on every history of the folder.

    Raises:
        UserError: no folder, no history in it, or the package is not installed.
    """
    oracle = _oracle()
    settings = load(Path(__file__).with_suffix(".toml"), RainflowSettings)
    histories = list(read_histories(options.folder("strain_rainflow"), settings))
    astm = _table_of(rainflow.count(np.array(ASTM_SERIES, dtype=float))) == ASTM_CYCLES
    found = [_compare(history, values, settings, oracle) for history, values in histories]
    equal = astm and all(_is_equal(one, settings) for one in found)
    return Report(
        metrics={
            "equal": equal,
            "speed_ratio": min(one.speed_ratio for one in found),
            "astm_e1049": astm,
            "histories": {one.name: _metrics(one) for one in found},
        },
        tables=(_report(found),),
        notes=(
            f"worked example of {cite('astm_e1049')}: {'exact' if astm else 'NOT EQUAL'}",
            f"equal: every range, mean and count to {settings.tolerance:g}, whole and in {settings.pieces} pieces",
            "through the service: fatigue detector, restarted after every frame: the package's cycles and damage",
            f"speed: best CPU time of {settings.repeats} counts each, in turns; baseline: the package is 1",
        ),
        unchanged=all(one.unchanged for one in found),
    )


def _oracle() -> Oracle:
    try:
        package: Any = import_module("rainflow")
    except ModuleNotFoundError:
        raise UserError("the package 'rainflow' is not installed", "pip install 'rainflow>=3.2' to compare") from None

    def cycles(history: list[float]) -> list[Cycle]:
        return list(package.extract_cycles(history))

    return cycles


def _compare(history: History, values: Floats, settings: RainflowSettings, oracle: Oracle) -> Compared:
    theirs = _sorted(np.array(oracle(values.tolist()))[:, :3])
    ours = _sorted(_as_array(rainflow.count(values)))
    pieces = _sorted(_as_array(_counted_in_pieces(values, settings.pieces)))
    same_size = ours.shape == theirs.shape
    return Compared(
        name=history.name,
        samples=values.size,
        cycles=len(theirs),
        largest_difference=float(np.abs(ours - theirs).max()) if same_size else math.inf,
        in_pieces=bool(np.array_equal(ours, pieces)),
        restarted=detector_agrees(history, values, settings, oracle),
        unchanged=is_unchanged(history, values, settings),
        speed_ratio=_speed_ratio(values, settings.repeats, oracle),
    )


def _counted_in_pieces(values: Floats, pieces: int) -> rainflow.Cycles:
    residue, closed = np.empty(0), []
    for piece in np.array_split(values, pieces):
        residue, cycles = rainflow.feed(np.frombuffer(residue.tobytes()), piece)
        closed.append(cycles)
    closed.append(rainflow.finish(residue))
    arrays = [[getattr(one, name) for one in closed] for name in ("ranges", "means", "counts")]
    return rainflow.Cycles(*(np.concatenate(array) for array in arrays))


def _speed_ratio(values: Floats, repeats: int, oracle: Oracle) -> float:
    history = values.tolist()
    ours = Timer(lambda: rainflow.count(values), timer=time.process_time)
    theirs = Timer(lambda: oracle(history), timer=time.process_time)
    times_s = [(theirs.timeit(1), ours.timeit(1)) for _ in range(repeats)]  # in turns: the machine may be busy
    best_theirs, best_ours = np.min(times_s, axis=0)
    return float(best_theirs / max(best_ours, 1e-9))


def _as_array(cycles: rainflow.Cycles) -> Floats:
    return np.stack([cycles.ranges, cycles.means, cycles.counts], axis=1)


def _sorted(cycles: Floats) -> Floats:
    return cycles[np.lexsort(cycles.T[::-1])]


def _table_of(cycles: rainflow.Cycles) -> dict[float, float]:
    ranges = np.unique(cycles.ranges)
    return {float(span): float(cycles.counts[cycles.ranges == span].sum()) for span in ranges}


def _is_equal(one: Compared, settings: RainflowSettings) -> bool:
    return one.largest_difference <= settings.tolerance and one.in_pieces and one.restarted


def _metrics(one: Compared) -> dict[str, float | bool]:
    return {
        "samples": one.samples,
        "cycles": one.cycles,
        "largest_difference": one.largest_difference,
        "in_pieces_equal": one.in_pieces,
        "restarted_equal": one.restarted,
        "speed_ratio": one.speed_ratio,
    }


def _report(found: list[Compared]) -> Table:
    rows = tuple(
        (
            one.name,
            f"{one.samples:,}",
            f"{one.cycles:,}",
            f"{one.largest_difference:.2g}",
            "equal" if one.in_pieces else "NOT EQUAL",
            "equal" if one.restarted else "NOT EQUAL",
            f"{one.speed_ratio:.1f}",
        )
        for one in found
    )
    names = ("history", "samples", "cycles", "largest difference", "in pieces", "through the service", "times as fast")
    return Table("cycles against the package rainflow", names, rows)
