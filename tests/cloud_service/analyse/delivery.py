"""Frames brought to the journal in any order, bit by bit, to an analyse process that is ended now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cloud_service.analyse.detector import Detector
from cloud_service.journal.entries import FrameEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.state import open_state
from cloud_service.store.schema import decode_rows
from telltale.clock import NS_PER_S, ClockMode, DataClock, SystemClock
from telltale.readings import Frame
from telltale.wire.codec import encode_frame
from tests.cloud_service.analyse.process import analyse

STEPS = 600
LEDGER = ("completeness", "books")  # tell what has come by a time, which differs while something is missing


class Stepped(DataClock):
    """The data's time; monotonic time moves a second with each look, so that holding needs no waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0

    def monotonic_ns(self) -> int:
        self.seconds += 1
        return self.seconds * NS_PER_S


@dataclass(slots=True)
class Delivery:
    """How frames come.

    Attributes:
        frames: in order of arrival; those of a part are committed together.
        parts: how many frames each commit holds, in turn.
        ends: after how many steps of the analysis it is ended and started again, in turn; empty: never.
        batch_frames: of the analysis.
        plan: for people: runs and their order.
    """

    frames: Sequence[Frame]
    parts: Sequence[int] = (50,)
    ends: Sequence[int] = ()
    batch_frames: int = 50
    mode: ClockMode = "data"
    hold_s: float = 1e6
    plan: str = ""
    received_ns: Callable[[Frame], int] = field(default=lambda frame: frame.acquired_ns)

    def __repr__(self) -> str:
        return f"{self.plan} parts={self.parts} ends={self.ends} batch_frames={self.batch_frames}"


def deliver(folder: Path, delivery: Delivery, detectors: Sequence[Detector] | None = None) -> dict[str, Any]:
    """Analyse a delivery in `folder`, which holds `site.toml`; all that was concluded."""
    writer = JournalWriter(open_journal(folder))
    waiting = list(delivery.frames)
    parts, ends = _endless(delivery.parts), _endless(delivery.ends or (STEPS,))
    steps = 0

    def bring() -> None:
        count = next(parts)
        writer.commit([_entry(frame, delivery) for frame in waiting[:count]])
        del waiting[:count]

    def wait_for(limit: int) -> Callable[[float], bool]:
        done = iter(range(limit))

        def wait(_: float) -> bool:
            nonlocal steps
            steps += 1
            assert steps < STEPS, "the analysis does not end"
            bring()
            return next(done, None) is None or (not waiting and _is_done(folder))

        return wait

    while waiting or not _is_done(folder):
        # Monotonic time begins anew with each process, as after a restart of the machine.
        clock = Stepped() if delivery.mode == "data" else SystemClock()
        some = {} if detectors is None else {"detectors": detectors}
        analyse(
            folder,
            wait_for(next(ends)),
            delivery.batch_frames,
            delivery.mode,
            clock=clock,
            hold_s=delivery.hold_s,
            **some,
        )
    writer.close()
    return contents(folder)


def _entry(frame: Frame, delivery: Delivery) -> FrameEntry:
    received_ns = delivery.received_ns(frame)
    return FrameEntry(frame.gateway, frame.run_id, frame.sequence, received_ns, encode_frame(frame), frame.drops)


def _endless(numbers: Sequence[int]) -> Iterable[int]:
    while True:
        yield from numbers


def _is_done(folder: Path) -> bool:
    journal, state = open_journal(folder), open_state(folder)
    end = journal.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'frames'").fetchone()[0]
    offset = state.execute("SELECT COALESCE(MAX(value), 0) FROM meta WHERE key = 'offset'").fetchone()[0]
    journal.close()
    state.close()
    return int(offset) >= int(end)


def contents(folder: Path) -> dict[str, Any]:
    """All that was concluded, in a form that does not depend on batches."""
    state = open_state(folder)
    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    for (body,) in state.execute("SELECT body FROM spool ORDER BY id"):
        for batch in (found for found in decode_rows(body) if found.measurement not in LEDGER):
            for index, t_ns in enumerate(batch.t_ns.tolist()):
                row = {name: column[index] for name, column in batch.columns.items()}
                rows[batch.measurement, batch.subject, t_ns] = row
    kept = {
        "rows": rows,
        "states": [
            (subject, owner, _canonical(body))
            for subject, owner, body in state.execute(
                "SELECT * FROM detector_state WHERE detector NOT IN ('order', 'liveness', 'completeness')"
            )
        ],
        "incidents": state.execute("SELECT * FROM incidents ORDER BY id").fetchall(),
        "log": state.execute(
            "SELECT incident, at_ns, what FROM incident_log ORDER BY incident, at_ns, what"
        ).fetchall(),
        "mails": state.execute(
            "SELECT incident, tier, message_id, recipients, created_ns FROM outbox ORDER BY 1"
        ).fetchall(),
        "now": state.execute("SELECT * FROM channel_now ORDER BY channel").fetchall(),
        "lives": state.execute("SELECT * FROM life_now ORDER BY channel").fetchall(),
        "clock": state.execute("SELECT value FROM meta WHERE key = 'now_ns'").fetchall(),
    }
    state.close()
    return kept


def _canonical(body: bytes) -> bytes:
    """The same bytes for states whose dicts were only filled in another order, as other batches do."""
    return msgspec.msgpack.encode(_named(msgspec.msgpack.decode(body, strict=False)), order="deterministic")


def _named(value: Any) -> Any:
    """The same with every key as text: msgspec sorts no others."""
    if isinstance(value, dict):
        return {str(key): _named(one) for key, one in value.items()}
    return [_named(one) for one in value] if isinstance(value, list) else value


def assert_identical(one: dict[str, Any], other: dict[str, Any], *, leave_out: Sequence[str] = ()) -> None:
    """The same to the last bit."""
    assert sorted(one["rows"].keys() ^ other["rows"].keys()) == []
    for key, row in one["rows"].items():
        for name, value in row.items():
            again = other["rows"][key][name]
            assert value == again or (np.isnan(value) and np.isnan(again)), (key, name, value, again)
    if "states" not in leave_out:  # which ones, before pages of bytes
        differ = [a[:2] for a, b in zip(one["states"], other["states"], strict=True) if a != b]
        assert not differ, differ
    for name in one.keys() - {"rows", *leave_out}:
        assert one[name] == other[name], name
