"""Where the tests' server programs come from: the PATH, else Debian's packages unpacked into `build/`."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from sensors_sim.demo.debian import Program, find_program
from telltale.errors import UserError

BUILD_DIR = Path(__file__).parents[2] / "build"


@functools.cache
def _find(name: str, package: str) -> Program | str:
    try:
        return find_program(name, package, BUILD_DIR, print)
    except UserError as error:
        return str(error)


def program(name: str, package: str) -> Program:
    """The program, or a skip that says why; under STRICT=1 a failure instead."""
    found = _find(name, package)
    if isinstance(found, Program):
        return found
    if os.environ.get("STRICT") == "1":
        pytest.fail(f"{name} is needed and STRICT=1: {found}")
    pytest.skip(f"{name} is not here: {found}")
