"""Virkler's specimens as they are published, and the declared settings of their evaluation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from telltale.errors import UserError
from telltale.settings import Settings

Floats = NDArray[np.float64]

FILES = ("virkler.csv", "virkler.mat")
MAX_BYTES = 4 * 2**20
COLUMNS = 69  # length, then 68 specimens


class VirklerSettings(Settings, frozen=True):
    """The declared settings, `virkler.toml`; explained there."""

    limit_mm: float
    plate_width_mm: float
    stress_range_mpa: float
    cuts_mm: tuple[float, ...]
    cycles_per_day: float
    chosen_on: int
    copy_scale: float
    copy_cycles: float


@dataclass(frozen=True, slots=True)
class Specimens:
    """Attributes:
    length_mm: (n,) half crack lengths a, ascending.
    cycles: (n, m) cycles at which each of m specimens reached them.
    names: (m,).
    limit_mm, plate_width_mm: of the test.
    """

    length_mm: Floats
    cycles: Floats
    names: tuple[str, ...]
    limit_mm: float
    plate_width_mm: float

    def row(self, length_mm: float) -> int:
        """The row of a published length.

        Raises:
            UserError: the file holds no such length.
        """
        row = int(np.argmin(np.abs(self.length_mm - length_mm)))
        if abs(self.length_mm[row] - length_mm) > 1e-6 * length_mm:
            raise UserError(f"no row for a crack of {length_mm:g} mm", "expected the published table of lengths")
        return row

    def left(self, row: int) -> Floats:
        """(m,) cycles from a row to the limit."""
        return np.asarray(self.cycles[self.row(self.limit_mm)] - self.cycles[row])

    def copy(self, settings: VirklerSettings) -> Specimens:
        """Renamed, in reverse order, counted from another cycle, all lengths in another unit."""
        scale = settings.copy_scale
        return replace(
            self,
            length_mm=self.length_mm * scale,
            cycles=self.cycles[:, ::-1] + settings.copy_cycles,
            names=tuple(f"copy-{number}" for number in range(len(self.names))),
            limit_mm=self.limit_mm * scale,
            plate_width_mm=self.plate_width_mm * scale,
        )


def read_specimens(folder: Path, settings: VirklerSettings) -> Specimens:
    """`virkler.mat` as WAFO publishes it (164 x 69), or the same table as `virkler.csv` with a line of names.

    Raises:
        UserError: neither is there, or it is not that table.
    """
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        raise UserError(f"{folder}: no {' or '.join(FILES)}", "give the folder of the recordings with --data")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES} bytes", "expected the published table")
    try:
        table = _matrix(path) if path.suffix == ".mat" else np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise UserError(f"{path}: cannot be read ({error})", "expected the published table") from None
    if table.shape[1] != COLUMNS or not (np.isfinite(table).all() and (np.diff(table, axis=0) > 0).all()):
        raise UserError(f"{path}: not {COLUMNS} ascending columns", "expected lengths and the cycles of 68 specimens")
    names = tuple(f"spec{number:02d}" for number in range(1, COLUMNS))
    return Specimens(table[:, 0], table[:, 1:], names, settings.limit_mm, settings.plate_width_mm)


def _matrix(path: Path) -> Floats:
    """The one table of the file; a matrix of numbers is all that is read, no object."""
    found = [value for value in loadmat(path).values() if getattr(value, "ndim", 0) == 2 and value.shape[1] == COLUMNS]
    return np.asarray(found[0] if found else np.empty((0, 0)), dtype=np.float64)
