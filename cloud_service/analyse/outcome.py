"""What one step of analysis found, before the alert stages see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloud_service.analyse.decode import Skip
from cloud_service.store.schema import Rows
from telltale.findings import Finding, Life


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding with what alerting has to know about it.

    Attributes:
        finding: the verdict.
        structure: of the channel; empty for a gateway's.
        frame: index of the frame in the batch, for the order of events.
        heard_ns: the run's clock when its data came in.
        caused_ns: event time of the reading that led to it, for the order of events.
    """

    finding: Finding
    structure: str
    frame: int
    heard_ns: int
    caused_ns: int = 0


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of a channel: its time, and its value (rms for waveforms), NaN where missing."""

    t_ns: int
    value: float


def newer(some: Mapping[str, Latest], others: Mapping[str, Latest]) -> dict[str, Latest]:
    """Channel → the newer one of both."""
    found = dict(some)
    for channel, latest in others.items():
        if channel not in found or found[channel].t_ns <= latest.t_ns:
            found[channel] = latest
    return found


@dataclass(frozen=True, slots=True)
class Fault:
    """A detector that failed on a channel: its output of this step is missing, its state as it was committed.

    Attributes:
        t_ns: newest reading that it could not judge.
    """

    channel: str
    detector: str
    error: str
    t_ns: int


@dataclass(slots=True)
class StepResult:
    """All that one step says.

    Attributes:
        rows: for the store.
        judged: findings in the order in which alerting has to take them.
        lives: life estimates and refusals, oldest first.
        latest: channel → its newest reading of this step.
        skips, faults: what was left out.
        frames, samples: how much was analysed.
        heard_ns: the run's clock after the last frame.
    """

    rows: list[Rows] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    latest: dict[str, Latest] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    frames: int = 0
    samples: int = 0
    heard_ns: int = 0

    def add(self, later: StepResult) -> None:
        """What a later step said, behind what was said before."""
        self.rows.extend(later.rows)
        self.judged.extend(later.judged)
        self.lives.extend(later.lives)
        self.latest = newer(self.latest, later.latest)
        self.skips.extend(later.skips)
        self.faults.extend(later.faults)
        self.frames += later.frames
        self.samples += later.samples
        self.heard_ns = max(self.heard_ns, later.heard_ns)
