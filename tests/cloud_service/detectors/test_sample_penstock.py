"""The penstock of the simulated site: its damage is that of the pressure alone, temperature taken out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_service.analyse.detector import LAGS_H
from cloud_service.analyse.detectors.fatigue import FatigueDetector
from sensors_sim.environment import Climate, air
from sensors_sim.penstock import THERMAL_UE_PER_C, PenstockGauge
from sensors_sim.span import Span
from sensors_sim.streams import Streams
from telltale.channel_details import FatigueDetail
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from tests.cloud_service.detectors.play import place_of, play, table, windows_of

START_NS, DAYS, RATE_HZ = 20_407 * NS_PER_DAY, 40, 1024 / 3600
DETAIL = FatigueDetail(detail="butt_one_side", partial_factor=1.35)


def damage_told(seed: int, *, thermal: bool = True, known: bool = True) -> float:
    """Damage by the detector: of pressure and noise, with thermal strain or without, its temperature known or not."""
    span, streams = Span(START_NS, DAYS), Streams(seed)
    wall = air(Climate(), span, streams).lagged(2.0)
    gauge = PenstockGauge("p", streams, wall, 10.0, 1.5)
    t_ns = START_NS + np.arange(span.ticks, dtype=np.int64) * NS_PER_HOUR
    at = [t0_ns + np.arange(1024) * (NS_PER_HOUR // 1024) for t0_ns in t_ns]
    strain = np.array([gauge.values(tick, one) for tick, one in enumerate(at)])
    if not thermal:
        strain -= THERMAL_UE_PER_C * (np.array([wall.at(one) for one in at]) - 10.0)
    lags = [wall, *(wall.lagged(hours) for hours in LAGS_H[1:])]
    celsius = np.column_stack([one.at(t_ns) for one in lags]) if known else np.full((t_ns.size, len(LAGS_H)), np.nan)
    place = place_of(
        kind="strain",
        unit="µε",
        interval_s=3600.0,
        rate_hz=RATE_HZ,
        window_samples=1024,
        fatigue=DETAIL,
        temperature="t",
    )
    batch = replace(windows_of(t_ns, strain, RATE_HZ), temperature_c=celsius)
    days = table(play(FatigueDetector(), place, batch, at_once=24), "fatigue")
    return days[max(days)]["damage_total"]


@pytest.mark.parametrize("seed", [1, 2])
def test_damage_is_that_of_the_pressure(seed: int) -> None:
    truth = damage_told(seed, thermal=False)
    told, hot = damage_told(seed), damage_told(seed, known=False)
    assert told == pytest.approx(truth, rel=0.06)
    assert hot > 1.1 * truth
