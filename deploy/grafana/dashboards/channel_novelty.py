"""Novelty of the channel, and of the groups of like sensors of its structure."""

# ruff: noqa: S608 - parts of queries are constants of this folder, and `check` holds them to the allow-list

from __future__ import annotations

from grafana_foundation_sdk.builders.timeseries import Panel

from .influxql import IN_CHANNEL, IN_STRUCTURE, over_time
from .panels import SCORE, AnyPanel, history, rows

_NEWEST_ROWS = 200


def score() -> Panel:
    """The score over time."""
    return history(
        "Novelty score against its threshold",
        "Largest score of the interval; 1 is the threshold (at most one false alarm a sensor-year: Gumbel fit to "
        "out-of-sample weekly maxima). z and its threshold are the standardised deviation behind the score.",
        over_time("novelty", 'max("score")', "score"),
        over_time("novelty", 'max("z")', "z"),
        over_time("novelty", 'last("threshold")', "threshold of z"),
        unit="none",
        line=SCORE,
        h=9,
    )


def reasons() -> AnyPanel:
    """What led the score."""
    return rows(
        "Why: the feature, its sign and its time scale",
        "The feature that leads the score at each evaluation above 0.8, newest first; sign −1 is lower than "
        "temperature and baseline explain; scale is the averaging time that shows it.",
        'SELECT "score" AS "Score", "feature" AS "Feature", "sign" AS "Sign", "scale_h" AS "Scale, h", "z", '
        f'"temperature_c" AS "Temperature, °C" FROM "novelty" WHERE {IN_CHANNEL} AND "score" >= 0.8 '
        f"ORDER BY time DESC LIMIT {_NEWEST_ROWS}",
        colours={"Score": SCORE},
        w=12,
        h=9,
    )


def group_score() -> Panel:
    """The statistics of the structure's groups."""
    return history(
        "Groups of like sensors: T, Q and the largest single one",
        "Each over its own limit (1). T: the group moves together, but further than it did. Q: one leaves what the "
        "others say of it. Rows stand at a group's first channel; every group of the structure is shown.",
        *[
            over_time("group_novelty", f'max("{field}")', f"$tag_channel {name}", where=IN_STRUCTURE, by='"channel"')
            for field, name in (("t", "T"), ("q", "Q"), ("single", "single"))
        ],
        unit="none",
        line=SCORE,
        h=9,
    )


def group_reasons() -> AnyPanel:
    """Which sensor led a group's score."""
    return rows(
        "Groups: who contributes most, and which way",
        "At each evaluation of a group of the structure above 0.8, newest first: the sensor that adds most to the "
        "statistic, sign −1 lower, +1 higher than the others and temperature let expect.",
        'SELECT "score" AS "Score", "contributor" AS "Contributes most", "sign" AS "Sign", "t" AS "T", "q" AS "Q", '
        f'"single" AS "Single" FROM "group_novelty" WHERE {IN_STRUCTURE} AND "score" >= 0.8 '
        f"ORDER BY time DESC LIMIT {_NEWEST_ROWS}",
        colours={"Score": SCORE},
        w=12,
        h=9,
    )
