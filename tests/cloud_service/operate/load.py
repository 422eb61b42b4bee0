"""Frames of one gateway into a running service, and its books."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import aiomqtt
import numpy as np

from telltale.clock import NS_PER_S
from telltale.readings import Block, Frame
from telltale.wire.codec import encode_frame

GATEWAY = "gw-ops"
CHANNELS = tuple(f"ops.gauge{number}" for number in range(4))
T0_NS = 1_700_000_000_000_000_000
RUN = bytes(range(16))


def site_toml(gateway: str = GATEWAY, channels: Sequence[str] = CHANNELS) -> str:
    lines = ['[[facilities]]\nid = "f"\nname = "F"\n[[facilities.structures]]\nid = "s"\nname = "S"']
    lines += [
        f'[[facilities.structures.channels]]\nid = "{name}"\nkind = "crack"\nunit = "mm"\n'
        f'gateway = "{gateway}"\ninterval_s = 1.0'
        for name in channels
    ]
    return "\n".join(lines) + "\n"


def frame(sequence: int, gateway: str = GATEWAY, channels: Sequence[str] = CHANNELS, run_id: bytes = RUN) -> bytes:
    """Sequence n brings the reading of second n of each channel, whose value is n."""
    t_ns = T0_NS + sequence * NS_PER_S
    blocks = tuple(Block(name, t_ns, 1.0, np.array([sequence], np.int32)) for name in channels)
    return encode_frame(Frame(gateway, run_id, sequence, t_ns + 1, blocks=blocks))


async def send(port: int, sequences: Sequence[int], gateway: str = GATEWAY) -> None:
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for sequence in sequences:
            await client.publish(f"telltale/v1/{gateway}/frame", frame(sequence, gateway), qos=1, timeout=120)


def one(database: Path, query: str) -> int:
    """The first number that a query answers; 0 while there is no such table or row."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
            row = connection.execute(query).fetchone()
    except sqlite3.OperationalError:
        return 0
    return int(row[0]) if row and row[0] is not None else 0


def readings(data: Path) -> int:
    return one(data / "store.db", "SELECT COUNT(*) FROM reading")
