"""Frames that wait for others are seen: by health, metrics and the page of gateways."""

from __future__ import annotations

from cloud_service.analyse.commit import Changes, commit
from cloud_service.analyse.gate_line import Ticket
from cloud_service.analyse.gates import Moves
from cloud_service.analyse.states import States
from cloud_service.gate_record import GateRecord
from cloud_service.state import open_state
from tests.cloud_service.seed.results import NOW_NS

GATEWAY = "gw-riverside"


async def test_a_gateway_that_is_held_up_is_seen(full, browse) -> None:
    tickets = [Ticket(2, GATEWAY, bytes(16), 5, 100), Ticket(3, GATEWAY, bytes(16), 6, 100)]
    now = GateRecord(gateway=GATEWAY, waiting=2, missing=3, since_ns=NOW_NS, passed_over=7)
    state = open_state(full.data_dir)
    commit(state, States(), Changes(read=3, moves=Moves(tickets, [], {GATEWAY: now}), now_ns=NOW_NS))
    assert state.execute("SELECT value FROM meta WHERE key = 'offset'").fetchone() == (1,)
    state.close()
    async with browse(full) as client:
        health = (await client.get("/healthz")).json()
        page = (await client.get("/gateways")).text
        metrics = (await client.get("/metrics")).text
    assert health["gates"] == [{"gateway": GATEWAY, "waiting": 2, "missing": 3, "since_ns": NOW_NS, "passed_over": 7}]
    assert "2 frames wait for 3 missing before them, since" in page
    assert f'telltale_gate_missing_frames{{gateway="{GATEWAY}"}} 3.0' in metrics
