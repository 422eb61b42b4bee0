"""The window's spectrum is the model's: modes at their frequencies, at that temperature, with that damage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensors_sim.condition import Condition
from sensors_sim.damage import StiffnessLoss
from sensors_sim.riverside import ACCELERATION_NOISE, MODES, footbridge_deck
from sensors_sim.scenarios import SCENARIOS
from sensors_sim.streams import Streams
from sensors_sim.traffic import level
from sensors_sim.vibration import Accelerometer, Deck, Softening
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from tests.sensors_sim.spans import START_NS, span, steady, world

RATE_HZ, SAMPLES = 100.0, 1024
WINDOWS = 240


def _deck(temperature_c: float, *damages: StiffnessLoss) -> Deck:
    deck = footbridge_deck(steady(temperature_c), Condition(damages, span()), Streams(1))
    return replace(deck, temperature=steady(temperature_c))


def _accelerometer(deck: Deck, position: float = 0.25, noise: float = ACCELERATION_NOISE) -> Accelerometer:
    return Accelerometer(deck, position, rate_hz=RATE_HZ, samples=SAMPLES, noise=noise, channel="a")


def _spectrum(deck: Deck, position: float = 0.25, first_tick: int = 0) -> np.ndarray:
    """Mean power spectrum of windows an hour apart, Hann; shape (513,)."""
    sensor = _accelerometer(deck, position)
    offsets = np.rint(np.arange(SAMPLES) / RATE_HZ * 1e9).astype(np.int64)
    total = np.zeros(SAMPLES // 2 + 1)
    for tick in range(first_tick, first_tick + WINDOWS):
        window = sensor.values(tick, START_NS + tick * NS_PER_HOUR + offsets)
        total += np.abs(np.fft.rfft(window * np.hanning(SAMPLES))) ** 2 / window.var()
    return total / WINDOWS


def _peak_hz(spectrum: np.ndarray, near_hz: float) -> float:
    """The highest line within 7 % of `near_hz`, refined by a parabola through the logarithms."""
    lines = np.fft.rfftfreq(SAMPLES, 1 / RATE_HZ)
    band = np.flatnonzero(np.abs(lines - near_hz) < 0.07 * near_hz + lines[1])
    top = band[spectrum[band].argmax()]
    left, middle, right = np.log(spectrum[top - 1 : top + 2])
    return float(lines[top] + lines[1] * 0.5 * (left - right) / (left - 2 * middle + right))


@pytest.mark.parametrize("temperature_c", [-8.0, 10.0, 25.0])
def test_every_mode_stands_in_the_spectrum_at_its_frequency_for_that_temperature(temperature_c: float) -> None:
    deck = _deck(temperature_c)
    expected = deck.frequencies_hz(START_NS)
    spectrum = _spectrum(deck)
    for mode, frequency_hz in zip(MODES, expected, strict=True):
        assert _peak_hz(spectrum, frequency_hz) == pytest.approx(frequency_hz, rel=0.006), mode.name


def test_midspan_is_a_node_of_the_modes_with_two_half_waves() -> None:
    deck = _deck(10.0)
    midspan, quarter = _spectrum(deck, 0.5), _spectrum(deck, 0.25)
    line = round(9.72 * SAMPLES / RATE_HZ)
    assert midspan[line] < 0.02 * quarter[line]


def test_frequencies_kink_at_freezing() -> None:
    factor = Softening().factor(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    slopes = np.diff(factor)
    np.testing.assert_allclose(slopes, [-0.0035, -0.0035, -0.0008, -0.0008], atol=1e-12)
    assert Softening().factor(np.array([10.0]))[0] == 1.0


def test_frequencies_follow_the_section_and_not_the_air() -> None:
    site = world()
    deck = site.sensors["footbridge.midspan.az"].signal._deck  # type: ignore[attr-defined]
    t_ns = START_NS + np.arange(120 * 24, dtype=np.int64) * NS_PER_HOUR
    from_model = np.array([deck.frequencies_hz(int(at))[0] for at in t_ns[:500]]) / MODES[0].frequency_hz
    np.testing.assert_allclose(from_model, Softening().factor(deck.temperature.at(t_ns[:500])), rtol=1e-12)
    deck_sensor = np.array([site.sound("footbridge.deck.temp", tick)[0] for tick in range(500)])
    lags = range(12)
    fit = [np.corrcoef(deck_sensor[12 - lag : 500 - lag], deck.temperature.at(t_ns[12:500]))[0, 1] for lag in lags]
    assert 2 <= int(np.argmax(fit)) <= 5


def test_stiffness_loss_moves_every_frequency_by_half_of_it_and_only_after_its_day() -> None:
    deck = _deck(10.0, SCENARIOS["footbridge_sudden"].damages[0])  # type: ignore[arg-type]
    before = deck.frequencies_hz(START_NS + 59 * NS_PER_DAY)
    after = deck.frequencies_hz(START_NS + 61 * NS_PER_DAY)
    np.testing.assert_array_equal(before, [mode.frequency_hz for mode in MODES])
    np.testing.assert_allclose(after / before, np.sqrt(0.9), rtol=1e-9)
    sound, damaged = _spectrum(deck), _spectrum(deck, first_tick=61 * 24)
    for mode in MODES[1:]:
        ratio = _peak_hz(damaged, mode.frequency_hz * 0.9487) / _peak_hz(sound, mode.frequency_hz)
        assert ratio == pytest.approx(0.9487, abs=0.006), mode.name


def test_slow_loss_reaches_two_percent_of_frequency_on_day_70() -> None:
    deck = _deck(10.0, SCENARIOS["footbridge_stiffness"].damages[0])  # type: ignore[arg-type]
    ratio = [deck.frequencies_hz(START_NS + day * NS_PER_DAY)[0] / 2.61 for day in (40, 55, 70, 110, 119)]
    np.testing.assert_allclose(ratio, [1.0, 0.990, 0.980, 0.950, 0.950], atol=3e-4)


def test_an_unloaded_span_shows_the_stated_noise_floor() -> None:
    window = _accelerometer(replace(_deck(10.0), load=0.0, blow=0.0)).values(
        0, START_NS + np.arange(SAMPLES, dtype=np.int64) * 10_000_000
    )
    assert window.std() == pytest.approx(ACCELERATION_NOISE, rel=0.08)


def test_rush_hour_shakes_more_than_the_night_and_sunday_has_no_rush() -> None:
    monday_ns = START_NS + 2 * NS_PER_DAY  # 2025-11-15 is a Saturday
    assert level(monday_ns + 8 * NS_PER_HOUR) > 10 * level(monday_ns + 2 * NS_PER_HOUR)
    assert level(START_NS + NS_PER_DAY + 7 * NS_PER_HOUR) < 0.3 < level(monday_ns + 7 * NS_PER_HOUR)
    site = world()
    rms = np.array([site.sound("footbridge.midspan.az", 48 + hour).std() for hour in range(5 * 24)]).reshape(5, 24)
    assert rms[:, 7:9].mean() > 2 * rms[:, 1:4].mean()
