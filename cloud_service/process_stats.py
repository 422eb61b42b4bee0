"""Counters of a process, in a small JSON file that the serving process shows under `/metrics`.

Each process writes `stats/<name>.json` in the service's data folder, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

FOLDER = "stats"


def write_stats(data_dir: Path, process: str, counters: Mapping[str, float]) -> None:
    """Replace the counters of `process`. Counts start at 0 with the process."""
    folder = data_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{process}.json"
    scratch.write_bytes(msgspec.json.encode(dict(counters)))
    scratch.replace(folder / f"{process}.json")


def read_stats(data_dir: Path) -> dict[str, dict[str, float]]:
    """The counters of every process that has written some: process → counter → value."""
    found: dict[str, dict[str, float]] = {}
    for path in sorted((data_dir / FOLDER).glob("[!.]*.json")):
        try:
            found[path.stem] = msgspec.json.decode(path.read_bytes(), type=dict[str, float])
        except (OSError, msgspec.DecodeError):
            continue  # being replaced, or left over from a crash: the next write mends it
    return found
