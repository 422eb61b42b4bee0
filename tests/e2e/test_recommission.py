"""An operator accepts the state of a bridge, beside the running service: a new baseline begins, what was said stays said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloud_service.store.port import Table
from tests.e2e import piers
from tests.e2e.piers import PIERS, readings, site_toml, time_ns
from tests.e2e.service import SQLITE, Service, running_service, telltale
from tests.e2e.stores import read
from tests.servers.process import Server

pytestmark = pytest.mark.e2e
GATEWAY = "gw-accepted"
ACCEPTED, ROWS = 660, 1300


async def verdicts(service: Service) -> Table:
    return await read(service, "group_novelty", PIERS[0], "score", "contributor", "sign")


async def test_recommission_beside_a_running_service(broker: Server, tmp_path: Path) -> None:
    with running_service(tmp_path / "run", broker.port, site_toml(GATEWAY), SQLITE) as service:
        tilts = readings(ROWS)
        piers.play(service, GATEWAY, tilts, slice(0, ACCEPTED))
        (before,) = service.ask("/incidents")
        assert (before["reason"], before["state"]) == ("novelty_group", "open")
        said = await verdicts(service)
        recommission(service)

        piers.play(service, GATEWAY, tilts, slice(ACCEPTED, ROWS))
        found = await verdicts(service)
        old = found.t_ns <= said.t_ns[-1]
        assert found.t_ns[old].tolist() == said.t_ns.tolist()
        for name, column in said.columns.items():
            np.testing.assert_array_equal(np.array(found.columns[name])[old], np.array(column), err_msg=name)
        judged = np.array(found.columns["score"], dtype=float)[found.t_ns >= time_ns(ACCEPTED)]
        assert judged.size > 504, "a new baseline was learned and judged by"
        assert (judged < 1).all(), "the state that was accepted is what the new baseline holds"
        newest = newest_finding(service)
        assert newest["tier"] == "clear"
        assert newest["evidence"]["baseline_since"].startswith("recommissioned, 2026-03-28")
        (after,) = service.ask("/incidents")
        assert (after["id"], after["state"]) == (before["id"], "resolved")
        assert after["finding"]["evidence"].get("baseline_since") is None, "of the old baseline"


def recommission(service: Service) -> None:
    act = ("--who", "A. Kim", "--why", "bearing replaced")
    done = telltale("cloud", "recommission", "bridge", *act, "-c", "cloud.toml", folder=service.folder)
    assert done.returncode == 0, done.stderr
    listed = telltale("cloud", "recommission", "-c", "cloud.toml", folder=service.folder).stdout.splitlines()
    assert len(listed) == len(PIERS)
    assert all("recommissioned  A. Kim: bearing replaced" in line for line in listed)
    assert all(line.startswith("2026-03-28") for line in listed), "the run's own time"


def newest_finding(service: Service) -> dict[str, Any]:
    found = service.ask(f"/channels/{PIERS[0]}")["findings"]
    return next(one for one in found if one["reason"] == "novelty_group")
