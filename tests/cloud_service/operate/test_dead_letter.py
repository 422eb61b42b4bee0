"""The command on a running ingest: what was rejected is listed, shown, and stored once its cause is mended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import aiomqtt
import numpy as np
import pytest

from cloud_service.journal.entries import RejectedEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.operate.retry import ask_for_frames
from cloud_service.state import open_state
from cloud_service.store.schema import Rows, encode_rows
from telltale.errors import RejectReason
from telltale.wire.ack import decode_stored
from tests.cloud_service.operate.load import CHANNELS, GATEWAY, RUN, frame, one, readings, send, site_toml
from tests.e2e.service import running_service, telltale
from tests.servers.process import Server, wait_until

SQLITE = '[store]\nkind = "sqlite"'


def run(folder: Path, *arguments: str) -> list[str]:
    done = telltale("cloud", "dead-letter", *arguments, "-c", folder / "cloud.toml", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.e2e
def test_frames_of_a_gateway_that_was_added_later_are_stored_after_a_retry(broker: Server, tmp_path: Path) -> None:
    with running_service(tmp_path, broker.port, site_toml("gw-another"), SQLITE) as service:
        asyncio.run(send(broker.port, range(1, 6)))
        # The broker may hold a retained status of gateways of other tests, which this site does not know either.
        ours = f"SELECT COUNT(*) FROM dead_letter WHERE gateway = '{GATEWAY}'"
        wait_until(lambda: one(service.data / "journal.db", ours) == 5, "dead letters")
        listed = [json.loads(line) for line in run(tmp_path, "list", "--json", "--gateway", GATEWAY)]
        assert [letter["reason"] for letter in listed] == ["unknown_gateway"] * 5
        shown = "\n".join(run(tmp_path, "show", listed[0]["id"]))
        assert "'ops.gauge0': 1 × int32" in shown
        assert "unknown_gateway" in shown

    with running_service(tmp_path, broker.port, site_toml(), SQLITE) as service:
        said = run(tmp_path, "retry", "--gateway", GATEWAY, "--wait", "60")
        assert sorted(said) == sorted(f"{letter['id']}: stored" for letter in listed)
        service.finish()
        assert one(service.data / "store.db", "SELECT COUNT(*) FROM reading") == 5 * 4
        with sqlite3.connect(service.data / "journal.db") as journal:
            books = journal.execute("SELECT cumulative, stored, rejected FROM runs").fetchall()
            assert books == [(5, 5, 0)]
        assert run(tmp_path, "list", "--gateway", GATEWAY) == ["no dead letters"]


@pytest.mark.e2e
async def test_a_stray_channel_is_counted_told_to_the_edge_and_costs_no_good_block(
    broker: Server, tmp_path: Path
) -> None:
    heard: list[tuple[str, str]] = []
    with running_service(tmp_path, broker.port, site_toml(), SQLITE) as service:
        async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe(f"telltale/v1/{GATEWAY}/stored", qos=1)
            payload = frame(1, channels=[*CHANNELS, "ops.nobody"])
            await client.publish(f"telltale/v1/{GATEWAY}/frame", payload, qos=1)
            async with asyncio.timeout(60):
                async for message in client.messages:
                    ack = decode_stored(message.payload)  # type: ignore[arg-type]
                    heard += ack.refused
                    if ack.cumulative == 1:
                        break
        assert heard == [("ops.nobody", "unknown_channel")]
        await asyncio.to_thread(service.finish)
        assert readings(service.data) == len(CHANNELS)
        assert "1 blocks of channel ops.nobody: unknown_channel" in "\n".join(run(tmp_path, "list"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A service's folder with a frame that was cut off, a status message, one that is whole, and refused rows."""
    (tmp_path / "site.toml").write_text(site_toml())
    (tmp_path / "cloud.toml").write_text(f'site = "site.toml"\ndata_dir = "data"\n{SQLITE}\n')
    writer = JournalWriter(open_journal(tmp_path / "data"), dead_letter_bytes=40)
    for verb, payload in (("frame", frame(7)), ("status", b"{}"), ("frame", b"short")):
        run_id, sequence = (RUN, 7) if len(payload) > 40 else (None, None)
        entry = RejectedEntry(GATEWAY, run_id, sequence, 5, payload, RejectReason.BAD_BODY, "why", verb)
        writer.commit([entry])
    writer.close()
    state = open_state(tmp_path / "data")
    rows = Rows("reading", "ops.gauge0", np.array([5], np.int64), {"value": np.array([1.0])})
    for body in (encode_rows([rows]), b"no rows"):
        state.execute("INSERT INTO refused_rows (at_ns, reason, body) VALUES (5, 'store_refused: busy', ?)", (body,))
    state.close()
    return tmp_path


