"""Judging: published recordings and simulated years through the service's own detectors and life models.

One evaluation, one module, one line here. It loads the published file format from any folder, names its settings in a
declared file, and calls what is registered with the service: an evaluation has no method of its own.
"""

from __future__ import annotations

from importlib import import_module

from evaluation.port import Evaluate

# name → module with a function `evaluate` (see `evaluation.port.Evaluate`); imported when it is asked for
EVALUATIONS: dict[str, str] = {
    "skab": "evaluation.skab",
    "yonghe": "evaluation.yonghe",
    "cmapss": "evaluation.cmapss",
    "cwru": "evaluation.cwru",
    "crackmeter": "evaluation.crackmeter",
    "life": "evaluation.life",
    "rainflow": "evaluation.rainflow",
    "virkler": "evaluation.virkler",
    "environment": "evaluation.environment",
}


def load(name: str) -> Evaluate:
    """The evaluation of that name.

    Raises:
        KeyError: there is none.
    """
    found: Evaluate = import_module(EVALUATIONS[name]).evaluate
    return found
