"""Channel detail: one channel's readings, features, novelty, fatigue, trend and life, with their reasons."""

# ruff: noqa: S608 - parts of queries are constants of this folder, and `check` holds them to the allow-list

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, Row
from grafana_foundation_sdk.builders.timeseries import Panel

from cloud_service.store.schema import BANDS, MODES

from . import variables
from .influxql import IN_BESIDE, IN_CHANNEL, InfluxQL, datasource, newest
from .links import frame
from .overview import LIFE_P10
from .panels import COMPLETE, SCORE, AnyPanel, Steps, band, bars, history, number, rows, strip

_NEWEST_ROWS = 200


def build() -> Dashboard:
    """The dashboard `telltale-channel`."""
    return (
        frame("Telltale: channel detail", "telltale-channel", "now-90d")
        .with_variable(variables.facility(many=False))
        .with_variable(variables.structure(many=False))
        .with_variable(variables.channel())
        .with_variable(variables.beside())
        .annotation(_alarms())
        .with_row(Row("State"))
        .with_panel(_score_now())
        .with_panel(_verdicts())
        .with_panel(_life_now())
        .with_row(Row("Readings (crack, tilt, temperature, static strain)"))
        .with_panel(_readings())
        .with_panel(_beside())
        .with_panel(_compensated())
        .with_panel(_trend())
        .with_panel(_temperature_effect())
        .with_panel(_explained())
        .with_row(Row("Vibration and strain waveforms"))
        .with_panel(_level())
        .with_panel(_modes())
        .with_panel(_temperature())
        .with_panel(_damping())
        .with_panel(_velocity())
        .with_panel(_shape())
        .with_panel(_bands())
        .with_row(Row("Novelty"))
        .with_panel(_score())
        .with_panel(_reasons())
        .with_row(Row("Fatigue of a strain channel"))
        .with_panel(_damage_total())
        .with_panel(_damage_rate())
        .with_panel(_cycles())
        .with_panel(_ranges())
        .with_row(Row("Remaining life"))
        .with_panel(_life())
        .with_panel(_refusals())
        .with_row(Row("Findings and completeness of the data"))
        .with_panel(_findings())
        .with_panel(_complete())
        .with_panel(_gaps())
        .with_panel(_counts())
        .with_panel(_flagged())
    )


def _over_time(
    measurement: str, expression: str, alias: str, *, where: str = IN_CHANNEL, by: str = "", fill: str = "none"
) -> InfluxQL:
    groups = "time($__interval)" + (f", {by}" if by else "")
    return InfluxQL(f'SELECT {expression} FROM "{measurement}" WHERE {where} GROUP BY {groups} fill({fill})', alias)


def _alarms() -> AnnotationQuery:
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


def _score_now() -> AnyPanel:
    return number(
        "Novelty score",
        "Newest score; 1 is this channel's own threshold.",
        InfluxQL(f'SELECT last("score") FROM "novelty" WHERE {IN_CHANNEL}', "score"),
        unit="none",
        steps=SCORE,
        w=4,
        h=7,
    )


def _verdicts() -> AnyPanel:
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


def _life_now() -> AnyPanel:
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


def _readings() -> Panel:
    return history(
        "Reading and its limit",
        "In the unit that analysis works in: mm (crack), mrad (tilt), °C, µε. 'low' and 'high' are the extremes of the "
        "interval. The limit is the one that findings of reason 'limit' were judged against (its source stands in "
        "site.toml and in the findings); it is drawn from the first such finding in the time range on.",
        _over_time("reading", 'mean("value")', "reading"),
        _over_time("reading", 'min("value")', "low"),
        _over_time("reading", 'max("value")', "high"),
        _over_time(
            "finding", 'last("limit")', "limit", where=f"{IN_CHANNEL} AND \"reason\" = 'limit'", fill="previous"
        ),
        unit="none",
        w=16,
        h=10,
    )


def _beside() -> Panel:
    return history(
        "Temperature beside",
        "The scalar channel of the same structure chosen at the top, as a rule the thermometer of this channel.",
        _over_time("reading", 'mean("value")', "$tag_channel", where=IN_BESIDE, by='"channel"'),
        unit="celsius",
        w=8,
        h=10,
    )


