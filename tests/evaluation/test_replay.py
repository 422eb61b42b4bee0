"""Readings through the step: restarts change nothing, nor does a window that an ended agent cut short."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.replay import play, site_of
from telltale.channel_details import FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.readings import Block
from telltale.site import Channel

START_NS = 20_000 * NS_PER_DAY
SIZE, RATE_HZ = 256, 50.0
SPAN_NS = round(SIZE / RATE_HZ * NS_PER_S)


def strain(duty_cycle: float) -> Channel:
    return Channel(
        id="girder.strain",
        kind="strain",
        unit="µε",
        gateway="evaluation",
        interval_s=SIZE / RATE_HZ,
        rate_hz=RATE_HZ,
        window_samples=SIZE,
        fatigue=FatigueDetail(detail="stiffener_50", duty_cycle=duty_cycle),
    )


def block(history: np.ndarray, first: int, windows: float) -> Block:
    samples = history[first * SIZE : first * SIZE + round(windows * SIZE)]
    return Block("girder.strain", START_NS + first * SPAN_NS, RATE_HZ, samples)


def days(result) -> dict[int, dict[str, float]]:
    """The newest row of each day, as the store keeps it."""
    return {
        t_ns: {name: float(column[at]) for name, column in rows.columns.items()}
        for rows in result.rows
        if rows.measurement == "fatigue"
        for at, t_ns in enumerate(rows.t_ns.tolist())
    }


@pytest.mark.parametrize("duty_cycle", [1.0, 0.4])
def test_a_window_cut_short_by_the_end_of_an_agent_counts_as_if_it_had_come_whole(duty_cycle):
    history = np.random.default_rng(4).normal(0, 150, 40 * SIZE)
    site = site_of([strain(duty_cycle)])
    whole = play(site, [[block(history, first, 4)] for first in range(0, 40, 4)])
    # Killed within the seventh window, and in it once more; then the source goes on where that window began.
    broken = [[block(history, 0, 4)], [block(history, 4, 2.3)], [block(history, 6, 0.7)], [block(history, 6, 6)]]
    rest = [[block(history, first, 4)] for first in range(12, 40, 4)]
    found = days(play(site, [*broken, *rest], restart_every=1))
    expected = days(whole)
    assert found.keys() == expected.keys()
    for t_ns, row in expected.items():
        assert found[t_ns] == pytest.approx(row, rel=1e-12)
