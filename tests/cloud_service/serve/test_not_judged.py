"""A detector that fails is seen: by health, and on the pages of the channel that it does not judge."""

from __future__ import annotations

from pathlib import Path

from cloud_service.analyse.commit import Changes, commit
from cloud_service.analyse.outcome import Fault, Latest
from cloud_service.analyse.states import States
from cloud_service.detector_faults import standing_faults
from cloud_service.state import open_state
from tests.cloud_service.seed.results import NOW_NS

CHANNEL = "footbridge.air"


def take(folder: Path, t_ns: int, *, fails: bool) -> int:
    """Commit a batch with a reading at `t_ns`; how many faults stand then."""
    state = open_state(folder)
    faults = [Fault(CHANNEL, "limits", "ZeroDivisionError: by design", t_ns)] if fails else []
    commit(state, States(), Changes(latest={CHANNEL: Latest(t_ns, 1.0)}, faults=faults, now_ns=t_ns))
    found = standing_faults(state)
    state.close()
    return len(found)


def test_a_fault_stands_until_newer_readings_are_judged(tmp_path: Path) -> None:
    assert take(tmp_path, NOW_NS, fails=True) == 1
    assert take(tmp_path, NOW_NS + 1, fails=True) == 1
    assert take(tmp_path, NOW_NS + 2, fails=False) == 0
    state = open_state(tmp_path)
    assert state.execute("SELECT times, last_ns FROM detector_faults").fetchall() == [(2, NOW_NS + 1)]
    state.close()


async def test_health_and_pages_say_what_is_not_judged(full, browse) -> None:
    async with browse(full) as client:
        assert "Not judged</span>" not in (await client.get(f"/channels/{CHANNEL}")).text
        take(full.data_dir, NOW_NS + 1, fails=True)
        answer = await client.get("/healthz")
        page = await client.get(f"/channels/{CHANNEL}")
        structure = await client.get("/structures/footbridge")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    (fault,) = answer.json()["detectors_failing"]
    assert (fault["channel"], fault["detector"], fault["times"]) == (CHANNEL, "limits", 1)
    assert "Not judged</span>" in page.text
    assert "Not judged</span>" in structure.text
