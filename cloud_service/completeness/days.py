"""Rows of measurement `completeness`: one a channel and UTC day, brought up to date by late readings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cloud_service.completeness.ledger import Ledger, gaps_in, missing_in
from cloud_service.store.schema import Rows
from telltale.clock import NS_PER_DAY


def day_rows(channel: str, ledger: Ledger, days: Iterable[int], interval_ns: int) -> Rows:
    """What was expected and what is missing on each of the days (since 1970), from the first to the newest reading."""
    ordered = sorted(days)
    starts_ns = np.array(ordered, dtype=np.int64) * NS_PER_DAY
    expected, missing, gaps = [], [], []
    for day in ordered:
        start_ns, end_ns = day * NS_PER_DAY, (day + 1) * NS_PER_DAY
        lived_ns = min(end_ns, ledger.last_ns) - max(start_ns, ledger.since_ns)
        expected.append(max(1, round(lived_ns / interval_ns)))
        missing.append(min(expected[-1], round(missing_in(ledger, start_ns, end_ns))))
        gaps.append(sum(1 for _ in gaps_in(ledger, start_ns, end_ns)))
    shares = [100.0 * (wanted - lost) / wanted for lost, wanted in zip(missing, expected, strict=True)]
    columns = {
        "expected": np.array(expected, dtype=np.int64),
        "missing": np.array(missing, dtype=np.int64),
        "gaps": np.array(gaps, dtype=np.int64),
        "complete_percent": np.array(shares),
    }
    return Rows("completeness", channel, starts_ns, columns)
