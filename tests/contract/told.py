"""A real verdict of every reason, each from the detector that owns it, with the rows behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np

from cloud_service.analyse import remaining_life
from cloud_service.analyse.detector import Batch, Output
from cloud_service.analyse.group_detector import GroupBatch
from cloud_service.analyse.group_detectors import GROUP_DETECTORS
from cloud_service.analyse.life_models import assets_of, load_life_models
from cloud_service.analyse.liveness import GatewayWatch, Heard
from cloud_service.analyse.settings import AnalyseSettings
from cloud_service.analyse.verdicts import finite
from cloud_service.store.schema import MEASUREMENTS, Rows, Type
from cloud_service.wording.reasons import SEVERITY
from sensors_sim.pump import louder
from telltale.clock import NS_PER_DAY
from telltale.findings import SENSOR_FAULTS, Finding, Life, Reason, Tier
from telltale.site import Place, Site
from telltale.site_file import load_site
from tests.contract import test_detectors, test_group_detectors
from tests.contract.batches import START_NS, every_site


@dataclass(frozen=True)
class Case:
    """A verdict, who gave it, and what its mail and pages may read: the site, the store's rows, the newest life."""

    member: str
    finding: Finding
    site: Site
    rows: tuple[Rows, ...] = ()
    life: Life | None = None

    @property
    def name(self) -> str:
        return f"{self.member}-{self.finding.reason.value}-{self.finding.channel}"


@cache
def cases() -> tuple[Case, ...]:
    """One of each registered member, channel and reason."""
    return (*_of_detectors(), *_of_groups(), *_of_life_models(), *_of_silence())


def _of_detectors() -> list[Case]:
    site, found = every_site(test_detectors.INTERVAL_S), []
    for detector, place in (param.values for param in test_detectors.PAIRS):
        batch = test_detectors.faults_and_growth(place)
        if detector.name == "quality":
            batch = replace(batch, inputs_faulty=np.arange(len(batch)) > len(batch) - 3)
        outputs = test_detectors.play(detector, place, batch, 24)
        measured = (*_readings(place, batch), *(rows for output in outputs for rows in output.rows))
        lives = [life for output in outputs for life in output.lives]
        newest = lives[-1] if lives else None
        found += [Case(detector.name, finding, site, measured, newest) for finding in _worst(outputs)]
    return found


def _of_groups() -> list[Case]:
    place, site = test_group_detectors.place(), test_group_detectors.group_site()
    found = []
    for detector in GROUP_DETECTORS:
        outputs = test_group_detectors.play(detector, place, test_group_detectors.batch(), 50)
        rows = tuple(rows for output in outputs for rows in output.rows)
        found += [Case(detector.name, finding, site, rows) for finding in _worst(outputs)]
    return found


def _of_life_models() -> list[Case]:
    """The pump of the sample site and the model that is shipped with it, until the bearing is nearly worn out."""
    folder = Path(str(resources.files("sensors_sim") / "site"))
    site = load_site(folder / "site.toml")
    (place,) = assets_of(site, load_life_models(site, folder))["powerhouse"]
    days = np.arange(120)
    values = 0.8 * (1 + louder(days.astype(np.float64), 140.0))
    t_ns = START_NS + days * NS_PER_DAY
    batch = GroupBatch(t_ns, values[:, None], np.empty((days.size, 0)))
    _, output = remaining_life.step(place, remaining_life.initial(place), batch)
    channel = place.place.channel.id
    rows = (Rows("reading", channel, t_ns, {"value": values}), *output.rows)
    return [Case("remaining_life", finding, site, rows, output.lives[-1]) for finding in _worst([output])]


def _of_silence() -> list[Case]:
    site = every_site(test_detectors.INTERVAL_S)
    (gateway, places), *_ = site.gateways().items()
    watch = GatewayWatch(gateway, places, Heard(since_ns=0), AnalyseSettings())
    (silent,) = watch.tick(30 * NS_PER_DAY, 0, offline=None)
    watch = GatewayWatch(gateway, places, Heard(since_ns=0), AnalyseSettings())
    quiet, *_ = watch.tick(30 * NS_PER_DAY, 30 * NS_PER_DAY, offline=None)
    return [Case("liveness", judged.finding, site) for judged in (silent, quiet)]


def _worst(outputs: list[Output]) -> list[Finding]:
    """The gravest verdict of each reason, the newest of them; one that was never reached as if it had been."""
    by_reason: dict[Reason, Finding] = {}
    for finding in (finding for output in outputs for finding in output.findings):
        before = by_reason.get(finding.reason)
        if before is None or SEVERITY[finding.tier] >= SEVERITY[before.tier]:
            by_reason[finding.reason] = finding
    return [_standing(finite(finding)) for finding in by_reason.values()]


def _standing(finding: Finding) -> Finding:
    if finding.tier is not Tier.CLEAR:
        return finding
    return msgspec.structs.replace(finding, tier=Tier.SUSPECT if finding.reason in SENSOR_FAULTS else Tier.WARN)


def _readings(place: Place, batch: Batch) -> tuple[Rows, ...]:
    """What the service stores of the batch itself."""
    if batch.windows is None:
        return (Rows("reading", place.channel.id, batch.t_ns, {"value": batch.values}),)
    known = MEASUREMENTS["window"].fields
    columns = {name: column for name, column in batch.features.items() if known.get(name) is Type.FLOAT}
    return (Rows("window", place.channel.id, batch.t_ns, columns),)
