"""Novelty of a vibration channel once it has a baseline (see `models.novelty` for the method).

A verdict for each row; before there is a baseline, the first row of each UTC day says how far it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.detectors.vibration_rows import (
    describe_shift,
    feature_names,
    groups,
    has_windows,
    log_features,
    log_of,
)
from cloud_service.store.schema import Rows
from models import novelty, novelty_state
from models.averages import SCALES_H
from models.blocks import BLOCK_NS, Pending, fold, no_block
from models.commissioning import BASELINE_DAYS
from models.environment import LAG_COUNT
from models.novelty import RULES, Rules
from models.novelty_state import Scores
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from telltale.findings import Finding, Reason, Tier
from telltale.site import Channel, Place, Structure

ALARM_SCORE = 1.5  # self-set: half as far again as the channel's own quiet weeks allow
SOURCE = "self-set: learned from this channel's quiet weeks, at most one false warning a sensor-year"
# Like channels of a structure share what a structure may warn falsely in a year: about one, half of what is promised.
SHARED_BY = 2


class State(msgspec.Struct):
    """The model's memory and the half-hour block that is open (continuous recordings only)."""

    model: novelty_state.State
    pending: Pending


class NoveltyDetector:
    """Owns `Reason.NOVELTY` of vibration waveforms."""

    name = "novelty"
    state_type = State
    has_baseline = True

    def __init__(self, rules: Rules = RULES) -> None:
        self._rules = rules

    def applies(self, place: Place) -> bool:
        """Vibration windows."""
        return has_windows(place.channel)

    def initial(self, place: Place) -> State:
        """Nothing learned."""
        channel = place.channel
        interval_h = max(channel.interval_s * NS_PER_S, BLOCK_NS) / NS_PER_HOUR
        columns = LAG_COUNT + 1 + len(feature_names(channel))
        return State(novelty_state.initial_state(groups(channel), interval_h), no_block(columns))

    def step(self, place: Place, state: State, batch: Batch) -> tuple[State, Output]:
        """Follow the batch's trusted windows; verdicts once there is a baseline, before that only `CLEAR`."""
        if not state.model.suits(len(feature_names(place.channel))):  # other settings, or another version
            state = self.initial(place)
        rows, caused_ns = _rows(place.channel, state, batch)
        keep = novelty.sighted(state.model, rows)
        rows, caused_ns = novelty.take(rows, keep), caused_ns[keep]
        if not rows.t_ns.size:
            return state, Output()
        output = Output()
        rules = replace(self._rules, return_weeks=self._rules.return_weeks * _shares(place.structure))
        for part in _days(rows):  # what a verdict says of the baseline is as of its day, whatever else came with it
            _judge(place.channel, state.model, part, rules, output)
        said_ns = np.array([finding.t_ns for finding in output.findings], dtype=np.int64)
        output.caused_ns = caused_ns[np.searchsorted(rows.t_ns, said_ns)].tolist()
        return state, output


def _shares(structure: Structure) -> float:
    """How much rarer a channel's false warnings must be, so that its structure keeps its promise."""
    return max(1.0, sum(has_windows(channel) for channel in structure.channels) / SHARED_BY)


def _judge(
    channel: Channel, model: novelty_state.State, rows: novelty_state.Rows, rules: Rules, output: Output
) -> None:
    first_of_day = model.seen.day < int(rows.t_ns[0]) // NS_PER_DAY
    first_judged_ns, said = None, len(output.findings)
    for scores in novelty.step(model, rows, rules):
        first_judged_ns = int(scores.t_ns[0])
        temperature = rows.temperature_c[np.isin(rows.t_ns, scores.t_ns), 0]
        output.findings += _findings(channel, model, scores, temperature)
        output.rows.append(_stored(channel, scores, temperature))
    if first_of_day and first_judged_ns != int(rows.t_ns[0]):
        output.findings.insert(said, _not_yet(channel, model, int(rows.t_ns[0])))


def _days(rows: novelty_state.Rows) -> Iterator[novelty_state.Rows]:
    """The rows of each UTC day."""
    day = rows.t_ns // NS_PER_DAY
    for value in np.unique(day):
        yield novelty.take(rows, day == value)


