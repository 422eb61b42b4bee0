"""A passive ear on the MQTT link: which frames an agent sent, and which of them it sent again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from google.protobuf.message import DecodeError

from telltale.topics import Verb, parse
from telltale.wire import frame_pb2 as pb

PUBLISH = 3
Key = tuple[str, int]


@dataclass(slots=True)
class Wire:
    """What was seen on the links of all gateways.

    Attributes:
        frames, payload_bytes: PUBLISH packets with a frame, and what they hold.
        again_s: monotonic time of each frame whose same payload was seen before.
        sent: (channel, t0) of every block that was ever on the wire: the agent had committed it.
    """

    frames: int = 0
    payload_bytes: int = 0
    again_s: list[float] = field(default_factory=list)
    sent: set[Key] = field(default_factory=set)
    _seen: set[bytes] = field(default_factory=set)

    def take(self, topic: str, payload: bytes) -> None:
        """One PUBLISH packet."""
        parsed = parse(topic)
        if parsed is None or parsed[1] is not Verb.FRAME:
            return
        self.frames += 1
        self.payload_bytes += len(payload)
        digest = blake2b(payload, digest_size=16).digest()
        if digest in self._seen:
            self.again_s.append(time.monotonic())
            return
        self._seen.add(digest)
        self._note_blocks(payload)

    def _note_blocks(self, payload: bytes) -> None:
        frame = pb.Frame()
        try:
            frame.ParseFromString(payload)
        except DecodeError:
            return
        self.sent.update((block.channel, block.t0_ns) for block in frame.blocks)


class MqttTap:
    """Parts the bytes of one connection into packets (MQTT 5, section 2.1) and hands over what is published."""

    def __init__(self, published: Callable[[str, bytes], None]) -> None:
        self._published = published
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._buffer += data
        while (found := _packet(self._buffer)) is not None:
            head, body_at, end = found
            if head >> 4 == PUBLISH:
                self._publish(head, bytes(self._buffer[body_at:end]))
            del self._buffer[:end]

    def _publish(self, head: int, body: bytes) -> None:
        size = int.from_bytes(body[:2], "big")
        topic, at = body[2 : 2 + size].decode(), 2 + size
        if (head >> 1) & 3:
            at += 2  # packet id
        length, at = _varint(body, at)
        self._published(topic, body[at + length :])


def _packet(buffer: bytearray) -> tuple[int, int, int] | None:
    """(first byte, start of the body, end) of the first packet, if it is complete."""
    if len(buffer) < 2:
        return None
    try:
        length, at = _varint(buffer, 1)
    except IndexError:
        return None
    return (buffer[0], at, at + length) if len(buffer) >= at + length else None


def _varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
