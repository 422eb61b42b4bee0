"""`telltale modes`: a simulated chain's known modes from a file and from the store, and refusals by name."""

from __future__ import annotations

import asyncio
import contextlib
from importlib.util import find_spec

import msgspec
import numpy as np
import pytest

from cloud_service.modal.command import modes
from cloud_service.modal.simultaneous import check_clocks, longest_run, tolerated_s
from cloud_service.settings import load_cloud
from cloud_service.state import open_state
from cloud_service.store.schema import Rows
from cloud_service.store.waveform import pack
from models.modal_assurance import modal_assurance
from telltale.errors import UserError
from telltale.findings import Finding, Reason, Tier
from tests.cloud_service.modal.chain import DAMPING, simulate
from tests.cloud_service.seed.state import add_incident

RATE_HZ, LENGTH = 25.0, 1000
START_NS = 1_767_225_600 * 10**9
needs_oma = pytest.mark.skipif(find_spec("pyoma2") is None, reason="the extra 'oma' (pyOMA2) is not installed")
PLACES = ("pier.a", "pier.b", "pier.c", "pier.d")
SITE = """
[[facilities]]
id = "river"
name = "River"
[[facilities.structures]]
id = "pier"
name = "Pier"
"""
CHANNEL = """
[[facilities.structures.channels]]
id = "{name}"
kind = "vibration"
unit = "m/s2"
gateway = "{gateway}"
rate_hz = 25.0
window_samples = 1000
interval_s = 40
"""


@pytest.fixture(scope="module")
def chain():
    return simulate(RATE_HZ, 600.0, first_hz=1.0)


def check(answer, frequencies_hz, shapes):
    assert len(answer["modes"]) == 4
    for mode, frequency_hz, shape in zip(answer["modes"], frequencies_hz, shapes, strict=True):
        assert abs(mode["frequency_hz"] - frequency_hz) < 4 * mode["frequency_se_hz"] + 0.002 * frequency_hz
        assert abs(mode["damping"] - DAMPING) < 4 * mode["damping_se"] + 0.002
        assert mode["frequency_se_hz"] < 0.01 * frequency_hz
        found = np.array([list(mode["shape"].values())])
        assert modal_assurance(found, shape[None])[0, 0] > 0.99


@needs_oma
def test_a_recording_of_one_logger_and_its_shapes_against_an_earlier_answer(chain, tmp_path, capsys):
    samples, frequencies_hz, shapes = chain
    np.savez(tmp_path / "pier.npz", **dict(zip("abcd", samples.T, strict=True)))
    arguments = [str(tmp_path / "pier.npz"), "--rate-hz", "25", "--max-hz", "6", "--json"]
    assert modes(arguments) == 0
    printed = capsys.readouterr().out
    check(msgspec.json.decode(printed), frequencies_hz, shapes)
    (tmp_path / "before.json").write_text(printed)
    assert modes([*arguments[:-1], "--against", str(tmp_path / "before.json")]) == 0
    text = capsys.readouterr().out
    assert "MAC with the earlier modes" in text
    assert "1.000" in text


def service(folder, gateways=("gw", "gw", "gw", "gw")):
    channels = "".join(
        CHANNEL.format(name=name, gateway=gateway) for name, gateway in zip(PLACES, gateways, strict=True)
    )
    (folder / "site.toml").write_text(SITE + channels)
    (folder / "cloud.toml").write_text('site = "site.toml"\n[store]\nkind = "sqlite"\n')
    return folder / "cloud.toml"


