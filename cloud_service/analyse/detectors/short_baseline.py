"""Before novelty has its baseline: rate- and level-normalised features against the recent past, provisionally.

A verdict for each window; of those that cannot be judged, the first of each UTC day says why.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.vibration_rows import describe_shift, has_windows, log_features, shape_names
from cloud_service.store.schema import Rows
from models import short_baseline
from models.commissioning import BASELINE_DAYS, Commissioning
from models.short_baseline import FIRST_ROWS, RUN, THRESHOLD, Scores
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason, Tier
from telltale.site import Channel, Place

SOURCE = "self-set: distance from the recent past, provisional until a baseline exists"


class State(msgspec.Struct):
    """How much data came, up to when, the recent past, and the UTC day that was last told why nothing is judged."""

    seen: Commissioning
    last_ns: int
    model: short_baseline.State
    told_day: int = -(2**31)


class ShortBaselineDetector:
    """Owns `Reason.NOVELTY_PROVISIONAL` of vibration waveforms; a warning at most."""

    name = "short_baseline"
    state_type = State
    has_baseline = True

    def applies(self, place: Place) -> bool:
        """Vibration windows."""
        return has_windows(place.channel)

    def initial(self, place: Place) -> State:
        """No past."""
        return State(Commissioning(), -(2**62), short_baseline.initial_state(len(shape_names(place.channel))))

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Judge trusted new windows one by one until the baseline of the novelty detector takes over."""
        channel = place.channel
        table = log_features(batch, shape_names(channel))
        keep = ~batch.unusable & (batch.t_ns > state.last_ns) & np.isfinite(table).all(axis=1)
        t_ns, table = batch.t_ns[keep], table[keep]
        if not t_ns.size:
            return state, Output()
        state.last_ns = int(t_ns[-1])
        counted = state.seen.rows
        early = np.fromiter((_counts(state.seen, t) for t in t_ns.tolist()), np.bool_, t_ns.size)
        output = Output()
        judged = np.zeros(t_ns.size, dtype=np.bool_)
        if early.any():
            scores = short_baseline.step(state.model, table[early])
            judged[early] = scores.judged
            output.findings += _findings(channel, t_ns[judged].tolist(), scores)
            output.rows.append(_stored(channel, t_ns[judged], scores))
        if not early.all():
            state.model = short_baseline.initial_state(table.shape[1])
        for row in _to_tell(state, t_ns, ~judged):
            why: dict[str, float | str] = {"superseded_by": "novelty"}
            if early[row]:
                why = {"windows": counted + row + 1, "needs_windows": FIRST_ROWS + RUN}
            output.findings.append(_clear(channel, int(t_ns[row]), why))
        output.findings.sort(key=lambda finding: finding.t_ns)
        return state, output


def _counts(seen: Commissioning, t_ns: int) -> bool:
    """Count a window; whether it still belongs to the time before the baseline."""
    seen.observe(t_ns)
    return not seen.complete


def _to_tell(state: State, t_ns: NDArray[np.int64], unjudged: NDArray[np.bool_]) -> list[int]:
    """The first unjudged row of each UTC day that was not told yet."""
    rows = np.flatnonzero(unjudged)
    if not rows.size or t_ns[rows[-1]] // NS_PER_DAY <= state.told_day:
        return []
    days, first = np.unique(t_ns[rows] // NS_PER_DAY, return_index=True)
    new = days > state.told_day
    state.told_day = int(days[-1])
    found: list[int] = rows[first[new]].tolist()
    return found


def _findings(channel: Channel, t_ns: list[int], scores: Scores) -> list[Finding]:
    names = shape_names(channel)
    found = []
    columns = (scores.score, scores.feature, scores.z, scores.shift, scores.reference)
    for at_ns, score, index, z, shift, reference in zip(t_ns, *(column.tolist() for column in columns), strict=True):
        feature = names[index]
        key, described = describe_shift(feature, shift)
        found.append(
            Finding(
                channel=channel.id,
                t_ns=at_ns,
                reason=Reason.NOVELTY_PROVISIONAL,
                tier=Tier.WARN if score >= 1.0 else Tier.CLEAR,
                score=score,
                value=score * THRESHOLD,
                limit=THRESHOLD,
                unit="σ",
                limit_source=SOURCE,
                evidence={
                    "feature": feature,
                    "sign": "higher" if z > 0 else "lower",
                    "z": z,
                    key: described,
                    "windows_judged_together": RUN,
                    "reference_windows": reference,
                    "conditioned_on": "nothing: too short for temperature",
                },
                provisional=True,
            )
        )
    return found


def _stored(channel: Channel, t_ns: NDArray[np.int64], scores: Scores) -> Rows:
    names = shape_names(channel)
    count = len(t_ns)
    return Rows(
        "novelty",
        channel.id,
        t_ns,
        {
            "score": scores.score,
            "z": scores.z,
            "threshold": np.full(count, THRESHOLD),
            "feature": [names[i] for i in scores.feature.tolist()],
            "sign": np.sign(scores.z).astype(np.int64),
            "scale_h": np.full(count, RUN * channel.interval_s * NS_PER_S / NS_PER_HOUR),
        },
    )


def _clear(channel: Channel, t_ns: int, evidence: dict[str, float | str]) -> Finding:
    return Finding(
        channel=channel.id,
        t_ns=t_ns,
        reason=Reason.NOVELTY_PROVISIONAL,
        tier=Tier.CLEAR,
        score=0.0,
        value=0.0,
        limit=THRESHOLD,
        unit="σ",
        limit_source=SOURCE,
        evidence={**evidence, "baseline_needs_days": BASELINE_DAYS},
        provisional=True,
    )
