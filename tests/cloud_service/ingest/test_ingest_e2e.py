"""The ingest process against a real Mosquitto: what is acknowledged is in the journal, whatever happens to the process."""

import asyncio
import contextlib
import itertools
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import aiomqtt
import numpy as np
import pytest

from cloud_service.process_stats import read_stats
from telltale.readings import Block, DropRecord, Frame
from telltale.wire.ack import decode_stored
from telltale.wire.codec import MAX_PACKET_BYTES, encode_frame
from tests.servers.process import wait_until

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]
MAIN = Path(__file__).with_name("ingest_main.py")
_GATEWAYS = itertools.count(1)


class Ingest:
    """The process; killable and restartable."""

    def __init__(self, broker, data_dir, gateway):
        self.command = [sys.executable, str(MAIN), broker.host, str(broker.port), str(data_dir), gateway]
        self.data_dir = data_dir
        self.process = None

    def start(self):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        (self.data_dir / "stats" / "ingest.json").unlink(missing_ok=True)
        with (self.data_dir / "ingest.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, env=environment, stdout=log, stderr=log)
        wait_until(lambda: read_stats(self.data_dir).get("ingest") is not None, "ingest has started")

    def wait_for_broker(self):
        """What is sent before it has subscribed, the broker has nobody to give to."""
        wait_until(lambda: read_stats(self.data_dir)["ingest"]["connects"] >= 1, "ingest is connected")

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=20)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)

    def rows(self, sql):
        with contextlib.closing(sqlite3.connect(self.data_dir / "journal.db")) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def gateway():
    return f"gw-ingest-{next(_GATEWAYS)}"


@pytest.fixture
def ingest(broker, tmp_path, gateway):
    process = Ingest(broker, tmp_path, gateway)
    process.start()
    yield process
    process.stop()


class Edge:
    """A gateway that sends frames again until they are acknowledged."""

    def __init__(self, broker, gateway):
        self.gateway = gateway
        self.run_id = random.Random(gateway).randbytes(16)
        self.covered = set()
        self.rejected = {}
        self.acks = 0
        self._client = aiomqtt.Client(
            broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5, max_inflight_messages=100
        )
        self._client.pending_calls_threshold = 100_000

    async def __aenter__(self):
        await self._client.__aenter__()
        await self._client.subscribe(f"telltale/v1/{self.gateway}/stored", qos=1)
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *error):
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self._client.__aexit__(*error)

    async def _listen(self):
        async for message in self._client.messages:
            ack = decode_stored(message.payload)
            if ack.run_id == self.run_id:
                self.acks += 1
                self.covered |= set(range(1, ack.cumulative + 1))
                for first, last in ack.above:
                    self.covered |= set(range(first, last + 1))
                self.rejected |= {sequence: reason for sequence, reason, _ in ack.rejected}

    def frame(self, sequence, drops=()):
        samples = (np.arange(200) * sequence % 1_000).astype(np.int16)
        block = Block("bridge.az", 1_700_000_000_000_000_000 + sequence, 100.0, samples)
        return encode_frame(
            Frame(self.gateway, self.run_id, sequence, 1_700_000_000_000_000_000, blocks=(block,), drops=drops)
        )

    async def send(self, payload, verb="frame", qos=1, retain=False):
        await self._client.publish(f"telltale/v1/{self.gateway}/{verb}", payload, qos=qos, retain=retain)

    async def send_until_covered(self, sequences, deadline_s=60):
        async with asyncio.timeout(deadline_s):
            while missing := [n for n in sequences if n not in self.covered]:
                for part in range(0, len(missing), 100):
                    await asyncio.gather(*(self.send(self.frame(n)) for n in missing[part : part + 100]))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self.until(lambda wanted=missing: self.covered.issuperset(wanted))

    async def until(self, condition, deadline_s=30):
        async with asyncio.timeout(deadline_s):
            while not condition():
                await asyncio.sleep(0.01)


