"""MAC: scale, phase and order do not matter, orthogonal shapes have none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.modal_assurance import modal_assurance, real_shape

shapes = arrays(np.float64, (2, 4), elements=st.floats(-10, 10)).filter(lambda a: (np.abs(a).max(axis=1) > 0.1).all())


@given(shapes, st.floats(0.1, 10), st.floats(0, 6.28))
def test_scale_and_phase_do_not_matter(pair, scale, phase):
    mac = modal_assurance(pair, scale * np.exp(1j * phase) * pair)
    np.testing.assert_allclose(np.diag(mac), 1.0, rtol=1e-9)
    assert ((mac >= 0) & (mac <= 1 + 1e-9)).all()
    np.testing.assert_allclose(mac, modal_assurance(pair, pair), atol=1e-9)


def test_known_values():
    shapes = np.array([[1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(modal_assurance(shapes, np.array([[0.0, 2.0], [3.0, 3.0]])), [[0, 0.5], [0.5, 1]])


@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5, -3.0])
def test_a_turned_shape_is_laid_on_the_real_axis(phase):
    shape = np.array([0.2, -0.5, 1.0, 0.7])
    np.testing.assert_allclose(real_shape(3.0 * np.exp(1j * phase) * shape), shape, atol=1e-12)
