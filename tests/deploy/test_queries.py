"""Every query of every dashboard, macros expanded, answered by a real InfluxDB with typed rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.deploy.grafana import DASHBOARDS, PanelQuery, expand, panel_queries, variable_queries, watchdog_queries
from tests.deploy.sample_rows import DECOY, END_NS, GATEWAYS, MIDSPAN, REFUSED, START_NS, THERMOMETER, every_row
from tests.deploy.stored import store
from tests.servers.influxdb import Influx

pytestmark = pytest.mark.e2e

# Grafana's interval for a span of two days on a wide screen, never below the panel's minimum.
INTERVAL = "1h"
ONE = {
    "facility": ["riverside"],
    "structure": ["footbridge"],
    "channel": [MIDSPAN],
    "beside": [THERMOMETER],
    "gateway": [GATEWAYS[0]],
}
ALL = {**ONE, "facility": ["riverside", "upper-dam"], "structure": ["footbridge", "gallery"], "gateway": list(GATEWAYS)}

TEXT_COLUMNS = {
    *("facility", "structure", "channel", "gateway", "reason", "tier", "detail"),
    *("Reason", "Tier", "Evidence", "Feature", "Refused because", "Contributes most"),
}

QUERIES = [*itertools.chain.from_iterable(panel_queries(path) for path in DASHBOARDS), *watchdog_queries()]
VARIABLES = list(itertools.chain.from_iterable(variable_queries(path) for path in DASHBOARDS))


@pytest.fixture(scope="module")
def stored(influx_server: Influx) -> Influx:
    influx = influx_server if influx_server.is_v2 else influx_server.new_bucket("telltale_dashboards")
    store(influx, every_row())
    return influx


def ask(influx: Influx, query: str, variables: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The series of the answer; fails on an error in it."""
    answer = influx.query(expand(query, variables, START_NS // 1_000_000, END_NS // 1_000_000, INTERVAL))
    (result,) = answer["results"]
    assert "error" not in result, f"{result['error']}: {query}"
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def columns(series: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Column → values of all series, tags included."""
    found: dict[str, list[Any]] = {}
    for part in series:
        for name, value in part.get("tags", {}).items():
            found.setdefault(name, []).append(value)
        for name, values in zip(part["columns"], zip(*part["values"], strict=True), strict=True):
            found.setdefault(name, []).extend(values)
    return found


@pytest.mark.parametrize("variables", [ONE, ALL], ids=["one", "all"])
@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_panel_query_answers_with_typed_rows(stored: Influx, query: PanelQuery, variables: dict[str, list[str]]):
    series = ask(stored, query.query, variables)
    assert series, f"no rows: {query}"
    for name, values in columns(series).items():
        present = [value for value in values if value is not None]
        assert present, f"column {name!r} is empty: {query}"
        expected = str if name in TEXT_COLUMNS else (int, float)
        assert all(isinstance(value, expected) for value in present), f"column {name!r} holds {present[0]!r}: {query}"


@pytest.mark.parametrize("query", VARIABLES, ids=str)
def test_variable_query_lists_values(stored: Influx, query: PanelQuery):
    values = columns(ask(stored, query.query, ALL))["value"]
    assert values
    assert all(isinstance(value, str) for value in values)


def test_variables_follow_the_choice_above_them(stored: Influx):
    channels = next(query for query in VARIABLES if query.panel == "variable channel")
    assert set(columns(ask(stored, channels.query, ONE))["value"]) == {MIDSPAN, DECOY, THERMOMETER}
    gallery = {**ONE, "facility": ["upper-dam"], "structure": ["gallery"]}
    assert set(columns(ask(stored, channels.query, gallery))["value"]) == {REFUSED}


def test_a_dot_in_a_channel_id_is_not_a_wildcard(stored: Influx):
    rows = next(query for query in QUERIES if query.panel == "Rows stored an interval")
    counted = sum(columns(ask(stored, rows.query, ONE))["count"])
    assert counted == 48, "rows of another channel were counted"


def test_a_withdrawn_life_is_not_shown_as_an_estimate(stored: Influx):
    life = next(query for query in QUERIES if query.panel == "Remaining life by channel")
    (row,) = ask(stored, life.query, {**ALL, "structure": ["gallery"]})
    assert row["tags"]["channel"] == REFUSED
    newest = dict(zip(row["columns"], row["values"][0], strict=True))
    assert newest["P50"] is None
    assert newest["Refused because"] == "no_trend"


def test_a_clear_condition_is_left_out_of_the_open_ones(stored: Influx):
    query = next(query for query in QUERIES if query.panel == "Conditions that are not clear")
    reasons = {(row["tags"]["channel"], row["tags"]["reason"]) for row in ask(stored, query.query, ALL)}
    assert (MIDSPAN, "limit") in reasons
    assert (REFUSED, "crack_trend") not in reasons
