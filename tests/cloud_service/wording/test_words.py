from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.wording.badness import badness
from cloud_service.wording.dates import ago, day, duration, iso, minute, zone_of
from cloud_service.wording.lives import REFUSALS, life_words
from cloud_service.wording.numbers import number, quantity, size
from cloud_service.wording.reasons import ACT_WITHIN_DAYS, SEVERITY, TIER_WORDS, WORDS
from telltale.clock import NS_PER_DAY, NS_PER_YEAR
from telltale.findings import Finding, Life, Reason, Refusal, Tier

SUMMER_NS = 1_781_258_700 * 1_000_000_000


def test_every_reason_tier_and_refusal_has_words() -> None:
    assert set(WORDS) == set(Reason)
    assert set(REFUSALS) == set(Refusal)
    assert set(TIER_WORDS) == set(ACT_WITHIN_DAYS) == set(SEVERITY) == set(Tier)


def test_times_are_local_and_name_their_zone() -> None:
    assert minute(SUMMER_NS, zone_of("Europe/Berlin")) == "12 June 2026, 12:05 CEST"
    assert minute(SUMMER_NS, zone_of("Nowhere/Land")) == "12 June 2026, 10:05 UTC"
    assert iso(SUMMER_NS + 7_000_000) == "2026-06-12T10:05:00.007Z"


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_64_bit_time_can_be_printed(t_ns: int) -> None:
    assert day(t_ns, zone_of("Asia/Seoul"))
    assert ago(t_ns, SUMMER_NS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.31246, "0.3125"),
        (1204.4, "1,204"),
        (1e-9, "1e-09"),
        (float("nan"), "–"),
        (None, "–"),
        (12.50, "12.5"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_units() -> None:
    assert quantity(0.25, "m/s2") == "0.25 m/s²"
    assert size(48_000) == "48 kB"
    assert duration(3 * NS_PER_DAY) == "3 days"


def test_a_capped_date_is_never_given_as_an_estimate() -> None:
    cap = SUMMER_NS + 100 * NS_PER_YEAR
    early = SUMMER_NS + 20 * NS_PER_YEAR
    some = Life(channel="c", t_ns=SUMMER_NS, p10_ns=early, p50_ns=cap, p90_ns=cap)
    none = Life(channel="c", t_ns=SUMMER_NS, p10_ns=cap, p50_ns=cap, p90_ns=cap)
    assert life_words(some, zone_of("UTC")).headline == "June 2046 – after June 2126"
    assert life_words(none, zone_of("UTC")).headline == "After June 2126"


def test_a_refusal_keeps_its_name() -> None:
    words = life_words(Life(channel="c", t_ns=0, refused=Refusal.NO_TREND, detail="R."), zone_of("UTC"))
    assert words.headline == "No estimate"
    assert "(no_trend)" in words.detail


def test_a_range_within_a_season_is_given_by_the_day() -> None:
    # 12 June 2026, 10:05 UTC
    near = Life(
        channel="c",
        t_ns=SUMMER_NS,
        p10_ns=SUMMER_NS,
        p50_ns=SUMMER_NS + 6 * NS_PER_DAY,
        p90_ns=SUMMER_NS + 20 * NS_PER_DAY,
    )
    words = life_words(near, zone_of("UTC"))
    assert words.headline == "12 June – 2 July 2026"
    assert "by 18 June 2026 with 50\u00a0%" in words.detail
    over_new_year = Life(channel="c", t_ns=0, p10_ns=SUMMER_NS + 180 * NS_PER_DAY, p90_ns=SUMMER_NS + 230 * NS_PER_DAY)
    assert life_words(over_new_year, zone_of("UTC")).headline == "9 December 2026 – 28 January 2027"


def test_a_range_of_one_date_is_said_once() -> None:
    one = Life(channel="c", t_ns=0, p10_ns=SUMMER_NS, p50_ns=SUMMER_NS, p90_ns=SUMMER_NS)
    assert life_words(one, zone_of("UTC")).headline == "12 June 2026"


@pytest.mark.parametrize(
    ("reason", "value", "limit", "evidence", "said"),
    [
        (
            Reason.SENSOR_SPIKES,
            0.837,
            0.0,
            {"bad_share": 0.0216},
            "2 % of the newest readings jump and return at once; the last jump went to 0.837 mm",
        ),
        (Reason.SENSOR_DROPOUTS, 0.12, 0.05, {}, "12 % of the newest readings are missing; at most 5 % is accepted"),
        (
            Reason.SENSOR_STUCK,
            0.41,
            0.0,
            {"equal_readings": 26.0, "longest_before": 3.0},
            "stays at 0.41 mm: 26 equal readings in a row, at most 3 before",
        ),
        (
            Reason.SENSOR_RANGE,
            -999.0,
            -40.0,
            {"plausible_low": -40.0, "plausible_high": 80.0},
            "reads -999 mm, outside what is plausible (-40 to 80 mm)",
        ),
        (Reason.SENSOR_RANGE, -999.0, -40.0, {}, "reads -999 mm, beyond what is plausible (-40 mm)"),
        (Reason.SENSOR_CLIPPED, 5.0, 0.0, {}, "readings reach the end of the sensor's range (5 mm)"),
        (Reason.SENSOR_NOISE, 8.0, 4.0, {}, "the noise of its quietest minutes is 8 times what it was"),
        (Reason.SENSOR_DERIVED, 5.0, 0.0, {"derived_from": "a.b"}, "computed from a.b, which is faulty"),
        (Reason.SENSOR_CLOCK, -0.3, 0.1, {}, "samples come 0.3 % slower than their rate says"),
        (Reason.GATEWAY_CLOCK, 7300.0, 600.0, {}, "2 h ahead of the service's clock"),
        (
            Reason.GATEWAY_CLOCK,
            -1200.0,
            600.0,
            {"unsynchronised_h": 72.0},
            "20 min behind the service's clock; not synchronised for 3 days",
        ),
        (
            Reason.GATEWAY_CLOCK,
            0.0,
            600.0,
            {"value": "nan"},
            "neither the gateway nor the time of arrival confirms its clock",
        ),
        (Reason.SENSOR_SPIKES, float("nan"), 0.0, {"bad_share": "nan"}, "single readings jump"),
    ],
)
def test_a_sensor_fault_says_what_is_wrong(
    reason: Reason, value: float, limit: float, evidence: dict[str, float | str], said: str
) -> None:
    finding = Finding(
        channel="c",
        t_ns=0,
        reason=reason,
        tier=Tier.SUSPECT,
        score=1.0,
        value=value,
        limit=limit,
        unit="" if reason is Reason.SENSOR_DROPOUTS else "mm",
        evidence=evidence,
    )
    assert badness(finding).replace("\u00a0", " ") == said


def test_life_is_judged_in_spans_that_people_know() -> None:
    finding = Finding(
        channel="c", t_ns=0, reason=Reason.LIFE, tier=Tier.ALARM, score=9, value=0.1535, limit=10.0, unit="years"
    )
    said = "10\u00a0% probability of reaching the limit within 56 days; planned for 10 years"
    assert badness(finding) == said
