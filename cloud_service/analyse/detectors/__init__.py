"""The registry of detectors, in the order in which they run: quality first, for the others heed what it distrusts."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors.crack import CrackDetector
from cloud_service.analyse.detectors.fatigue import FatigueDetector
from cloud_service.analyse.detectors.limits import LimitsDetector
from cloud_service.analyse.detectors.modes import ModesDetector
from cloud_service.analyse.detectors.noise_floor import NoiseFloorDetector
from cloud_service.analyse.detectors.novelty import NoveltyDetector
from cloud_service.analyse.detectors.quality import QualityDetector
from cloud_service.analyse.detectors.remaining_life import RemainingLifeDetector
from cloud_service.analyse.detectors.sample_rate import SampleRateDetector
from cloud_service.analyse.detectors.short_baseline import ShortBaselineDetector
from cloud_service.analyse.detectors.velocity import VelocityDetector
from cloud_service.analyse.life_models import LifeModels

DETECTORS: tuple[Detector, ...] = (
    QualityDetector(),
    LimitsDetector(),
    VelocityDetector(),
    SampleRateDetector(),
    NoiseFloorDetector(),  # both after fixed limits: these hold whatever the sensor's noise
    ModesDetector(),
    NoveltyDetector(),
    ShortBaselineDetector(),
    CrackDetector(),
    FatigueDetector(),
    RemainingLifeDetector(),
)


def with_life_models(models: LifeModels, detectors: Sequence[Detector] = DETECTORS) -> tuple[Detector, ...]:
    """Detectors with the remaining-life models that a site names; without one, that detector applies nowhere."""
    return tuple(
        RemainingLifeDetector(models) if isinstance(detector, RemainingLifeDetector) else detector
        for detector in detectors
    )
