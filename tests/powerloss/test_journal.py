"""The cloud's journal after a power failure: what was committed is there, nothing is invented, and it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_service.journal.reader import JournalReader
from cloud_service.journal.writer import JournalWriter, open_journal
from telltale.errors import FatalError
from tests.powerloss import journal_work
from tests.powerloss.crashes import crash
from tests.powerloss.journal_work import DATA, GATEWAY, RUN, entry, payload_of
from tests.powerloss.recorder import Call, record

CRASHES = 1_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Call], Path]:
    folder = tmp_path_factory.mktemp("recorded") / "data"
    folder.mkdir()
    return record(Path(journal_work.__file__), folder), folder


def highest(lines: list[str], word: str) -> int:
    return max((int(line.split()[2]) for line in lines if line.startswith(word)), default=0)


def check(folder: Path, lines: list[str]) -> None:
    data = folder / DATA
    for shared in data.glob("*-shm"):  # memory of processes that are gone: not read after a power failure
        shared.unlink()
    committed, offered = highest(lines, "commit"), highest(lines, "offer")
    connection = open_journal(data)
    records = JournalReader(connection).read(0, 10_000, 2**30)
    found = [record.sequence for record in records]
    assert found == list(range(1, len(found) + 1)), "in order, once each, nothing left out"
    assert committed <= len(found) <= offered
    assert all(record.intact and record.payload == payload_of(record.sequence) for record in records)
    writer = JournalWriter(connection)
    done = writer.commit([entry(number) for number in (1, *range(max(1, len(found)), len(found) + 3))])
    assert done.stored == 2
    assert done.acks[GATEWAY, RUN].cumulative == len(found) + 2
    assert [row[0] for row in connection.execute("PRAGMA quick_check")] == ["ok"]
    writer.close()


@pytest.mark.parametrize("seed", [1])
def test_what_was_committed_is_there_after_every_crash(recording: tuple[list[Call], Path], seed: int) -> None:
    calls, folder = recording
    tally = crash(calls, folder, CRASHES, seed, check)
    assert tally["crashes"] == CRASHES


def test_a_journal_that_does_not_sync_is_found_out(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    calls = record(Path(journal_work.__file__), folder, "careless")
    with pytest.raises((AssertionError, FatalError)):
        crash(calls, folder, 100, 1, check)
