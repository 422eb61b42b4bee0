"""The MQTT client of a gateway: MQTT 5, clean start, client id = gateway id, last will offline."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import aiomqtt
import msgspec
from paho.mqtt.client import MQTT_ERR_SUCCESS, ConnectFlags
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from telltale.broker import BrokerSettings
from telltale.health import Status
from telltale.topics import Verb, topic

MAX_INCOMING = 1_000  # store-acks are cumulative: one lost to a full queue is made good by the next
CONNECT_TIMEOUT_S = 10.0

# A publish on the wire beside its payload: fixed header, topic, packet id, properties; a little more than they take.
PUBLISH_OVERHEAD_BYTES = 128

Answered = Callable[[int, ReasonCode], None]


class GatewayClient(aiomqtt.Client):
    """aiomqtt's client, which also hears what MQTT 5 says about frames and limits.

    aiomqtt drops the reason code of a PUBACK, the one place where a broker says "Not authorized", and the limits that
    the broker announces on connecting. A frame is safe either way, for only a store-ack deletes it.

    Args:
        answered: called where the broker answers a message with more than plain success: the frame's id (0: another
            message) and the code.

    Attributes:
        max_packet_bytes: the largest packet that the broker takes; None: it has not said so.
    """

    def __init__(self, *args: Any, answered: Answered, **more: Any) -> None:
        super().__init__(*args, **more)
        self.max_packet_bytes: int | None = None
        self._answered = answered
        self._under_way: dict[int, int] = {}

    def send_frame(self, frame: int, payload: bytes, name: str) -> None:
        """Put a frame on its way at QoS 1 and return; the caller bounds how many are under way.

        Raises:
            aiomqtt.MqttError: the connection is gone.
        """
        info = self._client.publish(name, payload, 1)
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish a frame")
        self._under_way[info.mid] = frame

    def is_under_way(self, frame: int) -> bool:
        """Whether the broker has not answered for a frame yet: sending it once more would only queue behind it."""
        return frame in self._under_way.values()

    def lost_by(self) -> BaseException | None:
        """What ended the connection, in the broker's words where it had any; None: it has not ended."""
        ended = self._disconnected
        return ended.exception() if ended.done() and not ended.cancelled() else None

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        frame = self._under_way.pop(mid, 0)
        if reason_code.value:
            self._answered(frame, reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
        # paho does not heed it, and a broker ends the session of a client that has more under way.
        allowed = getattr(properties, "ReceiveMaximum", None)
        if allowed is not None:
            client._max_inflight_messages = min(client._max_inflight_messages, allowed)  # noqa: SLF001
        super()._on_connect(client, userdata, flags, reason_code, properties)


def gateway_client(
    broker: BrokerSettings,
    tls: ssl.SSLContext | None,
    gateway: str,
    *,
    offline: Status,
    max_inflight: int,
    answered: Answered,
) -> GatewayClient:
    """A client that is not connected yet; one a session."""
    return GatewayClient(
        broker.host,
        broker.port,
        identifier=gateway,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        will=aiomqtt.Will(topic(gateway, Verb.STATUS), msgspec.json.encode(offline), qos=1, retain=True),
        keepalive=broker.keepalive_s,
        tls_context=tls,
        timeout=CONNECT_TIMEOUT_S,
        max_queued_incoming_messages=MAX_INCOMING,
        max_inflight_messages=max_inflight,
        answered=answered,
    )
