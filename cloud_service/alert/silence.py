"""Silence: in a maintenance window an incident is recorded and not mailed; it is mailed if it outlasts the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_service.alert.settings import Maintenance
from telltale.clock import NS_PER_S


@dataclass(frozen=True, slots=True)
class Span:
    """A maintenance window in UTC ns, [start, end); `structure` empty: all."""

    structure: str
    start_ns: int
    end_ns: int


def spans(maintenance: Sequence[Maintenance]) -> tuple[Span, ...]:
    """The windows of the settings."""
    return tuple(
        Span(item.structure, round(item.start.timestamp()) * NS_PER_S, round(item.end.timestamp()) * NS_PER_S)
        for item in maintenance
    )


def is_silenced(windows: Sequence[Span], structure: str, t_ns: int) -> bool:
    """Whether mails about `structure` are held back at event time `t_ns`."""
    return any(window.start_ns <= t_ns < window.end_ns and window.structure in ("", structure) for window in windows)
