"""Store-acks take turns between gateways, and a flood of runs costs only the gateway that makes it."""

import asyncio

from cloud_service.ingest.acks import MAX_RUNS, SENDERS, Acks
from telltale.wire.ack import StoredAck, decode_stored


def ack(run_id, cumulative=1, rejected=()):
    return StoredAck(run_id, cumulative, (), rejected)


def flood(gateway, runs):
    return {(gateway, number.to_bytes(16, "big")): ack(number.to_bytes(16, "big")) for number in range(runs)}


async def sent_by(acks):
    sent = []

    async def publish(topic, payload):
        await asyncio.sleep(0)
        sent.append((topic.split("/")[2], decode_stored(payload)))

    await acks.send(publish)
    return sent


async def test_a_flood_of_runs_neither_delays_nor_displaces_others():
    acks = Acks()
    acks.add({("quiet", b"q" * 16): ack(b"q" * 16, 7)} | flood("noisy", 10 * MAX_RUNS))
    acks.add({("calm", b"c" * 16): ack(b"c" * 16, 3)})
    sent = await sent_by(acks)
    assert sent[0] == ("quiet", ack(b"q" * 16, 7))
    assert ("calm", ack(b"c" * 16, 3)) in sent[: SENDERS // 10]
    assert sum(gateway == "noisy" for gateway, _ in sent) == MAX_RUNS


async def test_the_newest_ack_of_a_run_carries_earlier_rejections():
    acks = Acks()
    acks.add({("gw", b"r" * 16): ack(b"r" * 16, 1, ((1, "bad_body", "x"),))})
    acks.add({("gw", b"r" * 16): ack(b"r" * 16, 2, ((2, "bad_body", "y"),))})
    assert await sent_by(acks) == [("gw", ack(b"r" * 16, 2, ((1, "bad_body", "x"), (2, "bad_body", "y"))))]
    assert await sent_by(acks) == []
