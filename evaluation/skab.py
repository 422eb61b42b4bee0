"""Skoltech Anomaly Benchmark (doi 10.34740/KAGGLE/DSV/1693952): a pump rig whose valves close, rotor loses balance, …

Protocol: the first 400 rows of each file train, the whole file is scored, nothing looks into the future (later rows
that were judged quiet move what is normal, as in the service); F1, false and missed alarms over all rows of all files.
Settings were chosen on the files of `valve1`; the others are the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from evaluation.group_replay import GroupRule, play_group
from evaluation.port import Options, Report, Table
from evaluation.skab_files import RigRun, copy_of, read_runs
from telltale.settings import load

Flags = NDArray[np.bool_]


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of the leaderboard."""

    name: str
    f1: float
    far_percent: float | None = None
    mar_percent: float | None = None


class SkabSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See `skab.toml`."""

    choose: tuple[str, ...]
    folders: tuple[str, ...]
    training_rows: int
    environment: tuple[str, ...]
    baseline_share: float
    group: GroupRule
    published: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows and events of some files, pooled. An event is a run of anomalous rows, found if any of them is flagged; a
    false event is a run of flagged rows that touches none.
    """

    true: int
    false: int
    missed: int
    quiet: int
    events: int
    events_found: int
    false_events: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall of rows."""
        return 2 * self.true / max(1, 2 * self.true + self.false + self.missed)

    @property
    def far_percent(self) -> float:
        """Share of quiet rows that are flagged."""
        return 100 * self.false / max(1, self.quiet)

    @property
    def mar_percent(self) -> float:
        """Share of anomalous rows that are not."""
        return 100 * self.missed / max(1, self.true + self.missed)


def evaluate(options: Options) -> Report:
    """Judge every file of the folder.

    Raises:
        UserError: no folder, or not the benchmark's files.
    """
    settings = load(Path(__file__).with_suffix(".toml"), SkabSettings)
    runs = read_runs(options.folder("skab"), settings.folders)
    flags = [flag(run, settings) for run in runs]
    rest = [at for at, run in enumerate(runs) if run.folder not in settings.choose]
    whole, judged = count(runs, flags), count([runs[at] for at in rest], [flags[at] for at in rest])
    same = all(
        np.array_equal(flags[at], flag(copy_of(run, options.seed + at), settings, run.columns))
        for at, run in enumerate(runs)
    )
    return Report(
        metrics={
            "f1": whole.f1,
            "far_percent": whole.far_percent,
            "mar_percent": whole.mar_percent,
            "events_found": whole.events_found,
            "events": whole.events,
            "false_events": whole.false_events,
            "rest_f1": judged.f1,
            "rest_far_percent": judged.far_percent,
        },
        tables=(_leaderboard(settings, runs, whole), _folders(settings, runs, flags)),
        notes=(
            (
                f"Limits are set from each file's first {settings.training_rows} rows, and levels follow later rows "
                f"that were judged quiet. Settings were chosen on {', '.join(settings.choose)}. "
                f"Environment: {', '.join(settings.environment)}."
            ),
            "An event is a run of anomalous rows; found: any of its rows is flagged. A false event touches none.",
        ),
        unchanged=same,
    )


def flag(run: RigRun, settings: SkabSettings, columns: Sequence[str] | None = None) -> Flags:
    """(n,) rows that are judged anomalous; `columns` are the published names where the run's own differ."""
    known = tuple(columns or run.columns)
    outside = tuple(run.columns[known.index(name)] for name in settings.environment)
    names = tuple(name for name in run.columns if name not in outside)
    return play_group(settings.group, names, run.t_ns, run.take(names), run.take(outside)).flagged


def count(runs: Sequence[RigRun], flags: Sequence[Flags]) -> Counted:
    """Rows and events of these files."""
    labels = [run.anomalous for run in runs]
    truth, said = np.concatenate(labels), np.concatenate(flags)
    events = [(label, span) for at, label in enumerate(flags) for span in _spans(labels[at])]
    false = [(label, span) for at, label in enumerate(labels) for span in _spans(flags[at])]
    return Counted(
        true=int((truth & said).sum()),
        false=int((~truth & said).sum()),
        missed=int((truth & ~said).sum()),
        quiet=int((~truth).sum()),
        events=len(events),
        events_found=sum(bool(flagged[span].any()) for flagged, span in events),
        false_events=sum(not label[span].any() for label, span in false),
    )


def _spans(flags: Flags) -> list[slice]:
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return [slice(start, stop) for start, stop in edges.tolist()]


def _leaderboard(settings: SkabSettings, runs: Sequence[RigRun], ours: Counted) -> Table:
    by_share = [np.arange(run.t_ns.size) >= settings.baseline_share * run.t_ns.size for run in runs]
    rows = [
        (one.name, f"{one.f1:.2f}", _percent(one.far_percent), _percent(one.mar_percent)) for one in settings.published
    ]
    names = (f"no data: all after {settings.baseline_share:.0%} of the file", "ours")
    rows += [_row(name, found) for name, found in zip(names, (count(runs, by_share), ours), strict=True)]
    return Table("all files, rows", ("method", "F1", "FAR %", "MAR %"), tuple(rows))


def _folders(settings: SkabSettings, runs: Sequence[RigRun], flags: Sequence[Flags]) -> Table:
    rows = []
    for title, folders in (*((name, (name,)) for name in settings.folders), ("rest", _rest(settings))):
        at = [index for index, run in enumerate(runs) if run.folder in folders]
        found = count([runs[index] for index in at], [flags[index] for index in at])
        events = f"{found.events_found} of {found.events}, {found.false_events} false"
        rows.append((*_row(title, found), events))
    return Table("ours", ("folder", "F1", "FAR %", "MAR %", "events found"), tuple(rows))


def _rest(settings: SkabSettings) -> tuple[str, ...]:
    return tuple(name for name in settings.folders if name not in settings.choose)


def _row(name: str, found: Counted) -> tuple[str, str, str, str]:
    return name, f"{found.f1:.3f}", f"{found.far_percent:.1f}", f"{found.mar_percent:.1f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
