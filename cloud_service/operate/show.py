"""One dead letter, decoded as far as it can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from google.protobuf.message import DecodeError

from cloud_service.operate.letters import Letter, readable_rows
from cloud_service.wording.dates import iso
from telltale.readings import SAMPLE_DTYPES
from telltale.wire import frame_pb2 as pb
from telltale.wire.codec import MAX_PACKET_BYTES

HEAD_BYTES = 256
MAX_LINES = 32


def describe(letter: Letter, body: bytes) -> Iterator[str]:
    """Lines for an operator: what is known, what can be decoded, and the first bytes."""
    yield f"{letter.id}: {letter.reason}: {letter.detail}"
    yield f"received {iso(letter.at_ns)}, {letter.gateway or 'nobody known'}, {letter.size_bytes} bytes"
    if letter.run:
        yield f"run {letter.run}, sequence {letter.sequence}"
    if not letter.is_whole:
        yield f"only the first {len(body)} bytes are kept: it cannot be tried again"
    yield from _rows(body) if letter.id.startswith("r") else _frame(body)
    yield from _hexdump(body[:HEAD_BYTES])


def body_of(connection: sqlite3.Connection, kind: str, number: int) -> bytes:
    """The bytes that are kept; empty where the letter has gone meanwhile."""
    query = (
        "SELECT payload FROM dead_letter WHERE id = ?" if kind == "f" else "SELECT body FROM refused_rows WHERE id = ?"
    )
    row = connection.execute(query, (number,)).fetchone()
    return row[0] if row else b""


def _frame(body: bytes) -> Iterator[str]:
    message = pb.Frame()
    try:
        message.ParseFromString(body[:MAX_PACKET_BYTES])
    except DecodeError as error:
        yield f"no protobuf message: {error}"
        return
    yield (
        f"version {message.version}, gateway {message.gateway[:64]!r}, sequence {message.sequence},"
        f" acquired {message.acquired_ns} ns, {len(message.blocks)} blocks, {len(message.drops)} drop records"
    )
    for block in message.blocks[:MAX_LINES]:
        kind = SAMPLE_DTYPES[block.type] if 0 <= block.type < len(SAMPLE_DTYPES) else f"type {block.type}"
        yield (
            f"  {block.channel[:64]!r}: {block.count} × {kind} from {block.t0_ns} ns,"
            f" {block.rate_hz:g} Hz, {len(block.body)} bytes"
        )


def _rows(body: bytes) -> Iterator[str]:
    found = readable_rows(body)
    if not found:
        yield "no rows of this version's schema"
    for rows in found[:MAX_LINES]:
        span = f"{iso(int(rows.t_ns.min()))} to {iso(int(rows.t_ns.max()))}" if len(rows) else "no times"
        yield f"  {rows.measurement} of {rows.subject}: {len(rows)} rows, {span}; {', '.join(rows.columns)}"


def _hexdump(head: bytes) -> Iterator[str]:
    for at in range(0, len(head), 16):
        part = head[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{at:06x}  {part.hex(' '):<47}  {text}"
