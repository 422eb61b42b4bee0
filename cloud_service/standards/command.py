"""`telltale standards [KEY …] [--json]`: which standards results rest on, and the tables taken from them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cloud_service.standards.page import page
from models.standards import STANDARDS, cite
from telltale.command_line import CommandParser
from telltale.errors import UserError


def standards(argv: Sequence[str]) -> int:
    """Print the registry, or the citation of some entries."""
    asked = _parser().parse_args(argv)
    unknown = [key for key in asked.keys if key not in STANDARDS]
    if unknown:
        raise UserError(f"no standard {unknown[0]!r}", "expected one of " + ", ".join(STANDARDS))
    if asked.as_json:
        chosen = [STANDARDS[key] for key in asked.keys or STANDARDS]
        print(msgspec.json.encode(chosen).decode())
    elif asked.keys:
        print("\n".join(f"{cite(key)}: {STANDARDS[key].content}" for key in asked.keys))
    else:
        print(page(), end="")
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="telltale standards", description="The standards that results rest on, and their tables."
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", help="entries to cite; none: the whole registry as Markdown")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the entries as a JSON list")
    return parser
