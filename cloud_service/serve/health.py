"""`/healthz`: is each part there, and how far behind is it."""

from __future__ import annotations

import sqlite3
from typing import Literal

import msgspec

from cloud_service.detector_faults import DetectorFault, standing_faults
from cloud_service.gate_record import GateRecord, read_gates
from cloud_service.serve.service import Service
from cloud_service.wording.dates import iso


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the service.

    Attributes:
        status: "ok"; "degraded" while a detector fails; "unreadable" when a database cannot be read (HTTP 503).
        errors: which database, and why.
        detectors_failing: which detector fails on which channel, so that nobody judges it, and why.
        now: the run's clock.
        frames_accepted: frames that ingest has put into the journal since it was made.
        frames_waiting: frames in the journal that analysis has not judged yet.
        gates: gateways whose frames wait for those before them, since when, or have passed over some that never came.
        newest_frame_age_s: since the newest frame was accepted, on the run's clock; null before the first.
        analysis_age_s: by how far the newest analysed reading lies behind the run's clock; null before the first.
        spool_rows: batches of results that wait for the store.
        refused_rows: rows that the store could never take.
        dead_letters: frames that could never be stored.
        mails_pending, mails_sent, mails_failed: the outbox.
        incidents_open: by tier.
        gateways_online, gateways_known: as their status and last will say.
    """

    status: Literal["ok", "degraded", "unreadable"]
    errors: dict[str, str]
    detectors_failing: list[DetectorFault] = []
    now: str = ""
    frames_accepted: int = 0
    frames_waiting: int = 0
    gates: list[GateRecord] = []
    newest_frame_age_s: float | None = None
    analysis_age_s: float | None = None
    spool_rows: int = 0
    refused_rows: int = 0
    dead_letters: int = 0
    mails_pending: int = 0
    mails_sent: int = 0
    mails_failed: int = 0
    incidents_open: dict[str, int] = {}
    gateways_online: int = 0
    gateways_known: int = 0


def read_health(service: Service) -> Health:
    """Everything that the two databases tell; never raises for an unreadable one."""
    errors: dict[str, str] = {}
    values: dict[str, object] = {}
    now_ns = 0
    try:
        now_ns = service.now_ns()
        values |= _from_state(service.state, now_ns)
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        errors["state.db"] = str(error)
    try:
        values |= _from_journal(service.journal, now_ns, int(str(values.pop("read", 0))))
    except sqlite3.Error as error:
        errors["journal.db"] = str(error)
    values.pop("read", None)
    status = "unreadable" if errors else "degraded" if values.get("detectors_failing") else "ok"
    return msgspec.convert({"status": status, "errors": errors, **values}, Health, from_attributes=True)


def _from_state(state: sqlite3.Connection, now_ns: int) -> dict[str, object]:
    meta = dict(state.execute("SELECT key, value FROM meta").fetchall())
    mails = dict(state.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
    gates = list(read_gates(state).values())
    newest_ns = _one(state, "SELECT max(t_ns) FROM channel_now")
    incidents = state.execute("SELECT tier, count(*) FROM incidents WHERE state != 'resolved' GROUP BY tier")
    return {
        "now": iso(now_ns),
        "detectors_failing": standing_faults(state),
        "read": max(meta.get("read", 0), meta.get("offset", 0)) - sum(gate.waiting for gate in gates),
        "gates": gates,
        "analysis_age_s": None if newest_ns is None else max(0.0, (now_ns - newest_ns) / 1e9),
        "spool_rows": _one(state, "SELECT count(*) FROM spool"),
        "refused_rows": _one(state, "SELECT count(*) FROM refused_rows"),
        "mails_pending": mails.get("pending", 0),
        "mails_sent": mails.get("sent", 0),
        "mails_failed": mails.get("failed", 0),
        "incidents_open": {"suspect": 0, "warn": 0, "alarm": 0} | dict(incidents.fetchall()),
    }


def _from_journal(journal: sqlite3.Connection, now_ns: int, analysed: int) -> dict[str, object]:
    accepted = _one(journal, "SELECT seq FROM sqlite_sequence WHERE name = 'frames'") or 0
    newest_ns = _one(journal, 'SELECT received_ns FROM frames ORDER BY "offset" DESC LIMIT 1')
    return {
        "frames_accepted": accepted,
        "frames_waiting": max(0, accepted - analysed),
        "newest_frame_age_s": None if newest_ns is None else max(0.0, (now_ns - newest_ns) / 1e9),
        "dead_letters": _one(journal, "SELECT count(*) FROM dead_letter"),
        "gateways_online": _one(journal, "SELECT count(*) FROM gateways WHERE online = 1"),
        "gateways_known": _one(journal, "SELECT count(*) FROM gateways"),
    }


def _one(connection: sqlite3.Connection, query: str) -> int | None:
    row = connection.execute(query).fetchone()
    return None if row is None or row[0] is None else int(row[0])
