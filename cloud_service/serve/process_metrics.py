"""What the other processes count, and what analysis had to leave out, as Prometheus metrics.

Counters of a process start at 0 with it, as Prometheus expects; what `state.db` counts is kept over restarts.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cloud_service.process_stats import read_stats
from telltale.clock import NS_PER_S

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def process_metrics(data_dir: Path) -> Iterator[Metric]:
    """`telltale_<process>_<counter>_total` for every counter that a process has written."""
    for process, counters in read_stats(data_dir).items():
        for name, value in sorted(counters.items()):
            if _NAME.fullmatch(process) and _NAME.fullmatch(name):
                about = f"{name.replace('_', ' ').capitalize()}, counted by {process} since it started"
                yield CounterMetricFamily(f"telltale_{process}_{name}", about, value)


def skipped_metrics(state: sqlite3.Connection) -> Iterator[Metric]:
    """What the journal held and analysis could not use, by gateway and reason."""
    blocks = CounterMetricFamily(
        "telltale_skipped_blocks", "Blocks that analysis could not use", labels=["gateway", "reason"]
    )
    samples = CounterMetricFamily(
        "telltale_skipped_samples", "Samples in blocks that analysis could not use", labels=["gateway", "reason"]
    )
    rows = state.execute(
        "SELECT gateway, reason, sum(blocks), sum(samples) FROM skipped GROUP BY gateway, reason ORDER BY 1, 2"
    )
    for gateway, reason, block_count, sample_count in rows:
        blocks.add_metric([gateway, reason], block_count)
        samples.add_metric([gateway, reason], sample_count)
    yield from (blocks, samples)


def channel_metrics(state: sqlite3.Connection, now_ns: int) -> Iterator[Metric]:
    """How old the newest analysed reading of each channel is, on the run's clock: a sensor that stops shows here."""
    age = GaugeMetricFamily(
        "telltale_channel_age_seconds", "Since the newest analysed reading, on the run's clock", labels=["channel"]
    )
    for channel, t_ns in state.execute("SELECT channel, t_ns FROM channel_now ORDER BY channel"):
        age.add_metric([channel], max(0.0, (now_ns - t_ns) / NS_PER_S))
    yield age
