"""Vibration of a span: modes excited by traffic, seen by one accelerometer.

Modal superposition in the frequency domain (e.g. Clough & Penzien, Dynamics of Structures, 2nd ed., chapter 13): the
acceleration at x for a force F at x_F is

    a(ω) = F(ω) · Σ_i φ_i(x) φ_i(x_F) / m_i · -ω² / (ω_i² - ω² + 2jζ_i ω_i ω),   φ_i = sin(n_i π x)

The force is a broad-band load (people, wind) that grows with the traffic level, and a blow as each vehicle drives onto
and off the span. It is drawn over twice the window, periodic, and the middle is kept, so that the window itself is not.

Natural frequencies follow the temperature of the section, with a kink at 0 °C where asphalt and wet bearings stiffen
(as on the Z24 bridge: Peeters & De Roeck, Earthquake Engng Struct. Dyn. 30, 2001), and √(1 - loss) of stiffness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors_sim import traffic
from sensors_sim.condition import Condition
from sensors_sim.environment import Temperature
from sensors_sim.streams import Streams

DRAWN_WINDOWS = 2
QUIET_LEVEL = 0.05  # wind and a few people at night
LOAD_SPREAD = 0.15  # log deviation of the load between windows of equal traffic
CONTACT_S = 0.02  # a blow of this length: its spectrum falls above 8 Hz


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode: frequency at the reference temperature, damping ratio, half-waves n along the span, and modal mass
    relative to the first mode's.
    """

    name: str
    frequency_hz: float
    damping: float
    half_waves: int
    mass: float = 1.0


@dataclass(frozen=True, slots=True)
class Softening:
    """Relative change of frequency for each °C, above and below freezing; 1 at `reference_c`."""

    per_c: float = -0.0008
    per_c_frozen: float = -0.0035
    reference_c: float = 10.0

    def factor(self, temperature_c: NDArray[np.float64]) -> NDArray[np.float64]:
        """Frequency over the frequency at the reference temperature, same shape."""
        frozen = np.minimum(temperature_c, 0.0)
        thawed = np.maximum(temperature_c, 0.0) - self.reference_c
        return np.asarray(1.0 + self.per_c * thawed + self.per_c_frozen * frozen)


@dataclass(frozen=True)
class Deck:
    """The span as all its accelerometers share it.

    Attributes:
        structure, modes, softening: what vibrates.
        temperature: of the section (lagged).
        condition: damage.
        streams: randomness of the run.
        vehicles: who crosses; `length_m` and `force_at` (share of the length): where the load acts.
        load, blow: strength of the broad-band load and of a blow a tonne, m/s² of the first modal mass.
    """

    structure: str
    modes: tuple[Mode, ...]
    softening: Softening
    temperature: Temperature
    condition: Condition
    streams: Streams
    vehicles: tuple[traffic.VehicleClass, ...]
    length_m: float
    force_at: float = 0.37
    load: float = 0.025
    blow: float = 0.035

    def frequencies_hz(self, t_ns: int) -> NDArray[np.float64]:
        """Natural frequencies at `t_ns`, shape (modes,)."""
        at = np.array([t_ns], dtype=np.int64)
        factor = self.softening.factor(self.temperature.at(at)) * np.sqrt(1.0 - self.condition.stiffness_loss(at))
        return np.array([mode.frequency_hz for mode in self.modes]) * float(factor[0])

    def force(self, tick: int, t0_ns: int, rate_hz: float, samples: int) -> NDArray[np.float32]:
        """The load, shape (DRAWN_WINDOWS · samples,); the window begins at half of the surplus."""
        generator = self.streams.at(f"{self.structure}/load", tick)
        strength = self.load * np.sqrt(QUIET_LEVEL + traffic.level(t0_ns))
        strength *= np.exp(LOAD_SPREAD * generator.standard_normal())
        force = generator.standard_normal(DRAWN_WINDOWS * samples, dtype=np.float32) * np.float32(strength)
        found = traffic.crossings(self.vehicles, self.structure, self.streams, tick, t0_ns)
        if found.enter_s.size:
            self._strike(force, found, rate_hz, samples)
        return force

    def _strike(self, force: NDArray[np.float32], found: traffic.Crossings, rate_hz: float, samples: int) -> None:
        before = (DRAWN_WINDOWS - 1) * samples // 2
        leave_s = found.enter_s + self.length_m / found.speed_m_s
        at = np.rint(np.concatenate((found.enter_s, leave_s)) * rate_hz).astype(np.int64) + before
        size = np.tile(found.weight_t * found.impact, 2) * (self.blow * rate_hz / 100.0)
        # A blow after the window would ring round into its beginning: the drawn force is periodic.
        inside = (at >= 0) & (at < before + samples)
        np.add.at(force, at[inside], size[inside].astype(np.float32))


class Accelerometer:
    """Vertical acceleration at one place of a deck, m/s².

    Args:
        deck: the span.
        position: share of its length, 0 to 1.
        rate_hz, samples: of the window.
        noise: the sensor's own white noise, standard deviation in m/s².
        channel: names the stream of that noise.
    """

    def __init__(
        self, deck: Deck, position: float, *, rate_hz: float, samples: int, noise: float, channel: str
    ) -> None:
        self._deck, self._rate_hz, self._noise, self._channel = deck, rate_hz, noise, channel
        half_waves = np.array([mode.half_waves for mode in deck.modes]) * np.pi
        mass = np.array([mode.mass for mode in deck.modes])
        gain = np.sin(half_waves * position) * np.sin(half_waves * deck.force_at) / mass
        self._gain = gain.astype(np.float32)[:, None]
        self._damping = np.array([mode.damping for mode in deck.modes], dtype=np.float32)[:, None]
        omega = 2 * np.pi * np.fft.rfftfreq(DRAWN_WINDOWS * samples, 1 / rate_hz)
        self._omega = omega.astype(np.float32)
        self._omega2 = self._omega**2
        self._contact = (1.0 / (1.0 + 1j * omega * CONTACT_S)).astype(np.complex64)

    def values(self, tick: int, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """One window, shape (n,), m/s²."""
        n, t0_ns = t_ns.size, int(t_ns[0])
        spectrum = np.fft.rfft(self._deck.force(tick, t0_ns, self._rate_hz, n)) * self._contact
        drawn = np.fft.irfft(spectrum * self._accelerance(self._deck.frequencies_hz(t0_ns)), DRAWN_WINDOWS * n)
        before = (DRAWN_WINDOWS - 1) * n // 2
        generator = self._deck.streams.at(self._channel, tick)
        return drawn[before : before + n] + self._noise * generator.standard_normal(n)

    def _accelerance(self, frequencies_hz: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Acceleration over force at each frequency line, shape (lines,)."""
        omega_i = (2 * np.pi * frequencies_hz).astype(np.float32)[:, None]
        below = omega_i**2 - self._omega2 + 1j * (2 * self._damping * omega_i * self._omega)
        response: NDArray[np.complex64] = (self._gain * -self._omega2 / below).sum(axis=0)
        return response
