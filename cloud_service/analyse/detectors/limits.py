"""Fixed limits of `site.toml`: a reading, or a window's rms or peak, against a number with a source."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.quality import plausible
from telltale.channel_details import Limit
from telltale.findings import Finding, Reason, Tier
from telltale.readings import Flag
from telltale.site import Place

Array = NDArray[np.float64]
_TIERS = {"warn": Tier.WARN, "alarm": Tier.ALARM}


class State(msgspec.Struct):
    """Nothing is remembered: a limit judges each reading alone."""


class LimitsDetector:
    """Owns `Reason.LIMIT`."""

    name = "limits"
    state_type = State

    def applies(self, place: Place) -> bool:
        """Channels with limits."""
        return bool(place.channel.limits)

    def initial(self, place: Place) -> State:  # noqa: ARG002 - the port's signature
        """Empty."""
        return State()

    def at_once(self, place: Place, batch: Batch) -> list[Finding]:
        """Verdicts of readings whose frames still wait for their turn; in doubt, none: their turn will come."""
        low, high = plausible(place.channel)
        doubtful = (batch.flags & (Flag.MISSING | Flag.CLIPPED | Flag.SUSPECT)) != 0
        if batch.windows is None:
            doubtful |= ~((batch.values >= low) & (batch.values <= high))
        return self.step(place, State(), replace(batch, faulty=doubtful))[1].findings

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Judge every reading that is there and trusted; the gravest limit crossed, else the nearest one, speaks."""
        if not len(batch):
            return state, Output()
        limits = place.channel.limits
        values = np.stack([_quantity(limit, batch) for limit in limits]) / place.channel.to_base_unit
        scores = np.stack([_score(limit, row) for limit, row in zip(limits, values, strict=True)])
        usable = ~batch.faulty & ~batch.inputs_faulty & np.isfinite(scores).any(axis=0)
        weight = np.array([1.0 if limit.level == "warn" else 2.0 for limit in limits])
        # Crossed limits rank by level first, then all by score; NaN (a quantity that is absent) last.
        rank = np.where(scores >= 1.0, 1e9 * weight[:, None], 0.0) + np.minimum(scores, 1e6)
        chosen = np.where(np.isnan(rank), -1.0, rank).argmax(axis=0)
        found = [
            _finding(place, limits[chosen[i]], int(batch.t_ns[i]), float(values[chosen[i], i]), scores[chosen[i], i])
            for i in np.flatnonzero(usable)
        ]
        return state, Output(findings=found)


def _quantity(limit: Limit, batch: Batch) -> Array:
    """What a limit judges, (k,) in the base unit: for the value of a window, its extreme on the limit's side."""
    if limit.quantity != "value":
        return batch.features.get(limit.quantity, np.full(len(batch), np.nan))
    if batch.windows is None:
        return batch.values
    missing = np.isnan(batch.windows)
    if limit.side == "below":
        lowest = np.where(missing, np.inf, batch.windows).min(axis=1).astype(np.float64)
        return np.where(missing.all(axis=1), np.nan, lowest)
    samples = np.abs(batch.windows) if limit.side == "absolute" else batch.windows
    highest = np.where(missing, -np.inf, samples).max(axis=1).astype(np.float64)
    return np.where(missing.all(axis=1), np.nan, highest)


def _score(limit: Limit, values: Array) -> Array:
    """1 at the limit, more beyond, in shares of the limit's size (of one unit for a limit of 0); at least 0."""
    size = abs(limit.value) or 1.0
    judged = np.abs(values) if limit.side == "absolute" else values
    beyond = limit.value - judged if limit.side == "below" else judged - limit.value
    return np.asarray(np.maximum(1.0 + beyond / size, 0.0))


def _finding(place: Place, limit: Limit, t_ns: int, value: float, score: float) -> Finding:
    return Finding(
        channel=place.channel.id,
        t_ns=t_ns,
        reason=Reason.LIMIT,
        tier=_TIERS[limit.level] if score >= 1.0 else Tier.CLEAR,
        score=float(score),
        value=value,
        limit=limit.value,
        unit=place.channel.unit,
        limit_source=limit.source,
        evidence={"quantity": limit.quantity, "side": limit.side},
    )
