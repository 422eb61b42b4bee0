"""Vibration of a building against DIN 4150-3, from samples of acceleration to the mail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.e2e.replayed import EDGE, site
from tests.e2e.service import SQLITE, running_service
from tests.e2e.stores import read
from tests.servers.process import Server
from tests.servers.smtp import Mailbox

pytestmark = pytest.mark.e2e
GATEWAY = "gw-piling"
RATE_HZ, SAMPLES, WINDOWS, PILING = 250.0, 1000, 40, slice(20, 26)
TONE_HZ, PEAK_MM_S = 8.0, 9.0
GUIDE_MM_S = 5.0  # DIN 4150-3 table 1, line 2 (dwellings), at the foundation, 1 to 10 Hz
CHANNEL = f"""
[[facilities.structures.channels]]
id = "house.foundation.x"
kind = "vibration"
unit = "m/s2"
gateway = "{GATEWAY}"
rate_hz = {RATE_HZ}
window_samples = {SAMPLES}
interval_s = {SAMPLES / RATE_HZ}
axis = "x"
velocity = {{guide = "din_4150_3.dwelling.foundation"}}
"""


def acceleration() -> np.ndarray:
    """Quiet but for some seconds of piling next door, m/s²."""
    at_s = np.arange(WINDOWS * SAMPLES) / RATE_HZ
    window = np.arange(at_s.size) // SAMPLES
    piles = (window >= PILING.start) & (window < PILING.stop)
    amplitude = np.where(piles, PEAK_MM_S * 1e-3 * 2 * np.pi * TONE_HZ, 0.0)
    noise = 2e-3 * np.random.default_rng(3).standard_normal(at_s.size)
    return (amplitude * np.sin(2 * np.pi * TONE_HZ * at_s) + noise).astype(np.float32)


async def test_a_velocity_beyond_the_guide_value_is_mailed_with_its_source(
    broker: Server, smtp_server: Mailbox, tmp_path: Path
) -> None:
    np.savez(tmp_path / "house.npz", x=acceleration())
    settings = f'path = "{tmp_path}/house.npz"\nrate_hz = {RATE_HZ}\nstart = "2026-01-01"\nspeed = 0'
    edge = EDGE.format(gateway=GATEWAY, settings=settings) + (
        f'[[channel]]\nid = "house.foundation.x"\nsource = "file"\ninput = "x"\nrate_hz = {RATE_HZ}\n'
        f"window_samples = {SAMPLES}\n"
    )
    notify = f'kind = "smtp"\nport = {smtp_server.port}\nevidence_wait_s = 5'
    with running_service(tmp_path / "run", broker.port, site("house", CHANNEL), SQLITE, notify=notify) as service:
        service.play(edge)
        rows = await read(service, "velocity", "house.foundation.x", "peak_mm_s", "frequency_hz", "guide_mm_s")
        peak, frequency_hz, guide = (np.array(rows.columns[name], dtype=float) for name in rows.columns)
        assert len(rows) == WINDOWS
        assert (peak[: PILING.start] < 0.5).all()
        middle = slice(PILING.start + 1, PILING.stop - 1)
        assert np.allclose(peak[middle], PEAK_MM_S, rtol=0.03)
        assert np.allclose(frequency_hz[middle], TONE_HZ, rtol=0.05)
        assert np.allclose(guide[middle], GUIDE_MM_S)
        (incident,) = [one for one in service.ask("/incidents") if one["reason"] == "vibration_velocity"]
        assert incident["tier"] == "alarm"
        assert "DIN 4150-3" in incident["finding"]["limit_source"]
    (mail,) = [one for one in smtp_server.messages() if "vibration" in str(one["Subject"]).lower()]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for words in ("DIN 4150-3", "mm/s", "dwelling", "Foundation"):
        assert words.lower() in text.lower(), text
