"""The registry of detectors, in the order in which they run: quality first, for the others heed what it distrusts."""

from __future__ import annotations

from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors.crack import CrackDetector
from cloud_service.analyse.detectors.fatigue import FatigueDetector
from cloud_service.analyse.detectors.limits import LimitsDetector
from cloud_service.analyse.detectors.modes import ModesDetector
from cloud_service.analyse.detectors.noise_floor import NoiseFloorDetector
from cloud_service.analyse.detectors.novelty import NoveltyDetector
from cloud_service.analyse.detectors.quality import QualityDetector
from cloud_service.analyse.detectors.sample_rate import SampleRateDetector
from cloud_service.analyse.detectors.short_baseline import ShortBaselineDetector
from cloud_service.analyse.detectors.velocity import VelocityDetector

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
)
