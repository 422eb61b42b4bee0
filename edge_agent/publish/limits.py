"""How large a packet the broker takes. A frame beyond that would end every session, and nothing else would arrive."""

from __future__ import annotations

from edge_agent.publish.connection import PUBLISH_OVERHEAD_BYTES
from edge_agent.reports import Reports
from telltale.wire.codec import MAX_PACKET_BYTES

PACKET_TOO_LARGE = 0x95  # MQTT 5, 2.4
TOPIC = "frame size"


class PacketLimits:
    """What the broker announced, and what it was seen to refuse.

    A larger frame is kept in the outbox and reported, and goes out when the broker takes it: nothing is lost by a
    broker's setting that someone can correct.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._announced = MAX_PACKET_BYTES
        self._refused = MAX_PACKET_BYTES + 1

    @property
    def max_frame_bytes(self) -> int:
        """The largest payload that may be sent."""
        return min(self._announced, self._refused - 1)

    def announced(self, packet_bytes: int | None) -> None:
        """What the broker said on connecting; None: nothing."""
        limit = MAX_PACKET_BYTES if packet_bytes is None else packet_bytes - PUBLISH_OVERHEAD_BYTES
        if limit != self._announced:
            self._announced, self._refused = limit, MAX_PACKET_BYTES + 1
        if self.max_frame_bytes == MAX_PACKET_BYTES:
            self._reports.solved(TOPIC, "the broker takes every frame")

    def lost(self, reason: BaseException, largest: int) -> None:
        """A session has ended; `largest`: bytes of the largest frame that was under way."""
        code = getattr(reason, "rc", None)
        if getattr(code, "value", code) == PACKET_TOO_LARGE and largest:
            self._refused = min(self._refused, largest)

    def met(self) -> None:
        """A frame is larger than this."""
        self._reports.problem(
            TOPIC,
            f"the broker takes no frame of more than {self.max_frame_bytes} bytes: larger ones are kept here: raise its"
            " max_packet_size, or lower frame.max_bytes for new ones",
        )
