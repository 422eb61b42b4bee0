"""The publisher: one session after the other, for ever; each one sends frames, takes store-acks, tells its health."""

from __future__ import annotations

import asyncio
import math
import random
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Literal

import aiomqtt
import msgspec
from msgspec import Meta

from edge_agent.outbox.box import Outbox
from edge_agent.publish.choose import FrameChooser
from edge_agent.publish.connection import gateway_client
from edge_agent.publish.window import UnackedWindow
from edge_agent.reports import LOG, Reports
from telltale.backoff import FullJitter
from telltale.broker import BrokerSettings
from telltale.clock import NS_PER_S, Clock
from telltale.errors import RejectedError
from telltale.health import Health, Status
from telltale.settings import Settings
from telltale.topics import Verb, topic
from telltale.wire.ack import decode_stored

STEADY_S = 60.0  # a session that lasted this long begins the back-off anew
UNSTORED_S = 60.0  # after this long without a store-ack the operator is told
IDLE_S = 1.0
DENIED = 0x80  # reason codes from here on refuse (MQTT 5, 2.4)


class PublishSettings(Settings, frozen=True):
    """`[publish]` of `edge.toml`.

    Attributes:
        window_frames, window_bytes: bounds of what is sent and not yet store-acked.
        resend_s, resend_cap_s: time-out for a store-ack, doubled with each sending, and its ceiling.
        reconnect_s, reconnect_cap_s: first and last ceiling of the wait before connecting again.
        health_s: between health messages.
    """

    window_frames: Annotated[int, Meta(ge=1, le=1_000)] = 100
    window_bytes: Annotated[int, Meta(ge=65_536, le=67_108_864)] = 4_194_304
    resend_s: Annotated[float, Meta(gt=0)] = 10.0
    resend_cap_s: Annotated[float, Meta(gt=0)] = 300.0
    reconnect_s: Annotated[float, Meta(gt=0)] = 1.0
    reconnect_cap_s: Annotated[float, Meta(gt=0)] = 60.0
    health_s: Annotated[float, Meta(gt=0)] = 5.0


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
        self._window = self._new_window()

    def _new_window(self) -> UnackedWindow:
        use = self._settings
        return UnackedWindow(use.window_frames, use.window_bytes, use.resend_s, use.resend_cap_s, self._random)

    async def run(self) -> None:
        """Connect, publish, connect again, until cancelled; then say offline and disconnect."""
        backoff = FullJitter(self._settings.reconnect_s, self._settings.reconnect_cap_s, self._random)
        while True:
            began_ns = self._clock.monotonic_ns()
            try:
                await self._connect()
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

    async def _connect(self) -> None:
        offline = self._status("offline")
        inflight = self._settings.window_frames
        client = gateway_client(
            self._broker, self._tls, self._gateway, offline=offline, max_inflight=inflight, reports=self._reports
        )
        async with client:
            try:
                await self._session(client)
            except asyncio.CancelledError:
                with suppress(aiomqtt.MqttError):
                    await client.publish(*self._retained("offline"), qos=1, retain=True)
                raise

    async def _session(self, client: aiomqtt.Client) -> None:
        self._window = self._new_window()
        codes = await client.subscribe(topic(self._gateway, Verb.STORED), qos=1)
        for code in codes:
            if getattr(code, "value", code) >= DENIED:
                raise aiomqtt.MqttError(f"subscription to our store-acks denied: {code}")
        # Live data first, where there is any; a recording is played in order, or its own past would look late.
        newest = await self._outbox.newest() if self._outbox.may_drop else 0
        chooser = FrameChooser(self._outbox, self._window, self._clock, newest)
        await client.publish(*self._retained("online"), qos=1, retain=True)
        self.connected = True
        self._reports.solved("broker", "connected again")
        LOG.info("broker: connected to %s:%d as %s", self._broker.host, self._broker.port, self._gateway)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(client))
                tasks.create_task(self._tell_health(client, chooser))
                tasks.create_task(self._send(client, chooser, tasks))
        except ExceptionGroup as group:
            lost, defects = group.split(aiomqtt.MqttError)
            if lost is None or defects is not None:
                raise
            raise _first(lost) from None

    def _status(self, state: Literal["online", "offline"]) -> Status:
        return Status(state=state, at_ns=self._clock.now_ns(), run_id=self._run_id.hex())

    def _retained(self, state: Literal["online", "offline"]) -> tuple[str, bytes]:
        return topic(self._gateway, Verb.STATUS), msgspec.json.encode(self._status(state))

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            try:
                ack = decode_stored(payload if isinstance(payload, bytes) else b"")
            except RejectedError as error:
                self._reports.problem("service", f"store-ack not understood: {error}")
                continue
            for channel, reason in ack.refused:
                self._reports.problem(f"channel {channel}", f"refused by the service ({reason}): see its site file")
            ordinal = self._outbox.ordinal(ack.run_id)
            if ordinal is not None:
                self._window.acknowledge(ordinal, ack)
                self._outbox.settle(ack)

    async def _send(self, client: aiomqtt.Client, chooser: FrameChooser, tasks: asyncio.TaskGroup) -> None:
        name = topic(self._gateway, Verb.FRAME)
        while True:
            self._outbox.changed.clear()
            sent = 0
            async for _, payload in chooser.frames():
                # Not awaited: the window bounds what is under way. No time-out: a slow link is not a broken one, and
                # a broken one ends the session through its keep-alive.
                tasks.create_task(client.publish(name, payload, qos=1, timeout=math.inf))
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

    async def _tell_health(self, client: aiomqtt.Client, chooser: FrameChooser) -> None:
        name = topic(self._gateway, Verb.HEALTH)
        while True:
            waiting_ns = self._window.waiting_ns(self._clock.monotonic_ns())
            if waiting_ns > UNSTORED_S * NS_PER_S:
                text = f"has stored nothing of {len(self._window)} frames sent for {UNSTORED_S:.0f} s: is it running?"
                self._reports.problem("service", text)
            elif not len(self._window):
                self._reports.solved("service", "stores again")
            chooser.rescan()
            await client.publish(name, msgspec.json.encode(await self._health()), qos=0)
            await asyncio.sleep(self._settings.health_s)


def _first(group: ExceptionGroup[aiomqtt.MqttError]) -> aiomqtt.MqttError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