def _rows(channel: Channel, state: State, batch: Batch) -> tuple[novelty_state.Rows, NDArray[np.int64]]:
    """The windows that may be judged, each a row, or half-hour means of them where they come faster.

    With the time of the window that led to each: a mean is known once the next half hour has begun.
    """
    names = feature_names(channel)
    log_rms = log_of(batch.features["rms"])
    keep = ~batch.unusable & np.isfinite(log_rms)
    keep &= batch.t_ns > max(state.model.last_ns, state.pending.last_ns)
    t_ns = batch.t_ns[keep]
    table = np.column_stack([_settled(batch), log_rms, log_features(batch, names)])[keep]
    caused_ns = t_ns
    if channel.interval_s * NS_PER_S < BLOCK_NS:
        t_ns, table = fold(state.pending, t_ns, table)
        caused_ns = caused_ns[np.searchsorted(caused_ns // BLOCK_NS, t_ns // BLOCK_NS, side="right")]
    rows = novelty_state.Rows(t_ns, table[:, :LAG_COUNT], table[:, LAG_COUNT], table[:, LAG_COUNT + 1 :])
    return rows, caused_ns


def _settled(batch: Batch) -> NDArray[np.float64]:
    """Temperatures, unknown where their lags are a guess."""
    if batch.unsettled is None:
        return batch.temperature_c
    return np.where(batch.unsettled[:, None], np.nan, batch.temperature_c)


def _findings(
    channel: Channel, model: novelty_state.State, scores: Scores, temperature_c: NDArray[np.float64]
) -> list[Finding]:
    names = feature_names(channel)
    found = []
    for i, score in enumerate(scores.score.tolist()):
        key, shift = describe_shift(names[scores.feature[i]], float(scores.shift[i]))
        evidence: dict[str, float | str] = {
            "feature": names[scores.feature[i]],
            "sign": "higher" if scores.z[i] > 0 else "lower",
            "scale_h": SCALES_H[scores.scale[i]],
            "z": float(scores.z[i]),
            key: shift,
            "conditioned_on": _conditioning(model, bool(scores.blind[i])),
            "baseline_days": model.learned_days,
        }
        if np.isfinite(temperature_c[i]):
            evidence["temperature_c"] = float(temperature_c[i])
        found.append(
            Finding(
                channel=channel.id,
                t_ns=int(scores.t_ns[i]),
                reason=Reason.NOVELTY,
                tier=_tier(score, bool(scores.blind[i])),
                score=score,
                value=abs(float(scores.z[i])),
                limit=float(scores.threshold[i]),
                unit="σ",
                limit_source=SOURCE,
                evidence=evidence,
            )
        )
    return found


def _tier(score: float, blind: bool) -> Tier:
    """Without temperature a verdict is a warning at most: a cold night can look like damage."""
    if score < 1.0:
        return Tier.CLEAR
    return Tier.ALARM if score >= ALARM_SCORE and not blind else Tier.WARN


def _conditioning(model: novelty_state.State, blind: bool) -> str:
    if not model.thermal:
        return "level only: no temperature in the baseline"
    return "level; temperature missing now" if blind else "temperature and level"


def _stored(channel: Channel, scores: Scores, temperature_c: NDArray[np.float64]) -> Rows:
    names = feature_names(channel)
    return Rows(
        "novelty",
        channel.id,
        scores.t_ns,
        {
            "score": scores.score,
            "z": scores.z,
            "threshold": scores.threshold,
            "feature": [names[i] for i in scores.feature],
            "sign": np.sign(scores.z).astype(np.int64),
            "scale_h": np.array(SCALES_H)[scores.scale],
            "temperature_c": temperature_c,
        },
    )


def _not_yet(channel: Channel, model: novelty_state.State, t_ns: int) -> Finding:
    """There is no baseline yet: clear, and why."""
    return Finding(
        channel=channel.id,
        t_ns=t_ns,
        reason=Reason.NOVELTY,
        tier=Tier.CLEAR,
        score=0.0,
        value=0.0,
        limit=0.0,
        unit="σ",
        limit_source=SOURCE,
        evidence={"baseline_days": model.seen.days, "baseline_needs_days": BASELINE_DAYS},
    )
