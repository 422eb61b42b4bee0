"""Pictures as SVG text: timeline of faults, backlog over time, recovery by kind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from statistics import median
from typing import Any

WIDTH, LEFT, RIGHT, TOP = 1040, 214, 16, 8
ROW = 15
FAULT, RECOVERY, MISSED = "#b3261e", "#e8b4a8", "#1c2733"
COLOURS = ("#1f5fa8", "#1d7a46", "#b06a00")
LEAST_S, MOST_S = 0.1, 100.0


def timeline_plot(course: Sequence[Mapping[str, Any]]) -> str:
    """A row a kind, a bar a fault."""
    kinds = sorted({fault["kind"] for fault in course})
    end_s = max((_end_s(fault) for fault in course), default=1.0) or 1.0
    bottom = TOP + ROW * len(kinds)

    def x(at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at_s / end_s

    parts = list(_row_names(kinds))
    parts += _seconds(end_s, x, bottom)
    for fault in course:
        y = TOP + ROW * kinds.index(fault["kind"]) + 3
        told = escape(f"{fault['number']}. {fault['target']}: {fault['detail']}")
        parts.append(f"<g><title>{told}</title>{_bar(x(fault['ended_s']), x(_end_s(fault)), y, RECOVERY)}")
        parts.append(
            f"{_bar(x(fault['began_s']), x(fault['ended_s']), y, FAULT if fault['recovered_s'] else MISSED)}</g>"
        )
    return _svg(parts, bottom + 22, "timeline of faults and recovery")


def _end_s(fault: Mapping[str, Any]) -> float:
    return float(fault["recovered_s"] or fault["ended_s"])


def _bar(left: float, right: float, y: float, colour: str) -> str:
    return f'<rect x="{left:.1f}" y="{y}" width="{max(right - left, 1.5):.1f}" height="{ROW - 6}" fill="{colour}"/>'


def _row_names(kinds: Iterable[str]) -> Iterable[str]:
    for number, kind in enumerate(kinds):
        y = TOP + ROW * number
        yield f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(kind)}</text>'
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y + ROW}" y2="{y + ROW}" stroke="#eef1f4"/>'


def _seconds(end_s: float, x: Any, bottom: float, left_is_zero: float = 0.0) -> list[str]:
    step = _step(end_s)
    marks = [left_is_zero + step * number for number in range(int(end_s / step) + 1)]
    unit, by = ("min", 60.0) if end_s > 300 else ("s", 1.0)
    return [
        f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}" y2="{bottom}" stroke="#dde3e9"/>'
        f'<text x="{x(at):.1f}" y="{bottom + 14}" text-anchor="middle">{at / by:g} {unit}</text>'
        for at in marks
    ]


def _step(end_s: float) -> float:
    return next((step for step in (5, 10, 20, 30, 60, 120, 300, 600) if end_s / step <= 12), 1_200)


def backlog_plot(samples: Sequence[Sequence[Any]]) -> str:
    """A line a gateway."""
    names = sorted({gateway for _, gateway, _ in samples})
    end_s = max((at_s for at_s, _, _ in samples), default=1.0) or 1.0
    most = max((behind_s for _, _, behind_s in samples), default=1.0) or 1.0
    height, left = 190, 44

    def x(at_s: float) -> float:
        return left + (WIDTH - left - RIGHT) * at_s / end_s

    def y(behind_s: float) -> float:
        return TOP + (height - TOP) * (1 - behind_s / most)

    parts = _seconds(end_s, x, height)
    for at in _round_marks(most):
        parts.append(f'<line x1="{left}" x2="{WIDTH - RIGHT}" y1="{y(at):.1f}" y2="{y(at):.1f}" stroke="#eef1f4"/>')
        parts.append(f'<text x="{left - 6}" y="{y(at) + 4:.1f}" text-anchor="end">{at:g} s</text>')
    for number, name in enumerate(names):
        points = " ".join(f"{x(at_s):.1f},{y(behind_s):.1f}" for at_s, gateway, behind_s in samples if gateway == name)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
        parts.append(f'<rect x="{left + 130 * number}" y="{height + 26}" width="14" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{left + 130 * number + 20}" y="{height + 32}">{escape(name)}</text>')
    return _svg(parts, height + 40, "backlog over time")


def _round_marks(most: float) -> list[float]:
    step = next((step for step in (0.5, 1, 2, 5, 10, 20, 50, 100) if most / step <= 5), 200)
    return [step * number for number in range(int(most / step) + 1)]


def recovery_plot(course: Sequence[Mapping[str, Any]]) -> str:
    """A row a kind, a dot a fault, on a logarithmic scale."""
    kinds = sorted({fault["kind"] for fault in course})
    bottom = TOP + ROW * len(kinds)

    def x(took_s: float) -> float:
        share = math.log(min(max(took_s, LEAST_S), MOST_S) / LEAST_S) / math.log(MOST_S / LEAST_S)
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    parts = list(_row_names(kinds))
    for at in (0.1, 0.3, 1, 3, 10, 30, 100):
        parts.append(f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}" y2="{bottom}" stroke="#dde3e9"/>')
        parts.append(f'<text x="{x(at):.1f}" y="{bottom + 14}" text-anchor="middle">{at:g} s</text>')
    for number, kind in enumerate(kinds):
        took = [
            fault["recovered_s"] - fault["ended_s"]
            for fault in course
            if fault["kind"] == kind and fault["recovered_s"]
        ]
        y = TOP + ROW * number + ROW / 2
        parts += [
            f'<circle cx="{x(value):.1f}" cy="{y}" r="3" fill="{COLOURS[0]}" fill-opacity="0.45"/>' for value in took
        ]
        if took:
            at = x(median(took))
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y - 6}" y2="{y + 6}" stroke="{MISSED}" stroke-width="2"/>'
            )
    return _svg(parts, bottom + 22, "recovery by kind")


def _svg(parts: Iterable[str], height: float, title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
