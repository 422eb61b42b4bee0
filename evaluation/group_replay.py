"""Tables of columns through the registered group detector, as it runs in the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.group_detector import GroupBatch, GroupPlace
from cloud_service.analyse.group_detectors import GROUP_DETECTORS
from cloud_service.analyse.state_codec import decode_state, encode_state
from telltale.site import Channel, Facility, Group, Place, Structure

Floats = NDArray[np.float64]

DETECTOR = "group_novelty"
# The group detector knows no kinds and no units: what a rig measures is declared as one kind that the site file has.
KIND, UNIT = "tilt", "mrad"


class GroupRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an evaluation declares of its group; see `telltale.site.Group`."""

    baseline_rows: int
    smoothing: float
    stretches: int
    chance: float
    wanders: bool = False
    freeze_rows: int = 0
    quarantine_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Of n rows: score (1 is the limit) and the channel that contributes most."""

    score: Floats
    contributor: Sequence[str]

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """(n,) rows at the limit or beyond it."""
        return np.asarray(self.score >= 1.0)


def play_group(
    rule: GroupRule,
    names: Sequence[str],
    t_ns: NDArray[np.int64],
    values: Floats,
    outside: Floats,
    *,
    at_once: int = 256,
) -> Judged:
    """All rows in batches of `at_once`, the state through its bytes between them. The first `baseline_rows` rows are
    learned and then scored themselves; quiet rows are learned later up to `freeze_rows`.

    Args:
        rule: how the group is judged.
        names: of the c channels.
        t_ns: (n,) ascending.
        values: (n, c).
        outside: (n, e) environment.
        at_once: rows a batch; the result does not depend on it.
    """
    detector = next(one for one in GROUP_DETECTORS if one.name == DETECTOR)
    place = _place(rule, names)
    state = detector.initial(place)
    score, contributor = np.full(t_ns.size, np.nan), [""] * t_ns.size
    for start in range(0, t_ns.size, at_once):
        part = slice(start, start + at_once)
        state, output = detector.step(place, state, GroupBatch(t_ns[part], values[part], outside[part]))
        state = decode_state(encode_state(state), detector.state_type)
        for rows in output.rows:
            at = np.searchsorted(t_ns, rows.t_ns)
            score[at] = rows.columns["score"]
            for row, name in zip(at.tolist(), rows.columns["contributor"], strict=True):
                contributor[row] = name
    return Judged(score, contributor)


def _place(rule: GroupRule, names: Sequence[str]) -> GroupPlace:
    channels = tuple(Channel(id=name, kind=KIND, unit=UNIT, gateway="evaluation", interval_s=1.0) for name in names)
    group = Group(
        id="group",
        channels=tuple(names),
        baseline_rows=rule.baseline_rows,
        freeze_rows=rule.freeze_rows,
        wanders=rule.wanders,
        quarantine_rows=rule.quarantine_rows,
        smoothing=rule.smoothing,
        stretches=rule.stretches,
        chance=rule.chance,
    )
    structure = Structure(id="structure", name="structure", channels=channels, groups=(group,))
    facility = Facility(id="facility", name="facility", structures=(structure,))
    return GroupPlace(Place(facility, structure, channels[0]), group, channels)
