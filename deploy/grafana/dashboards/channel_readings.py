"""Scalar readings, and what a crack does beyond temperature and season."""

from __future__ import annotations

from grafana_foundation_sdk.builders.timeseries import Panel

from .influxql import IN_BESIDE, IN_CHANNEL, over_time
from .panels import Steps, band, history


def readings() -> Panel:
    """Scalar readings with their limit."""
    return history(
        "Reading and its limit",
        "In the unit that analysis works in: mm (crack), mrad (tilt), °C, µε. 'low' and 'high' are the extremes of the "
        "interval. The limit is the one that findings of reason 'limit' were judged against (its source stands in "
        "site.toml and in the findings); it is drawn from the first such finding in the time range on.",
        over_time("reading", 'mean("value")', "reading"),
        over_time("reading", 'min("value")', "low"),
        over_time("reading", 'max("value")', "high"),
        over_time("finding", 'last("limit")', "limit", where=f"{IN_CHANNEL} AND \"reason\" = 'limit'", fill="previous"),
        unit="none",
        w=16,
        h=10,
    )


def beside() -> Panel:
    """The thermometer beside."""
    return history(
        "Temperature beside",
        "The scalar channel of the same structure chosen at the top, as a rule the thermometer of this channel.",
        over_time("reading", 'mean("value")', "$tag_channel", where=IN_BESIDE, by='"channel"'),
        unit="celsius",
        w=8,
        h=10,
    )


def compensated() -> Panel:
    """Width without temperature."""
    return history(
        "Crack width without temperature and season",
        "What is left when the temperature effect is regressed out: growth, not breathing. Guideline for reinforced "
        "concrete bridge decks, one-way cracks: a < 0.1, b 0.1-0.3, c 0.3-0.5, d 0.5-1.0, e ≥ 1.0 mm; a grade is a "
        "proposal that an engineer signs.",
        over_time("trend", 'mean("compensated")', "compensated"),
        unit="lengthmm",
    )


def trend() -> Panel:
    """Growth with its interval."""
    panel = history(
        "Trend and its interval",
        "Trend of the compensated width with its interval, autocorrelation taken into account. While the band holds "
        "0, growth is not shown.",
        over_time("trend", 'last("trend_per_year")', "trend"),
        over_time("trend", 'last("low_per_year")', "low"),
        over_time("trend", 'last("high_per_year")', "high"),
        unit="suffix: mm/a",
        line=Steps(((0.0, "text"),), base="text"),
    )
    return band(panel, "low")


def temperature_effect() -> Panel:
    """What a degree does."""
    return history(
        "Temperature effect",
        "Change of width a °C. A step without growth points to the sensor or its thermometer.",
        over_time("trend", 'last("temperature_effect_per_c")', "effect"),
        unit="suffix: mm/°C",
        decimals=4,
    )


def explained() -> Panel:
    """How much of the daily movement temperature explains."""
    return history(
        "Variation below 36 h that temperature explains",
        "R² of the daily breathing. Low: the thermometer is dead, far away, or another cause moves the crack.",
        over_time("trend", 'last("r2_below_36h")', "R²"),
        unit="percentunit",
    )