async def test_good_bad_and_ugly_frames(ingest, broker, gateway):
    async with Edge(broker, gateway) as edge:
        await edge.send_until_covered([1, 2, 3])
        acks = edge.acks
        await edge.send(edge.frame(2))  # again
        await edge.until(lambda: edge.acks > acks)
        await edge.send(edge.frame(4)[:-5])  # torn
        await edge.send(edge.frame(5) + bytes(MAX_PACKET_BYTES))  # too large
        stranger = Frame("someone-else", edge.run_id, 6, 1)
        await edge.send(encode_frame(stranger))
        await edge.send(b"\x00\xff" * 50)
        await edge.send(b"")
        await edge.send(edge.frame(9, drops=(DropRecord(7, 8, "full"),)))
        await edge.send(b'{"state":"online"}', "status", retain=True)
        await edge.send(b'{"at_ns":1,"version":"1","backlog_frames":3}', "health", qos=0)
        await edge.until(lambda: edge.covered.issuperset(range(1, 10)) and len(edge.rejected) == 3)
    assert edge.rejected == {4: "not_a_frame", 5: "too_large", 6: "identity_mismatch"}
    assert ingest.rows("SELECT sequence FROM frames ORDER BY 1") == [(1,), (2,), (3,), (9,)]
    assert ingest.rows("SELECT stored, dropped, rejected, cumulative FROM runs") == [(4, 2, 3, 9)]
    wait_until(lambda: ingest.rows("SELECT online, health != x'' FROM gateways") == [(1, 1)], "status and health")
    # The broker is shared: it also keeps the status of gateways that other tests ran.
    reasons = {reason for (reason,) in ingest.rows(f"SELECT reason FROM dead_letter WHERE gateway = '{gateway}'")}
    assert reasons == {"not_a_frame", "too_large", "identity_mismatch", "unknown_version"}
    assert ingest.process.poll() is None


async def test_an_unknown_gateway_is_told_so(ingest, broker):
    await asyncio.to_thread(ingest.wait_for_broker)
    async with Edge(broker, f"gw-stranger-{os.getpid()}") as edge:
        await edge.send(edge.frame(1))
        await edge.until(lambda: edge.rejected == {1: "unknown_gateway"})
    assert ingest.rows("SELECT COUNT(*) FROM frames") == [(0,)]


async def test_kill_9_loses_nothing_that_was_acknowledged(ingest, broker, gateway):
    rng = random.Random(4)
    async with Edge(broker, gateway) as edge:
        sending = asyncio.create_task(edge.send_until_covered(range(1, 3_001), deadline_s=120))
        for _ in range(4):
            goal = len(edge.covered) + rng.randint(50, 500)
            await edge.until(lambda goal=goal: len(edge.covered) >= goal or sending.done())
            acknowledged = set(edge.covered)
            ingest.kill()
            journaled = {sequence for (sequence,) in ingest.rows("SELECT sequence FROM frames")}
            assert acknowledged <= journaled
            await asyncio.to_thread(ingest.start)
        await sending
    sequences = [sequence for (sequence,) in ingest.rows("SELECT sequence FROM frames ORDER BY sequence")]
    assert sequences == list(range(1, 3_001))
    assert ingest.rows("SELECT stored, cumulative, above FROM runs") == [(3_000, 3_000, b"[]")]


async def test_the_broker_may_come_and_go(own_broker, tmp_path):
    ingest = Ingest(own_broker, tmp_path, "gw-broker")
    own_broker.stop()
    ingest.start()
    try:
        for first in (1, 51):
            await asyncio.to_thread(own_broker.start)
            async with Edge(own_broker, "gw-broker") as edge:
                await edge.send_until_covered(range(first, first + 50))
            own_broker.kill()
        assert ingest.rows("SELECT COUNT(*) FROM frames") == [(100,)]
    finally:
        ingest.stop()
    assert ingest.process.returncode == 0


async def test_stop_ends_it_with_everything_committed(ingest, broker, gateway):
    async with Edge(broker, gateway) as edge:
        await edge.send_until_covered(range(1, 200))
        await asyncio.to_thread(ingest.stop)
    assert ingest.process.returncode == 0
    assert ingest.rows("SELECT COUNT(*) FROM frames") == [(199,)]
    assert read_stats(ingest.data_dir)["ingest"]["frames_stored"] == 199
