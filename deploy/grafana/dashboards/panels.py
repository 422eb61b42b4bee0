"""The panel shapes that the dashboards are made of: history, newest-row table, big number, status strip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grafana_foundation_sdk.builders import common, stat, statushistory, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from .influxql import InfluxQL, datasource

AnyPanel = Builder[dashboard.Panel]

# A line is broken where nothing was stored for longer than this: an outage is to be seen, hourly windows are not.
GAP_MS = 3 * 86_400_000

TIERS = {"clear": "green", "suspect": "purple", "warn": "orange", "alarm": "red"}
TIER_MAP = ValueMap(
    options={tier: ValueMappingResult(text=tier, color=color, index=i) for i, (tier, color) in enumerate(TIERS.items())}
)


@dataclass(frozen=True)
class Steps:
    """Colours by value: green below the first step. `(0.8, "orange"), (1.0, "red")` and so on, rising."""

    steps: tuple[tuple[float, str], ...] = ()
    base: str = "green"

    def build(self) -> ThresholdsConfig:
        """Grafana's thresholds."""
        rising = [Threshold(value=None, color=self.base)]
        rising += [Threshold(value=value, color=color) for value, color in self.steps]
        return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(rising)


# Score 1 is the channel's own threshold (cloud_service.store.schema).
SCORE = Steps(((0.8, "orange"), (1.0, "red")))


# Per cent of what was expected.
COMPLETE = Steps(((95.0, "orange"), (99.5, "green")), base="red")


def _lettered(queries: Sequence[InfluxQL]) -> list[Any]:
    return [replace(query, ref=chr(ord("A") + i)) for i, query in enumerate(queries)]


def history(
    title: str,
    why: str,
    *queries: InfluxQL,
    unit: str,
    w: int = 12,
    h: int = 8,
    line: Steps | None = None,
    decimals: int | None = None,
) -> timeseries.Panel:
    """Lines over time; `line` draws its steps as dashed lines."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(why)
        .datasource(datasource())
        .targets(_lettered(queries))
        .unit(unit)
        .span(w)
        .height(h)
        .line_width(1)
        .fill_opacity(0)
        .show_points(VisibilityMode.AUTO)
        .insert_nulls(GAP_MS)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if decimals is not None:
        panel.decimals(decimals)
    if line is not None:
        panel.thresholds(line.build())
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return panel


def bars(title: str, why: str, *queries: InfluxQL, unit: str, w: int = 12, h: int = 7) -> timeseries.Panel:
    """Counts and sums per interval."""
    return history(title, why, *queries, unit=unit, w=w, h=h).draw_style(GraphDrawStyle.BARS).fill_opacity(60).min(0)


def band(panel: timeseries.Panel, low: str) -> timeseries.Panel:
    """Shade from every other series down to the series `low`: an interval, or a fan of quantiles."""
    return panel.fill_below_to(low).fill_opacity(12)


def rows(
    title: str,
    why: str,
    query: str,
    *,
    unit: str = "",
    colours: Mapping[str, Steps] | None = None,
    tiers: bool = False,
    link: str = "",
    w: int = 24,
    h: int = 8,
) -> table.Panel:
    """A table. Headings come from the query's aliases.

    `unit` holds for all its numbers (with several units the headings name them), `colours` maps a column to colours by
    value, `tiers` colours the names of tiers, `link` is the address that a cell leads to.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(why)
        .datasource(datasource())
        .targets([InfluxQL(query, table=True)])
        .span(w)
        .height(h)
        .filterable(True)
        .no_value("none in this time range")
    )
    if unit:
        panel.unit(unit)
    if tiers:
        panel.mappings([TIER_MAP])
        _coloured(panel, "Tier", Steps(base="text"))
    for name, steps in (colours or {}).items():
        _coloured(panel, name, steps)
    if link:
        panel.data_links([DashboardLink("Open the channel").type(DashboardLinkType.LINK).url(link)])
    return panel


def _coloured(panel: table.Panel, column: str, steps: Steps) -> None:
    # Matcher and values in the forms that are objects: Grafana's published schema admits no others.
    panel.with_override(
        MatcherConfig(id_val="byNames", options={"mode": "include", "names": [column]}),
        [
            DynamicConfigValue(id_val="thresholds", value=steps.build().build()),
            DynamicConfigValue(id_val="color", value={"mode": "thresholds"}),
            DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
        ],
    )


def number(title: str, why: str, query: InfluxQL, *, unit: str, steps: Steps, w: int = 8, h: int = 8) -> stat.Panel:
    """The newest value of each series, large and coloured."""
    return (
        stat.Panel()
        .title(title)
        .description(why)
        .datasource(datasource())
        .targets([query])
        .unit(unit)
        .thresholds(steps.build())
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .span(w)
        .height(h)
        .no_value("–")
    )


def strip(
    title: str,
    why: str,
    query: InfluxQL,
    *,
    steps: Steps,
    names: Mapping[str, str] | None = None,
    w: int = 24,
    h: int = 6,
) -> statushistory.Panel:
    """One coloured row a series, one cell an interval; `names` maps values to words."""
    panel = (
        statushistory.Panel()
        .title(title)
        .description(why)
        .datasource(datasource())
        .targets([query])
        .thresholds(steps.build())
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .show_value(VisibilityMode.NEVER)
        .max_data_points(60)
        .span(w)
        .height(h)
    )
    if names:
        panel.mappings([ValueMap(options={key: ValueMappingResult(text=text) for key, text in names.items()})])
    return panel
