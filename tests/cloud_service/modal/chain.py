"""A chain of masses and springs under broad forces: its modes are known."""

from __future__ import annotations

import numpy as np
from scipy import signal

DAMPING = 0.012


def simulate(rate_hz, seconds, first_hz, places=4):
    """Accelerations (n, places), natural frequencies and shapes (a mode a row) of the chain."""
    stiffness = 2 * np.eye(places) - np.eye(places, k=1) - np.eye(places, k=-1)
    stiffness[-1, -1] = 1.0
    eigenvalues, shapes = np.linalg.eigh(stiffness)
    omega = np.sqrt(eigenvalues / eigenvalues[0]) * 2 * np.pi * first_hz
    rng = np.random.default_rng(1)
    warm_up = 4000
    force = shapes.T @ rng.standard_normal((places, round(rate_hz * seconds) + warm_up))
    modal = np.stack([_respond(own, rate_hz, row) for own, row in zip(omega, force, strict=True)])
    motion = (shapes @ modal)[:, warm_up:]
    motion += 0.1 * motion.std(axis=1, keepdims=True) * rng.standard_normal(motion.shape)
    return motion.T, omega / (2 * np.pi), shapes.T


def _respond(omega, rate_hz, force):
    acceleration = [-(omega**2), -2 * DAMPING * omega]
    system = tuple(map(np.array, ([[0, 1], acceleration], [[0], [1]], [acceleration], [[1]])))
    a, b, c, d, _ = signal.cont2discrete(system, 1 / rate_hz)
    numerator, denominator = signal.ss2tf(a, b, c, d)
    return signal.lfilter(numerator[0], denominator, force)
