"""A gateway's clock jumps and is set right again, from the journal to incident, mail and what is learned meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from cloud_service.analyse.commit import load_state
from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.states import States
from cloud_service.analyse.temperature import History, new_history
from cloud_service.incident_record import list_incidents
from cloud_service.journal.entries import FrameEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.state import open_state
from telltale.clock import NS_PER_HOUR, NS_PER_S, ManualClock
from telltale.findings import Reason
from telltale.readings import Block, ClockQuality
from telltale.site import Place
from telltale.wire.codec import encode_frame
from tests.cloud_service.analyse.process import analyse
from tests.cloud_service.analyse.site import T0_NS, bridge, frame, hour

HOURS, JUMP, SET_RIGHT = 16, 6, 11


class Learned(msgspec.Struct):
    t_ns: list[int] = []


class Learner:
    """Remembers the times of all that it may learn from."""

    name = "learner"
    state_type = Learned

    def applies(self, place: Place) -> bool:
        return True

    def initial(self, place: Place) -> Learned:
        return Learned()

    def step(self, place: Place, state: Learned, batch: Batch) -> tuple[Learned, Output]:
        state.t_ns.extend(batch.t_ns[~batch.unusable].tolist())
        return state, Output()


def moves(writer: JournalWriter, clock: ManualClock, wrong_ns: int) -> Iterator[bool]:
    """A frame an hour of readings just taken, stamped by the gateway's clock."""
    for number in range(HOURS):
        off_ns = wrong_ns if JUMP <= number < SET_RIGHT else 0
        blocks = [shifted(block, off_ns) for block in hour(number)]
        clock.advance(NS_PER_HOUR)
        sent = replace(
            frame(number + 1, blocks, clock.now_ns() + off_ns),
            monotonic_ns=(number + 1) * NS_PER_HOUR,
            clock_quality=ClockQuality.SYNCHRONISED,
        )
        writer.commit([FrameEntry("gw", sent.run_id, sent.sequence, clock.now_ns(), encode_frame(sent))])
        for _ in range(3):
            yield False


def shifted(block: Block, by_ns: int) -> Block:
    return replace(block, t0_ns=block.t0_ns + by_ns)


@pytest.mark.parametrize("wrong_ns", [3 * NS_PER_HOUR, -3 * NS_PER_HOUR], ids=["ahead", "behind"])
def test_a_jump_is_one_incident_and_its_readings_are_not_learned(tmp_path: Path, wrong_ns: int) -> None:
    bridge(tmp_path, gateways=1)
    clock = ManualClock(T0_NS)
    writer = JournalWriter(open_journal(tmp_path))
    turns = moves(writer, clock, wrong_ns)
    analyse(tmp_path, lambda _: next(turns, True), mode="system", clock=clock, detectors=(Learner(),))
    writer.close()
    state = open_state(tmp_path)
    (incident,) = [item for item in list_incidents(state) if item.reason is Reason.GATEWAY_CLOCK]
    assert (incident.subject, incident.structure, incident.state) == ("gw", "", "resolved")
    assert incident.occurred_ns == T0_NS + (JUMP + 1) * NS_PER_HOUR
    assert incident.resolved_ns == T0_NS + (SET_RIGHT + 1) * NS_PER_HOUR
    assert incident.finding.evidence["clock_step_s"] == wrong_ns / NS_PER_S
    assert state.execute("SELECT COUNT(*) FROM outbox WHERE incident = ?", (incident.id,)).fetchone() == (1,)
    states = States(lambda subject, owner: load_state(state, subject, owner))
    learned = states.get("bridge.air", "learner", Learned, Learned).t_ns
    thermometer = states.get("bridge.air", "temperature", History, new_history).t_ns.tolist()
    state.close()
    right = {T0_NS + number * NS_PER_HOUR for number in range(HOURS) if not JUMP <= number < SET_RIGHT}
    assert set(learned) <= right
    assert len(learned) >= HOURS - (SET_RIGHT - JUMP) - 3, "those that the wrong clock had stamped already are late"
    assert set(thermometer) <= right