def stored(config, samples, late_s=(0.0, 0.0, 0.0, 0.0), left_out=()):
    """Windows of each place in the service's store."""

    async def write():
        cloud = load_cloud(config)
        cloud.data_dir.mkdir(exist_ok=True)
        store = await cloud.store().open(cloud.site, cloud.data_dir)
        rows = [rows_of(name, column, late) for name, column, late in zip(PLACES, samples.T, late_s, strict=True)]
        await store.write(rows)
        await store.close()

    def rows_of(name, column, late):
        windows = [at for at in range(column.size // LENGTH) if at not in left_out]
        packed = [pack(column[at * LENGTH : (at + 1) * LENGTH].astype(np.float32), None, 1.0) for at in windows]
        dtype, scale, offset, body = (list(part) for part in zip(*packed, strict=True))
        t_ns = np.array([START_NS + at * 40 * 10**9 + round(late * 1e9) for at in windows], dtype=np.int64)
        columns = {
            "samples": np.full(len(windows), LENGTH), "rate_hz": np.full(len(windows), RATE_HZ), "body": body,
            "dtype": dtype, "scale": np.array(scale), "offset": np.array(offset),
        }  # fmt: skip
        return Rows("waveform", name, t_ns, columns)

    asyncio.run(write())


@needs_oma
def test_stored_windows_of_one_gateway(chain, tmp_path, capsys):
    samples, frequencies_hz, shapes = chain
    config = service(tmp_path)
    stored(config, samples)
    assert modes(["-c", str(config), "--structure", "pier", "--max-hz", "6", "--json"]) == 0
    answer = msgspec.json.decode(capsys.readouterr().out)
    check(answer, frequencies_hz, shapes)
    assert answer["notes"] == ["15 windows without a gap, of 15 that began together"]


def refused(config, *more):
    with pytest.raises(UserError) as caught:
        modes(["-c", str(config), "--structure", "pier", "--max-hz", "6", *more])
    return str(caught.value)


def test_gateways_whose_clocks_are_not_known_to_agree_are_refused(tmp_path):
    config = service(tmp_path, ("gw", "gw", "gw2", "gw2"))
    said = refused(config)
    assert "clock_unreliable" in said
    assert "gw, gw2" in said
    assert "clock_unreliable" in refused(config, "--clock-error-s", "0.05")
    assert "no stored windows" in refused(config, "--clock-error-s", "0.001")
    assert "no stored windows" in refused(config, "--channels", "pier.a,pier.b")


def test_windows_that_did_not_begin_together_are_refused(chain, tmp_path):
    config = service(tmp_path)
    stored(config, chain[0], late_s=(0.0, 0.0, 0.0, 0.02))
    said = refused(config)
    assert "clock_unreliable" in said
    assert "began together" in said


def test_a_span_with_gaps_counts_its_longest_run(chain, tmp_path):
    config = service(tmp_path)
    stored(config, chain[0], left_out=(4, 9))
    said = refused(config)
    assert "insufficient_history: 200 s" in said


def test_what_cannot_be_analysed_is_named(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("a,b\n" + "\n".join(f"{i % 7},{i % 5}" for i in range(1000)) + "\n")
    for arguments, said in (
        ([str(path), "--rate-hz", "25"], "insufficient_history"),
        ([str(path), "--rate-hz", "25", "--columns", "a"], "one column"),
        ([str(path), "--rate-hz", "25", "--max-hz", "20"], "--max-hz 20"),
        ([str(path), "--rate-hz", "25", "--min-hz", "3", "--max-hz", "2"], "--min-hz 3"),
        ([str(path), "--rate-hz", "25", "--min-hz", "0"], "--min-hz 0"),
        ([str(path), "--rate-hz", "25", "--min-hz=-1"], "--min-hz -1"),
        ([str(path), "--rate-hz", "25", "--clock-error-s=-1"], "--clock-error-s -1"),
        ([], "what to analyse"),
        (["-c", str(service(tmp_path)), "--structure", "dam"], "no structure 'dam'"),
        (["-c", str(service(tmp_path)), "--structure", "pier", "--channels", "x"], "no vibration channel 'x'"),
    ):
        with pytest.raises(UserError, match=said):
            modes(arguments)


def test_five_degrees_at_the_highest_frequency():
    assert tolerated_s(10.0) == pytest.approx(0.00139, abs=1e-5)
    check_clocks({"a": "gw", "b": "gw"}, 100.0, None)
    check_clocks({"a": "gw", "b": "gw2"}, 10.0, 0.001)
    with pytest.raises(UserError, match=r"0\.002 s"):
        check_clocks({"a": "gw", "b": "gw2"}, 10.0, 0.002)


def test_the_longest_run():
    t_ns = START_NS + np.array([0, 40, 80, 200, 240, 280, 320, 400], dtype=np.int64) * 10**9
    assert longest_run(t_ns, LENGTH, RATE_HZ) == slice(3, 7)


def clock_incident(config, reason, subject, start_ns, *, value, ended_ns=None):
    data_dir = load_cloud(config).data_dir
    data_dir.mkdir(exist_ok=True)
    finding = Finding(
        channel=subject, t_ns=start_ns, reason=reason, tier=Tier.SUSPECT, score=6.0, value=value, limit=600.0, unit="s"
    )
    with contextlib.closing(open_state(data_dir)) as state:
        add_incident(state, subject, finding)
        state.execute(
            "UPDATE incidents SET occurred_ns = ?, resolved_ns = ? WHERE id = ?", (start_ns, ended_ns, subject)
        )
        state.commit()


@pytest.mark.parametrize(
    ("reason", "subject"), [(Reason.GATEWAY_CLOCK, "gw"), (Reason.SENSOR_CLOCK, PLACES[1])], ids=["gateway", "sensor"]
)
def test_windows_of_a_clock_that_was_wrong_are_left_out_and_refused_where_there_are_no_others(
    chain, tmp_path, reason, subject
):
    config = service(tmp_path)
    stored(config, chain[0])
    window_ns = 40 * 10**9
    at_ns = START_NS + 7 * window_ns
    clock_incident(config, reason, subject, at_ns, value=40.0, ended_ns=at_ns + window_ns)
    assert "insufficient_history: 2" in refused(config), "6 or 7 windows before it"
    clock_incident(config, reason, subject + ".other", START_NS, value=40.0)
    assert "insufficient_history: 2" in refused(config), "another's clock is no matter here"
    with contextlib.closing(open_state(load_cloud(config).data_dir)) as state:
        state.execute("UPDATE incidents SET occurred_ns = ?, resolved_ns = NULL", (START_NS,))
        state.commit()
    said = refused(config)
    assert "clock_unreliable" in said
    assert "15 windows" in said
