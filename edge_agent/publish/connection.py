"""The MQTT client of a gateway: MQTT 5, clean start, client id = gateway id, last will offline."""

from __future__ import annotations

import ssl
from typing import Any

import aiomqtt
import msgspec
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.reports import Reports
from telltale.broker import BrokerSettings
from telltale.health import Status
from telltale.topics import Verb, topic

MAX_INCOMING = 1_000  # store-acks are cumulative: one lost to a full queue is made good by the next
CONNECT_TIMEOUT_S = 10.0
# aiomqtt warns about more concurrent publishes than this; ours are bounded by the window.
PENDING_CALLS = 4_096


class GatewayClient(aiomqtt.Client):
    """aiomqtt's client, which also reports a publish that the broker denies.

    aiomqtt drops the reason code of a PUBACK, the one place where MQTT 5 says "Not authorized"; the frame itself is
    safe either way, for only a store-ack deletes it.
    """

    reports: Reports

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self.reports.problem("broker", f"denies our messages: {reason_code}")
        super()._on_publish(client, userdata, mid, reason_code, properties)


def gateway_client(
    broker: BrokerSettings,
    tls: ssl.SSLContext | None,
    gateway: str,
    *,
    offline: Status,
    max_inflight: int,
    reports: Reports,
) -> GatewayClient:
    """A client that is not connected yet; one a session."""
    client = GatewayClient(
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
    )
    client.pending_calls_threshold = PENDING_CALLS
    client.reports = reports
    return client
