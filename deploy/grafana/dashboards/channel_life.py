"""Fatigue damage and remaining life."""

# ruff: noqa: S608 - parts of queries are constants of this folder, and `check` holds them to the allow-list

from __future__ import annotations

from grafana_foundation_sdk.builders.timeseries import Panel

from .influxql import IN_CHANNEL, over_time
from .panels import AnyPanel, Steps, band, bars, history, rows

_NEWEST_ROWS = 200


def damage_total() -> Panel:
    """Miner's sum."""
    return history(
        "Fatigue damage used up",
        "Miner's sum over rainflow cycles (ASTM E1049) on the S-N curve of the detail category (EN 1993-1-9); 1 is "
        "the end of the design life. Damage from before monitoring is not in it.",
        over_time("fatigue", 'last("damage_total")', "damage"),
        unit="sci",
        line=Steps(((1.0, "red"),)),
    )


def damage_rate() -> Panel:
    """Damage an interval."""
    return bars(
        "Damage an interval",
        "Sum of the rows of each interval, a day at least. Where windows sample the traffic, damage is extrapolated by "
        "the inverse of the duty cycle in site.toml.",
        over_time("fatigue", 'sum("damage")', "damage"),
        unit="sci",
        h=8,
    ).interval("1d")


def cycles() -> Panel:
    """Cycles an interval."""
    return bars(
        "Stress cycles an interval",
        "Rainflow cycles counted in each interval, a day at least.",
        over_time("fatigue", 'sum("cycles")', "cycles"),
        unit="short",
    ).interval("1d")


def ranges() -> Panel:
    """Largest stress range."""
    return history(
        "Largest stress range",
        "Largest rainflow range of the interval, from strain by Young's modulus of the detail.",
        over_time("fatigue", 'max("range_max_mpa")', "range"),
        unit="suffix: MPa",
        h=7,
    )


def life() -> Panel:
    """The estimate over time."""
    panel = history(
        "Remaining life as it was estimated at each time",
        "P5 to P95 in years from that time, by fatigue, crack growth or a model of like assets. A sound estimate falls "
        "by a year a year and its band narrows.",
        *[over_time("life", f'last("p{p}_years")', f"P{p}") for p in (5, 10, 50, 90, 95)],
        unit="suffix: a",
        w=12,
    ).min(0)
    return band(panel, "P5")


def life_days() -> Panel:
    """The same in days, for what ends soon."""
    panel = history(
        "Remaining life in days",
        "The same for what ends soon, a bearing or a crack near its limit: P10, P50 and P90 in days.",
        *[over_time("life", f'last("p{p}_years") * 365.25 AS "days"', f"P{p}") for p in (10, 50, 90)],
        unit="d",
        w=12,
    ).min(0)
    return band(panel, "P10")


def refusals() -> AnyPanel:
    """Why there was none."""
    return rows(
        "Refusals",
        "When and why no estimate was given.",
        f'SELECT "refused" AS "Refused because" FROM "life" WHERE {IN_CHANNEL} AND "refused" != \'\' '
        f"ORDER BY time DESC LIMIT {_NEWEST_ROWS}",
        w=24,
        h=6,
    )
