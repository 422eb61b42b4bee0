"""Histories from CSV: what is a failure, what is left out, and errors that name the place."""

from __future__ import annotations

import numpy as np
import pytest

from cloud_service.model.histories import Layout, read_histories
from telltale.errors import UserError

DAYS = Layout("asset", "time", "", (), 86400.0)


def read(tmp_path, text: str, layout: Layout = DAYS, indicators=()):
    file = tmp_path / "h.csv"
    file.write_text(text)
    return read_histories(file, layout, indicators)


def test_the_last_row_is_the_failure_where_no_column_says(tmp_path):
    found = read(tmp_path, "asset,time,a,b\nx,3,1,9\nx,1,2,8\nx,2,3,7\ny,10,4,6\ny,11,5,5\n")
    assert found.names == ("a", "b")
    assert found.spacing == 1
    np.testing.assert_array_equal(found.histories.left, [2, 1, 0, 1, 0])
    np.testing.assert_array_equal(found.histories.age, [1, 2, 3, 1, 2])
    np.testing.assert_array_equal(found.histories.values[:, 0], [2, 3, 1, 4, 5])


def test_assets_without_a_failure_are_left_out_and_rows_after_one_too(tmp_path):
    layout = Layout("asset", "time", "failed", (), 86400.0)
    found = read(tmp_path, "asset,time,failed,a\nx,1,0,1\nx,2,1,2\nx,3,0,3\ny,1,,4\ny,2,0,5\n", layout)
    np.testing.assert_array_equal(found.histories.left, [1, 0])
    assert found.left_out == 1


def test_dates_are_time_in_the_unit(tmp_path):
    text = "asset,time,a\nx,2026-01-31T12:00:00Z,1\nx,2026-02-01T12:00:00+00:00,2\nx,2026-02-02 12:00:00,3\n"
    found = read(tmp_path, text)
    np.testing.assert_allclose(found.histories.left, [2, 1, 0])


def test_conditions_stand_apart_from_indicators(tmp_path):
    layout = Layout("asset", "time", "", ("load",), 86400.0)
    found = read(tmp_path, "asset,load,time,a\nx,5,1,1\nx,6,2,2\n", layout)
    np.testing.assert_array_equal(found.histories.conditions, [[5], [6]])
    assert found.names == ("a",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 columns 'asset'"),
        ("asset,time,a\n", "0 rows"),
        ("asset,time,a\nx,1\n", "line 2: 2 fields"),
        ("asset,time,a\nx,1,nan\n", "line 2, column 3: 'nan'"),
        ("asset,time,a\nx,yesterday,1\n", "line 2, column 2: 'yesterday'"),
        ("asset,time,a\nx,1,1\nx,1,2\n", "two rows at 1"),
        ("asset,time,a\nx,1,1\ny,1,2\n", "no asset has two rows"),
        ("asset,time,time,a\nx,1,1,1\n", "2 columns 'time'"),
        ("asset,time\nx,1\nx,2\n", "0 indicators"),
        ('asset,time,a\nx,1,"1\n', "line 2"),
    ],
)
def test_errors_name_the_place(tmp_path, text, why):
    with pytest.raises(UserError, match=why) as error:
        read(tmp_path, text)
    assert "h.csv" in str(error.value)


def test_an_indicator_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="0 columns 'c'"):
        read(tmp_path, "asset,time,a\nx,1,1\nx,2,2\n", indicators=("c",))
