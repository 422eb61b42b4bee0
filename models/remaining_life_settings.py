"""How a remaining-life model is trained, as it is declared and kept with the model."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telltale.settings import Settings


class Training(Settings, frozen=True):
    """How a model is trained; the defaults by cross-validation over the engines of C-MAPSS FD001's training file.

    Attributes:
        cap: life beyond is not told apart, in the histories' unit of time.
        spans: of the exponential means, rows.
        directions: projections towards failure (PLS components).
        regimes: operating conditions to tell apart.
        members: ensembles averaged, each with a seed and rows of its own.
        every: a member learns from every so-manieth row; neighbours say almost the same.
        trees, learning_rate, leaves, leaf_rows, features_share: of each ensemble.
        folds: of the cross-validation, by asset.
        kernel_share: width of the errors' kernel, as a share of `cap`.
        early: taken off the prediction.
        margin: how far beyond the training rows an indicator may lie, as a share of what they span.
    """

    cap: Annotated[float, Meta(gt=0)] = 125.0
    spans: tuple[Annotated[float, Meta(ge=1)], ...] = (10.0, 30.0, 90.0)
    directions: Annotated[int, Meta(ge=1, le=16)] = 2
    regimes: Annotated[int, Meta(ge=1, le=64)] = 1
    members: Annotated[int, Meta(ge=1, le=20)] = 3
    every: Annotated[int, Meta(ge=1)] = 4
    trees: Annotated[int, Meta(ge=1, le=2000)] = 200
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 0.05
    leaves: Annotated[int, Meta(ge=2, le=255)] = 15
    leaf_rows: Annotated[int, Meta(ge=1)] = 30
    features_share: Annotated[float, Meta(gt=0, le=1)] = 0.6
    folds: Annotated[int, Meta(ge=2)] = 5
    kernel_share: Annotated[float, Meta(gt=0)] = 0.06
    early: Annotated[float, Meta(ge=0)] = 0.0
    margin: Annotated[float, Meta(ge=0)] = 0.25
