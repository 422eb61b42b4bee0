"""Guide values and grades as the standards print them, and what lies between the printed figures."""

from __future__ import annotations

import numpy as np
import pytest

from models.crack_grades import GRADE_TABLES, crack_limit_mm
from models.standards import CONDITION_SCHEMES, STANDARDS
from models.vibration_limits import GUIDE_CURVES

# DIN 4150-3 table 1 as two published reproductions print it: 1-10 Hz, at 50 Hz, at 100 Hz, topmost floor.
DIN_TABLE_1 = {"industrial": (20, 40, 50, 40), "dwelling": (5, 15, 20, 15), "sensitive": (3, 8, 10, 8)}


@pytest.mark.parametrize("building", DIN_TABLE_1)
def test_din_4150_3_table_1(building):
    low, at_50, at_100, floor = DIN_TABLE_1[building]
    curve = GUIDE_CURVES[f"din_4150_3.{building}.foundation"]
    found = curve.velocity_mm_s(np.array([0.5, 1.0, 10.0, 30.0, 50.0, 75.0, 100.0, 200.0]))
    expected = [low, low, low, (low + at_50) / 2, at_50, (at_50 + at_100) / 2, at_100, at_100]
    np.testing.assert_allclose(found, expected)
    top = GUIDE_CURVES[f"din_4150_3.{building}.top_floor"].velocity_mm_s(np.array([1.0, 40.0, 99.0]))
    np.testing.assert_array_equal(top, floor)


def test_bs_7385_2_table_1_and_the_displacement_below_4_hz():
    light = GUIDE_CURVES["bs_7385_2.light.transient"].velocity_mm_s(np.array([1.0, 4.0, 15.0, 40.0, 100.0]))
    np.testing.assert_allclose(light, [2 * np.pi * 0.6, 15, 20, 50, 50])
    framed = GUIDE_CURVES["bs_7385_2.framed.transient"].velocity_mm_s(np.array([2.0, 4.0, 100.0]))
    assert np.isnan(framed[0])  # the table begins at 4 Hz and gives no displacement for this line
    np.testing.assert_array_equal(framed[1:], 50)
    lasting = GUIDE_CURVES["bs_7385_2.light.continuous"].velocity_mm_s(np.array([1.0, 4.0, 40.0]))
    np.testing.assert_allclose(lasting, [2 * np.pi * 0.3, 7.5, 25])


def test_guide_values_never_fall_with_frequency():
    hz = np.linspace(0.5, 250, 500)
    for curve in GUIDE_CURVES.values():
        values = curve.velocity_mm_s(hz)
        assert (np.diff(values[np.isfinite(values)]) >= -1e-12).all()
        assert curve.standard in STANDARDS


# Korean guideline for bridges, 2026, as an extraction of its text prints them: width in mm → grade, table by table.
GUIDELINE = {
    "kr_rc_deck_crack": "0.09 a, 0.1 b, 0.29 b, 0.3 c, 0.49 c, 0.5 d, 0.99 d, 1.0 e",  # 1.11
    "kr_psc_deck_crack": "0.0 a, 0.01 b, 0.19 b, 0.2 c, 0.29 c, 0.3 d, 0.49 d, 0.5 e",  # 1.13
    "kr_rc_girder_crack": "0.09 a, 0.1 b, 0.29 b, 0.3 c, 0.49 c, 0.5 d, 0.99 d, 1.0 e",  # 1.14
    "kr_psc_girder_crack": "0.0 a, 0.01 b, 0.19 b, 0.2 c, 0.29 c, 0.3 d, 0.49 d, 0.5 e",  # 1.15
    "kr_crossbeam_crack": "0.09 a, 0.1 b, 0.29 b, 0.3 c, 0.49 c, 0.5 d, 9.0 d",  # 1.16
    "kr_abutment_crack": "0.09 a, 0.1 b, 0.29 b, 0.3 c, 0.49 c, 0.5 d, 0.99 d, 1.0 e",  # 1.19
    "kr_pier_crack": "0.09 a, 0.1 b, 0.29 b, 0.3 c, 0.49 c, 0.5 d, 0.99 d, 1.0 e",  # 1.20
}


@pytest.mark.parametrize("key", GRADE_TABLES)
def test_grades_are_those_of_the_guideline(key):
    for pair in GUIDELINE[key].split(", "):
        width, grade = pair.split()
        assert CONDITION_SCHEMES[key](float(width)) == grade, pair


def test_grade_tables_are_schemes_with_an_entry_each():
    for key, table in GRADE_TABLES.items():
        assert key in STANDARDS
        assert CONDITION_SCHEMES[key](0.0) == "a"
        bounds = table.below_mm
        assert [table.grade(bound) for bound in bounds] == ["b", "c", "d", "e"]
        assert [table.grade(np.nextafter(bound, 0)) for bound in bounds] == ["a", "b", "c", "d"]
        with pytest.raises(ValueError, match="not known"):
            table.grade(float("nan"))


def test_crack_limits_of_en_1992_1_1():
    assert crack_limit_mm("XC1") == 0.4
    assert crack_limit_mm("XS3") == 0.3
    assert crack_limit_mm("XC4", bonded=True) == 0.2
    with pytest.raises(ValueError, match="decompression"):
        crack_limit_mm("XD1", bonded=True)
    with pytest.raises(ValueError, match=r"XD3.*expected one of X0"):
        crack_limit_mm("XD3")
