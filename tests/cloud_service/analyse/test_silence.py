"""Who falls silent, and who does not, on a wall clock that the test moves: journal to incident and mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud_service.incident_record import IncidentRecord, list_incidents
from cloud_service.journal.entries import FrameEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.state import open_state
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, ManualClock
from telltale.findings import Reason
from telltale.readings import Block
from telltale.wire.codec import encode_frame
from tests.cloud_service.analyse.process import analyse
from tests.cloud_service.analyse.site import T0_NS, bridge, frame, hour

STEP_NS = 120 * NS_PER_S
ALL = ("bridge.gauge", "bridge.air", "bridge.az")


@dataclass(slots=True)
class Site:
    """A gateway that sends its channels once an hour, and a service, both on one clock.

    Attributes:
        channels: hour → which of its channels the gateway sends.
        clock: of the service.
        steps_ns: hour → by how much the service's clock is set wrong then.
    """

    folder: Path
    channels: Callable[[int], tuple[str, ...]]
    steps_ns: dict[int, int] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=lambda: ManualClock(T0_NS))

    def run(self, hours: range) -> None:
        """Bring these hours, the analysis beside them."""
        writer = JournalWriter(open_journal(self.folder))
        moves = self._moves(writer, hours)
        analyse(self.folder, lambda _: next(moves, True), mode="system", clock=self.clock)
        writer.close()

    def _moves(self, writer: JournalWriter, hours: range) -> Iterator[bool]:
        for number in hours:
            self.clock.set_ns(self.clock.now_ns() + self.steps_ns.get(number, 0))
            blocks = [block for block in hour(number) if block.channel in self.channels(number)]
            if blocks:
                writer.commit([self._entry(number, blocks)])
            for _ in range(NS_PER_HOUR // STEP_NS):
                self.clock.advance(STEP_NS)
                yield False

    def _entry(self, number: int, blocks: list[Block]) -> FrameEntry:
        sent = frame(number + 1, blocks, self.clock.now_ns(), "gw")
        return FrameEntry("gw", sent.run_id, sent.sequence, self.clock.now_ns(), encode_frame(sent))

    def silences(self) -> list[IncidentRecord]:
        state = open_state(self.folder)
        found = [item for item in list_incidents(state) if item.reason.value.startswith("silent_")]
        state.close()
        return found

    def mails(self) -> int:
        state = open_state(self.folder)
        count = int(state.execute("SELECT COUNT(*) FROM outbox").fetchone()[0])
        state.close()
        return count


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bridge(tmp_path, gateways=1)
    return tmp_path


def test_a_gateway_that_dies_is_one_incident_and_one_mail_within_two_intervals(folder: Path) -> None:
    site = Site(folder, lambda number: ALL if number < 5 else ())
    site.run(range(12))
    (incident,) = site.silences()
    assert incident.reason is Reason.SILENT_GATEWAY
    last_ns = T0_NS + 4 * NS_PER_HOUR
    assert 0 < incident.received_ns - last_ns <= 2 * NS_PER_HOUR
    assert site.mails() == 1


def test_a_channel_that_dies_is_raised_within_two_of_its_intervals(folder: Path) -> None:
    site = Site(folder, lambda number: ALL if number < 5 else ALL[:2])
    site.run(range(12))
    (incident,) = site.silences()
    assert (incident.reason, incident.subject) == (Reason.SILENT_CHANNEL, "bridge.az")
    assert 0 < incident.received_ns - (T0_NS + 4 * NS_PER_HOUR) <= 2 * NS_PER_HOUR
    assert site.mails() == 1


def test_a_service_that_was_down_itself_calls_nobody_silent(folder: Path) -> None:
    site = Site(folder, lambda _: ALL)
    site.run(range(5))
    site.clock.advance(100 * NS_PER_HOUR)
    site.run(range(5, 12))
    assert site.silences() == []


def test_a_restart_of_the_service_is_no_sign_of_life(folder: Path) -> None:
    site = Site(folder, lambda number: ALL if number < 5 else ALL[:1])
    site.run(range(10))
    site.run(range(10, 14))
    dead = {incident.subject: incident.state for incident in site.silences()}
    assert dead == {"bridge.air": "open", "bridge.az": "open"}
    state = open_state(folder)
    assert state.execute("SELECT COUNT(*) FROM incident_log WHERE what = 'reopened'").fetchone() == (0,)
    state.close()


@pytest.mark.parametrize(
    "step_ns", [NS_PER_HOUR, -NS_PER_HOUR, 3652 * NS_PER_DAY, -T0_NS + NS_PER_DAY], ids=["+1h", "-1h", "+10a", "1970"]
)
def test_a_clock_that_is_set_raises_no_silence_and_finds_it_afterwards(folder: Path, step_ns: int) -> None:
    site = Site(folder, lambda number: ALL if number < 16 else (), {4: step_ns, 9: -step_ns})
    site.run(range(16))
    assert site.silences() == []
    site.run(range(16, 22))
    assert [incident.reason for incident in site.silences()] == [Reason.SILENT_GATEWAY]
