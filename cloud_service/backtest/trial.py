"""One way of setting the service, tried on history: its step and alert stages, and what it told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_service.alert.deduplicate import Update
from cloud_service.alert.stages import Alerts, AlertState, Stages
from cloud_service.analyse.baselines import Baselines
from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.outcome import Fault
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.backtest.changes import Setup
from cloud_service.baseline_record import BaselineEvent
from telltale.findings import Reason, Tier


@dataclass(frozen=True, slots=True)
class Told:
    """An incident that reached a tier.

    Attributes:
        t_ns: when people would have been told, in the history's own time.
        channel, reason, tier: what of.
        value, limit, unit: of the finding that led to it.
    """

    t_ns: int
    channel: str
    reason: Reason
    tier: Tier
    value: float
    limit: float
    unit: str


class Trial:
    """Everything as in the service, but that nothing is kept beyond the run; and who falls silent is not asked.

    Args:
        setup: as it is tried.
        acts: where operators ended baselines.

    Attributes:
        told: incidents that reached a tier, oldest first.
        mailed_ns: when each mail would have been written.
        faults: detectors that failed.
    """

    def __init__(self, setup: Setup, acts: Sequence[BaselineEvent] = ()) -> None:
        self.told: list[Told] = []
        self.mailed_ns: list[int] = []
        self.faults: list[Fault] = []
        self._step = Step(setup.site, setup.detectors, 0, "data", life_models=setup.life_models)
        self._step.baselines = Baselines(list(acts))
        self._stages = Stages(setup.site, setup.alert)
        self._states = States()
        self._alerts: dict[str, AlertState] = {}

    def take(self, frames: Sequence[Decoded]) -> None:
        """The next frames, in order of time."""
        _, result = self._step(self._states, frames)
        self.faults.extend(result.faults)
        out = Alerts()
        for item in sorted(result.judged, key=lambda judged: judged.caused_ns):
            state = self._alerts.setdefault(item.structure, AlertState())
            self._stages.take(state, item.finding, item.heard_ns, out)
        self._keep(out)
        self.tick(result.heard_ns)

    def tick(self, now_ns: int) -> None:
        """Time went on to `now_ns`: mails that were gathered are due."""
        out = Alerts()
        for state in self._alerts.values():
            self._stages.tick(state, now_ns, out)
        self._keep(out)

    def _keep(self, out: Alerts) -> None:
        self.told.extend(_told(update, update.reached) for update in out.updates if update.reached is not None)
        self.mailed_ns.extend(mail.created_ns for mail in out.mails)


def _told(update: Update, tier: Tier) -> Told:
    finding = update.incident.finding
    return Told(update.heard_ns, finding.channel, finding.reason, tier, finding.value, finding.limit, finding.unit)
