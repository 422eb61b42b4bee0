"""The files of the Skoltech Anomaly Benchmark: one run of a pump rig each, a row a second, labelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telltale.errors import UserError

Floats = NDArray[np.float64]
LABELS = ("anomaly", "changepoint")


@dataclass(frozen=True, slots=True)
class RigRun:
    """One file.

    Attributes:
        folder, name: where it stands.
        columns: names of what was measured.
        t_ns: (n,), as UTC.
        values: (n, columns).
        anomalous: (n,) the labels; the detector never sees them.
    """

    folder: str
    name: str
    columns: tuple[str, ...]
    t_ns: NDArray[np.int64]
    values: Floats
    anomalous: NDArray[np.bool_]

    def take(self, names: tuple[str, ...]) -> Floats:
        """(n, names) of these columns."""
        return self.values[:, [self.columns.index(name) for name in names]]


def read_runs(folder: Path, names: tuple[str, ...]) -> list[RigRun]:
    """Every run in these subfolders, in order of their numbers.

    Raises:
        UserError: a subfolder holds none, or a file has not the published format.
    """
    found = []
    for name in names:
        files = sorted((folder / name).glob("*.csv"), key=lambda path: (len(path.stem), path.stem))
        if not files:
            raise UserError(f"{folder / name}: no *.csv", "expected the benchmark's folders valve1, valve2 and other")
        found += [_read(name, path) for path in files]
    return found


def _read(folder: str, path: Path) -> RigRun:
    with path.open(encoding="utf-8") as lines:
        header = tuple(lines.readline().strip().split(";"))
        cells = [line.strip().split(";") for line in lines if line.strip()]
    if header[0] != "datetime" or "anomaly" not in header:
        raise UserError(f"{path}: columns {', '.join(header)}", "expected datetime; measurements; anomaly; changepoint")
    try:
        t_ns = np.array([row[0] for row in cells], dtype="datetime64[ns]").astype(np.int64)
        table = np.array([row[1:] for row in cells], dtype=np.float64)
    except ValueError as error:
        raise UserError(
            f"{path}: {error}", "expected one time and one number a column, separated by semicolons"
        ) from None
    columns = tuple(name for name in header[1:] if name not in LABELS)
    labels = table[:, header[1:].index("anomaly")] > 0
    values = table[:, [header[1:].index(name) for name in columns]]
    return RigRun(folder, path.name, columns, t_ns, values, np.asarray(labels, dtype=np.bool_))


def copy_of(run: RigRun, seed: int) -> RigRun:
    """The same run with its columns renamed, its times shifted and every column in another unit."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.1, 10.0, len(run.columns))
    offset = rng.uniform(-2.0, 2.0, len(run.columns)) * run.values.std(axis=0)
    shift_ns = int(rng.integers(1, 10**9)) * 10**9
    columns = tuple(f"x{at}" for at in range(len(run.columns)))
    return replace(run, columns=columns, t_ns=run.t_ns + shift_ns, values=(run.values + offset) * scale)
