"""How a remaining-life model is trained, as it is declared and kept with the model."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from telltale.errors import UserError
from telltale.settings import Settings

CAP_SHARE = 0.63
SPAN_SHARES = (0.05, 0.15, 0.45)


class Training(Settings, frozen=True):
    """How a model is trained; defaults chosen by engines of C-MAPSS FD001's training file.

    Attributes:
        cap: life beyond is not told apart, in the histories' unit of time; 0: 63 % of the median life.
        spans: of the exponential means, rows, ascending; empty: 5, 15 and 45 % of the rows of a median life.
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

    cap: Annotated[float, Meta(ge=0)] = 0.0
    spans: tuple[Annotated[float, Meta(ge=1)], ...] = ()
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

    def for_lives(self, lives: NDArray[np.float64], rows: NDArray[np.int64]) -> Training:
        """The same with `cap` and `spans` in numbers.

        Args:
            lives: (a,) age of each asset at its failure.
            rows: (a,) of each.

        Raises:
            UserError: spans that do not ascend.
        """
        cap = self.cap or CAP_SHARE * float(np.median(lives))
        typical = float(np.median(rows))
        spans = self.spans or tuple(max(1.0 + order, share * typical) for order, share in enumerate(SPAN_SHARES))
        if any(later <= earlier for earlier, later in pairwise(spans)):
            raise UserError(f"spans {spans}", "expected them to ascend")
        return msgspec.structs.replace(self, cap=cap, spans=spans)