def test_both_kinds_are_listed_and_filtered(folder: Path) -> None:
    def ids(*filters: str) -> list[str]:
        return [json.loads(line)["id"] for line in run(folder, "list", "--json", *filters)]

    assert ids() == ["f3", "f2", "f1", "r2", "r1"]
    assert ids("--reason", "store_refused") == ["r2", "r1"]
    assert ids("--gateway", GATEWAY, "--limit", "2") == ["f3", "f2"]
    assert ids("--gateway", "ops.gauge0") == ["r1"]
    first = json.loads(run(folder, "list", "--json")[2])
    assert (first["is_whole"], first["size_bytes"], first["sequence"]) == (False, len(frame(7)), 7)


@pytest.mark.parametrize(
    ("name", "why"), [("f1", "cut off when it was kept"), ("f2", "a status message"), ("r2", "no rows of this")]
)
def test_what_cannot_be_tried_again_says_why(folder: Path, name: str, why: str) -> None:
    done = telltale("cloud", "dead-letter", "retry", name, "-c", folder / "cloud.toml", folder=folder)
    assert why in done.stdout
    assert name in "\n".join(run(folder, "list"))


def test_refused_rows_go_back_into_the_spool(folder: Path) -> None:
    assert "handed to the store" in run(folder, "retry", "r1")[0]
    assert one(folder / "data" / "state.db", "SELECT COUNT(*) FROM spool") == 1
    assert "r1" not in "\n".join(run(folder, "list"))


def test_without_a_running_ingest_a_retry_is_kept_for_its_start(folder: Path) -> None:
    done = telltale("cloud", "dead-letter", "retry", "f3", "--wait", "0", "-c", folder / "cloud.toml", folder=folder)
    assert done.returncode == 1
    assert "handed over" in done.stderr
    assert "waits to be tried again" in "\n".join(run(folder, "list"))


def test_a_letter_that_went_meanwhile_is_not_asked_for(folder: Path) -> None:
    with contextlib.closing(open_journal(folder / "data")) as journal:
        assert ask_for_frames(journal, [3, 99], 5) == [3]
        assert journal.execute("SELECT letter FROM retries").fetchall() == [(3,)]


@pytest.mark.parametrize("limit", ["0", "-1", "all"])
def test_a_limit_is_a_number_of_letters(folder: Path, limit: str) -> None:
    done = telltale("cloud", "dead-letter", "list", "--limit", limit, "-c", folder / "cloud.toml", folder=folder)
    assert done.returncode == 2
    assert "--limit: expected 1 to " in done.stderr


def test_a_store_s_words_cannot_write_on_the_terminal(folder: Path) -> None:
    with contextlib.closing(open_state(folder / "data")) as state:
        state.execute("UPDATE refused_rows SET reason = 'store_refused: no\nr9  \x1b[2Jgone' WHERE id = 1")
    said = run(folder, "list", "--reason", "store_refused") + run(folder, "show", "r1")
    assert not any("\x1b" in line or line.startswith("r9") for line in said)
    assert "no?r9  ?[2Jgone" in said[1]


def test_show_dumps_the_first_bytes(folder: Path) -> None:
    shown = run(folder, "show", "f3")
    assert any(line.startswith("000000  73 68 6f 72 74 ") and line.endswith("short") for line in shown)
    assert "reading of ops.gauge0: 1 rows" in "\n".join(run(folder, "show", "r1"))


@pytest.mark.parametrize(("name", "word"), [("x1", "no dead letter's id"), ("f99", "no dead letter f99")])
def test_an_id_that_does_not_exist_is_one_line(folder: Path, name: str, word: str) -> None:
    done = telltale("cloud", "dead-letter", "show", name, "-c", folder / "cloud.toml", folder=folder)
    assert done.returncode == 2
    assert word in done.stderr
    assert len(done.stderr.splitlines()) == 1
