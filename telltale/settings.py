"""Strict settings: an unknown key or a wrong type fails at load, naming file, key and what was expected.

Each part declares its own frozen `msgspec.Struct` beside the code that reads it (`Settings` below is the base);
this module only reads TOML and turns msgspec's complaint into one line. Loading does no I/O but reading the file.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from telltale.errors import SettingsError


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every settings section: frozen, and an unknown key is an error."""


S = TypeVar("S")


def convert(data: Mapping[str, Any], into: type[S], where: str) -> S:
    """Validate `data` as `into`.

    Args:
        data: a parsed TOML table.
        into: the settings type.
        where: the file (and table) that the data came from, for the error.

    Raises:
        SettingsError: naming `where`, the key and what was expected.
    """
    _refuse_infinite(data, where)
    try:
        return msgspec.convert(dict(data), into, strict=True)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        key = path.strip("`").removeprefix("$").removeprefix(".") or "top level"
        raise SettingsError(f"{where}: {key}: {message}", _remedy(message)) from None


def _refuse_infinite(value: Any, where: str, key: str = "") -> None:
    """TOML has `inf` and `nan`; no setting means anything with them, and bounds such as "above 0" let `inf` pass."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{where}: {key}: {value}", "give a finite number")
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        _refuse_infinite(item, where, f"{key}.{name}" if key else str(name))


def _remedy(message: str) -> str:
    if "unknown field" in message:
        return "remove the key or correct its spelling"
    if "missing required field" in message:
        return "add the key"
    return "correct the value"


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        SettingsError: the file is missing, unreadable or no TOML; names it.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file", "give the path of a settings file with -c") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read ({error})") from None
    except (ValueError, RecursionError) as error:  # also a number of 5,000 digits, or brackets nested as deep
        raise SettingsError(f"{path}: not valid TOML", " ".join(str(error).split())) from None


def load(path: Path, into: type[S]) -> S:
    """Read and validate a settings file (see `read_toml` and `convert` for errors)."""
    return convert(read_toml(path), into, str(path))
