"""Real recordings through the real path: replay → Mosquitto → service → store, judged against the files themselves."""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rainflow
from scipy import signal

from tests.e2e.replayed import EDGE, site
from tests.e2e.service import SQLITE, Service, running_service
from tests.e2e.stores import read, toml_of
from tests.servers.influxdb import Influx
from tests.servers.process import Server

pytestmark = [pytest.mark.e2e, pytest.mark.data]

CHANNEL = """
[[facilities.structures.channels]]
gateway = "{gateway}"
"""


@pytest.fixture(params=["sqlite", "influxdb"])
def store_toml(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "sqlite":
        return SQLITE
    influx: Influx = request.getfixturevalue("influx")
    monkeypatch.setenv("TELLTALE_INFLUX_TOKEN", influx.token)
    return toml_of(influx)


ZION = {
    "disp_lower": ("Disp_Lower", "crack", "mm", 'temperature = "rock.tt_lower"'),
    "disp_upper": ("Disp_Upper", "crack", "mm", 'temperature = "rock.tt_upper"'),
    "disp_ctrl": ("Disp_CTRL", "crack", "mm", 'derived_from = ["rock.tt_ctrl"]'),
    "tt_lower": ("TT_Lower", "temperature", "degC", ""),
    "tt_upper": ("TT_Upper", "temperature", "degC", ""),
    "tt_ctrl": ("TT_CTRL", "temperature", "degC", ""),
}


def zion_rows(recordings: Path) -> tuple[list[str], list[list[str]]]:
    with (recordings / "crackmeter_zion" / "zion_eng_data_20200130_0830.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    return lines[1], lines[4:]


async def test_crackmeter_zion(recordings: Path, broker: Server, store_toml: str, tmp_path: Path) -> None:
    gateway = "gw-zion"
    channels = "".join(
        CHANNEL.format(gateway=gateway)
        + f'id = "rock.{name}"\nkind = "{kind}"\nunit = "{unit}"\ninterval_s = 900\n{more}\n'
        + ('crack = {material = "rock", limit_mm = 30.0, source = "a test"}\n' if kind == "crack" else "")
        for name, (_, kind, unit, more) in ZION.items()
    )
    path = recordings / "crackmeter_zion" / "zion_eng_data_20200130_0830.csv"
    edge = EDGE.format(gateway=gateway, settings=f'path = "{path}"\nspeed = 0') + "".join(
        f'[[channel]]\nid = "rock.{name}"\nsource = "file"\ninput = "{column}"\n' for name, (column, *_) in ZION.items()
    )
    with running_service(tmp_path / "run", broker.port, site("rock", channels), store_toml) as service:
        service.play(edge)
        header, lines = zion_rows(recordings)
        for name, (column, *_) in ZION.items():
            values = [float(line[header.index(column)]) for line in lines]
            stored = await read(service, "reading", f"rock.{name}", "value", "flag")
            assert len(stored) == len(values), name  # every reading is one record, missing ones too
            flags = np.array(stored.columns["flag"], dtype=int)
            assert int((flags & 1).sum()) == sum(map(math.isnan, values)), name
            assert math.isclose(
                float(np.nansum(np.array(stored.columns["value"], dtype=float))), np.nansum(values), rel_tol=1e-9
            )
        await check_zion_findings(service)


async def check_zion_findings(service: Service) -> None:
    ctrl = await read(service, "finding", "rock.tt_ctrl", "reason", "tier")
    assert "sensor_range" in set(ctrl.columns["reason"])
    for name in ("tt_ctrl", "disp_ctrl"):
        found = await read(service, "finding", f"rock.{name}", "reason", "tier")
        bad = {r for r, t in zip(found.columns["reason"], found.columns["tier"], strict=True) if t != "clear"}
        assert bad, name
        assert all(str(reason).startswith("sensor_") for reason in bad), (name, bad)
    upper = await read(service, "trend", "rock.disp_upper", "trend_per_year", "low_per_year", "high_per_year")
    trend, low, high = (float(np.array(upper.columns[c], dtype=float)[-1]) for c in upper.columns)
    assert low <= -6.2 < -3.6 <= high, (trend, low, high)
    assert low < trend < high < 0
    lower = await read(service, "trend", "rock.disp_lower", "r2_below_36h")
    assert float(np.array(lower.columns["r2_below_36h"], dtype=float)[-1]) >= 0.7
    for name in ("disp_upper", "disp_lower"):
        life = await read(service, "life", f"rock.{name}", "refused", "p50_years")
        assert life.columns["refused"][-1], name
        assert np.isnan(np.array(life.columns["p50_years"], dtype=float)).all(), name


async def test_cwru(recordings: Path, broker: Server, store_toml: str, tmp_path: Path) -> None:
    gateway, rate_hz, n = "gw-cwru", 12_000.0, 1024
    data = np.load(recordings / "cwru_1797" / "cwru_1797_DE.npz", allow_pickle=False)
    normal = signal.decimate(data["Normal"].astype(float), 4, ftype="fir").astype(np.float32)
    half = normal.size // 2 // n * n
    faults = [name for name in data.files if name != "Normal"]
    assert len(faults) == 9
    arrays = {
        "normal": normal,
        **{name.lower(): np.concatenate([normal[:half], data[name][: 30 * n]]) for name in faults},
    }
    np.savez(tmp_path / "cwru.npz", **arrays)
    channels = "".join(
        CHANNEL.format(gateway=gateway)
        + f'id = "rig.{name}"\nkind = "vibration"\nunit = "g"\nrate_hz = {rate_hz}\nwindow_samples = {n}\n'
        f"interval_s = {n / rate_hz:.9f}\n"
        for name in arrays
    )
    settings = f'path = "{tmp_path}/cwru.npz"\nrate_hz = {rate_hz}\nstart = "2026-01-01"\nspeed = 0'
    edge = EDGE.format(gateway=gateway, settings=settings) + "".join(
        f'[[channel]]\nid = "rig.{name}"\nsource = "file"\ninput = "{name}"\nrate_hz = {rate_hz}\nwindow_samples = {n}\n'
        for name in arrays
    )
    with running_service(tmp_path / "run", broker.port, site("rig", channels), store_toml) as service:
        service.play(edge)
        start_ns = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e9)
        change_ns = start_ns + round(half / rate_hz * 1e9)
        for name, samples in arrays.items():
            stored = await read(service, "window", f"rig.{name}", "samples")
            assert int(np.sum(np.array(stored.columns["samples"], dtype=int))) == samples.size, name
            flagged = await warned_ns(service, f"rig.{name}")
            after = flagged[flagged >= change_ns]
            if name == "normal":
                assert after.size <= 1, f"{after.size} false flags on the second half"
            else:
                assert after.size, f"{name} was never flagged"
                assert after[0] < change_ns + round(10 * n / rate_hz * 1e9), name


async def warned_ns(service: Service, channel: str) -> np.ndarray[Any, Any]:
    novelty = await read(service, "novelty", channel, "score")
    return novelty.t_ns[np.array(novelty.columns["score"], dtype=float) >= 1.0]


async def test_truck_strain(recordings: Path, broker: Server, store_toml: str, tmp_path: Path) -> None:
    gateway, rate_hz, microstrain, modulus_gpa, category = "gw-truck", 100.0, 300.0, 210.0, 71.0
    path = recordings / "strain_rainflow" / "truck_switchingload.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    load = np.array([float(row["load"]) for row in rows])
    channels = CHANNEL.format(gateway=gateway) + (
        f'id = "truck.strain"\nkind = "strain"\nunit = "ue"\nrate_hz = {rate_hz}\nwindow_samples = 1024\n'
        f"interval_s = 10.24\nfatigue = {{detail_category_mpa = {category}, youngs_modulus_gpa = {modulus_gpa}}}\n"
    )
    settings = f'path = "{path}"\nrate_hz = {rate_hz}\nstart = "2026-01-01"\ncolumns = ["load"]\nspeed = 0'
    edge = EDGE.format(gateway=gateway, settings=settings) + (
        f'[[channel]]\nid = "truck.strain"\nsource = "file"\ninput = "load"\nrate_hz = {rate_hz}\n'
        f'window_samples = 1024\ncalibration = {{id = "test", date = "2026-01-01", scale = {microstrain}, offset = 0.0}}\n'
    )
    with running_service(tmp_path / "run", broker.port, site("truck", channels), store_toml) as service:
        service.play(edge)
        windows = await read(service, "window", "truck.strain", "samples")
        assert int(np.sum(np.array(windows.columns["samples"], dtype=int))) == load.size
        fatigue = await read(service, "fatigue", "truck.strain", "cycles", "damage", "damage_total")
        stress_mpa = load * microstrain * 1e-6 * modulus_gpa * 1e3
        cycles, damage = closed_form(stress_mpa, category)
        assert damage > 0
        total = np.array(fatigue.columns["damage_total"], dtype=float)[-1]
        assert math.isclose(total, damage, rel_tol=1e-6), (total, damage)
        counted = float(np.sum(np.array(fatigue.columns["cycles"], dtype=float)))
        assert math.isclose(counted, cycles, rel_tol=1e-9), (counted, cycles)


def closed_form(stress_mpa: np.ndarray[Any, Any], category_mpa: float) -> tuple[float, float]:
    """Cycles and Miner damage by the `rainflow` package and EN 1993-1-9 figure 7.1, written out here."""
    knee, cut_off = 0.737 * category_mpa, 0.405 * category_mpa  # the constants as the standard prints them
    cycles = damage = 0.0
    for stress_range, _mean, count, _start, _end in rainflow.extract_cycles(stress_mpa):
        cycles += count
        if stress_range >= knee:
            damage += count / (2e6 * (category_mpa / stress_range) ** 3)
        elif stress_range > cut_off:
            damage += count / (5e6 * (knee / stress_range) ** 5)
    return cycles, damage
