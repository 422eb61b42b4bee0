"""The bell between processes: heard at once, never in the way."""

import asyncio
import threading
import time

from cloud_service.bell import Bell, Ear


def test_a_ring_ends_the_wait(tmp_path):
    with Ear(tmp_path, "journal") as ear:
        waiting = threading.Thread(target=ear.wait, args=(600,), daemon=True)
        waiting.start()
        Bell(tmp_path, "journal").ring()
        waiting.join(60)
        assert not waiting.is_alive()


def test_a_ring_before_the_wait_is_heard_and_only_once(tmp_path):
    with Ear(tmp_path, "spool") as ear:
        for _ in range(3):
            Bell(tmp_path, "spool").ring()
        ear.wait(30)
        start_s = time.monotonic()
        ear.wait(0.05)
        assert time.monotonic() - start_s >= 0.045


def test_nobody_there_and_too_many_rings_hold_up_nobody(tmp_path):
    bell = Bell(tmp_path, "journal")
    bell.ring()
    with Ear(tmp_path, "journal"):
        for _ in range(70_000):  # more than a pipe holds
            bell.ring()
    bell.ring()


def test_without_a_pipe_it_is_a_plain_wait(tmp_path):
    (tmp_path / "journal.bell").write_text("x")
    for folder in (tmp_path, tmp_path / "journal.bell"):
        with Ear(folder, "journal") as ear:
            start_s = time.monotonic()
            ear.wait(0.05)
            assert time.monotonic() - start_s >= 0.045


async def test_in_an_event_loop(tmp_path):
    stop = asyncio.Event()
    with Ear(tmp_path, "spool") as ear:
        waiting = asyncio.create_task(ear.wait_async(30, stop))
        await asyncio.sleep(0)
        Bell(tmp_path, "spool").ring()
        async with asyncio.timeout(25):
            await waiting
        stop.set()
        async with asyncio.timeout(25):
            await ear.wait_async(30, stop)
