"""From an MQTT message to a journal entry. Pure but for the clock; whatever the bytes, it returns and never raises."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from cloud_service.ingest.envelope import identify
from cloud_service.journal.entries import Entry, FrameEntry, HealthEntry, RejectedEntry, StatusEntry
from telltale.clock import Clock
from telltale.errors import RejectedError, RejectReason
from telltale.health import decode_health, decode_status
from telltale.site import Site
from telltale.topics import Verb, parse
from telltale.wire.codec import screen_frame

log = structlog.get_logger(__name__)

MAX_DETAIL = 200
OTHER_GATEWAY = "other_gateway"  # beside RejectReason: the site gives the channel to another gateway


class Screen:
    """Checks what comes in.

    Args:
        site: frames of gateways that it does not have are rejected; blocks of channels that it does not give to their
            gateway are named, and the rest of their frame is taken.
        clock: stamps arrival, and is told of each acquisition time.
    """

    def __init__(self, site: Site, clock: Clock) -> None:
        self._site = site
        self._own = {
            gateway: frozenset(place.channel.id for place in places) for gateway, places in site.gateways().items()
        }
        self._clock = clock
        self._reported: set[str] = set()

    def check(self, topic: str, payload: bytes) -> Entry | None:
        """The entry for a message; None where the topic is none that ingest listens to."""
        parsed = parse(topic)
        if parsed is None:
            return None
        gateway, verb = parsed
        try:
            return self._accept(gateway, verb, payload)
        except RejectedError as error:
            return self._reject(gateway, verb, payload, error)
        except Exception as error:  # noqa: BLE001 - reported by `_report`
            # A fault of ours must cost this one message: raised, it would come again with it, for ever.
            self._report(error, topic)
            unforeseen = RejectedError(RejectReason.NOT_A_FRAME, f"{type(error).__name__} while decoding")
            return self._reject(gateway, verb, payload, unforeseen)

    def _report(self, error: Exception, topic: str) -> None:
        """Log each kind of fault once: whoever found one may send it a thousand times a second."""
        kind = type(error).__name__
        if kind not in self._reported:
            self._reported.add(kind)
            log.error("a payload that decoding does not foresee", topic=topic, exc_info=error)

    def _accept(self, gateway: str, verb: Verb, payload: bytes) -> Entry | None:
        if gateway not in self._own:
            raise RejectedError(RejectReason.UNKNOWN_GATEWAY, f"the site has no gateway {gateway!r}")
        if verb is Verb.FRAME:
            frame, channels = screen_frame(payload, gateway)
            self._clock.observe(frame.acquired_ns)
            return FrameEntry(
                gateway,
                frame.run_id,
                frame.sequence,
                self._clock.now_ns(),
                payload,
                frame.drops,
                frame.acquired_ns,
                frame.after,
                self._strays(gateway, channels),
            )
        if verb is Verb.STATUS:
            status = decode_status(payload)
            return StatusEntry(gateway, self._clock.now_ns(), status.state == "online")
        if verb is Verb.HEALTH:
            decode_health(payload)
            return HealthEntry(gateway, self._clock.now_ns(), payload)
        return None

    def _strays(self, gateway: str, channels: Sequence[str]) -> tuple[tuple[str, str], ...]:
        own = self._own[gateway]
        if own.issuperset(channels):
            return ()
        known = self._site.places
        return tuple(
            (channel, OTHER_GATEWAY if channel in known else RejectReason.UNKNOWN_CHANNEL.value)
            for channel in channels
            if channel not in own
        )

    def _reject(self, gateway: str, verb: Verb, payload: bytes, error: RejectedError) -> RejectedEntry:
        identity = identify(payload) if verb is Verb.FRAME else None
        run_id, sequence = identity or (None, None)
        detail = error.detail.encode("utf-8", "replace").decode()[:MAX_DETAIL]
        return RejectedEntry(gateway, run_id, sequence, self._clock.now_ns(), payload, error.reason, detail, verb.value)
