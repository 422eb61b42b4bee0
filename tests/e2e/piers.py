"""Four piers whose tilts are judged as a group: the load moves them all by more than the third one leaves the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.e2e.replayed import edge, scalars, site, write_csv
from tests.e2e.service import Service

PIERS = ("bridge.pier1", "bridge.pier2", "bridge.pier3", "bridge.pier4")
LEFT = 580  # 504 rows are learned, unless the site says otherwise
LOAD_MRAD, SHIFT_MRAD = 0.5, 0.2
START, EVERY_S = "2026-03-01", 3600
GROUP = f'[[facilities.structures.groups]]\nid = "piers"\nchannels = {list(PIERS)}\n'


def site_toml(gateway: str) -> str:
    """The bridge with its group."""
    return site("bridge", scalars(gateway, dict.fromkeys(PIERS, ""), EVERY_S) + GROUP)


def time_ns(row: int) -> int:
    """When a row was read."""
    return int(np.datetime64(START, "ns").astype(np.int64)) + row * EVERY_S * 10**9


def readings(rows: int) -> dict[str, np.ndarray[Any, Any]]:
    """Tilts in mrad, hour by hour."""
    rng = np.random.default_rng(4)
    load = LOAD_MRAD * rng.standard_normal(rows)
    tilts = {name: 3 + load + 0.03 * rng.standard_normal(rows) for name in PIERS}
    tilts[PIERS[2]][LEFT:] += SHIFT_MRAD
    return tilts


def play(service: Service, gateway: str, tilts: dict[str, np.ndarray[Any, Any]], rows: slice) -> None:
    """Some of the rows through the agent."""
    part = {name: values[rows] for name, values in tilts.items()}
    began = str(np.datetime64(START, "s") + np.timedelta64(rows.start * EVERY_S, "s"))
    file = write_csv(service.folder / f"from{rows.start}.csv", began, EVERY_S, part)
    service.play(edge(gateway, file, PIERS))
