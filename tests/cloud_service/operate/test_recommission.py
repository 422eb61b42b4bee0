from __future__ import annotations

from pathlib import Path

import pytest

from cloud_service.baseline_record import Act, read
from cloud_service.command import cloud
from cloud_service.state import open_state
from telltale.errors import UserError
from tests.cloud_service.operate.load import CHANNELS, site_toml


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "site.toml").write_text(site_toml(), encoding="utf-8")
    (tmp_path / "data").mkdir()
    path = tmp_path / "cloud.toml"
    path.write_text(f'site = "site.toml"\ndata_dir = "{tmp_path}/data"\n', encoding="utf-8")
    return str(path)


def acts(config: str):
    state = open_state(Path(config).parent / "data")
    try:
        return list(read(state))
    finally:
        state.close()


def test_an_act_is_recorded_for_every_channel_of_a_structure(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cloud(["recommission", "-c", config, "s", "--act", "structure_repaired", "--who", "A. Kim", "--why", "weld"])
        == 0
    )
    found = acts(config)
    assert [event.channel for event in found] == list(CHANNELS)
    assert {(event.act, event.who, event.why) for event in found} == {(Act.STRUCTURE_REPAIRED, "A. Kim", "weld")}
    assert capsys.readouterr().out.count("structure_repaired  A. Kim: weld") == len(CHANNELS)


def test_an_act_never_counts_from_before_it_was_recorded(config: str) -> None:
    common = ["recommission", "-c", config, CHANNELS[0], "--who", "A", "--why", "b", "--at"]
    cloud([*common, "2020-01-01T00:00:00Z"])
    cloud([*common, "2200-01-01T09:00:00+09:00"])
    past, future = acts(config)
    assert past.declared_ns < past.recorded_ns == past.effective_ns
    assert future.effective_ns == future.declared_ns == 7258118400 * 10**9 > future.recorded_ns


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nowhere", "--who", "A", "--why", "b"], "nowhere"),
        ([CHANNELS[0], "--why", "b"], "answers"),
        ([CHANNELS[0], "--who", "A"], "answers"),
        ([CHANNELS[0], "--who", "A", "--why", "b", "--at", "yesterday"], "yesterday"),
        ([CHANNELS[0], "--who", "A", "--why", "b", "--at", "2026-01-01T00:00:00"], "offset"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_recorded(config: str, arguments: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        cloud(["recommission", "-c", config, *arguments])
    assert acts(config) == []
