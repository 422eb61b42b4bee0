"""Settings of a site and of a gateway that plays a file into it, in the order of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

ROWS_PER_CHUNK = 8  # so that even a short file comes in many frames
EDGE = """
gateway = "{gateway}"
clock = "data"
data_dir = "edge-data"
[broker]
port = MQTT_PORT
[[source]]
name = "file"
kind = "replay"
[source.settings]
{settings}
"""


def site(structure: str, channels: str) -> str:
    """A site of one structure, and the one operator who is told."""
    return (
        f'[[facilities]]\nid = "f"\nname = "F"\n[[facilities.structures]]\nid = "{structure}"\nname = "S"\n{channels}\n'
        '[[contacts]]\nname = "Ada"\nemail = "ada@example.org"\nrole = "operator"\n'
    )


def scalars(gateway: str, names: Mapping[str, str], every_s: float, more: str = "", unit: str = "mrad") -> str:
    """Channels of kind tilt: id → line of their own; each name is a column of the file that is played."""
    return "".join(
        f'[[facilities.structures.channels]]\nid = "{name}"\nkind = "tilt"\nunit = "{unit}"\ngateway = "{gateway}"\n'
        f"interval_s = {every_s}\n{more}\n{own}\n"
        for name, own in names.items()
    )


def edge(gateway: str, file: Path, names: Iterable[str]) -> str:
    """The agent's settings for a CSV file with a column `time` and one for each channel."""
    settings = f'path = "{file}"\ntime = "time"\nspeed = 0\nrows_per_chunk = {ROWS_PER_CHUNK}'
    return EDGE.format(gateway=gateway, settings=settings) + "".join(
        f'[[channel]]\nid = "{name}"\nsource = "file"\ninput = "{name}"\n' for name in names
    )


def write_csv(file: Path, start: str, every_s: float, columns: Mapping[str, np.ndarray]) -> Path:
    """A logger's file: a time column and one for each name; rows `every_s` apart from `start` (UTC)."""
    rows = len(next(iter(columns.values())))
    at = np.datetime64(start, "ms") + np.arange(rows) * np.timedelta64(round(every_s * 1000), "ms")
    lines = [",".join(("time", *columns))]
    lines += [
        ",".join((str(time), *(f"{value:.6f}" for value in values)))
        for time, *values in zip(at, *columns.values(), strict=True)
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
