"""The registry of crack life models, by material."""

from __future__ import annotations

from cloud_service.analyse.detectors.crack_first_passage import first_passage
from cloud_service.analyse.detectors.crack_life import CrackLife
from cloud_service.analyse.detectors.crack_steel import steel_life

LIFE_MODELS: dict[str, CrackLife] = {"concrete": first_passage, "rock": first_passage, "steel": steel_life}
