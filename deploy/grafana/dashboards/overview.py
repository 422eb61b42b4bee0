"""Facility overview: which structure needs a person, how long the rest has, and whether the data can be trusted."""

# ruff: noqa: S608 - parts of queries are constants of this folder, and `check` holds them to the allow-list

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.timeseries import Panel

from . import variables
from .influxql import IN_STRUCTURE, InfluxQL, newest
from .links import CHANNEL_LINK, frame
from .panels import SCORE, AnyPanel, Steps, bars, history, number, rows, strip

_BY_CHANNEL = '"facility", "structure", "channel"'
_NAMED = "$tag_channel"

# P10 within five years is a matter for the next budget; within one, for now. Self-set.
LIFE_P10 = Steps(((1.0, "orange"), (5.0, "green")), base="red")


def build() -> Dashboard:
    """The dashboard `telltale-overview`."""
    return (
        frame("Telltale: facility overview", "telltale-overview", "now-30d")
        .with_variable(variables.facility())
        .with_variable(variables.structure())
        .with_row(Row("State of the structures"))
        .with_panel(_conditions())
        .with_panel(_worst())
        .with_panel(_strip())
        .with_row(Row("Remaining life"))
        .with_panel(_life())
        .with_panel(_life_history())
        .with_row(Row("Cracks and fatigue"))
        .with_panel(_cracks())
        .with_panel(_crack_trends())
        .with_panel(_damage())
        .with_panel(_damage_rate())
        .with_row(Row("Vibration"))
        .with_panel(_rms())
        .with_panel(_mode())
        .with_row(Row("Completeness of the data"))
        .with_panel(_readings())
        .with_panel(_windows())
        .with_panel(_flagged())
        .with_panel(_last_seen())
    )


def _conditions() -> AnyPanel:
    inner = (
        'SELECT last("tier") AS "tier", "score", "value", "limit", "detail" FROM "finding" '
        f'WHERE {IN_STRUCTURE} GROUP BY {_BY_CHANNEL}, "reason"'
    )
    return rows(
        "Conditions that are not clear",
        "The newest verdict of each reason on each channel, clear ones left out. Score 1 is the limit. 'suspect' is a "
        "sensor fault or silence, not the structure. Incidents, mails and acknowledgement are on Telltale's own page.",
        'SELECT "tier" AS "Tier", "score" AS "Score", "value" AS "Value", "limit" AS "Limit", "detail" AS "Evidence" '
        f'FROM ({inner}) WHERE "tier" != \'clear\' GROUP BY {_BY_CHANNEL}, "reason"',
        colours={"Score": SCORE},
        tiers=True,
        link=CHANNEL_LINK,
        w=16,
    )


def _worst() -> AnyPanel:
    inner = f'SELECT last("score") AS "score" FROM "novelty" WHERE {IN_STRUCTURE} GROUP BY {_BY_CHANNEL}'
    return number(
        "Worst novelty score now",
        "Largest newest score among the channels of each structure. 1 is the channel's own threshold, set for at most "
        "one false alarm a sensor-year (Gumbel fit to out-of-sample weekly maxima).",
        InfluxQL(f'SELECT max("score") AS "score" FROM ({inner}) GROUP BY "structure"', "$tag_structure"),
        unit="none",
        steps=SCORE,
    )


def _strip() -> AnyPanel:
    return strip(
        "Worst novelty score over time",
        "Largest score of any channel in each interval; orange from 0.8, red from 1 (the threshold). White: no score.",
        InfluxQL(
            f'SELECT max("score") FROM "novelty" WHERE {IN_STRUCTURE} '
            'GROUP BY time($__interval), "structure" fill(null)',
            "$tag_structure",
        ),
        steps=SCORE,
    )


def _life() -> AnyPanel:
    return rows(
        "Remaining life by channel",
        "Years from the row's time until the limit is reached with 10, 50 and 90 % probability; plan by P10. A refusal "
        "is an answer: the history does not support an estimate. Strain: EN 1993-1-9 S-N curve with Miner's sum. "
        "Cracks in concrete and rock: trend and first passage; in steel: Paris' law. Capped at 100 years.",
        newest(
            "life",
            '"p10_years" AS "P10", "p50_years" AS "P50", "p90_years" AS "P90", "refused" AS "Refused because"',
            IN_STRUCTURE,
            _BY_CHANNEL,
        ),
        unit="suffix: a",
        colours={"P10": LIFE_P10},
        link=CHANNEL_LINK,
        w=14,
    )


def _life_history() -> Panel:
    return history(
        "P10 of the remaining life, shortest of each structure",
        "It should fall by a year a year. A step says that growth or traffic changed, or that a sensor did.",
        InfluxQL(
            f'SELECT min("p10_years") FROM "life" WHERE {IN_STRUCTURE} '
            'GROUP BY time($__interval), "structure" fill(none)',
            "$tag_structure",
        ),
        unit="suffix: a",
        w=10,
    ).min(0)


