"""The modal assurance criterion: how alike two mode shapes are, whatever their scale and phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Shapes = NDArray[np.float64] | NDArray[np.complex128]


def modal_assurance(shapes: Shapes, others: Shapes) -> NDArray[np.float64]:
    """MAC = |φᴴψ|² / (φᴴφ · ψᴴψ) (Allemang and Brown, Proc. IMAC 1 (1982) 110).

    Args:
        shapes: (a, places), a shape a row, real or complex, none all zero.
        others: (b, places).

    Returns:
        (a, b) between 0 (orthogonal) and 1 (the same shape).
    """
    product = np.abs(np.conj(shapes) @ others.T) ** 2
    energy = np.sum(np.abs(shapes) ** 2, axis=1)[:, None] * np.sum(np.abs(others) ** 2, axis=1)
    return np.asarray(product / energy, dtype=np.float64)


def real_shape(shape: Shapes) -> NDArray[np.float64]:
    """A complex shape (places,) turned so that it is as real as can be, its largest place 1.

    The angle is that of Σφ², which lays the points of a monophase shape on the real axis.
    """
    turned = shape * np.exp(-0.5j * np.angle(np.sum(np.asarray(shape, dtype=np.complex128) ** 2)))
    real = np.real(turned)
    return np.asarray(real / real[np.abs(real).argmax()], dtype=np.float64)
