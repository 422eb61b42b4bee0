"""The watchdog on real processes: what beats lives, what stands still or spins is killed and started again."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from cloud_service.supervisor import Supervisor
from cloud_service.watchdog import Pulse

PATIENCE_S = 2.0
DEADLINE_S = 60.0
# Each life adds a line to a file; then the program beats once, and hangs in its own way.
_PROGRAM = """
import os, sys, threading, time
with open(sys.argv[1], "a") as lives:
    lives.write(f"{os.getpid()}\\n")
beat = int(sys.argv[2])
os.write(beat, b".")
"""
HANGS = {
    "dead loop": "while True:\n    pass",
    "deadlock": "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "busy helper": "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()\ntime.sleep(600)",
}
BEATING = "while True:\n    os.write(beat, b'.')\n    time.sleep(0.2)"


def lives(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


async def until_lives(path: Path, count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while len(lives(path)) < count:
            await asyncio.sleep(0.02)


def supervisor(path: Path, program: str) -> Supervisor:
    command = [sys.executable, "-c", _PROGRAM + program, str(path)]
    return Supervisor(lambda _, beat: [*command, str(beat)], first_pause_s=0.01, watchdog_s=PATIENCE_S)


@pytest.mark.parametrize("hang", HANGS)
async def test_a_part_that_hangs_is_started_again(tmp_path: Path, hang: str) -> None:
    path = tmp_path / "lives"
    watched = supervisor(path, HANGS[hang])
    running = asyncio.create_task(watched.run(["part"]))
    await until_lives(path, 2)
    watched.stop()
    assert await running == 0
    for pid in lives(path):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_part_that_beats_is_left_alone(tmp_path: Path) -> None:
    beating, hanging = tmp_path / "beating", tmp_path / "hanging"
    one, other = supervisor(beating, BEATING), supervisor(hanging, HANGS["dead loop"])
    running = asyncio.gather(one.run(["part"]), other.run(["part"]))
    await until_lives(hanging, 4)  # several times the patience has passed
    assert len(lives(beating)) == 1
    one.stop()
    other.stop()
    await running


async def test_time_in_which_the_supervisor_itself_stood_still_does_not_count() -> None:
    with Pulse() as pulse:
        waiting = asyncio.create_task(pulse.until_still(4.0, start_s=4.0))
        await asyncio.sleep(0)
        pause_until = asyncio.get_running_loop().time() + 4.5
        while asyncio.get_running_loop().time() < pause_until:
            pass  # the whole process is stopped, as by SIGSTOP
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
