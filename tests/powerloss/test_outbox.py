"""The outbox after a power failure: what was committed is there, nothing is invented, what is lost is counted."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from edge_agent.frame.assemble import Rank
from edge_agent.outbox.batch import Batch
from edge_agent.outbox.box import FOLDER_NAME
from edge_agent.outbox.notes import REASONS
from edge_agent.outbox.schema import run_of, sequence_of
from edge_agent.outbox.store import OutboxStore
from tests.powerloss import outbox_work
from tests.powerloss.crashes import crash
from tests.powerloss.outbox_work import MAX_BYTES, frame, payload_of, run_id
from tests.powerloss.recorder import Call, record

CRASHES = 1_000
NEXT_RUN = 9
END = (1 << 63) - 1


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Call], Path]:
    folder = tmp_path_factory.mktemp("recorded") / "data"
    folder.mkdir()
    return record(Path(outbox_work.__file__), folder), folder


class Said:
    """What the program had said when the power failed: (run, sequence) of what it had offered, and was promised."""

    def __init__(self, lines: list[str]) -> None:
        self.sets: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for line in lines:
            word, run, *bounds = line.split()
            first, last = map(int, bounds) if len(bounds) == 2 else (1, int(bounds[0]))
            self.sets[word] |= {(int(run), number) for number in range(first, last + 1)}


Numbers = dict[tuple[int, int], str]


def noted(store: OutboxStore) -> Numbers:
    """(run, sequence) → reason of all that is to be told, or was and is not acknowledged."""
    found = {}
    for run in store.runs.values():
        for first, last, reason, _ in run.notes:
            found |= {(run.run_id[0], number): REASONS[reason] for number in range(first, last + 1)}
    return found


def check(folder: Path, lines: list[str]) -> None:
    said = Said(lines).sets
    store = OutboxStore(folder / FOLDER_NAME, MAX_BYTES, MAX_BYTES // 8)
    lost = store.lost
    assert store.begin_run(run_id(NEXT_RUN)) is None
    runs = {run.ordinal: run.run_id[0] for run in store.runs.values()}
    live = {}
    for number, _ in store.after(0, END, 100_000):
        payload, is_damaged = store.payload(number)
        lost += is_damaged
        if payload is not None:
            live[runs[run_of(number)], sequence_of(number)] = payload
    notes = noted(store)
    assert all(payload == payload_of(*key) for key, payload in live.items())
    assert set(live) <= said["offer"], "invented"
    missing = said["commit"] - said["ack"] - set(live) - set(notes)
    assert not missing, f"committed, and neither here nor told: {sorted(missing)}"
    told = said["note"] - said["ack"] - set(notes)
    assert not told, f"dropped, and not told: {sorted(told)}"
    damaged = {key for key, reason in notes.items() if reason == "damaged"}
    assert not damaged & said["commit"], "committed, and damaged"
    assert lost == len(damaged)
    goes_on(store, folder, live, notes)


def goes_on(store: OutboxStore, folder: Path, live: dict[tuple[int, int], bytes], notes: Numbers) -> None:
    """It takes frames, and the next start finds all as this one left it."""
    assert store.apply(Batch([frame(NEXT_RUN, 1, Rank.SCALAR)])).failure is None
    store.close()
    again = OutboxStore(folder / FOLDER_NAME, MAX_BYTES, MAX_BYTES // 8)
    assert again.lost == 0
    assert again.frames == len(live) + 1
    assert noted(again) == notes
    again.close()


@pytest.mark.parametrize("seed", [1])
def test_what_was_committed_is_there_after_every_crash(recording: tuple[list[Call], Path], seed: int) -> None:
    calls, folder = recording
    tally = crash(calls, folder, CRASHES, seed, check)
    assert tally["crashes"] == CRASHES


def test_an_outbox_that_does_not_sync_is_found_out(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    calls = record(Path(outbox_work.__file__), folder, "careless")
    with pytest.raises(AssertionError):
        crash(calls, folder, 100, 1, check)