def _cracks() -> Panel:
    return history(
        "Crack width without temperature and season",
        "What is left when the temperature effect is regressed out: growth, not breathing.",
        InfluxQL(
            f'SELECT mean("compensated") FROM "trend" WHERE {IN_STRUCTURE} '
            f"GROUP BY time($__interval), {_BY_CHANNEL} fill(none)",
            _NAMED,
        ),
        unit="lengthmm",
        w=14,
    )


def _crack_trends() -> AnyPanel:
    return rows(
        "Crack trend and its interval",
        "Newest trend with its interval. An interval that holds 0 is no proof of growth.",
        newest(
            "trend",
            '"trend_per_year" AS "Trend", "low_per_year" AS "Low", "high_per_year" AS "High"',
            IN_STRUCTURE,
            _BY_CHANNEL,
        ),
        unit="suffix: mm/a",
        link=CHANNEL_LINK,
        w=10,
    )


def _damage() -> AnyPanel:
    return number(
        "Fatigue damage used up",
        "Miner's sum since monitoring began; 1 is the end of the design life of the detail (EN 1993-1-9, A.5). Damage "
        "from before monitoring is not in it.",
        InfluxQL(f'SELECT last("damage_total") FROM "fatigue" WHERE {IN_STRUCTURE} GROUP BY {_BY_CHANNEL}', _NAMED),
        unit="sci",
        steps=Steps(((0.5, "orange"), (1.0, "red"))),
        w=8,
    )


def _damage_rate() -> Panel:
    return bars(
        "Fatigue damage an interval",
        "Sum of the damage of all rows in each interval: heavy traffic shows here before it shows in the total.",
        InfluxQL(
            f'SELECT sum("damage") FROM "fatigue" WHERE {IN_STRUCTURE} '
            f"GROUP BY time($__interval), {_BY_CHANNEL} fill(none)",
            _NAMED,
        ),
        unit="sci",
        w=16,
    ).interval("1d")


def _rms() -> Panel:
    return history(
        "Vibration: rms of the windows",
        "Rms about the window's mean. It follows traffic and wind: no proof of damage by itself.",
        InfluxQL(
            f'SELECT mean("rms") FROM "window" WHERE {IN_STRUCTURE} '
            f"GROUP BY time($__interval), {_BY_CHANNEL} fill(none)",
            _NAMED,
        ),
        unit="none",
    )


def _mode() -> Panel:
    return history(
        "First tracked natural frequency",
        "Falls with stiffness, and with temperature: read it beside the temperature on the channel's own page.",
        InfluxQL(
            f'SELECT mean("mode1_hz") FROM "window" WHERE {IN_STRUCTURE} '
            f"GROUP BY time($__interval), {_BY_CHANNEL} fill(none)",
            _NAMED,
        ),
        unit="hertz",
        decimals=3,
    )


def _readings() -> Panel:
    return bars(
        "Scalar readings stored an interval",
        "Rows with a value. A step down is a silent channel or gateway, or readings that are missing at the source.",
        InfluxQL(
            f'SELECT count("value") FROM "reading" WHERE {IN_STRUCTURE} '
            'GROUP BY time($__interval), "structure" fill(0)',
            "$tag_structure",
        ),
        unit="short",
        w=8,
    ).interval("1h")


def _windows() -> Panel:
    return bars(
        "Waveform windows stored an interval",
        "Each window is one row, whatever its number of samples.",
        InfluxQL(
            f'SELECT count("samples") FROM "window" WHERE {IN_STRUCTURE} '
            'GROUP BY time($__interval), "structure" fill(0)',
            "$tag_structure",
        ),
        unit="short",
        w=8,
    ).interval("1h")


def _flagged() -> Panel:
    return history(
        "Share of samples that are not plainly good",
        "Flagged (missing, clipped, suspect) over all samples of the windows. A share that grows is a dying sensor.",
        InfluxQL(
            f'SELECT sum("flagged") / sum("samples") AS "share" FROM "window" WHERE {IN_STRUCTURE} '
            'GROUP BY time($__interval), "structure" fill(none)',
            "$tag_structure",
        ),
        unit="percentunit",
        w=8,
        h=7,
    ).interval("1h")


def _last_seen() -> AnyPanel:
    return rows(
        "Newest reading of each scalar channel",
        "Time and value of the newest row in the time range, in the unit that analysis works in (mm, µε, °C, mrad); "
        "flag 0 is a plainly good reading.",
        newest("reading", '"value" AS "Value", "flag" AS "Flag"', IN_STRUCTURE, _BY_CHANNEL),
        link=CHANNEL_LINK,
    )
