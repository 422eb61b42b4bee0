"""The report of a campaign: figures, text and JSON; `chaos.page` draws it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from chaos.campaign import Course, FaultRecord
from chaos.oracle.findings import Verdict
from chaos.page import draw_page
from chaos.system import System


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One row of the table."""

    kind: str
    count: int
    p50_s: float | None
    p99_s: float | None
    again: int
    not_recovered: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told; `data` is the JSON."""

    holds: bool
    text: str
    data: dict[str, Any]


def make_report(asked: tuple[int, int], system: System, course: Course, verdict: Verdict, took_s: float) -> Report:
    """Figures from what the driver saw and what the oracle found; `asked` are the number of faults and the seed."""
    faults, seed = asked
    kinds = [_figures(kind, [fault for fault in course.faults if fault.kind == kind]) for kind in _names(course)]
    # Two at once share what was sent again: each shows it, the total counts it once.
    totals = replace(_figures("all", course.faults), again=len(system.wire.again_s))
    data = {
        "faults": faults,
        "seed": seed,
        "holds": verdict.holds,
        "took_s": round(took_s, 1),
        "injected_s": round(course.injected_s, 1),
        "drained_s": round(course.drained_s, 1),
        "load": _load(system, course),
        "kinds": [asdict(kind) for kind in kinds],
        "totals": asdict(totals),
        "books": verdict.books,
        "complaints": verdict.complaints.counts,
        "examples": verdict.complaints.shown,
        "notes": verdict.notes,
        "skipped": course.skipped,
        "watchdog_kills": {name: unit.watchdog_kills for name, unit in system.units.items() if unit.watchdog_kills},
        "course": [asdict(fault) for fault in course.faults],
        "backlog": [[round(at_s, 2), gateway, round(behind_s, 3)] for at_s, gateway, behind_s in course.backlog],
    }
    return Report(verdict.holds, _text(data, [*kinds, totals]), data)


def write_report(folder: Path, report: Report) -> None:
    """`report.txt`, `report.json` and `report.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.txt").write_text(report.text + "\n", encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(report.data, indent=1) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(draw_page(report.data), encoding="utf-8")


def _names(course: Course) -> list[str]:
    return sorted({fault.kind for fault in course.faults})


def _figures(kind: str, faults: Sequence[FaultRecord]) -> KindFigures:
    took = sorted(fault.recovery_s for fault in faults if fault.recovery_s is not None)
    again = sum(fault.again for fault in faults)
    return KindFigures(kind, len(faults), _at(took, 50), _at(took, 99), again, len(faults) - len(took))


def _at(values: Sequence[float], percent: int) -> float | None:
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _load(system: System, course: Course) -> dict[str, float]:
    """Samples handed over a second while faults were injected, and what went over the wire."""
    begin, end = course.began_s, course.began_s + course.injected_s
    rates = {}
    for name, emitted in system.emitted.items():
        samples = sum(tick.samples for tick in emitted.ticks.values() if begin <= tick.first_s <= end)
        rates[name] = round(samples / max(course.injected_s, 1e-9))
    return {
        **rates,
        "samples_per_s": sum(rates.values()),
        "frames_on_the_wire": system.wire.frames,
        "frames_sent_again": len(system.wire.again_s),
    }


def _text(data: dict[str, Any], kinds: Sequence[KindFigures]) -> str:
    load = data["load"]
    by_gateway = ", ".join(f"{name} {load[name]:,}" for name in load if name.startswith("gw-"))
    took = f"{data['injected_s']:.0f} s of faults, {data['took_s']:.0f} s in all"
    lines = [
        "",
        f"fault campaign: {len(data['course'])} faults, seed {data['seed']}; {took}",
        f"load: {load['samples_per_s']:,} samples/s ({by_gateway})",
        "",
        f"{'fault':36}{'count':>6}{'p50 s':>8}{'p99 s':>8}{'sent again':>12}",
    ]
    lines += map(_line, kinds)
    lines += ["", *(f"{name:52}{count:>14,}" for name, count in data["books"].items())]
    lines += [f"left out: {name}: {why}" for name, why in data["skipped"].items()]
    for kind, count in data["complaints"].items():
        lines += ["", f"{kind}: {count}", *(f"  {text}" for text in data["examples"][kind][:8])]
    lines += ["", "VERDICT: every promise held" if data["holds"] else "VERDICT: FAILED; the folder is kept"]
    return "\n".join(lines)


def _line(kind: KindFigures) -> str:
    missed = f"   {kind.not_recovered} NOT RECOVERED" if kind.not_recovered else ""
    return f"{kind.kind:36}{kind.count:6d}{_s(kind.p50_s)}{_s(kind.p99_s)}{kind.again:12,d}{missed}"


def _s(value: float | None) -> str:
    return f"{value:8.2f}" if value is not None else f"{'-':>8}"
