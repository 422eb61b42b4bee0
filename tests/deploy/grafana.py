"""The committed dashboards as tests see them: their queries, with Grafana's macros expanded as Grafana does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "provisioning" / "dashboards" / "json").glob("*.json"))

_REGEX_FORMAT = re.compile(r"\$\{(\w+):regex\}")
_ESCAPED = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True)
class PanelQuery:
    dashboard: str
    panel: str
    query: str
    table: bool

    def __str__(self) -> str:
        return f"{self.dashboard} / {self.panel}: {self.query}"


def dashboard(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def panel_queries(path: Path) -> Iterator[PanelQuery]:
    """Every query of every panel and annotation of a dashboard."""
    body = dashboard(path)
    for panel in body["panels"]:
        for target in panel.get("targets", ()):
            yield PanelQuery(path.stem, panel["title"], target["query"], target["resultFormat"] == "table")
    for annotation in body["annotations"].get("list", ()):
        yield PanelQuery(path.stem, annotation["name"], annotation["target"]["query"], table=True)


def watchdog_queries() -> Iterator[PanelQuery]:
    """The queries of the provisioned alert rules."""
    path = GRAFANA / "provisioning" / "alerting" / "watchdog.yaml"
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            for step in rule["data"]:
                if "query" in step["model"]:
                    yield PanelQuery("watchdog", rule["title"], step["model"]["query"], table=False)


def variable_queries(path: Path) -> Iterator[PanelQuery]:
    for variable in dashboard(path)["templating"]["list"]:
        yield PanelQuery(path.stem, f"variable {variable['name']}", variable["query"], table=True)


def regex_value(values: Sequence[str]) -> str:
    """What Grafana puts in the place of `${name:regex}`: escaped, several as alternatives."""
    escaped = [_ESCAPED.sub(r"\\\g<0>", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def expand(query: str, variables: Mapping[str, Sequence[str]], start_ms: int, end_ms: int, interval: str) -> str:
    """`query` as Grafana would send it; fails on a macro that is not known here."""
    text = query.replace("$timeFilter", f"time >= {start_ms}ms and time <= {end_ms}ms")
    text = text.replace("$__interval", interval)
    text = _REGEX_FORMAT.sub(lambda found: regex_value(variables[found[1]]), text)
    assert "${" not in text, f"a macro is left: {text}"
    assert "$__" not in text, f"a macro is left: {text}"
    return text
