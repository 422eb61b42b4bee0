"""The oracle on books that it must close, and on those that it must not."""

import json
import sqlite3

import msgspec
import numpy as np
import pytest

from chaos.campaign import FaultRecord
from chaos.layout import Plan, gateways, write_site
from chaos.oracle.books import Excuse, check_books, check_journal
from chaos.oracle.findings import Verdict
from chaos.oracle.mails import check_mails
from chaos.oracle.results import check_rows, same
from cloud_service.journal.writer import open_journal
from cloud_service.state import open_state
from cloud_service.store.schema import Rows, encode_rows
from sensors_sim.truth import EMITTED_FILE, EmittedChunk, EmittedTick
from telltale.site_file import load_site

PLAN = Plan(seed=1, days=0, days_per_s=1.0, load_sensors=1)
LOAD = gateways(PLAN)[0]
STEP_NS = 500_000_000


@pytest.fixture
def folder(tmp_path):
    write_site(tmp_path, PLAN)
    (tmp_path / "cloud-data").mkdir()
    open_journal(tmp_path / "cloud-data").close()
    open_state(tmp_path / "cloud-data").close()
    ticks = [EmittedTick(n, (EmittedChunk("load.s00.x", n * STEP_NS, 1000.0, 500, 0, 1000.0),)) for n in range(4)]
    (tmp_path / LOAD.truth).mkdir()
    lines = b"".join(msgspec.json.encode(tick) + b"\n" for tick in ticks)
    (tmp_path / LOAD.truth / EMITTED_FILE).write_bytes(lines)
    return tmp_path


def rows(numbers):
    window = {("load.s00.x", n * STEP_NS, ""): {"samples": 500, "mean": 0.001} for n in numbers}
    return {"reading": {}, "window": window}


def closed(folder, stored, excuse=None):
    verdict = Verdict()
    site = load_site(folder / "site.toml")
    check_books(folder, [LOAD], site, stored, {LOAD.id: excuse or Excuse()}, verdict)
    return verdict


def test_closes_what_is_complete(folder):
    verdict = closed(folder, rows(range(4)))
    assert verdict.holds
    assert verdict.books["produced"] == verdict.books["stored"] == 2000


def test_names_what_is_lost(folder):
    verdict = closed(folder, rows([0, 1, 3]))
    assert verdict.complaints.counts == {"lost": 1}
    assert "load.s00.x at 1000000000" in verdict.complaints.shown["lost"][0]


def test_a_wrong_value_is_a_loss(folder):
    stored = rows(range(4))
    stored["window"]["load.s00.x", STEP_NS, ""] = {"samples": 500, "mean": 0.002}
    assert closed(folder, stored).complaints.counts == {"lost": 1}


def test_a_refused_row_is_accounted_for(folder):
    lost = Rows("window", "load.s00.x", np.array([2 * STEP_NS]), {"samples": np.array([500])})
    with sqlite3.connect(folder / "cloud-data" / "state.db") as state:
        state.execute("INSERT INTO refused_rows (at_ns, reason, body) VALUES (0, 'r', ?)", (encode_rows([lost]),))
    verdict = closed(folder, rows([0, 1, 3]))
    assert verdict.holds
    assert verdict.books["dead-lettered"] == 500


def test_excuses_only_what_was_never_on_the_wire_before_a_kill(folder):
    span = Excuse(seen_s={2: 10.0}, spans=[(9.0, 10.5)])
    assert closed(folder, rows([0, 1, 3]), span).holds
    sent = Excuse(seen_s={2: 10.0}, spans=[(9.0, 10.5)], sent={("load.s00.x", 2 * STEP_NS)})
    assert not closed(folder, rows([0, 1, 3]), sent).holds
    early = Excuse(seen_s={2: 8.0}, spans=[(9.0, 10.5)])
    assert not closed(folder, rows([0, 1, 3]), early).holds


def test_a_row_that_nothing_explains(folder):
    assert closed(folder, rows(range(5))).complaints.counts == {"unexplained": 1}


def test_a_frame_twice_in_the_journal(folder):
    with sqlite3.connect(folder / "cloud-data" / "journal.db") as journal:
        for _ in range(2):
            journal.execute(
                "INSERT INTO frames (gateway, run_id, sequence, received_ns, crc, payload) VALUES ('gw', x'01', 7, 0, 0, x'')"
            )
    verdict = Verdict()
    check_journal(folder / "cloud-data", verdict)
    assert verdict.complaints.counts == {"duplicated": 1}


def mails(folder, entries, faults=(), state="sent"):
    with sqlite3.connect(folder / "cloud-data" / "state.db") as connection:
        connection.execute(
            "INSERT INTO outbox (incident, tier, message_id, created_ns, spool_id, recipients, state)"
            " VALUES ('i', 'warn', '<a@t>', 0, 0, '[]', ?)",
            (state,),
        )
    verdict = Verdict()
    check_mails(folder / "cloud-data", entries, faults, 0.0, verdict)
    return verdict.complaints.counts


def data(at_s, answer="250", message_id="<a@t>"):
    return {"at_s": at_s, "message_id": message_id, "answer": answer}


KILLED = FaultRecord(1, "kill notify", "notify", "", 100.0, 100.0, 101.0)


@pytest.mark.parametrize(
    ("entries", "faults", "state", "found"),
    [
        ([data(1.0)], (), "sent", {}),
        ([], (), "sent", {"mails: missing": 1}),
        ([data(1.0), data(2.0)], (), "sent", {"mails: repeated outside the SMTP window": 1}),
        ([data(1.0, "cut"), data(2.0)], (), "sent", {}),
        ([data(100.1), data(103.0)], (KILLED,), "sent", {}),
        ([data(1.0, "451"), data(2.0)], (), "sent", {}),
        ([data(1.0, "550")], (), "failed", {}),
        ([data(1.0, "550"), data(2.0)], (), "sent", None),
        ([data(1.0), data(1.0, message_id="<b@t>")], (), "sent", {"mails: unexplained": 1}),
    ],
)
def test_mails(folder, entries, faults, state, found):
    counts = mails(folder, entries, faults, state)
    assert counts == found if found is not None else counts


def test_results_differ_beyond_the_tolerance_alone():
    key = ("a.b", 1, "")
    wanted = {"novelty": {key: {"score": 1.0, "feature": "rms"}}}
    for score, holds in ((1.0 + 1e-8, True), (1.001, False)):
        verdict = Verdict()
        check_rows({"novelty": {key: {"score": score, "feature": "rms"}}}, wanted, {"a.b"}, verdict)
        assert verdict.holds is holds
    verdict = Verdict()
    check_rows({"novelty": {}}, wanted, {"a.b"}, verdict)
    assert verdict.complaints.counts == {"results: novelty missing": 1}


def test_nested_values():
    assert same(json.loads('{"a": [1, 2.0]}'), {"a": [1.0, 2.0]})
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same([1], [1, 2])
