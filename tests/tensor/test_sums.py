"""Sums of density operators and canonical forms against dense ones."""

from functools import reduce

import numpy as np
import pytest

from impo.operators.liouvillian import finite_cluster, kept_charges
from impo.refinement.approximation import product_approximation
from impo.refinement.starts import second_start
from impo.tensor.canonical import make_canonical
from impo.tensor.gates import bond_liouvillians
from impo.tensor.matrix_product import Truncation
from impo.tensor.sums import combined
from impo.tensor.trotter import evolve, trotter_step
from models import gain_loss, xyz

MODELS = {
    "mirrored": (gain_loss.chain(1, 1.0, 0.6, 1.3, 0.4), 2, True),
    "Hermitian basis": (xyz.chain(0.9, 1.2, 0.4, 0.8), 4, True),
    "uncharged": (gain_loss.chain(0.5, 1.0, 0.6, 1.3, 0.4), 2, False),
}


def whole(product):
    """Return all coefficients."""
    tensors = [product.dense(site) for site in range(len(product))]
    return reduce(lambda a, b: np.tensordot(a, b, 1), tensors).ravel()


@pytest.fixture(params=MODELS)
def states(request):
    """Return two truncated states of different bonds, and the Liouvillians of the bonds."""
    model, cells, charges = MODELS[request.param]
    generator = kept_charges(finite_cluster(model, cells, charges=charges))
    starts = product_approximation(generator, None, 4, 0.7), second_start(generator, 4, 0.7)
    bonds = bond_liouvillians(generator, starts[0].bases, 0.7, mirror=generator.mirror)
    products = [start.matrix_product for start in starts]
    for product, chi in zip(products, (7, 11), strict=True):
        evolve(product, trotter_step(bonds, 0.3), 3, Truncation(chi))
    return products, bonds


def test_a_sum_is_that_of_the_dense_states(states):
    (one, two), _ = states
    found = combined([one, two], [0.7, -1.6])
    expected = 0.7 * whole(one) - 1.6 * whole(two)
    size = np.vdot(expected, whole(found)) / np.vdot(expected, expected)  # tensors have norm one
    np.testing.assert_allclose(whole(found), size * expected, atol=1e-13)


def test_the_canonical_form_keeps_the_state_and_tells_its_schmidt_values(states):
    (one, two), bonds = states
    found = combined([one, two], [0.7, 1.6])
    expected = whole(found) / np.linalg.norm(whole(found))
    make_canonical(found, bonds, 10**6)
    np.testing.assert_allclose(whole(found), expected, atol=1e-12)
    for site in range(1, len(found)):
        tensor = found.dense(site).reshape(found.legs[site].size, -1)
        np.testing.assert_allclose(tensor @ tensor.conj().T, np.eye(len(tensor)), atol=1e-10)
        left = int(np.prod([leg.size for leg in found.physical[:site]]))
        values = np.linalg.svd(expected.reshape(left, -1), compute_uv=False)
        kept = np.sort(found.singular_values[site])[::-1]
        np.testing.assert_allclose(kept, values[: len(kept)], atol=1e-12)
        np.testing.assert_allclose(values[len(kept) :], 0, atol=1e-12)


def test_a_truncation_is_the_best_one_for_the_middle_bond(states):
    (one, two), bonds = states
    found = combined([one, two], [0.7, 1.6])
    before = whole(found) / np.linalg.norm(whole(found))
    make_canonical(found, bonds, 3)
    assert found.bond_dimension <= 3
    missed = np.linalg.norm(whole(found) * np.vdot(whole(found), before) - before) ** 2
    best = []
    for site in range(1, len(found)):
        left = int(np.prod([leg.size for leg in found.physical[:site]]))
        values = np.linalg.svd(before.reshape(left, -1), compute_uv=False)
        best.append(float(np.sum(values[found.legs[site].size :] ** 2)))
    assert max(best) <= missed * (1 + 1e-9)
    assert missed <= 1.5 * sum(best) + 1e-13
