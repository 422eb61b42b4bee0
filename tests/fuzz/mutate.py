"""Damage to bytes, drawn from a seeded generator: the same for the same seed."""

from __future__ import annotations

import random

import zstandard

from telltale.wire import frame_pb2 as pb

HUGE_VARINT = b"\xff" * 9 + b"\x01"
BOMB = zstandard.ZstdCompressor(level=19).compress(bytes(64 * 1024 * 1024))


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def stretched(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.choice((1, 4, 64))) + data[at:]


def doubled(data: bytes, rng: random.Random) -> bytes:
    at, end = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:end] + data[at:]


def huge_varint(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + HUGE_VARINT + data[at + 1 :]


def noise(data: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 2 * len(data)))


def wrong_count(data: bytes, rng: random.Random) -> bytes:
    message = _parsed(data)
    if message is None or not message.blocks:
        return flipped(data, rng)
    rng.choice(message.blocks).count = rng.choice((0, 1, 65_536, 65_537, 2**32 - 1))
    return message.SerializeToString()


def bomb(data: bytes, rng: random.Random) -> bytes:
    message = _parsed(data)
    if message is None or not message.blocks:
        return flipped(data, rng)
    rng.choice(message.blocks).body = BOMB
    return message.SerializeToString()


def foreign(data: bytes, rng: random.Random) -> bytes:
    message = _parsed(data)
    if message is None:
        return flipped(data, rng)
    message.gateway = rng.choice(("", "someone-else", "gw/#", "x" * 200))
    return message.SerializeToString()


def _parsed(data: bytes) -> pb.Frame | None:
    message = pb.Frame()
    try:
        message.ParseFromString(data)
    except Exception:  # noqa: BLE001 - protobuf's own error type differs between its implementations
        return None
    return message


WAYS = (flipped, cut, stretched, doubled, huge_varint, noise, wrong_count, bomb, foreign)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` damaged in one way or two."""
    for _ in range(rng.choice((1, 1, 2))):
        data = rng.choice(WAYS)(data, rng) if data else rng.randbytes(8)
    return data
