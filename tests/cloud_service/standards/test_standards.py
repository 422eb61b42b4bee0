"""`telltale standards` and the page that is made of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cloud_service.standards.command import standards
from cloud_service.standards.page import page
from models.standards import STANDARDS
from models.vibration_limits import GUIDE_CURVES
from telltale.detail_categories import CATEGORIES_MPA, DETAILS
from telltale.errors import UserError

PAGE = Path(__file__).parents[3] / "docs" / "methods" / "standards.md"


def test_the_page_in_docs_is_what_the_command_prints(capsys):
    assert standards([]) == 0
    said = capsys.readouterr().out
    assert said == PAGE.read_text(encoding="utf-8"), "telltale standards > docs/methods/standards.md"
    assert all(f"`{name}`" in said for name in (*STANDARDS, *DETAILS, *GUIDE_CURVES))


def test_every_table_of_the_page_is_whole():
    for lines in (block.splitlines() for block in page().split("\n\n") if block.startswith("|")):
        assert {line.count("|") for line in lines} == {lines[0].count("|")}


def test_entries_by_key_and_as_json(capsys):
    standards(["din_4150_3"])
    assert "transcribed, not verified" in capsys.readouterr().out
    standards(["--json"])
    entries = msgspec.json.decode(capsys.readouterr().out)
    assert [entry["key"] for entry in entries] == list(STANDARDS)
    with pytest.raises(UserError, match=r"no standard 'iso_1'.*astm_e1049"):
        standards(["iso_1"])


def test_details_lie_on_categories_of_the_standard():
    for name, detail in DETAILS.items():
        assert detail.name == name
        assert detail.category_mpa in CATEGORIES_MPA
        assert detail.clause.startswith("table 8.")
