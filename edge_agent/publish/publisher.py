"""The publisher: one session after the other, for ever."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

import aiomqtt
import msgspec

from edge_agent.outbox.box import Outbox
from edge_agent.publish.connection import gateway_client
from edge_agent.publish.limits import PacketLimits
from edge_agent.publish.restamp import Restamper
from edge_agent.publish.session import Session
from edge_agent.publish.settings import PublishSettings
from edge_agent.publish.window import UnackedWindow
from edge_agent.reports import LOG, Reports
from telltale.backoff import FullJitter
from telltale.broker import BrokerSettings
from telltale.clock import NS_PER_S, Clock
from telltale.health import Health, Status
from telltale.topics import Verb, topic

STEADY_S = 60.0  # a session that lasted this long begins the back-off anew
GOODBYE_S = 3.0


class Publisher:
    """Brings the outbox to the service.

    Args:
        gateway: id, in topics and as the client id.
        broker, tls: where to connect.
        outbox: frames come from here and store-acks go there.
        clock: times resends and dates the status.
        randomness: for jitter.
        health: makes the health message.
        reports: where trouble goes.
        settings: bounds and times.
    """

    def __init__(
        self,
        gateway: str,
        run_id: bytes,
        *,
        broker: BrokerSettings,
        tls: ssl.SSLContext | None,
        outbox: Outbox,
        clock: Clock,
        randomness: random.Random,
        health: Callable[[], Awaitable[Health]],
        reports: Reports,
        settings: PublishSettings,
    ) -> None:
        self.connected = False
        self._gateway = gateway
        self._run_id = run_id
        self._broker = broker
        self._tls = tls
        self._outbox = outbox
        self._clock = clock
        self._random = randomness
        self._health = health
        self._reports = reports
        self._settings = settings
        self._limits = PacketLimits(reports)

    async def run(self, restamper: Restamper) -> None:
        """Connect, publish, connect again, until cancelled; then say offline and disconnect."""
        backoff = FullJitter(self._settings.reconnect_s, self._settings.reconnect_cap_s, self._random)
        while True:
            began_ns = self._clock.monotonic_ns()
            try:
                await self._connect(restamper)
            except aiomqtt.MqttError as error:
                self._tell_lost(error)
            except Exception as error:  # noqa: BLE001 (whatever the network code does, recording goes on)
                self._reports.problem("broker", f"session ended by {type(error).__name__}: {error}")
                LOG.exception("broker: session ended by a defect")
            finally:
                self.connected = False
            if self._clock.monotonic_ns() - began_ns > STEADY_S * NS_PER_S:
                backoff.reset()
            # Also after a session that worked: two agents with one id would else kick each other out in a tight loop.
            await asyncio.sleep(backoff.next_s())

    def _tell_lost(self, error: aiomqtt.MqttError) -> None:
        at = f"{self._broker.host}:{self._broker.port}"
        self._reports.problem("broker", f"no connection to {at} ({error}): recording goes on")

    async def _connect(self, restamper: Restamper) -> None:
        use = self._settings
        window = UnackedWindow(use.window_frames, use.window_bytes, use.resend_s, use.resend_cap_s, self._random)
        session = Session(
            self._gateway,
            window,
            outbox=self._outbox,
            restamper=restamper,
            clock=self._clock,
            health=self._health,
            health_s=use.health_s,
            reports=self._reports,
        )
        client = gateway_client(
            self._broker,
            self._tls,
            self._gateway,
            offline=self._status("offline"),
            max_inflight=use.window_frames,
            answered=session.answered,
        )
        try:
            async with client:
                self._limits.announced(client.max_packet_bytes)
                try:
                    await session.begin(client)
                    await client.publish(*self._retained("online"), qos=1, retain=True)
                    self._tell_connected(restamper)
                    await session.run(client, self._limits)
                except asyncio.CancelledError:
                    await self._say_goodbye(client)
                    raise
        except aiomqtt.MqttError as error:
            reason = client.lost_by() or error
            self._limits.lost(reason, window.largest())
            raise aiomqtt.MqttError(str(reason)) from error

    def _tell_connected(self, restamper: Restamper) -> None:
        self.connected = True
        restamper.connected()
        self._reports.solved("broker", "connected again")
        LOG.info("broker: connected to %s:%d as %s", self._broker.host, self._broker.port, self._gateway)

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        with suppress(aiomqtt.MqttError):
            await client.publish(*self._retained("offline"), qos=1, retain=True, timeout=GOODBYE_S)

    def _status(self, state: Literal["online", "offline"]) -> Status:
        return Status(state=state, at_ns=self._clock.now_ns(), run_id=self._run_id.hex())

    def _retained(self, state: Literal["online", "offline"]) -> tuple[str, bytes]:
        return topic(self._gateway, Verb.STATUS), msgspec.json.encode(self._status(state))
