"""Verdicts in the order of their weight, evidence in words with units."""

from __future__ import annotations

import math

import msgspec

from cloud_service.serve.checks import CHECKS, sort_checks
from cloud_service.serve.status import StructureStatus, worst_first
from cloud_service.wording.evidence import facts
from telltale.findings import Finding, Reason, Tier
from telltale.site import Facility, Structure

TREND = {
    "trend_per_year": 0.34207, "low_per_year": 0.33271, "high_per_year": 0.35113, "probability": 1.0,
    "acceleration_per_year2": 0.46635, "temperature_effect_per_c": -0.005947, "r2_below_36h": 0.0057,
    "history_days": 118.0, "width_mm": 0.238709,
}  # fmt: skip


def finding(reason: Reason, tier: Tier = Tier.CLEAR, evidence: dict[str, float | str] | None = None) -> Finding:
    return Finding(
        channel="c", t_ns=0, reason=reason, tier=tier, score=1.0, value=1.0, limit=1.0, evidence=evidence or {}
    )


def said(evidence: dict[str, float | str], unit: str = "mm") -> dict[str, str]:
    return {
        label: value.replace("\u00a0", " ") for label, value in facts(finding(Reason.LIMIT, evidence=evidence), unit)
    }


def test_every_reason_has_a_name_for_its_check() -> None:
    assert set(CHECKS) == set(Reason)


def test_a_trend_is_one_line_with_its_interval() -> None:
    assert said(TREND) == {
        "trend": "0.342 mm/year (90 % interval 0.333 – 0.351)",
        "probability of growth beyond the limit": "> 99.9 %",
        "acceleration": "0.466 mm/year²",
        "temperature effect": "-0.00595 mm/°C",
        "daily movement explained by temperature": "0.57 %",
        "history": "118 days",
        "width without temperature": "0.239 mm",
    }


def test_what_is_nothing_is_left_out() -> None:
    assert (
        said({"bad_share": 0.0, "missing_share": 0.0, "derived_from": "", "z": math.nan, "plausible_low": "-inf"}) == {}
    )
    assert said({"bad_share": 0.041, "missing_share": 0.0001}) == {
        "bad readings": "4.1 %",
        "missing readings": "< 0.1 %",
    }


def test_ranges_features_and_refusals_are_words() -> None:
    assert said({"plausible_low": -60.0, "plausible_high": 90.0}, "°C") == {"what the sensor can give": "-60 – 90 °C"}
    assert said({"feature": "mode2_hz", "scale_h": 48.0, "shift_percent": -2.113}) == {
        "feature": "frequency of mode 2", "time scale": "2 days", "shift": "-2.11 %",
    }  # fmt: skip
    assert "scatter" in said({"refused": "no_trend"})["no estimate"]
    assert said({"p10_years": 0.157, "p50_years": 12.34}) == {
        "limit reached, 10 % probability": "in 57 days", "limit reached, 50 % probability": "in 12.3 years",
    }  # fmt: skip


def test_what_nobody_put_into_words_is_shown_as_it_is() -> None:
    assert said({"some_new_key": 1234.5678, "other": "text"}) == {"some new key": "1,235", "other": "text"}
    assert said({"trend_per_year": 1.0, "low_per_year": "nan"})["trend"].startswith("1 mm/year")


def test_the_worst_comes_first_the_structure_before_its_sensor_and_clear_ones_apart() -> None:
    found = [
        finding(Reason.SENSOR_STUCK),
        finding(Reason.SENSOR_SPIKES, Tier.SUSPECT),
        finding(Reason.LIFE, Tier.ALARM, {**TREND, "p10_years": 0.2}),
        finding(Reason.LIMIT),
        finding(Reason.CRACK_TREND, Tier.ALARM, TREND),
    ]
    checks = sort_checks(found, "mm")
    assert [check.finding.reason for check in checks.standing] == [
        Reason.CRACK_TREND,
        Reason.LIFE,
        Reason.SENSOR_SPIKES,
    ]
    assert [check.finding.reason for check in checks.clear] == [Reason.LIMIT, Reason.SENSOR_STUCK]
    assert [label for label, _ in checks.standing[1].facts] == ["limit reached, 10 % probability"]  # the rest was said


def test_structures_come_worst_first_and_else_as_in_the_site_file() -> None:
    facility = Facility(id="f", name="F")
    tiers = {"a": None, "b": Tier.CLEAR, "c": Tier.ALARM, "d": Tier.CLEAR, "e": Tier.SUSPECT}
    found = [StructureStatus(facility, Structure(id=name, name=name), tier) for name, tier in tiers.items()]
    assert [status.structure.id for status in worst_first(found)] == ["c", "e", "b", "d", "a"]


def test_evidence_is_never_lost_by_a_reason_of_another_kind() -> None:
    one = msgspec.structs.replace(finding(Reason.NOVELTY), evidence={"z": 3.456, "sign": "lower"})
    assert facts(one, "m/s2") == [("deviation", "3.46 σ"), ("direction", "lower")]
