"""What a campaign needs beyond Python: found on the PATH, else unpacked from Debian's packages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sensors_sim.demo.debian import Program, find_program
from sensors_sim.demo.system import TELLTALE
from telltale.errors import UserError

__all__ = ["PYTHON", "TELLTALE", "Programs", "find_programs"]

ROOT = Path(__file__).parents[1]
BUILD_DIR = ROOT / "build"
PYTHON = (sys.executable, "-P")
FAKETIME_LIBRARY = "libfaketime.so.1"


@dataclass(frozen=True, slots=True)
class Programs:
    """The servers, and the library that gives a process another wall clock (None: this kind is left out)."""

    mosquitto: Program
    influxd: Program
    faketime: Path | None


def find_programs(say: Callable[[str], None]) -> Programs:
    """Find or unpack them.

    Raises:
        UserError: a server is neither here nor to be had; names it.
    """
    return Programs(
        find_program("mosquitto", "mosquitto", BUILD_DIR, say),
        find_program("influxd", "influxdb", BUILD_DIR, say),
        _find_faketime(say),
    )


def _find_faketime(say: Callable[[str], None]) -> Path | None:
    try:
        program = find_program("faketime", "faketime", BUILD_DIR, say)
    except UserError as error:
        say(f"clock faults are left out: {error}")
        return None
    found = sorted(program.path.parents[1].glob(f"lib/**/{FAKETIME_LIBRARY}"))
    if not found:
        say(f"clock faults are left out: {FAKETIME_LIBRARY} is not beside {program.path}")
    return found[0].resolve() if found else None
