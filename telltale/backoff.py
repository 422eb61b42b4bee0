"""Waiting longer each time, and never in step with others.

Full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015): a uniform share of the
exponential ceiling, so that a thousand gateways that lost one broker do not return to it in one second.
"""

from __future__ import annotations

import random


class FullJitter:
    """Waits drawn uniformly from 0 to base · 2^n, at most `cap_s`.

    Args:
        base_s, cap_s: first and last ceiling, seconds.
        source: of randomness.
    """

    def __init__(self, base_s: float, cap_s: float, source: random.Random) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._random = source
        self._failures = 0

    def next_s(self) -> float:
        """The next wait, seconds."""
        ceiling_s = min(self._cap_s, self._base_s * 2 ** min(self._failures, 32))
        self._failures += 1
        return self._random.uniform(0.0, ceiling_s)

    def reset(self) -> None:
        """It worked for long enough: begin anew."""
        self._failures = 0
