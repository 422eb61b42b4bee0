"""The MQTT client of ingest: version 5, with every queue bounded by the protocol itself.

`Receive Maximum` bounds what the broker sends ahead of our PUBACK, and PUBACK is sent by hand once a message has found
room in the queue before the journal. So a full queue holds the broker back, and nothing is discarded here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from ssl import SSLContext

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from telltale.broker import BrokerSettings
from telltale.topics import Verb, subscription
from telltale.wire.codec import MAX_PACKET_BYTES

log = structlog.get_logger(__name__)

# A frame somewhat above the limit still arrives, to be answered `too_large`; beyond this the broker itself drops it,
# so that memory is bounded by the receive maximum.
MAX_MQTT_PACKET_BYTES = 2 * MAX_PACKET_BYTES
MAX_QOS0_WAITING = 1_000
MAX_INFLIGHT = 100
MANY_PENDING_CALLS = 100_000


class Inbox(asyncio.Queue[aiomqtt.Message]):
    """Received, not yet looked at. QoS 1 is bounded by the receive maximum; of QoS 0, which has no such bound, the
    surplus is dropped and counted.
    """

    surplus = 0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Add a message, or count it where too much of QoS 0 waits. Raised instead, it would be a line of log each."""
        if item.qos == 0 and self.qsize() >= MAX_QOS0_WAITING:
            self.surplus += 1
        else:
            super().put_nowait(item)


def open_client(broker: BrokerSettings, tls: SSLContext | None, receive_maximum: int) -> aiomqtt.Client:
    """A client, not yet connected."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = receive_maximum
    properties.MaximumPacketSize = MAX_MQTT_PACKET_BYTES
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        keepalive=broker.keepalive_s,
        tls_context=tls,
        queue_type=Inbox,
        max_inflight_messages=MAX_INFLIGHT,
        max_concurrent_outgoing_calls=MAX_INFLIGHT,
        properties=properties,
    )
    client.pending_calls_threshold = MANY_PENDING_CALLS
    client._client.manual_ack_set(True)  # noqa: SLF001 - aiomqtt has no switch of its own for it
    return client


def inbox_of(client: aiomqtt.Client) -> Inbox:
    """The inbox of a client from `open_client`."""
    inbox = client._queue  # noqa: SLF001 - made by the type that we gave it
    assert isinstance(inbox, Inbox)
    return inbox


async def received(client: aiomqtt.Client) -> AsyncIterator[aiomqtt.Message]:
    """Messages as they come. aiomqtt makes two tasks for each message that it waits for; those that wait already are
    taken without.

    Raises:
        aiomqtt.MqttError: the connection is lost.
    """
    inbox = inbox_of(client)
    async for message in client.messages:
        yield message
        while not inbox.empty():
            yield inbox.get_nowait()


def acknowledge(client: aiomqtt.Client, message: aiomqtt.Message) -> None:
    """Tell the broker that it may send another one (PUBACK). This says nothing to the edge."""
    if message.qos > 0:
        client._client.ack(message.mid, message.qos)  # noqa: SLF001 - as above


async def subscribe(client: aiomqtt.Client) -> None:
    """Ask for the frames, status and health of all gateways.

    Raises:
        aiomqtt.MqttError: the broker refuses; names the topic.
    """
    for verb in (Verb.STATUS, Verb.HEALTH, Verb.FRAME):
        answers = await client.subscribe(subscription(verb), qos=1)
        for answer in answers:
            if getattr(answer, "is_failure", False):
                raise aiomqtt.MqttError(f"the broker refuses {subscription(verb)}: {answer}")
