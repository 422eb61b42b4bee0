"""What the service concluded, against the undisturbed run: the same rows and the same incidents."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from chaos.oracle.findings import Verdict
from chaos.oracle.stored import Row, Table

# Products of float32 kernels may depend on the shape of a batch; everything else is the same to the last digit.
REL_TOLERANCE, ABS_TOLERANCE = 1e-6, 1e-9
SAME = ("structure", "subject", "reason", "tier", "state", "occurred_ns", "opened_ns", "resolved_ns")
JSON = ("subjects", "finding")


def check_rows(stored: dict[str, Table], reference: dict[str, Table], channels: set[str], verdict: Verdict) -> None:
    """Every row of the compared channels is the undisturbed run's."""
    compared = 0
    for measurement, wanted in reference.items():
        found = {key: row for key, row in stored[measurement].items() if key[0] in channels}
        wanted_here = {key: row for key, row in wanted.items() if key[0] in channels}
        for key in sorted(wanted_here.keys() - found.keys()):
            verdict.complaints.add(f"results: {measurement} missing", _name(measurement, key))
        for key in sorted(found.keys() - wanted_here.keys()):
            verdict.complaints.add(f"results: {measurement} not in the undisturbed run", _name(measurement, key))
        for key in sorted(found.keys() & wanted_here.keys()):
            compared += 1
            differing = difference(found[key], wanted_here[key])
            if differing:
                verdict.complaints.add(f"results: {measurement} differs", f"{_name(measurement, key)}: {differing}")
    verdict.books["result rows compared"] = compared


def difference(found: Row, wanted: Row) -> str:
    """What differs beyond the tolerance; empty: nothing."""
    for name in sorted(found.keys() | wanted.keys()):
        mine, its = _parsed(name, found.get(name)), _parsed(name, wanted.get(name))
        if not same(mine, its):
            return f"{name} {str(mine)[:120]} instead of {str(its)[:120]}"
    return ""


def same(mine: Any, its: Any) -> bool:
    """Equal, numbers within the tolerance, whatever they are nested in."""
    if isinstance(mine, bool) or isinstance(its, bool):
        return mine is its
    if isinstance(mine, int | float) and isinstance(its, int | float):
        return mine == its or math.isclose(mine, its, rel_tol=REL_TOLERANCE, abs_tol=ABS_TOLERANCE)
    if isinstance(mine, Mapping) and isinstance(its, Mapping):
        return mine.keys() == its.keys() and all(same(mine[key], its[key]) for key in mine)
    if isinstance(mine, list) and isinstance(its, list):
        return len(mine) == len(its) and all(map(same, mine, its))
    return bool(mine == its)


def _parsed(name: str, value: Any) -> Any:
    return json.loads(value) if name == "detail" and isinstance(value, str) and value else value


def _name(measurement: str, key: tuple[str, int, str]) -> str:
    channel, t_ns, reason = key
    return f"{measurement} of {channel} at {t_ns}" + (f" ({reason})" if reason else "")


def check_incidents(cloud_data: Path, reference: Path, verdict: Verdict) -> None:
    """The same incidents of structures; one that was received later than in the undisturbed run says so."""
    found, wanted = read_incidents(cloud_data), read_incidents(reference)
    late = 0
    for key in sorted(wanted.keys() - found.keys()):
        verdict.complaints.add("incidents: missing", _told(wanted[key]))
    for key in sorted(found.keys() - wanted.keys()):
        verdict.complaints.add("incidents: not in the undisturbed run", _told(found[key]))
    for key in sorted(found.keys() & wanted.keys()):
        mine, its = found[key], wanted[key]
        differing = [name for name in (*SAME, *JSON) if not same(mine[name], its[name])]
        if differing:
            verdict.complaints.add(
                "incidents: differ",
                f"{_told(mine)}: {differing[0]} {mine[differing[0]]} instead of {its[differing[0]]}",
            )
        if mine["received_ns"] > its["received_ns"]:
            late += 1
            if mine["received_ns"] <= mine["occurred_ns"]:
                verdict.complaints.add("incidents: late and do not say so", _told(mine))
    verdict.books["incidents of structures"] = len(found)
    verdict.books["incidents received late"] = late


def read_incidents(cloud_data: Path) -> dict[str, dict[str, Any]]:
    """Incidents of structures by id (those of gateways come of the faults themselves)."""
    found = {}
    for row in query(cloud_data / "state.db", "SELECT * FROM incidents WHERE structure != ''"):
        found[row["id"]] = {**row, **{name: json.loads(row[name]) for name in JSON}}
    return found


def query(path: Path, text: str) -> list[dict[str, Any]]:
    """Rows of a database of the service."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(text)]


def _told(incident: Mapping[str, Any]) -> str:
    return f"{incident['id']} {incident['reason']} of {incident['subject']}, opened {incident['opened_ns']}"
