"""How the channel stands: verdicts, findings with their evidence, completeness of its data."""

# ruff: noqa: S608 - parts of queries are constants of this folder, and `check` holds them to the allow-list

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery
from grafana_foundation_sdk.builders.timeseries import Panel

from .influxql import IN_CHANNEL, InfluxQL, datasource, newest, over_time
from .overview import LIFE_P10
from .panels import COMPLETE, SCORE, AnyPanel, bars, history, number, rows, strip

_NEWEST_ROWS = 200


def alarms() -> AnnotationQuery:
    """Warnings and alarms as marks over every panel."""
    query = InfluxQL(
        f'SELECT "detail", "tier" FROM "finding" WHERE {IN_CHANNEL} AND ("tier" = \'warn\' OR "tier" = \'alarm\') '
        'GROUP BY "reason"',
        table=True,
        ref="Anno",
        events={"textColumn": "detail", "tagsColumn": "reason,tier"},
    )
    return (
        AnnotationQuery()
        .name("Warnings and alarms")
        .datasource(datasource())
        .enable(True)
        .icon_color("red")
        .target(query)
    )


def score_now() -> AnyPanel:
    """The newest score."""
    return number(
        "Novelty score",
        "Newest score; 1 is this channel's own threshold.",
        InfluxQL(f'SELECT last("score") FROM "novelty" WHERE {IN_CHANNEL}', "score"),
        unit="none",
        steps=SCORE,
        w=4,
        h=7,
    )


def verdicts() -> AnyPanel:
    """What each detector last said."""
    return rows(
        "Newest verdict of each reason",
        "What each detector last said, clear ones included.",
        newest(
            "finding",
            '"tier" AS "Tier", "score" AS "Score", "value" AS "Value", "limit" AS "Limit"',
            IN_CHANNEL,
            '"reason"',
        ),
        colours={"Score": SCORE},
        tiers=True,
        w=10,
        h=7,
    )


def life_now() -> AnyPanel:
    """The newest estimate or refusal."""
    quantiles = ", ".join(f'"p{p}_years" AS "P{p}"' for p in (5, 10, 50, 90, 95))
    return rows(
        "Remaining life",
        "Years from the row's time, as quantiles; or the reason why there is no estimate.",
        newest("life", f'{quantiles}, "refused" AS "Refused because"', IN_CHANNEL, '"channel"'),
        unit="suffix: a",
        colours={"P10": LIFE_P10},
        w=10,
        h=7,
    )


def findings() -> AnyPanel:
    """Changes of tier with their evidence."""
    return rows(
        "Findings with their evidence",
        "Every change of tier, and a row a day while a condition is not clear; newest first.",
        'SELECT "reason" AS "Reason", "tier" AS "Tier", "score" AS "Score", "value" AS "Value", "limit" AS "Limit", '
        f'"detail" AS "Evidence" FROM "finding" WHERE {IN_CHANNEL} ORDER BY time DESC LIMIT {_NEWEST_ROWS}',
        colours={"Score": SCORE},
        tiers=True,
    )


def complete() -> AnyPanel:
    """A strip of days."""
    return strip(
        "Complete, day by day",
        "Readings that are there of those that the site file lets expect, by UTC day; late readings bring a day up to "
        "date. Green from 99.5 %, red below 95 %.",
        over_time("completeness", 'min("complete_percent")', "complete, %"),
        steps=COMPLETE,
        w=24,
        h=4,
    ).interval("1d")


def gaps() -> Panel:
    """Missing readings a day."""
    return bars(
        "Missing readings and gaps a day",
        "A gap is more than 1.5 of the channel's interval between two readings. Causes are on the service's own page.",
        over_time("completeness", 'sum("missing")', "missing"),
        over_time("completeness", 'sum("gaps")', "gaps"),
        unit="short",
    ).interval("1d")


def counts() -> Panel:
    """What was stored."""
    return bars(
        "Rows stored an interval",
        "Readings with a value, and waveform windows.",
        over_time("reading", 'count("value")', "readings", fill="0"),
        over_time("window", 'count("samples")', "windows", fill="0"),
        unit="short",
    ).interval("1h")


def flagged() -> Panel:
    """Samples that are not plainly good."""
    return history(
        "Not plainly good",
        "Share of the windows' samples that are flagged (missing, clipped, suspect).",
        over_time("window", 'sum("flagged") / sum("samples") AS "share"', "flagged samples"),
        unit="percentunit",
        h=7,
    ).interval("1h")
