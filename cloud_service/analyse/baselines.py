"""Where baselines end: acts of operators, applied at their event times.

A detector that learns a baseline says so (`has_baseline = True`). When a channel's rows pass an act's time, its state
begins anew there, or goes on as its method `renewed` says; rows from before that come later are passed over: the old
baseline is gone, and the new one must not learn them. The time of the newest act that was applied is a state of its
own, committed with the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Detector, Output
from cloud_service.analyse.states import States
from cloud_service.baseline_record import BaselineEvent, read
from telltale.clock import NS_PER_S

OWNER = "baseline"


class Renewed(msgspec.Struct):
    """The newest act that was applied, by detector; nothing: the baseline is the first."""

    event: dict[str, BaselineEvent] = {}


class Baselines:
    """The acts that are known, by channel in ascending time."""

    def __init__(self, events: list[BaselineEvent] | None = None) -> None:
        self._newest = 0
        self._by_channel: dict[str, list[BaselineEvent]] = {}
        for event in events or []:
            self._add(event)

    def refresh(self, state: sqlite3.Connection) -> None:
        """Take in what was recorded since."""
        for event in list(read(state, self._newest)):
            self._add(event)

    def _add(self, event: BaselineEvent) -> None:
        self._newest = max(self._newest, event.id)
        events = self._by_channel.setdefault(event.channel, [])
        events.append(event)
        events.sort(key=lambda item: (item.effective_ns, item.id))

    def concern(self, detector: Detector, channel: str) -> bool:
        """Whether any act ends a baseline of this detector on the channel."""
        return channel in self._by_channel and bool(getattr(detector, "has_baseline", False))

    def parts(
        self, detector: Detector, channel: str, batch: Batch, states: States
    ) -> Iterator[tuple[slice, BaselineEvent | None, bool]]:
        """The batch cut where a baseline ends: (rows, the act that their baseline began with, whether it begins here).

        Rows that belong to a baseline that has ended are left out.
        """
        if not self.concern(detector, channel):
            yield slice(0, len(batch)), None, False
            return
        renewed = states.get(channel, OWNER, Renewed, Renewed)
        current = renewed.event.get(detector.name)
        for rows, event in _pieces(self._by_channel[channel], batch.t_ns, current):
            begins = event is not None and event != renewed.event.get(detector.name)
            if begins and event is not None:
                renewed.event[detector.name] = event
                states.put(channel, OWNER, renewed)
            yield rows, event, begins

    def group_parts(
        self, channels: Sequence[str], t_ns: NDArray[np.int64], current: BaselineEvent | None
    ) -> Iterator[tuple[slice, BaselineEvent | None]]:
        """As `parts`, of the rows of a group: an act on any of its channels ends the group's baseline. `current` is the
        act that the baseline began with before these rows.
        """
        yield from _pieces(self.of(channels), t_ns, current)

    def of(self, channels: Sequence[str]) -> list[BaselineEvent]:
        """The acts on any of the channels, in ascending time."""
        events = [event for channel in channels for event in self._by_channel.get(channel, ())]
        return sorted(events, key=lambda item: (item.effective_ns, item.id))


def _pieces(
    events: Sequence[BaselineEvent], t_ns: NDArray[np.int64], current: BaselineEvent | None
) -> Iterator[tuple[slice, BaselineEvent | None]]:
    """Runs of rows with the act that their baseline began with; `current` is the one that holds before them."""
    start = 0 if current is None else int(np.searchsorted(t_ns, current.effective_ns))
    for event in events:
        if current is not None and (event.effective_ns, event.id) <= (current.effective_ns, current.id):
            continue
        stop = int(np.searchsorted(t_ns, event.effective_ns))
        if stop == t_ns.size:
            break
        if stop > start:
            yield slice(start, stop), current
        start, current = max(start, stop), event
    if start < t_ns.size:
        yield slice(start, t_ns.size), current


def explain(output: Output, event: BaselineEvent | None) -> None:
    """Say in every finding what its baseline began with."""
    if event is None:
        return
    for finding in output.findings:
        finding.evidence["baseline_since"] = in_words(event)


def in_words(event: BaselineEvent) -> str:
    """What was done, and since when it counts."""
    began = datetime.fromtimestamp(event.effective_ns // NS_PER_S, UTC)
    return f"{event.act.value.replace('_', ' ')}, {began:%Y-%m-%d %H:%M} UTC"
