"""A declared group of like sensors, from the agent to the mail; and the analysis killed in the middle."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloud_service.store.port import Table
from tests.e2e import piers
from tests.e2e.piers import LEFT, PIERS, readings, site_toml, time_ns
from tests.e2e.service import SQLITE, Service, running_service
from tests.e2e.stores import read, toml_of
from tests.servers.influxdb import Influx
from tests.servers.process import Server
from tests.servers.smtp import Mailbox, smtp_mailbox

pytestmark = pytest.mark.e2e

ROWS, PART = 720, 360


@dataclass
class Seen:
    """What a run left behind."""

    rows: Table
    findings: Table
    incidents: list[dict[str, Any]]
    mails: list[EmailMessage]


def play(folder: Path, broker: Server, gateway: str, store: str, *, kill: bool) -> Seen:
    """The readings in two parts, in batches of a few frames; between them the analysis may be killed."""
    with smtp_mailbox() as mailbox:
        notify = f'kind = "smtp"\nport = {mailbox.port}\nevidence_wait_s = 5'
        more = "[analyse]\nbatch_frames = 2\n"
        with running_service(folder, broker.port, site_toml(gateway), store, more, notify=notify) as service:
            for start in range(0, ROWS, PART):
                if kill and start:
                    service.kill("analyse")
                piers.play(service, gateway, readings(ROWS), slice(start, start + PART))
            return asyncio.run(_seen(service, mailbox))


async def _seen(service: Service, mailbox: Mailbox) -> Seen:
    return Seen(
        await read(service, "group_novelty", PIERS[0], "score", "t", "q", "single", "contributor", "sign"),
        await read(service, "finding", PIERS[0], "reason", "tier", "score", "detail"),
        service.ask("/incidents"),
        mailbox.messages(),
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, broker: Server) -> Seen:
    return play(tmp_path_factory.mktemp("groups") / "run", broker, "gw-group", SQLITE, kill=False)


def test_the_pier_that_leaves_the_others_is_found_by_name(seen: Seen) -> None:
    assert len(seen.rows) == ROWS - 1  # the newest has not ended
    score = np.array(seen.rows.columns["score"], dtype=float)
    assert (score[: LEFT - 1] < 1).all(), "the load alone"
    late = seen.rows.t_ns >= time_ns(LEFT + 24)
    assert (score[late] >= 1).all()
    assert {name for name, is_late in zip(seen.rows.columns["contributor"], late, strict=True) if is_late} == {PIERS[2]}
    told = {
        (reason, tier)
        for reason, tier in zip(seen.findings.columns["reason"], seen.findings.columns["tier"], strict=True)
        if tier != "clear"
    }
    assert ("novelty_group", "alarm") in told
    assert {reason for reason, _ in told} == {"novelty_group"}


def test_it_is_one_incident_and_its_mails_name_pier_limit_and_group(seen: Seen) -> None:
    (incident,) = seen.incidents
    assert (incident["reason"], incident["tier"], incident["state"]) == ("novelty_group", "alarm", "open")
    assert 1 <= len(seen.mails) <= 2  # one a level
    text = seen.mails[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for words in (PIERS[2], "piers", "self-set", "higher"):
        assert words in text, text
    assert "image/png" in {part.get_content_type() for part in seen.mails[-1].walk()}


def test_a_kill_of_the_analysis_in_the_middle_changes_nothing_nor_does_another_store(
    seen: Seen, broker: Server, influx: Influx, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TELLTALE_INFLUX_TOKEN", influx.token)
    again = play(tmp_path / "run", broker, "gw-group-killed", toml_of(influx), kill=True)
    for table in ("rows", "findings"):
        one, other = getattr(seen, table), getattr(again, table)
        assert one.t_ns.tolist() == other.t_ns.tolist()
        for name, column in one.columns.items():
            np.testing.assert_array_equal(column, other.columns[name], err_msg=name)
    assert told(again) == told(seen)


def told(seen: Seen) -> list[object]:
    """Incidents and mails, but for what is random (ids) or the run's own (the gateway)."""
    keys = ("reason", "tier", "state", "opened_at", "occurred_at")
    return [*([one[key] for key in keys] for one in seen.incidents), *(str(mail["Subject"]) for mail in seen.mails)]