def _compensated() -> Panel:
    return history(
        "Crack width without temperature and season",
        "What is left when the temperature effect is regressed out: growth, not breathing. Guideline for reinforced "
        "concrete bridge decks, one-way cracks: a < 0.1, b 0.1-0.3, c 0.3-0.5, d 0.5-1.0, e ≥ 1.0 mm; a grade is a "
        "proposal that an engineer signs.",
        _over_time("trend", 'mean("compensated")', "compensated"),
        unit="lengthmm",
    )


def _trend() -> Panel:
    panel = history(
        "Trend and its interval",
        "Trend of the compensated width with its interval, autocorrelation taken into account. While the band holds "
        "0, growth is not shown.",
        _over_time("trend", 'last("trend_per_year")', "trend"),
        _over_time("trend", 'last("low_per_year")', "low"),
        _over_time("trend", 'last("high_per_year")', "high"),
        unit="suffix: mm/a",
        line=Steps(((0.0, "text"),), base="text"),
    )
    return band(panel, "low")


def _temperature_effect() -> Panel:
    return history(
        "Temperature effect",
        "Change of width a °C. A step without growth points to the sensor or its thermometer.",
        _over_time("trend", 'last("temperature_effect_per_c")', "effect"),
        unit="suffix: mm/°C",
        decimals=4,
    )


def _explained() -> Panel:
    return history(
        "Variation below 36 h that temperature explains",
        "R² of the daily breathing. Low: the thermometer is dead, far away, or another cause moves the crack.",
        _over_time("trend", 'last("r2_below_36h")', "R²"),
        unit="percentunit",
    )


def _level() -> Panel:
    return history(
        "Rms and peak of the windows",
        "About the window's mean; m/s² (vibration) or µε (strain). 'highest' is the largest peak of the interval. "
        "Peak values are what DIN 4150-3 style limits are judged on; rms follows traffic.",
        _over_time("window", 'mean("rms")', "rms"),
        _over_time("window", 'mean("peak")', "peak"),
        _over_time("window", 'max("peak")', "highest"),
        unit="none",
        w=8,
    )


def _modes() -> Panel:
    return history(
        "Natural frequencies",
        "Searched only in the bands that site.toml tracks. They fall as the structure warms (and kink at freezing): "
        "only a change that temperature does not explain speaks of stiffness.",
        *[_over_time("window", f'mean("mode{i}_hz")', f"mode {i}") for i in range(1, MODES + 1)],
        unit="hertz",
        w=8,
        decimals=3,
    )


def _damping() -> Panel:
    return history(
        "Damping of the natural frequencies",
        "Share of critical damping, from the mean spectrum of half an hour (of a day where windows only sample). Empty "
        "where windows are too short to resolve the peak's width; measurement 'modes' says why, and holds the standard "
        "errors.",
        *[_over_time("modes", f'mean("mode{i}_damping")', f"mode {i}") for i in range(1, MODES + 1)],
        unit="percentunit",
        w=12,
        decimals=2,
    )


def _velocity() -> Panel:
    return history(
        "Vibration velocity and its guide value",
        "Largest velocity of a window (1-80 Hz, integrated from acceleration) and the lowest guide value at the "
        "frequencies of these peaks: DIN 4150-3 or BS 7385-2, as the channel's settings say.",
        _over_time("velocity", 'max("peak_mm_s")', "largest"),
        _over_time("velocity", 'min("guide_mm_s")', "guide value"),
        unit="suffix: mm/s",
        w=12,
    )


def _temperature() -> Panel:
    return history(
        "Temperature of the windows",
        "Of the channel's thermometer when the window was taken; what novelty is conditioned on.",
        _over_time("window", 'mean("temperature_c")', "temperature"),
        unit="celsius",
        w=8,
    )


def _shape() -> Panel:
    return history(
        "Crest factor and kurtosis",
        "Level-free: shocks, loose parts and spikes raise them. Gaussian vibration has kurtosis 3.",
        _over_time("window", 'mean("crest")', "crest factor"),
        _over_time("window", 'mean("kurtosis")', "kurtosis"),
        unit="none",
    )


def _bands() -> Panel:
    return history(
        "Band energies, level removed",
        "Logarithm of the share of each frequency band, low (0) to high; what the novelty score looks at.",
        *[_over_time("window", f'mean("band{i}")', f"band {i}") for i in range(BANDS)],
        unit="none",
    )


