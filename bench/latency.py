"""Frame complete → journal-committed, and → rows in the store, by TLS at 70 % of what the same path takes at most.

The most is measured first, in the same run. Then frames are complete at a steady pace of 70 % of it. A frame counts as
journal-committed when its store-ack is back at the sender, which is later than the commit by the way back.
"""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
import time
from contextlib import closing
from pathlib import Path

import aiomqtt

from bench.pipeline import STEP_NS, T0_NS, TOPIC, our_frames
from bench.rig import Service, rig
from telltale.wire.ack import decode_stored

PARTS = ("ingest", "analyse", "store")
WARM_UP, BURST, SECONDS, LOAD = 60, 300, 15.0, 0.7
TARGET_MS = (25, 150)


def run(folder: Path) -> None:
    with rig(folder) as bench, bench.service(PARTS, tls=True) as service:
        service.play(1, WARM_UP, until="store")
        wall_s, _ = service.play(WARM_UP + 1, BURST, until="store")
        rate = LOAD * BURST / wall_s
        first, count = WARM_UP + BURST + 1, int(rate * SECONDS)
        print(f"at most {BURST / wall_s:.0f} frames/s; measured at {rate:.0f} frames/s for {SECONDS:.0f} s, by TLS")
        journal, store = asyncio.run(_measure(service, first, count, rate))
    for name, found in (("journal-committed", journal), ("in the store", store)):
        found.sort()
        p50, p99 = (found[int(share * (len(found) - 1))] * 1e3 for share in (0.5, 0.99))
        print(f"frame complete → {name:<18} p50 {p50:5.0f} ms   p99 {p99:5.0f} ms   most {found[-1] * 1e3:5.0f} ms")
    print(f"target, in the store: p50 {TARGET_MS[0]} ms, p99 {TARGET_MS[1]} ms")


async def _measure(service: Service, first: int, count: int, rate: float) -> tuple[list[float], list[float]]:
    payloads = list(our_frames(first, count))
    sent: dict[int, float] = {}
    acked: dict[int, float] = {}
    stored: dict[int, float] = {}
    watchers = [
        asyncio.create_task(_watch_acks(service.rig.tls_port, service.rig.context, acked, first + count - 1)),
        asyncio.create_task(_watch_store(service.store, stored, first, first + count - 1)),
    ]
    async with service.publisher() as publisher:
        await asyncio.sleep(0.5)
        start_s = time.perf_counter()
        for index, payload in enumerate(payloads):
            await asyncio.sleep(max(0.0, start_s + index / rate - time.perf_counter()))
            sent[first + index] = time.perf_counter()
            await publisher.publish(TOPIC, payload)
        async with asyncio.timeout(60):
            await asyncio.gather(*watchers)
    return [acked[number] - sent[number] for number in sent], [stored[number] - sent[number] for number in sent]


async def _watch_acks(port: int, tls: ssl.SSLContext, acked: dict[int, float], last: int) -> None:
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, tls_context=tls) as client:
        await client.subscribe("telltale/v1/gw-bench/stored", qos=1)
        seen = 0
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            now_s, ack = time.perf_counter(), decode_stored(message.payload)
            for number in range(seen + 1, ack.cumulative + 1):
                acked[number] = now_s
            seen = max(seen, ack.cumulative)
            if seen >= last:
                return


async def _watch_store(path: Path, stored: dict[int, float], first: int, last: int) -> None:
    """Look every 2 ms for the newest row of one channel; a frame's rows are committed together and in order."""
    query = "SELECT MAX(t_ns) FROM window WHERE series = (SELECT MAX(series) FROM window)"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)) as connection:
        seen = first - 1
        while seen < last:
            (newest_ns,) = connection.execute(query).fetchone()
            number = (newest_ns - T0_NS) // STEP_NS
            now_s = time.perf_counter()
            for each in range(seen + 1, number + 1):
                stored[each] = now_s
            seen = max(seen, number)
            await asyncio.sleep(0.002)
