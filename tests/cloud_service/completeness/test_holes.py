"""A gateway's books and holes from a real journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_service.completeness.holes import Books, gateway_books, gateway_holes
from cloud_service.journal.entries import FrameEntry, RejectedEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from telltale.errors import RejectReason
from telltale.readings import DropRecord, RunEnd

RUN, NEXT = bytes(range(16)), bytes(range(1, 17))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[JournalWriter]:
    opened = JournalWriter(open_journal(tmp_path))
    yield opened
    opened.close()


def frame(
    sequence: int, run: bytes = RUN, drops: tuple[DropRecord, ...] = (), after: tuple[RunEnd, ...] = ()
) -> FrameEntry:
    return FrameEntry("gw", run, sequence, 9, b"x", drops, min(1_000 * sequence, 2**62), after)


def test_books_and_holes_close_as_frames_come(writer: JournalWriter, tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    assert (gateway_books(journal), gateway_holes(journal, "gw")) == ({}, [])
    writer.commit([frame(1), frame(2), frame(6), frame(7)])
    assert gateway_books(journal) == {"gw": Books(4, 0, 0, 3)}
    (hole,) = gateway_holes(journal, "gw")
    assert (hole.first, hole.last, hole.cause, hole.start_ns, hole.end_ns) == (3, 5, "not yet received", 2_000, 6_000)

    writer.commit([RejectedEntry("gw", RUN, 4, 9, b"bad", RejectReason.BAD_BODY, "")])
    writer.commit([frame(8, drops=(DropRecord(5, 5, "outbox full"),))])
    assert gateway_books(journal) == {"gw": Books(5, 1, 1, 1)}
    assert {(hole.first, hole.cause, hole.detail) for hole in gateway_holes(journal, "gw")} == {
        (3, "not yet received", ""),
        (4, "dead-lettered", "bad_body"),
        (5, "dropped at the edge", "outbox full"),
    }
    writer.commit([frame(3), frame(5)])
    assert gateway_books(journal) == {"gw": Books(7, 0, 1, 0)}
    assert gateway_books(journal)["gw"].complete_percent == 87.5
    journal.close()


def test_what_a_later_run_tells_of_an_earlier_one_is_missing_until_it_comes(
    writer: JournalWriter, tmp_path: Path
) -> None:
    journal = open_journal(tmp_path)
    writer.commit([frame(1), frame(1, NEXT, after=(RunEnd(RUN, 3), RunEnd(bytes(16), 99)))])
    assert gateway_books(journal) == {"gw": Books(2, 0, 0, 2)}
    (hole,) = gateway_holes(journal, "gw")
    assert (hole.run, hole.first, hole.last, hole.end_ns) == (RUN.hex(), 2, 3, None)
    writer.close()
    again = JournalWriter(open_journal(tmp_path))
    again.commit([frame(2), frame(3)])
    assert gateway_books(journal) == {"gw": Books(4, 0, 0, 0)}
    again.close()
    journal.close()


def test_a_gateway_gone_mad_counts_into_64_bits(writer: JournalWriter, tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    writer.commit([frame(1), frame(1, NEXT), frame(2**63 - 1), frame(2**63 - 2, NEXT)])
    writer.commit(
        [frame(2, drops=(DropRecord(3, 2**62, "full"),)), frame(2, NEXT, drops=(DropRecord(3, 2**62, "full"),))]
    )
    told = gateway_books(journal)["gw"]
    assert told.stored == 6
    assert max(told.dropped, told.missing) < 2**63
    journal.close()
