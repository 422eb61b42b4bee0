from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.wording.dates import ago, day, duration, iso, minute, zone_of
from cloud_service.wording.lives import REFUSALS, life_words
from cloud_service.wording.numbers import number, quantity, size
from cloud_service.wording.reasons import ACT_WITHIN_DAYS, SEVERITY, TIER_WORDS, WORDS
from telltale.clock import NS_PER_DAY, NS_PER_YEAR
from telltale.findings import Life, Reason, Refusal, Tier

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
