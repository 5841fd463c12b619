"""The block-wise two-site update against a dense one."""

import numpy as np
import pytest

from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.refinement.approximation import product_approximation
from impo.tensor.contraction import pair_index
from impo.tensor.gates import bond_liouvillians, physical_legs
from impo.tensor.linear_algebra import leading
from impo.tensor.matrix_product import Truncation
from impo.tensor.trotter import evolve, trotter_step
from models import gain_loss, xyz


def evolved(model, charges, chi=14, weight=0.7, steps=3):
    """Return a truncated state of an infinite chain, its generator and its bond Liouvillians."""
    generator = kept_charges(infinite_chain(model, charges))
    state = product_approximation(generator, None, 10, weight).matrix_product
    bonds = bond_liouvillians(generator, generator.bases(), weight, mirror=state.mirror)
    evolve(state, trotter_step(bonds, 0.3), steps, Truncation(chi))
    return generator, state, bonds


def dense_gate(generator, bonds, bond, gate, mirror):
    """Return the full matrix of a gate; # p0 p1 p0' p1'."""
    legs = physical_legs(generator, generator.bases())
    first, second = legs[bond], legs[(bond + 1) % len(legs)]
    full = np.zeros((first.size, second.size, first.size, second.size))
    charges = bonds[bond].blocks
    for charge in charges:
        i, j = pair_index(first, second, charge)
        full[i[:, None], j[:, None], i, j] = gate[charge]
        if mirror and charge > 0:
            k, m = pair_index(first, second, -charge)
            swap = {}
            basis = generator.bases()
            labels = [list(zip(b.k.tolist(), b.q.tolist(), strict=True)) for b in basis[:2]]
            for row in range(len(k)):
                a, b = labels[0][k[row]], labels[1][m[row]]
                swap[(a[0], -a[1]), (b[0], -b[1])] = row
            order = [swap[labels[0][p], labels[1][q]] for p, q in zip(i, j, strict=True)]
            full[k[order][:, None], m[order][:, None], k[order], m[order]] = gate[charge]
    return full


MODELS = {
    "mirrored": (gain_loss.chain(1, 1.0, 0.6, 1.3, 0.4), True),
    "Hermitian basis": (xyz.chain(0.9, 1.2, 0.4, 0.8), True),
    "uncharged": (gain_loss.chain(0.5, 1.0, 0.6, 1.3, 0.4), False),
}


@pytest.mark.parametrize("chi", [3, 14], ids=["growing", "as large as before"])
@pytest.mark.parametrize("name", MODELS)
def test_an_update_is_the_best_truncation_of_the_dense_product(name, chi):
    generator, state, bonds = evolved(*MODELS[name], chi=chi)
    gate = bonds[0].gate(0.2)
    left = state.singular_values[0].copy()
    theta = np.tensordot(state.dense(0), state.dense(1), axes=(2, 0))  # vL p0 p1 vR
    full = dense_gate(generator, bonds, 0, gate, state.mirror)
    theta = np.einsum("abcd,icdj->iabj", full, theta)
    weighted = left[:, None, None, None] * theta
    matrix = weighted.reshape(weighted.shape[0] * weighted.shape[1], -1)
    values = np.linalg.svd(matrix, compute_uv=False)
    discarded, _ = state.update(0, gate, Truncation(14))
    kept = state.legs[1].size
    best = np.sum(values[kept:] ** 2) / np.sum(values**2)
    assert best <= discarded * (1 + 1e-9)
    assert discarded <= 1.1 * best + 1e-14
    result = np.tensordot(state.dense(0), state.dense(1), axes=(2, 0))
    result = left[:, None, None, None] * result * np.sqrt(np.sum(values**2) * (1 - discarded))
    error = np.sum((result - weighted) ** 2) / np.sum(values**2)
    assert error == pytest.approx(discarded, rel=1e-6, abs=1e-14)
    right = state.dense(1).reshape(kept, -1)
    np.testing.assert_allclose(right @ right.T, np.eye(kept), atol=1e-12)


def test_mirror_images_are_exact():
    """rho stays Hermitian to the last bit: blocks of charge -q are those of q, with parities."""
    generator, state, _ = evolved(*MODELS["mirrored"])
    bases = generator.bases()
    for site, basis in enumerate(bases):
        dense = state.dense(site)
        labels = list(zip(basis.k.tolist(), basis.q.tolist(), strict=True))
        operators = [labels.index((k, -q)) for k, q in labels]

        def image(leg):
            order, sign = np.arange(leg.size), np.ones(leg.size)
            for q, count in leg.sectors:
                start, other = leg.offsets[q], leg.offsets[-q]
                order[start : start + count] = np.arange(other, other + count)
                sign[start : start + count] = leg.parity(q)
            return order, sign

        (left, left_sign), (right, right_sign) = (
            image(state.legs[site]),
            image(state.right_leg(site)),
        )
        mirrored = dense[left][:, operators][:, :, right]
        np.testing.assert_array_equal(mirrored, left_sign[:, None, None] * dense * right_sign)


def test_layout_round_trip():
    _, state, _ = evolved(*MODELS["mirrored"])
    layout = state.layout(0)
    dense = layout.to_dense(state.tensors[0])
    np.testing.assert_array_equal(layout.from_dense(dense), state.tensors[0])
    assert np.count_nonzero(dense) <= layout.size


def test_leading_part_of_a_decomposition():
    rng = np.random.default_rng(1)
    u = np.linalg.qr(rng.standard_normal((120, 120)))[0]
    v = np.linalg.qr(rng.standard_normal((100, 100)))[0]
    values = 0.5 ** np.arange(100)
    matrix = u[:, :100] * values @ v
    guess = v[:10] + 1e-2 * rng.standard_normal((10, 100)) / 10
    found, vectors, missed = leading(matrix, guess)
    np.testing.assert_allclose(found[:8], values[:8], rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(vectors[:8] * v[:8], axis=1)), 1, atol=1e-6)
    assert missed == pytest.approx(np.sum(values[len(found) :] ** 2), rel=0.5)
