"""One hostile gateway: `python -m bench.flooder PORT GATEWAY COUNT RATE` publishes malformed frames, RATE a second
(0: as fast as the broker takes them).

Each was a good frame before it was damaged (tests/fuzz/mutate.py), and is one that the decoder refuses. A quarter get a
run id of their own, so that no cache and no table may rest on runs being few.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time

from bench.raw_mqtt import RawPublisher
from telltale.errors import RejectedError
from telltale.wire.codec import MAX_PACKET_BYTES, decode_frame
from tests.fuzz.mutate import mutated
from tests.fuzz.strategies import RUN, good_frame

POOL = 4_000
BURST = 20
OVERSIZED_EVERY = 5_000


def is_refused(payload: bytes, gateway: str) -> bool:
    try:
        decode_frame(payload, gateway)
    except RejectedError:
        return True
    return False


def malformed(gateway: str, rng: random.Random) -> bytes:
    while not is_refused(payload := mutated(good_frame(rng, gateway), rng), gateway):
        pass
    return payload


def with_own_run(payload: bytes, gateway: str, rng: random.Random) -> bytes:
    """With a run id of its own; as it is where that would mend what is wrong with it (one in 250,000 was so)."""
    own = payload.replace(RUN, rng.randbytes(16), 1)
    return own if is_refused(own, gateway) else payload


async def main(port: str, gateway: str, count: str, rate: str) -> None:
    rng = random.Random(gateway)
    pool = [malformed(gateway, rng) for _ in range(min(POOL, int(count)))]
    oversized = good_frame(rng, gateway) + bytes(MAX_PACKET_BYTES)
    topic = f"telltale/v1/{gateway}/frame"
    async with RawPublisher(int(port), f"flooder-{gateway}") as publisher:
        start_s = time.perf_counter()
        for number in range(int(count)):
            if float(rate) and number % BURST == 0:
                await asyncio.sleep(start_s + number / float(rate) - time.perf_counter())
            payload = rng.choice(pool) if number % OVERSIZED_EVERY else oversized
            if number % 4 == 0:
                payload = with_own_run(payload, gateway, rng)
            await publisher.publish(topic, payload)
        await publisher.drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
