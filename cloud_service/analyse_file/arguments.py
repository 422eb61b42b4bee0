"""The arguments of `telltale analyse`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from telltale.channel_details import FatigueDetail
from telltale.command_line import CommandParser
from telltale.detail_categories import DETAILS
from telltale.errors import UserError

KINDS = ("crack", "strain", "vibration")


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked.

    Attributes:
        file: the logger file.
        time, rate_hz: the time column, or the sample rate; one of them.
        value, temperature: columns; temperature may be empty.
        kind: one of `KINDS`.
        limit: width at which a crack's life ends, or amplitude that strain and vibration should not exceed.
        fatigue: the welded or bolted detail that a strain gauge watches.
        as_json: one JSON object instead of a summary.
        plot: PNG to write.
    """

    file: Path
    value: str
    kind: str
    time: str = ""
    rate_hz: float | None = None
    temperature: str = ""
    limit: float | None = None
    fatigue: FatigueDetail | None = None
    as_json: bool = False
    plot: Path | None = None


def parse(argv: Sequence[str]) -> Arguments:
    """The arguments.

    Raises:
        UserError: naming the argument that cannot be used.
    """
    found = _parser().parse_args(list(argv))
    if found.rate_hz is not None and not 0 < found.rate_hz < float("inf"):
        raise UserError(f"--rate-hz {found.rate_hz:g}", "expected samples a second, above 0")
    if found.fatigue is not None and found.kind != "strain":
        raise UserError("--detail-category", "expected with --kind strain")
    if found.plot is not None and found.plot.suffix.lower() != ".png":
        raise UserError(f"--plot {found.plot}", "expected a file name that ends in .png")
    if found.plot is not None and not found.plot.absolute().parent.is_dir():
        raise UserError(f"--plot {found.plot}: no such folder", "make the folder first")
    return Arguments(**vars(found))


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="telltale analyse", description="Quality, trend, anomalies and life of one logger file."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV, Campbell TOA5 or npz")
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--time", default="", metavar="COL", help="column with the time of each row")
    when.add_argument("--rate-hz", type=float, metavar="R", help="samples a second, for files without times")
    parser.add_argument("--value", required=True, metavar="COL", help="column to analyse")
    parser.add_argument("--temperature", default="", metavar="COL", help="column with the temperature of the body, °C")
    parser.add_argument("--kind", required=True, choices=KINDS)
    parser.add_argument(
        "--limit", type=float, metavar="X", help="crack: width at which life ends; strain, vibration: largest amplitude"
    )
    parser.add_argument(
        "--detail-category",
        dest="fatigue",
        type=_detail,
        metavar="MPA",
        help="strain: Δσ_C of the detail (EN 1993-1-9), or its name in telltale standards, for fatigue",
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="print exactly one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="write a picture")
    return parser


def _detail(text: str) -> FatigueDetail:
    """MPa above 0, or the name of a detail."""
    if text in DETAILS:
        return FatigueDetail(detail=text)
    try:
        category_mpa = float(text)
    except ValueError:
        category_mpa = math.nan
    if not 0 < category_mpa < math.inf:
        raise argparse.ArgumentTypeError(f"expected MPa above 0, or one of {', '.join(DETAILS)}; got {text!r}")
    return FatigueDetail(detail_category_mpa=category_mpa)
