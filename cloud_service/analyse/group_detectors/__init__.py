"""The registry of group detectors."""

from __future__ import annotations

from cloud_service.analyse.group_detector import GroupDetector
from cloud_service.analyse.group_detectors.novelty import GroupNoveltyDetector

GROUP_DETECTORS: tuple[GroupDetector, ...] = (GroupNoveltyDetector(),)
