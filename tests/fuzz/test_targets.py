"""Every target over its corpus, over damaged files of it, and over random bytes; `make fuzz` goes on for longer."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_service.journal.entries import FrameEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.serve.gateways import gateways_now
from telltale.readings import DropRecord
from telltale.site import Site
from tests.fuzz.strategies import CORPUS, damaged_frames, damaged_seeds, frames
from tests.fuzz.targets import TARGETS

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())
MAX_FILES, MAX_CORPUS_BYTES = 200, 1_000_000
unhurried = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_corpus(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_the_corpus_is_small_and_every_target_has_one() -> None:
    assert {path.parent.name for path in FILES} == set(TARGETS)
    assert len(FILES) <= MAX_FILES
    assert sum(path.stat().st_size for path in FILES) <= MAX_CORPUS_BYTES


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_damaged_files(name: str) -> None:
    @unhurried
    @given(damaged_seeds(name) | st.binary(max_size=300))
    def check(data: bytes) -> None:
        TARGETS[name](data)

    check()


@unhurried
@given(damaged_frames() | frames())
def test_frames(data: bytes) -> None:
    TARGETS["frame"](data)


def test_a_second_infinite_drop_does_not_stop_the_page(tmp_path: Path) -> None:
    """Two runs that each claim 2^63 - 1 dropped frames: their sum is no 64-bit number."""
    writer = JournalWriter(open_journal(tmp_path))
    for run_id in (b"a" * 16, b"b" * 16):
        writer.commit([FrameEntry("gw", run_id, 1, 1, b"!", (DropRecord(1, 2**63 - 1, "full"),))])
    with contextlib.closing(open_journal(tmp_path)) as journal:
        (status,) = gateways_now(journal, Site((), (), {}))
    assert status.dropped > 2**60
