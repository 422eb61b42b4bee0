"""The committed dashboards: as the code builds them, valid for Grafana, and readable by a person."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploy.grafana import DASHBOARDS, GRAFANA, dashboard, panel_queries

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "grafana-dashboard.jsonschema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
DURATION = re.compile(r"^\d+[smhd]$")

every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def errors(body: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message[:300]}" for error in VALIDATOR.iter_errors(body)]


def shown(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in body["panels"] if panel["type"] != "row"]


def test_three_dashboards_are_committed():
    assert [path.stem for path in DASHBOARDS] == ["channel-detail", "facility-overview", "gateway-health"]


def test_committed_json_is_what_the_code_builds():
    done = subprocess.run(
        [sys.executable, str(GRAFANA / "build.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@every_dashboard
def test_schema_of_grafana_accepts_it(path: Path):
    assert errors(dashboard(path)) == []


def break_panel(body: dict[str, Any]) -> None:
    del shown(body)[0]["type"]


def break_panel_key(body: dict[str, Any]) -> None:
    shown(body)[0]["titel"] = "a typing mistake"


def break_grid(body: dict[str, Any]) -> None:
    shown(body)[0]["gridPos"]["w"] = 25


def break_refresh(body: dict[str, Any]) -> None:
    body["refresh"] = 30


def break_time(body: dict[str, Any]) -> None:
    del body["time"]["from"]


def break_unknown_key(body: dict[str, Any]) -> None:
    body["panel"] = []


def break_variable(body: dict[str, Any]) -> None:
    body["templating"]["list"][0]["type"] = "querry"


BREAKS = [break_panel, break_panel_key, break_grid, break_refresh, break_time, break_unknown_key, break_variable]


@pytest.mark.parametrize("damage", BREAKS)
@every_dashboard
def test_a_broken_dashboard_is_caught(path: Path, damage: Any):
    body = copy.deepcopy(dashboard(path))
    damage(body)
    assert errors(body), f"{damage.__name__} went unseen"


@every_dashboard
def test_every_panel_says_what_it_shows_and_in_what_unit(path: Path):
    for panel in shown(dashboard(path)):
        assert len(panel["description"]) > 20, panel["title"]
        if panel["type"] in ("timeseries", "stat"):
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@every_dashboard
def test_panels_are_numbered_and_do_not_overlap(path: Path):
    panels = dashboard(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


@every_dashboard
def test_refresh_and_time_are_such_as_grafana_reads(path: Path):
    body = dashboard(path)
    assert DURATION.match(body["refresh"])
    assert re.match(r"^now-\d+[hd]$", body["time"]["from"])


@every_dashboard
def test_queries_use_only_variables_that_exist(path: Path):
    body = dashboard(path)
    known = {variable["name"] for variable in body["templating"]["list"]}
    for query in panel_queries(path):
        assert set(re.findall(r"\$\{(\w+)", query.query)) <= known, query


def test_links_lead_to_dashboards_and_variables_that_exist():
    bodies = {dashboard(path)["uid"]: dashboard(path) for path in DASHBOARDS}
    links = re.findall(r"/d/([\w-]+)\?([^\"]*)", "".join(path.read_text() for path in DASHBOARDS))
    assert links
    for uid, words in links:
        known = {variable["name"] for variable in bodies[uid]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", words)) <= known


def test_only_the_provisioned_data_source_is_used():
    text = "".join(path.read_text() for path in DASHBOARDS)
    assert set(re.findall(r'"uid": "([^"]+)"', text)) == {
        "telltale-influxdb",
        *(dashboard(path)["uid"] for path in DASHBOARDS),
    }
