"""InfluxQL for panels, held to the store's allow-list while the dashboards are built.

InfluxQL and not Flux: it is answered by InfluxDB 1.x, by 2.x through the database mapping (DBRP) and by 3.
"""

# ruff: noqa: S608 - parts of queries are constants of this folder, and `check` holds them to the allow-list

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from cloud_service.store.schema import MEASUREMENTS

DATASOURCE_UID = "telltale-influxdb"

# Macros that Grafana expands. `:regex` escapes a value and joins several as (a|b), so one form serves single values,
# multiple values and All.
IN_STRUCTURE = '$timeFilter AND "facility" =~ /^${facility:regex}$/ AND "structure" =~ /^${structure:regex}$/'
IN_CHANNEL = '$timeFilter AND "channel" =~ /^${channel:regex}$/'
IN_BESIDE = '$timeFilter AND "channel" =~ /^${beside:regex}$/'
IN_GATEWAY = '$timeFilter AND "gateway" =~ /^${gateway:regex}$/'

_TAGS = {"channel": {"facility", "structure", "channel"}, "gateway": {"gateway"}}
_QUOTED = re.compile(r'"([^"]*)"')
_ALIAS = re.compile(r'\bAS "([^"]*)"')
_SOURCE = re.compile(r'\bFROM "([^"]*)"')


def datasource() -> DataSourceRef:
    """The one data source that the dashboards read: provisioned under a fixed uid."""
    return DataSourceRef(type_val="influxdb", uid=DATASOURCE_UID)


def tags(measurement: str) -> set[str]:
    """The tags that the InfluxDB store writes with a measurement."""
    extra = {"reason"} if measurement == "finding" else set()
    return _TAGS[MEASUREMENTS[measurement].subject] | extra


def check(query: str) -> str:
    """`query` itself, if each quoted identifier in it exists.

    Raises:
        ValueError: an identifier that is no measurement, field, tag or alias; names it and the query.
    """
    sources = set(_SOURCE.findall(query))
    known = sources | set(_ALIAS.findall(query))
    for name in sources:
        if name not in MEASUREMENTS:
            raise ValueError(f"no measurement {name!r}: {query}")
        known |= tags(name) | set(MEASUREMENTS[name].fields)
    unknown = set(_QUOTED.findall(query)) - known
    if not sources or unknown:
        raise ValueError(f"unknown identifiers {sorted(unknown)}: {query}")
    return query


@dataclass(frozen=True)
class InfluxQL(Builder[Dataquery], Dataquery):
    """One query of a panel, in the form that Grafana's InfluxDB data source keeps it.

    Attributes:
        query: InfluxQL with Grafana's macros.
        alias: legend text, with `$tag_<name>` and `$col`; time series only.
        table: rows as a table instead of series.
        ref: letter that tells the queries of a panel apart.
        events: for an annotation, which columns hold its text and tags.
    """

    query: str
    alias: str = ""
    table: bool = False
    ref: str = "A"
    events: Mapping[str, str] | None = None

    def build(self) -> InfluxQL:
        """The query after its check (ValueError as in `check`)."""
        check(self.query)
        return self

    def to_json(self) -> dict[str, Any]:
        """The JSON object that stands in a panel's `targets`."""
        body: dict[str, Any] = {
            "refId": self.ref,
            "datasource": datasource(),
            "rawQuery": True,
            "query": self.query,
            "resultFormat": "table" if self.table else "time_series",
        }
        if self.alias:
            body["alias"] = self.alias
        if self.events is not None:
            body.update(self.events, fromAnnotations=True)
        return body


def newest(measurement: str, fields: str, where: str, by: str) -> str:
    """Query for the newest whole row of each series.

    `last(field)` is not used for this: a refused life has no quantiles, and `last(p50_years)` would show an estimate
    that has since been withdrawn.
    """
    return f'SELECT {fields} FROM "{measurement}" WHERE {where} GROUP BY {by} ORDER BY time DESC LIMIT 1'


def over_time(
    measurement: str, expression: str, alias: str, *, where: str = IN_CHANNEL, by: str = "", fill: str = "none"
) -> InfluxQL:
    """An aggregate over each interval of the panel."""
    groups = "time($__interval)" + (f", {by}" if by else "")
    return InfluxQL(f'SELECT {expression} FROM "{measurement}" WHERE {where} GROUP BY {groups} fill({fill})', alias)
