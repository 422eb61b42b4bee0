"""One connection to the broker: frames out, store-acks in, health told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiomqtt
import msgspec
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.outbox.box import Outbox
from edge_agent.publish.choose import FrameChooser
from edge_agent.publish.connection import GatewayClient
from edge_agent.publish.limits import PACKET_TOO_LARGE, PacketLimits
from edge_agent.publish.restamp import Restamper
from edge_agent.publish.window import UnackedWindow
from edge_agent.reports import Reports
from telltale.clock import NS_PER_S, Clock
from telltale.errors import RejectedError
from telltale.health import Health
from telltale.topics import Verb, topic
from telltale.wire.ack import decode_stored

UNSTORED_S = 60.0  # after this long without a store-ack the operator is told
IDLE_S = 1.0
# A topic of its own: a broker may end the session over it, and the next connection solves nothing.
ACCESS = "access"
NO_SUBSCRIBERS = 0x10  # the service is not connected
DENIED = 0x80  # reason codes from here on refuse (MQTT 5, 2.4)
# These speak of one packet and not of the gateway: topic name invalid, packet too large, payload format invalid.
OF_ONE_PACKET = frozenset({0x90, PACKET_TOO_LARGE, 0x99})


class Session:
    """Serves one connection.

    Args:
        gateway: id, in topics.
        window: empty; what is sent and not store-acked.
        outbox: frames come from here and store-acks go there.
        restamper: says which frames wait for the clock.
        clock: times resends.
        health, health_s: makes the health message, and how often.
        reports: where trouble goes.
    """

    def __init__(
        self,
        gateway: str,
        window: UnackedWindow,
        *,
        outbox: Outbox,
        restamper: Restamper,
        clock: Clock,
        health: Callable[[], Awaitable[Health]],
        health_s: float,
        reports: Reports,
    ) -> None:
        self._gateway = gateway
        self._window = window
        self._outbox = outbox
        self._restamper = restamper
        self._clock = clock
        self._health = health
        self._health_s = health_s
        self._reports = reports

    async def begin(self, client: GatewayClient) -> None:
        """Ask for store-acks.

        Raises:
            aiomqtt.MqttError: the broker denies them: sending would be for nothing.
        """
        codes = await client.subscribe(topic(self._gateway, Verb.STORED), qos=1)
        for code in codes:
            if getattr(code, "value", code) >= DENIED:
                raise aiomqtt.MqttError(f"subscription to our store-acks denied: {code}")

    async def run(self, client: GatewayClient, limits: PacketLimits) -> None:
        """Send, receive and tell until the connection is lost.

        Raises:
            aiomqtt.MqttError: it is lost.
        """
        # Live data first, where there is any; a recording is played in order, or its own past would look late.
        newest = await self._outbox.newest() if self._outbox.may_drop else 0
        chooser = FrameChooser(
            self._outbox,
            self._window,
            self._clock,
            newest,
            restamper=self._restamper,
            max_bytes=limits.max_frame_bytes,
            too_large=limits.met,
            is_under_way=client.is_under_way,
        )
        # Before any frame: a broker that denies those may end the session over it, and the reason would never be told.
        await self._tell_once(client)
        parts = (self._receive(client), self._tell_health(client, chooser), self._send(client, chooser))
        tasks = [asyncio.create_task(part) for part in parts]
        # No task group: one that loses the connection while it is cancelled tells of the loss and swallows the other.
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    def answered(self, frame: int, code: ReasonCode) -> None:
        """The broker did not simply take a frame (0: another message): it is sent again when due."""
        if code.value == NO_SUBSCRIBERS:
            self._window.unheard(frame)
        if not code.is_failure:
            return
        self._reports.problem(ACCESS, f"the broker refuses our messages: {code}")
        if frame and code.value in OF_ONE_PACKET:
            self._window.set_aside(frame)

    async def _receive(self, client: GatewayClient) -> None:
        async for message in client.messages:
            payload = message.payload
            try:
                ack = decode_stored(payload if isinstance(payload, bytes) else b"")
            except RejectedError as error:
                self._reports.problem("service", f"store-ack not understood: {error}")
                continue
            for channel, reason in ack.refused:
                self._reports.problem(f"channel {channel}", f"refused by the service ({reason}): see its site file")
            self._reports.solved(ACCESS, "the broker takes our messages again")
            ordinal = self._outbox.ordinal(ack.run_id)
            if ordinal is not None:
                self._window.acknowledge(ordinal, ack)
                self._outbox.settle(ack)

    async def _send(self, client: GatewayClient, chooser: FrameChooser) -> None:
        name = topic(self._gateway, Verb.FRAME)
        while True:
            self._outbox.changed.clear()
            sent = 0
            async for frame, payload in chooser.frames():
                client.send_frame(frame, payload, name)
                sent += 1
            if sent:
                await asyncio.sleep(0)
            else:
                await self._wait()

    async def _wait(self) -> None:
        """Until the outbox has changed or a frame is overdue."""
        due_ns = self._window.next_due_ns()
        left_s = IDLE_S if due_ns is None else max(0.0, (due_ns - self._clock.monotonic_ns()) / NS_PER_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left_s, IDLE_S)):
                await self._outbox.changed.wait()

    async def _tell_health(self, client: GatewayClient, chooser: FrameChooser) -> None:
        while True:
            await asyncio.sleep(self._health_s)
            waiting_ns = self._window.waiting_ns(self._clock.monotonic_ns())
            if waiting_ns > UNSTORED_S * NS_PER_S:
                text = f"has stored nothing of {len(self._window)} frames sent for {UNSTORED_S:.0f} s: is it running?"
                self._reports.problem("service", text)
            elif not len(self._window):
                self._reports.solved("service", "stores again")
            chooser.rescan()
            await self._tell_once(client)

    async def _tell_once(self, client: GatewayClient) -> None:
        await client.publish(topic(self._gateway, Verb.HEALTH), msgspec.json.encode(await self._health()), qos=0)
