"""`telltale evaluate NAME [--data DIR] [--seed N] [--set NAME] [--json]`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evaluation import EVALUATIONS, load
from evaluation.port import Options, Report, Table
from telltale.command_line import CommandParser


def evaluate(argv: Sequence[str]) -> int:
    """Run one evaluation and print what it found; a user's mistake is a `UserError`."""
    asked = _parser().parse_args(argv)
    data = asked.data or os.environ.get("TELLTALE_DATA") or None
    report = load(asked.name)(Options(Path(data) if data else None, asked.seed, asked.subset))
    if asked.as_json:
        print(msgspec.json.encode({"name": asked.name, "metrics": report.metrics}).decode())
    else:
        print(_text(asked.name, report))
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(prog="telltale evaluate", description="The service's detectors and life models, judged.")
    parser.add_argument("name", choices=sorted(EVALUATIONS), metavar="NAME", help=", ".join(sorted(EVALUATIONS)))
    parser.add_argument("--data", default="", metavar="DIR", help="folder of the recordings (else TELLTALE_DATA)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of simulated data and of what is drawn")
    parser.add_argument("--set", dest="subset", default="", metavar="NAME", help="part of the data set, as FD001")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print exactly one JSON object")
    return parser


def _text(name: str, report: Report) -> str:
    parts = [f"evaluation of {name}", *(_table(table) for table in report.tables), *report.notes]
    if report.unchanged is not None:
        same = "unchanged" if report.unchanged else "CHANGED: the result depends on names, dates or units"
        parts.append(f"on a renamed, time-shifted and rescaled copy: {same}")
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    rows = [table.names, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([table.title, *lines])
