"""Exponentials of sparse matrices against those of full ones."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.sparse import csr_array, random_array

from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.tensor.exponential import exponential
from impo.tensor.gates import bond_liouvillians
from models import gain_loss


@pytest.mark.parametrize("norm", [0.01, 3.0, 40.0], ids=["short", "one series", "squared"])
@pytest.mark.parametrize("order", [1, 7, 64, 150], ids="order {}".format)
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_sparse_matrices_against_full_ones(kind, order, norm):
    rng = np.random.default_rng(order)
    matrix = random_array((order, order), density=min(1.0, 5 / order), rng=rng).toarray()
    if kind == "complex":
        matrix = matrix * np.exp(2j * np.pi * rng.random(matrix.shape))
    matrix *= norm / max(np.linalg.norm(matrix, 2), 1e-300)
    reference = expm(matrix)
    found = exponential(csr_array(matrix))
    assert found.dtype == matrix.dtype
    scale = max(np.linalg.norm(reference, 2), 1.0)
    np.testing.assert_allclose(found, reference, atol=1e-11 * scale, rtol=0)


def test_of_nothing_is_the_identity():
    np.testing.assert_array_equal(exponential(csr_array((3, 3))), np.eye(3))


@pytest.mark.parametrize("time", [0.8, -0.2], ids=["forwards", "backwards"])
def test_gates_of_a_large_spin(time):
    """A cut-off and weights make the Liouvillian far from normal."""
    generator = kept_charges(infinite_chain(gain_loss.chain(8, 1.0, 0.5, 1.7, 1.1)))
    for bond in bond_liouvillians(generator, generator.bases(5), 1.5, mirror=True):
        exact, rounded = bond.gate(time), bond.gate(time, single=True)
        for charge, block in bond.blocks.items():
            reference = expm(time * block.toarray())
            scale = np.abs(reference).max()
            np.testing.assert_allclose(exact[charge], reference, atol=1e-11 * scale, rtol=0)
            np.testing.assert_allclose(rounded[charge], reference, atol=1e-7 * scale, rtol=0)
            assert rounded[charge].dtype == np.float32
