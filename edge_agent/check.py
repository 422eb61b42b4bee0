"""`telltale edge check`: reads every source for some seconds and tells the technician, channel by channel."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import numpy as np

from edge_agent.settings import ChannelSettings, EdgeSettings, SourceSettings
from edge_agent.sources.registry import open_source
from edge_agent.window.calibrate import UNCALIBRATED, calibrate
from telltale.broker import BrokerSettings, tls_context
from telltale.certificate import read_certificate
from telltale.clock import NS_PER_S, Clock, SystemClock, open_clock
from telltale.errors import RetryError, SettingsError, TelltaleError, UserError
from telltale.readings import Block
from telltale.source import Source, SourceContext
from telltale.topics import Verb, topic

DEAD_STATUS = 1
PROBE_TIMEOUT_S = 5.0
# A source that does not wait for real time would be read to its end in no time; a look is enough.
ENOUGH_LISTS = 50


@dataclass(slots=True)
class _Seen:
    samples: int = 0
    missing: int = 0
    last: Block | None = None
    first_ns: int = 0

    def add(self, block: Block) -> None:
        self.first_ns = self.first_ns if self.last else block.t0_ns
        self.samples += len(block)
        self.missing += int(np.isnan(block.values()).sum())
        self.last = block


async def check_edge_file(settings: EdgeSettings, path: Path, seconds: float) -> int:
    """Print the table; 0 when every channel is alive and the broker answers, 1 when a channel is dead.

    Raises:
        UserError: a source cannot be opened, or (after the table) the broker does not answer.
    """
    clock = open_clock(settings.clock)
    tls_context(settings.broker, str(path))
    identity = check_certificate(settings, str(path), SystemClock().now_ns())
    found = await asyncio.gather(
        *(_look(source, settings, SourceContext(clock, path.parent, str(path)), seconds) for source in settings.source)
    )
    seen = {key: value for part in found for key, value in part.items()}
    print(_table(settings, seen))
    for line in identity:
        print(line)
    await probe_broker(settings, str(path))
    print(f"broker {settings.broker.host}:{settings.broker.port}: reachable, and it takes us")
    dead = [channel.id for channel in settings.channel if not _alive(seen, channel)]
    return DEAD_STATUS if dead else 0


def check_certificate(settings: EdgeSettings, where: str, now_ns: int) -> list[str]:
    """What to tell of the gateway's certificate; nothing without TLS.

    Raises:
        UserError: the broker will not let us in with it.
    """
    if not settings.broker.cert_file:
        return []
    setting = f"{where}: broker.cert_file"
    found = read_certificate(Path(settings.broker.cert_file), setting)
    problem = found.problem(settings.gateway, now_ns)
    if problem:
        raise SettingsError(f"{setting}: {found.path} {problem}", "telltale edge enrol, then install the new one")
    warning = found.warning(now_ns)
    return [f"certificate: {found}", *([f"WARNING: it {warning}: telltale edge enrol"] if warning else [])]


async def _look(
    source: SourceSettings, settings: EdgeSettings, context: SourceContext, seconds: float
) -> dict[tuple[str, str], _Seen]:
    seen: dict[tuple[str, str], _Seen] = {}
    wanted = {channel.input: channel for channel in settings.channel if channel.source == source.name}
    try:
        opened = open_source(source, SourceContext(context.clock, context.base, f"{context.where}: {source.name}"))
    except RetryError as error:
        print(f"source {source.name}: {error}")
        return seen
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _read(opened, source.name, wanted, seen, context.clock)
    except TelltaleError as error:
        print(f"source {source.name}: {error}")
    finally:
        await opened.close()
    return seen


async def _read(
    source: Source,
    name: str,
    wanted: dict[str, ChannelSettings],
    seen: dict[tuple[str, str], _Seen],
    clock: Clock,
) -> None:
    lists = 0
    async for chunks in source.chunks():
        for chunk in chunks:
            channel = wanted.get(chunk.input)
            if channel is not None and chunk.samples.size:
                block = calibrate(chunk, channel.id, channel.calibration or UNCALIBRATED)
                seen.setdefault((name, chunk.input), _Seen()).add(block)
                clock.observe(block.end_ns())
        lists += 1
        if not source.live and lists >= ENOUGH_LISTS:
            return
        await asyncio.sleep(0)


def _alive(seen: dict[tuple[str, str], _Seen], channel: ChannelSettings) -> bool:
    found = seen.get((channel.source, channel.input))
    return found is not None and found.missing < found.samples


def _table(settings: EdgeSettings, seen: dict[tuple[str, str], _Seen]) -> str:
    rows: list[tuple[str, ...]] = [
        ("channel", "source: input", "state", "last value", "rate", "samples", "last time (UTC)")
    ]
    for channel in settings.channel:
        found = seen.get((channel.source, channel.input))
        rows.append((channel.id, f"{channel.source}: {channel.input}", *_cells(found)))
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _cells(found: _Seen | None) -> tuple[str, ...]:
    if found is None or found.last is None:
        return ("SILENT", "-", "-", "0", "-")
    values = found.last.values()
    good = values[np.isfinite(values)]
    state = "MISSING" if found.missing == found.samples else "alive"
    at = datetime.fromtimestamp(found.last.end_ns() / NS_PER_S, UTC).isoformat(sep=" ", timespec="seconds")
    return (state, f"{good[-1]:.6g}" if good.size else "-", _rate(found, found.last), str(found.samples), at[:19])


def _rate(found: _Seen, last: Block) -> str:
    """The declared rate, or for readings with times of their own the mean interval."""
    if last.rate_hz > 0 and len(last) > 1:
        return f"{last.rate_hz:g} Hz" if last.rate_hz >= 1 else _every(1 / last.rate_hz)
    span_ns = last.end_ns() - found.first_ns
    return _every(span_ns / NS_PER_S / (found.samples - 1)) if found.samples > 1 and span_ns > 0 else "-"


def _every(interval_s: float) -> str:
    """An interval as a person would say it."""
    for unit_s, unit in ((3600, "h"), (60, "min")):
        if interval_s >= unit_s:
            return f"every {interval_s / unit_s:.4g} {unit}"
    return f"every {interval_s:.4g} s"


async def probe_broker(settings: EdgeSettings, where: str) -> None:
    """Connect once, and ask for acks. Without certificates the broker chooses the name, and a running agent is not
    disturbed; with them the name is the certificate's, and a running agent's session ends and begins again.

    Raises:
        UserError: the broker does not answer, or denies the subscription.
    """
    broker = settings.broker
    tls = tls_context(broker, where)
    at = f"broker {broker.host}:{broker.port}"
    try:
        async with aiomqtt.Client(
            broker.host,
            broker.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=tls,
            timeout=PROBE_TIMEOUT_S,
        ) as client:
            codes = await client.subscribe(topic(settings.gateway, Verb.STORED), qos=1)
    except aiomqtt.MqttError as error:
        refusal = await _tls_refusal(broker, tls) if tls else ""
        problem = f"TLS: {refusal}" if refusal else str(error)
        raise UserError(f"{at}: no connection ({problem})", f"start it, or correct [broker] in {where}") from None
    for code in codes:
        if getattr(code, "value", code) >= 128:
            raise UserError(f"{at}: denies {topic(settings.gateway, Verb.STORED)} ({code})", "correct its access list")


async def _tls_refusal(broker: BrokerSettings, tls: ssl.SSLContext) -> str:
    """What broker or certificate check say against a connection; empty where neither does.

    TLS 1.3 refuses a client's certificate only behind the handshake, where the MQTT client merely times out.
    """
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=tls)
            try:
                await reader.read(1)
            finally:
                writer.transport.abort()
    except ssl.SSLError as error:
        return getattr(error, "verify_message", "") or (error.reason or str(error)).replace("_", " ").lower()
    except (OSError, TimeoutError):
        return ""
    return ""
