"""`manifest.json` of a backup: which files belong to it, and how to tell that they are whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from telltale.durable_file import write_durably
from telltale.errors import UserError

NAME = "manifest.json"
MAX_BYTES = 1_048_576


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One database: size, SHA-256 of its bytes, and its schema version (`PRAGMA user_version`)."""

    bytes: int
    sha256: str
    schema: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backup.

    Attributes:
        version: of the program that made it.
        made_at: RFC 3339, UTC.
        store: kind of the results' store; those of an InfluxDB are not in the backup.
        offset, journal_end: how far analysis had come, and the newest frame.
        files: name → what it must be.
        settings: what it was made with, below `settings/`: name → SHA-256; empty in a backup of an earlier version.
    """

    version: str
    made_at: str
    store: str
    offset: int
    journal_end: int
    files: dict[str, FileEntry]
    settings: dict[str, str] = {}


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write it, durably: its presence says that the backup is complete."""
    write_durably(directory / NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = directory / NAME
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: too large to be a manifest", "name the folder of a backup")
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError:
        raise UserError(f"{path}: no such file", "name the folder of a complete backup") from None
    except msgspec.DecodeError as error:
        raise UserError(f"{path}: {error}", "the manifest is damaged: use another backup") from None
    for name in manifest.files:
        if Path(name).name != name or name.startswith("."):
            raise UserError(f"{path}: file name {name!r}", "expected plain names: use another backup")
    return manifest