def _score() -> Panel:
    return history(
        "Novelty score against its threshold",
        "Largest score of the interval; 1 is the threshold (at most one false alarm a sensor-year: Gumbel fit to "
        "out-of-sample weekly maxima). z and its threshold are the standardised deviation behind the score.",
        _over_time("novelty", 'max("score")', "score"),
        _over_time("novelty", 'max("z")', "z"),
        _over_time("novelty", 'last("threshold")', "threshold of z"),
        unit="none",
        line=SCORE,
        h=9,
    )


def _reasons() -> AnyPanel:
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


def _damage_total() -> Panel:
    return history(
        "Fatigue damage used up",
        "Miner's sum over rainflow cycles (ASTM E1049) on the S-N curve of the detail category (EN 1993-1-9); 1 is "
        "the end of the design life. Damage from before monitoring is not in it.",
        _over_time("fatigue", 'last("damage_total")', "damage"),
        unit="sci",
        line=Steps(((1.0, "red"),)),
    )


def _damage_rate() -> Panel:
    return bars(
        "Damage an interval",
        "Sum of the rows of each interval, a day at least. Where windows sample the traffic, damage is extrapolated by "
        "the inverse of the duty cycle in site.toml.",
        _over_time("fatigue", 'sum("damage")', "damage"),
        unit="sci",
        h=8,
    ).interval("1d")


def _cycles() -> Panel:
    return bars(
        "Stress cycles an interval",
        "Rainflow cycles counted in each interval, a day at least.",
        _over_time("fatigue", 'sum("cycles")', "cycles"),
        unit="short",
    ).interval("1d")


def _ranges() -> Panel:
    return history(
        "Largest stress range",
        "Largest rainflow range of the interval, from strain by Young's modulus of the detail.",
        _over_time("fatigue", 'max("range_max_mpa")', "range"),
        unit="suffix: MPa",
        h=7,
    )


def _life() -> Panel:
    panel = history(
        "Remaining life as it was estimated at each time",
        "P10, P50 and P90 in years from that time. A sound estimate falls by a year a year and its band narrows.",
        _over_time("life", 'last("p10_years")', "P10"),
        _over_time("life", 'last("p50_years")', "P50"),
        _over_time("life", 'last("p90_years")', "P90"),
        unit="suffix: a",
        w=14,
    ).min(0)
    return band(panel, "P10")


def _refusals() -> AnyPanel:
    return rows(
        "Refusals",
        "When and why no estimate was given.",
        f'SELECT "refused" AS "Refused because" FROM "life" WHERE {IN_CHANNEL} AND "refused" != \'\' '
        f"ORDER BY time DESC LIMIT {_NEWEST_ROWS}",
        w=10,
    )


def _findings() -> AnyPanel:
    return rows(
        "Findings with their evidence",
        "Every change of tier, and a row a day while a condition is not clear; newest first.",
        'SELECT "reason" AS "Reason", "tier" AS "Tier", "score" AS "Score", "value" AS "Value", "limit" AS "Limit", '
        f'"detail" AS "Evidence" FROM "finding" WHERE {IN_CHANNEL} ORDER BY time DESC LIMIT {_NEWEST_ROWS}',
        colours={"Score": SCORE},
        tiers=True,
    )


def _complete() -> AnyPanel:
    return strip(
        "Complete, day by day",
        "Readings that are there of those that the site file lets expect, by UTC day; late readings bring a day up to "
        "date. Green from 99.5 %, red below 95 %.",
        _over_time("completeness", 'min("complete_percent")', "complete, %"),
        steps=COMPLETE,
        w=24,
        h=4,
    ).interval("1d")


def _gaps() -> Panel:
    return bars(
        "Missing readings and gaps a day",
        "A gap is more than 1.5 of the channel's interval between two readings. Causes are on the service's own page.",
        _over_time("completeness", 'sum("missing")', "missing"),
        _over_time("completeness", 'sum("gaps")', "gaps"),
        unit="short",
    ).interval("1d")


def _counts() -> Panel:
    return bars(
        "Rows stored an interval",
        "Readings with a value, and waveform windows.",
        _over_time("reading", 'count("value")', "readings", fill="0"),
        _over_time("window", 'count("samples")', "windows", fill="0"),
        unit="short",
    ).interval("1h")


def _flagged() -> Panel:
    return history(
        "Not plainly good",
        "Share of the windows' samples that are flagged (missing, clipped, suspect).",
        _over_time("window", 'sum("flagged") / sum("samples") AS "share"', "flagged samples"),
        unit="percentunit",
        h=7,
    ).interval("1h")
