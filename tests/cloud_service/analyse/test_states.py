"""States between batches: what is read back is what was kept, whole or in two parts; a part only when it is another."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import msgspec
import pytest

from cloud_service.analyse.detectors.novelty import NoveltyDetector
from cloud_service.analyse.state_codec import encode_state
from cloud_service.analyse.states import PART, States
from telltale.errors import FatalError
from tests.contract.batches import every_place, plain

KEY = ("channel", "owner")


class Ledger(msgspec.Struct):
    """Entries of closed pages are many and change seldom."""

    open_page: int = 0
    pages: int = 0
    closed: list[int] | None = msgspec.field(default_factory=list)

    part_type: ClassVar[type[Any]] = list[int]

    def revision(self) -> int:
        return self.pages

    def take_part(self) -> list[int] | None:
        part, self.closed = self.closed, None
        return part

    def put_part(self, part: list[int]) -> None:
        self.closed = part

    def close(self) -> None:
        assert self.closed is not None
        self.closed.append(self.open_page)
        self.open_page, self.pages = 0, self.pages + 1


class Store:
    """Committed records, and which of them the last commit wrote."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], bytes] = {}

    def states(self) -> States:
        return States(lambda subject, owner: self.records.get((subject, owner)))

    def commit(self, states: States) -> set[str]:
        written = {(subject, owner): data for subject, owner, data in states.changed()}
        self.records |= written
        states.committed()
        return {owner for _, owner in written}


def ledger(states: States) -> Ledger:
    state = states.get(*KEY, Ledger, Ledger)
    states.put(*KEY, state)
    return state


def test_a_part_is_written_when_it_is_another_and_read_back_with_the_rest() -> None:
    store = Store()
    states = store.states()
    ledger(states).open_page = 7
    assert store.commit(states) == {"owner", "owner" + PART}
    ledger(states).open_page = 8
    assert store.commit(states) == {"owner"}
    ledger(states).close()
    assert store.commit(states) == {"owner", "owner" + PART}
    assert ledger(store.states()) == Ledger(0, 1, [8])
    again = store.states()
    ledger(again).open_page = 9
    assert store.commit(again) == {"owner"}


def test_a_commit_that_fails_leaves_the_part_to_the_next() -> None:
    store = Store()
    states = store.states()
    ledger(states).close()
    next(states.changed())
    assert ledger(states).closed == [0]
    assert store.commit(states) == {"owner", "owner" + PART}


def test_a_state_that_begins_anew_is_written_whole_whatever_its_revision() -> None:
    store = Store()
    states = store.states()
    ledger(states).close()
    store.commit(states)
    anew = Ledger(open_page=5)
    anew.close()
    states.put(*KEY, anew)
    assert store.commit(states) == {"owner", "owner" + PART}
    assert ledger(store.states()).closed == [5]


def test_what_is_forgotten_is_as_it_was_committed() -> None:
    store = Store()
    states = store.states()
    ledger(states).close()
    store.commit(states)
    ledger(states).close()
    states.forget(*KEY)
    assert ledger(states).closed == [0]
    assert store.commit(states) == {"owner"}


def test_a_record_of_the_whole_state_is_read_and_parted_from_then_on() -> None:
    store = Store()
    store.records = {KEY: encode_state(Ledger(3, 2, [1, 2])), (KEY[0], "owner" + PART): encode_state([9])}
    states = store.states()
    assert ledger(states) == Ledger(3, 2, [1, 2])
    assert store.commit(states) == {"owner", "owner" + PART}
    assert ledger(store.states()) == Ledger(3, 2, [1, 2])


def test_a_part_that_is_missing_is_an_error_of_the_database() -> None:
    store = Store()
    states = store.states()
    ledger(states)
    store.commit(states)
    del store.records[KEY[0], "owner" + PART]
    with pytest.raises(FatalError):
        ledger(store.states())


def test_of_a_baseline_that_is_learned_a_block_writes_the_smaller_part() -> None:
    detector, store = NoveltyDetector(), Store()
    place = next(place for place in every_place(3 * 3600.0) if detector.applies(place))
    batch, states = plain(place.channel, 30 * 8), store.states()
    states.put(*KEY, detector.step(place, detector.initial(place), batch)[0])
    assert store.commit(states) == {"owner", "owner" + PART}
    states = store.states()
    later = dataclasses.replace(batch.take(slice(-1, None)), t_ns=batch.t_ns[-1:] + 1)
    states.put(*KEY, detector.step(place, states.get(*KEY, detector.state_type, dict), later)[0])
    assert store.commit(states) == {"owner"}
    assert len(store.records[KEY]) < len(store.records[KEY[0], "owner" + PART])
