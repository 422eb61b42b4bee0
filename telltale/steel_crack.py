"""What drives a crack in steel, and how earlier ones of its kind grew: the part of a channel's settings that Paris' law
needs.
"""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telltale.errors import SettingsError
from telltale.settings import Settings

MAX_FILE_BYTES = 4 * 2**20
MAX_HISTORIES = 1000
COLUMNS = ["specimen", "length_mm", "cycles"]
WIDEST = 0.95  # of half the plate: what is left of it does not follow Paris' law

Positive = Annotated[float, Meta(gt=0)]


class GrowthHistory(Settings, frozen=True):
    """How an earlier crack grew: lengths in mm and the cycles at which they were reached, both ascending."""

    length_mm: tuple[float, ...]
    cycles: tuple[float, ...]


class SteelCrack(Settings, frozen=True):
    """The loading of a crack in steel (or another metal) whose length the channel reads.

    Attributes:
        stress_range_mpa: Δσ of the constant-amplitude equivalent of the traffic, normal to the crack.
        cycles_per_day: how many of them a day brings.
        traffic_sd: relative deviation of a month's cycles about that; 0 on a testing machine.
        geometry: of ΔK = Y Δσ √(π a): a constant Y, or a central through crack of length 2a in a plate.
        factor: the constant Y (1.12: shallow edge crack); for a plate it multiplies √sec(πa/W).
        plate_width_mm: W, for the plate.
        histories: earlier cracks of the same kind under the same loading; from 20 on they are learned from.
        histories_file: a CSV file with columns specimen, length_mm, cycles beside the site file, to be read into
            `histories`.
    """

    stress_range_mpa: Positive
    cycles_per_day: Positive
    traffic_sd: Annotated[float, Meta(ge=0, le=1)] = 0.1
    geometry: Literal["constant", "centre_crack"] = "constant"
    factor: Positive = 1.0
    plate_width_mm: Positive | None = None
    histories: tuple[GrowthHistory, ...] = ()
    histories_file: str = ""


def check_steel(steel: SteelCrack, longest_mm: float | None, where: str) -> None:
    """Refuse what does not fit together.

    Args:
        steel: what the site file says.
        longest_mm: the length at which life ends.
        where: file and channel, for the error.

    Raises:
        SettingsError: naming the key and what was expected.
    """
    if (steel.geometry == "centre_crack") != (steel.plate_width_mm is not None):
        raise SettingsError(
            f"{where}: crack.steel: geometry {steel.geometry!r}, plate_width_mm {steel.plate_width_mm}",
            "expected plate_width_mm with geometry 'centre_crack', and with no other",
        )
    if longest_mm is not None and longest_mm <= 0:
        raise SettingsError(f"{where}: crack.limit_mm {longest_mm:g}", "expected a length above 0 mm for steel")
    if steel.plate_width_mm and longest_mm and longest_mm > WIDEST * steel.plate_width_mm / 2:
        raise SettingsError(
            f"{where}: crack.limit_mm {longest_mm:g} in a plate of {steel.plate_width_mm:g} mm",
            f"expected at most {WIDEST * steel.plate_width_mm / 2:g} mm, {WIDEST:.0%} of half its width",
        )
    for number, history in enumerate(steel.histories):
        _check_history(history, f"{where}: crack.steel.histories[{number}]")


def with_histories(steel: SteelCrack, folder: Path) -> SteelCrack:
    """`steel` with its `histories_file`, a path relative to `folder`, read in.

    Raises:
        SettingsError: naming the file and the line.
    """
    if not steel.histories_file:
        return steel
    path = folder / steel.histories_file
    if steel.histories:
        raise SettingsError(f"{path}: crack.steel names histories and a histories_file", "give one of them")
    return msgspec.structs.replace(steel, histories=_read(path))


def _read(path: Path) -> tuple[GrowthHistory, ...]:
    specimens: dict[str, list[tuple[float, float]]] = {}
    for number, row in _rows(path):
        try:
            name, length_mm, cycles = row
            specimens.setdefault(name, []).append((float(length_mm), float(cycles)))
        except ValueError:
            raise SettingsError(f"{path}:{number}: {','.join(row)[:60]!r}", "expected a name and two numbers") from None
    found = []
    for name, points in specimens.items():
        lengths, cycles_at = zip(*points, strict=True)
        found.append(GrowthHistory(length_mm=lengths, cycles=cycles_at))
        _check_history(found[-1], f"{path}: specimen {name[:40]!r}")
    return tuple(found)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_FILE_BYTES} bytes", "keep fewer points a specimen")
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: cannot be read ({error})", "see crack.steel.histories_file") from None
    if not rows or [name.strip() for name in rows[0]] != COLUMNS:
        raise SettingsError(f"{path}: its first line is not {','.join(COLUMNS)}", "expected those columns")
    return [(number, row) for number, row in enumerate(rows[1:], start=2) if row]


def _check_history(history: GrowthHistory, where: str) -> None:
    lengths, cycles = history.length_mm, history.cycles
    fits = len(lengths) == len(cycles) >= 2 and lengths[0] > 0
    # Each step compared so that NaN fails too; a length without end ends no step of finite numbers.
    if not (fits and all(a < b < float("inf") for column in (lengths, cycles) for a, b in pairwise(column))):
        raise SettingsError(
            where, "expected two columns of one length, 2 or more numbers, both ascending, lengths above 0"
        )
