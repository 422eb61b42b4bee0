"""What Grafana is provisioned with, beside the dashboards: data source, dashboard folder, watchdog rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.grafana import DASHBOARDS as COMMITTED
from tests.deploy.grafana import GRAFANA, dashboard

PROVISIONING = GRAFANA / "provisioning"
SCHEMA = json.loads((Path(__file__).parent / "schemas" / "grafana-alerting.jsonschema.json").read_text())


def read(name: str) -> Any:
    return yaml.safe_load((PROVISIONING / name).read_text(encoding="utf-8"))


(DATASOURCE,) = read("datasources/influxdb.yaml")["datasources"]
(PROVIDER,) = read("dashboards/telltale.yaml")["providers"]
WATCHDOG = read("alerting/watchdog.yaml")
RULES = [(group, rule) for group in WATCHDOG["groups"] for rule in group["rules"]]
every_rule = pytest.mark.parametrize(("group", "rule"), RULES, ids=[rule["uid"] for _, rule in RULES])


def errors(name: str, body: Any) -> list[str]:
    validator = jsonschema.Draft7Validator({**SCHEMA, "$ref": f"#/definitions/{name}"})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(body)]


def as_model(group: dict[str, Any], rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of a file with what its group says, as the API's model has it."""
    return {**rule, "orgID": group["orgId"], "folderUID": "telltale", "ruleGroup": group["name"]}


def test_dashboards_find_the_data_source():
    for path in COMMITTED:
        for variable in dashboard(path)["templating"]["list"]:
            assert variable["datasource"]["uid"] == DATASOURCE["uid"]


def test_the_data_source_holds_no_secret():
    for value in DATASOURCE["secureJsonData"].values():
        assert re.fullmatch(r"\$__file\{/run/telltale/[\w.-]+\}", value)
    for key in ("url", "user"):
        assert re.fullmatch(r"\$\{TELLTALE_\w+\}", DATASOURCE[key])


def test_environment_of_the_provisioning_is_set_by_the_compose_file():
    compose = yaml.safe_load((GRAFANA.parent / "compose.yaml").read_text())
    given = compose["services"]["grafana"]["environment"]
    text = "".join(path.read_text() for path in PROVISIONING.rglob("*.yaml"))
    assert set(re.findall(r"\$\{(TELLTALE_\w+)\}", text)) <= set(given)


def test_dashboards_are_where_the_provider_looks():
    compose = yaml.safe_load((GRAFANA.parent / "compose.yaml").read_text())
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in compose["services"]["grafana"]["volumes"]
    inside = PROVIDER["options"]["path"].removeprefix("/etc/grafana/provisioning/")
    assert (PROVISIONING / inside / "facility-overview.json").is_file()
    assert PROVIDER["allowUiUpdates"] is False


@every_rule
def test_rules_follow_the_schema_of_grafana(group: dict[str, Any], rule: dict[str, Any]):
    assert errors("Rule", as_model(group, rule)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("noDataState", "Quiet"), ("for", 5), ("data", {}), ("titel", "x"), ("notification_settings", {})],
)
def test_a_broken_rule_is_caught(key: str, value: Any):
    group, rule = RULES[0]
    assert errors("Rule", {**as_model(group, rule), key: value})


def test_contact_points_follow_the_schema_and_rules_name_one():
    names = set()
    for point in WATCHDOG["contactPoints"]:
        names.add(point["name"])
        for receiver in point["receivers"]:
            assert errors("ContactPoint", receiver) == []
    assert {rule["notification_settings"]["receiver"] for _, rule in RULES} <= names


@every_rule
def test_rules_group_as_grafana_demands(group: dict[str, Any], rule: dict[str, Any]):
    assert rule["notification_settings"]["group_by"][:2] == ["grafana_folder", "alertname"]


@every_rule
def test_the_condition_is_one_of_the_steps(group: dict[str, Any], rule: dict[str, Any]):
    steps = {step["refId"]: step for step in rule["data"]}
    assert rule["condition"] in steps
    for ref, step in steps.items():
        assert step["model"]["refId"] == ref
        assert step["datasourceUid"] in (DATASOURCE["uid"], "__expr__")
        assert step["model"].get("expression", "A") in steps
