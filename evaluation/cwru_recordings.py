"""The Case Western Reserve bearing recordings, in the formats in which they are passed around.

One npz of all recordings (`Normal`, `IR_7_DE12`, …), or one npz a recording (`1797_IR_7_DE12.npz`, holding an array
`DE`): drive-end acceleration in g.
"""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from telltale.errors import UserError
from telltale.settings import Settings

Array = NDArray[np.float64]
NORMAL = "Normal"
MAX_BYTES = 256 * 1024 * 1024


class CwruSettings(Settings, frozen=True):
    """See `cwru.toml`."""

    rate_hz: float
    normal_rate_hz: float
    unit: str
    window_samples: int
    fault_windows: int
    found_within_windows: int
    diluted_percent: tuple[int, ...]
    windows_a_frame: int
    start: datetime


def read_recordings(folder: Path, settings: CwruSettings) -> tuple[Array, dict[str, Array]]:
    """The sound bearing at the faults' rate (n,), and name → samples of each fault.

    Raises:
        UserError: the folder has no such recordings, or one cannot be read.
    """
    found: dict[str, Array] = {}
    for path in sorted(folder.glob("*.npz")):
        found |= _arrays(path)
    normal = found.pop(NORMAL, None)
    if normal is None or not found:
        raise UserError(
            f"{folder}: no sound bearing beside faults" if found else f"{folder}: no bearing recordings",
            f"expected npz with an array {NORMAL!r} and one for each fault, as IR_7_DE12",
        )
    least = settings.fault_windows * settings.window_samples
    for name, samples in found.items():
        if samples.size < least:
            raise UserError(f"{folder}: {name}: {samples.size} samples", f"expected at least {least}")
    factor = round(settings.normal_rate_hz / settings.rate_hz)
    return np.asarray(signal.decimate(normal, factor, ftype="fir") if factor > 1 else normal), found


def _arrays(path: Path) -> dict[str, Array]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: larger than {MAX_BYTES} bytes", "expected the drive-end recordings")
        with path.open("rb") as body, np.load(body, allow_pickle=False) as file:
            if "DE" in file.files:  # a recording by itself: its name is the file's
                return {path.stem.partition("_")[2]: _samples(file["DE"])}
            return {name: _samples(file[name]) for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read ({error})", "expected an npz of numbers") from None


def _samples(array: NDArray[np.generic]) -> Array:
    return array.astype(np.float64).reshape(-1)
