"""The published fatigue cracks, leaving one specimen out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from evaluation import virkler
from evaluation.port import Options
from evaluation.virkler_specimens import VirklerSettings, read_specimens
from telltale.errors import UserError
from telltale.settings import load

SETTINGS = load(Path(virkler.__file__).with_suffix(".toml"), VirklerSettings)


@pytest.mark.data
def test_lives_of_the_published_specimens(recordings: Path) -> None:
    report = virkler.evaluate(Options(recordings))
    found = report.metrics
    for key, bounds in (("fleet_mape_percent", (5.0, 6.5, 8.2, 10.8)), ("alone_mape_percent", (9.0, 15.0, 11.0, 16.0))):
        assert list(found[key]) == ["12", "20", "30", "40.2"]
        assert all(value <= bound for value, bound in zip(found[key].values(), bounds, strict=True)), found[key]
    assert 0.85 <= found["fleet_coverage90"] <= 0.95
    assert found["alone_coverage90"] >= 0.88
    assert found["fleet_interval_score"] < 37_000 < found["alone_interval_score"]  # the others' mean life: 37,225
    assert 0.7 <= found["fleet_coverage80"] <= 0.9
    assert (
        found["fleet_weighted_interval_score"] < 2_991 < found["alone_weighted_interval_score"]
    )  # the others' mean life
    assert found["refused"] == 0
    assert report.unchanged


def test_the_table_is_read_in_either_form_and_refused_by_name(tmp_path: Path) -> None:
    cycles = np.cumsum(np.full((164, 68), 1000.0), axis=0)
    table = np.column_stack((np.linspace(9, 49.8, 164), cycles))
    savemat(tmp_path / "virkler.mat", {"virkler": table}, format="4")
    np.testing.assert_array_equal(read_specimens(tmp_path, SETTINGS).cycles, cycles)
    np.savetxt(tmp_path / "virkler.csv", table, delimiter=",", header="a")
    np.testing.assert_array_equal(read_specimens(tmp_path, SETTINGS).cycles, cycles)
    np.savetxt(tmp_path / "virkler.csv", table[:, :9], delimiter=",", header="a")
    with pytest.raises(UserError, match=r"virkler\.csv"):
        read_specimens(tmp_path, SETTINGS)
    with pytest.raises(UserError, match=r"virkler\.mat"):
        read_specimens(tmp_path / "nowhere", SETTINGS)
