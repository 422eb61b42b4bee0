"""What novelty reads of the windows of several channels: the rows that may be judged, cut by channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.detector import LAGS_H, Batch
from cloud_service.analyse.detectors.vibration_rows import log_features, log_of, measured

LAGS = len(LAGS_H)


def read(
    batches: Sequence[Batch], names: tuple[str, ...], after_ns: Sequence[int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], bool]]:
    """Of each batch the windows that may be judged, as (times (k,), table, whether all temperatures are known).

    Args:
        batches: each of one channel.
        names: the features that are read.
        after_ns: of each batch, windows up to there are passed over.

    Returns:
        tables of shape (k, LAGS + 1 + names): lagged temperatures, ln rms, natural logs of the features.
    """
    batch = _joined(batches, names)
    counts = [len(part) for part in batches]
    log_rms = log_of(batch.features["rms"])
    keep = ~batch.unusable & np.isfinite(log_rms) & (batch.t_ns > np.repeat(after_ns, counts))
    table = np.concatenate([_settled(batch), log_rms[:, None], log_features(batch, names)], axis=1)[keep]
    t_ns, unknown = batch.t_ns[keep], ~np.isfinite(table[:, :LAGS]).all(axis=1)
    edges = _before(keep)[_before(counts)]
    sees_all = np.diff(_before(unknown)[edges]) == 0
    for (start, stop), sees in zip(pairwise(edges.tolist()), sees_all.tolist(), strict=True):
        yield t_ns[start:stop], table[start:stop], sees


def _before(counts: Sequence[int] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many come before each, and in all, shape (n + 1,)."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _joined(batches: Sequence[Batch], names: tuple[str, ...]) -> Batch:
    """The rows of several channels one after the other, with what `read` reads."""
    if len(batches) == 1:
        return batches[0]
    unusable = np.concatenate([batch.unusable for batch in batches])
    return Batch(
        t_ns=np.concatenate([batch.t_ns for batch in batches]),
        values=np.concatenate([batch.values for batch in batches]),
        flags=np.concatenate([batch.flags for batch in batches]),
        temperature_c=np.concatenate([_settled(batch) for batch in batches]).reshape(-1, LAGS),
        faulty=unusable,
        inputs_faulty=unusable,
        features={
            name: np.concatenate([batch.features[name] for batch in batches])
            for name in ("rms", *sorted(measured(names)))
        },
    )


def _settled(batch: Batch) -> NDArray[np.float64]:
    """Temperatures, unknown where their lags are a guess."""
    if batch.unsettled is None or not batch.unsettled.any():
        return batch.temperature_c
    return np.where(batch.unsettled[:, None], np.nan, batch.temperature_c)
