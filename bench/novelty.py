"""Novelty and life of many channels at one block each, the daily work told apart; and what keeping their states costs.

Novelty is measured on all channels (`novelty=10000` sets how many), stacked by structure as the service does; life on
fewer, for nothing is shared between its channels. A block is half an hour.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from bench import lived_channels
from bench.detector_cost import Cost, History, cost, states_of
from cloud_service.analyse.commit import Changes, commit, load_state
from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.states import States
from cloud_service.state import open_state

TARGET_S = 1.0
HISTORIES = 4  # simulated; each channel has a state of its own that began as one of these
SENSORS = 100  # of a structure
STACKS = (1, 5, 20)  # of how many channels novelty's block is measured beside
FEW = 1_000
LIFE_CHANNELS = 100
REGISTERED = {detector.name: detector for detector in DETECTORS}


def run(folder: Path, channels: float = 10_000) -> None:
    detector = REGISTERED["novelty"]
    histories = [lived_channels.vibration(detector, seed, SENSORS) for seed in range(HISTORIES)]
    count = int(channels)
    print(f"{'':22s} µs of CPU a channel: a block, a day's first beyond it, a block with that spread over the day")
    alone = [(stack, cost(detector, histories, FEW, stack)) for stack in STACKS]
    novelty = cost(detector, histories, count, SENSORS)
    _say(f"novelty, {SENSORS} at once", novelty)
    for stack, found in alone:
        _say(f"  {stack} at once", found)
    crack = _life("crack", lived_channels.crack)
    fatigue = _life("fatigue", lived_channels.strain)
    for name, parts in (
        ("novelty", (novelty,)),
        ("crack life", (crack,)),
        ("fatigue life", (fatigue,)),
        ("novelty + crack life", (novelty, crack)),
    ):
        total = sum(part.block_s for part in parts) * count
        print(f"{count} channels, one block each: {name:22s} {total:6.2f} s of CPU   (target {TARGET_S} s)")
    _keeping(folder, detector, histories, count)


def _life(name: str, make: Callable[[Detector, int], History]) -> Cost:
    detector = REGISTERED[name]
    found = cost(detector, [make(detector, seed) for seed in range(HISTORIES)], LIFE_CHANNELS)
    _say(f"{name} life", found)
    return found


def _say(name: str, found: Cost) -> None:
    us = [1e6 * seconds for seconds in (found.within_s, found.daily_s, found.block_s)]
    print(f"{name:22s} {us[0]:8.0f} {us[1]:8.0f} {us[2]:8.1f}   state {found.state_bytes} bytes (at most 65536)")


def _keeping(folder: Path, detector: Detector, histories: list[History], count: int) -> None:
    """States are kept in memory; what a commit writes of them, and what a start reads."""
    with closing(open_state(folder)) as state:
        states = States(partial(load_state, state))
        names = [f"channel{number}" for number in range(count)]
        for name, one in zip(names, states_of(detector, histories, count), strict=True):
            states.put(name, detector.name, one)
        whole_s = _seconds(lambda: commit(state, states, Changes()))
        for _ in range(2):  # the first one also moves what was committed before it from log to file
            for name in names:
                states.put(name, detector.name, states.get(name, detector.name, detector.state_type, dict))
            block_s = _seconds(lambda: commit(state, states, Changes()))
        block_bytes = _mean_bytes(state, detector.name)
        again = States(partial(load_state, state))
        read_s = _seconds(lambda: [again.get(name, detector.name, detector.state_type, dict) for name in names])
    print(
        f"committing {count} states: {block_s:.2f} s of CPU at a block ({block_bytes:.0f} bytes each), {whole_s:.2f} s"
        f" where a day ended; reading them at a start {read_s:.2f} s"
    )


def _mean_bytes(state: sqlite3.Connection, owner: str) -> float:
    (size,) = state.execute("SELECT AVG(LENGTH(body)) FROM detector_state WHERE detector = ?", (owner,)).fetchone()
    return float(size)


def _seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began
