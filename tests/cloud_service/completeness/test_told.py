"""When the figures of completeness go to the store."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from cloud_service.analyse.commit import load_state
from cloud_service.analyse.completeness import TELL_EVERY_NS, Completeness
from cloud_service.analyse.states import States
from cloud_service.journal.writer import open_journal
from cloud_service.state import open_state
from cloud_service.store.schema import Rows
from telltale.clock import NS_PER_DAY, NS_PER_S
from tests.contract.site import SCALAR, small_site

NOW_NS = 1_700_000_000 * NS_PER_S


def test_a_clock_that_is_set_back_does_not_silence_them(tmp_path: Path) -> None:
    with closing(open_journal(tmp_path)) as journal, closing(open_state(tmp_path)) as state:
        told = Completeness(small_site(), States(partial(load_state, state)), journal)

        def reading(t_ns: int) -> None:
            told.take([Rows("reading", SCALAR, np.array([t_ns]), {"value": np.array([1.0])})], NOW_NS)

        reading(NOW_NS - 3 * NS_PER_DAY)
        assert [rows.measurement for rows in told.rows(NOW_NS)] == ["completeness"]
        reading(NOW_NS - 2 * NS_PER_DAY)
        assert told.rows(NOW_NS + TELL_EVERY_NS // 2) == []
        assert [rows.measurement for rows in told.rows(NOW_NS - NS_PER_DAY)] == ["completeness"]
