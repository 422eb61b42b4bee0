"""Sums of regression trees as plain arrays: what gradient boosting leaves behind, without the library that grew it."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROWS_AT_ONCE = 2048
MAX_NODES = 500_000
LARGEST = 1e100  # so that sums stay finite


class Trees(msgspec.Struct, frozen=True):
    """An ensemble; its answer is `base` plus one leaf's value of each tree.

    Attributes:
        roots: (t,) node at which each tree begins.
        feature: (m,) which feature a node asks for.
        threshold: (m,) rows with feature ≤ threshold go left, the others right.
        left, right: (m,) the next node, always a later one; of a leaf, itself.
        value: (m,) what a leaf adds.
        base: what is added to all rows.
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    base: float


def answer(trees: Trees, features: Floats) -> Floats:
    """The ensemble's value of each row of `features` (n, f), finite; shape (n,). A row's value is its own alone."""
    starts = range(0, len(features), ROWS_AT_ONCE)
    parts = [_leaves(trees, features[start : start + ROWS_AT_ONCE]) for start in starts]
    return np.concatenate(parts) if parts else np.empty(0)


def _leaves(trees: Trees, features: Floats) -> Floats:
    row = np.arange(len(features))[:, None]
    node = np.broadcast_to(trees.roots, (len(features), trees.roots.size))
    while True:
        lower = features[row, trees.feature[node]] <= trees.threshold[node]
        after = np.where(lower, trees.left[node], trees.right[node])
        if np.array_equal(after, node):
            total: Floats = trees.base + trees.value[node].sum(axis=1)
            return total
        node = after


def wrong_with(trees: Trees, features: int) -> str:
    """What makes `trees` unusable with rows of so many features; empty when nothing does.

    A walk ends because a node's children come after it.
    """
    whole = (trees.roots, trees.feature, trees.left, trees.right)
    real = (trees.threshold, trees.value)
    if any(array.dtype != np.int64 or array.ndim != 1 for array in whole):
        return "trees: node numbers are not plain 64-bit integers"
    if any(array.dtype != np.float64 or array.ndim != 1 for array in real):
        return "trees: thresholds and values are not plain 64-bit numbers"
    nodes = trees.feature.size
    if not 0 < nodes <= MAX_NODES or not 0 < trees.roots.size <= nodes:
        return f"trees: {trees.roots.size} trees of {nodes} nodes"
    if any(array.size != nodes for array in (*whole[1:], *real)):
        return "trees: arrays of nodes differ in length"
    return _wrong_nodes(trees, features, np.arange(nodes))


def _wrong_nodes(trees: Trees, features: int, node: Ints) -> str:
    last = node.size - 1
    leaf = (trees.left == node) & (trees.right == node)
    forward = (trees.left > node) & (trees.right > node) & (trees.left <= last) & (trees.right <= last)
    if not (leaf | forward).all():
        return "trees: a node's children do not come after it"
    if trees.roots.min() < 0 or trees.roots.max() > last:
        return "trees: a tree begins outside the nodes"
    if trees.feature.min() < 0 or trees.feature.max() >= features:
        return f"trees: a node asks for a feature outside the {features}"
    numbers = np.concatenate((trees.threshold, trees.value, [trees.base]))
    if not (np.abs(numbers) <= LARGEST).all():
        return f"trees: a threshold or value is no number up to {LARGEST:g}"
    return ""
