import numpy as np
import pytest

from impo.model import Boson, Spin
from impo.operators.basis import operator_basis
from impo.operators.local import charge_parts, local_operators, state_charges

SITES = [Spin(0.5), Spin(1.5), Boson(3)]


def random_matrix(d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("site", SITES)
def test_superoperators_of_one_site(site, hermitian):
    """left, right and dissipator act on coefficients as the operators act on the matrix."""
    d = site.dimension
    basis = operator_basis(site, hermitian=hermitian)
    rho, op = random_matrix(d, 1), random_matrix(d, 2)
    c = basis.expand(rho)
    np.testing.assert_allclose(np.einsum("x,xij->ij", c, basis.matrices), rho, atol=1e-13)
    np.testing.assert_allclose(basis.left(op) @ c, basis.expand(op @ rho), atol=1e-12)
    np.testing.assert_allclose(basis.right(op) @ c, basis.expand(rho @ op), atol=1e-12)
    number = op.conj().T @ op
    decay = op @ rho @ op.conj().T - (number @ rho + rho @ number) / 2
    np.testing.assert_allclose(basis.dissipator(op) @ c, basis.expand(decay), atol=1e-11)
    assert basis.measure(op) @ c == pytest.approx(np.trace(op @ rho))
    assert basis.trace @ c == pytest.approx(np.trace(rho))


@pytest.mark.parametrize("site", SITES)
def test_hermitian_basis(site):
    basis = operator_basis(site, hermitian=True)
    np.testing.assert_array_equal(basis.matrices, basis.matrices.conj().transpose(0, 2, 1))
    gram = np.einsum("xij,yij->xy", basis.matrices.conj(), basis.matrices)
    np.testing.assert_allclose(gram, np.eye(site.dimension**2), atol=1e-13)
    assert not basis.q.any()


@pytest.mark.parametrize("site", SITES)
def test_charges_of_the_basis_are_those_of_the_states(site):
    basis = operator_basis(site)
    charges = state_charges(site)
    for T, q in zip(basis.matrices, basis.q, strict=True):
        rows, columns = np.nonzero(np.abs(T) > 1e-12)
        np.testing.assert_array_equal(charges[rows] - charges[columns], q)


@pytest.mark.parametrize("site", SITES)
def test_charge_parts_add_up(site):
    matrix = random_matrix(site.dimension)
    parts = charge_parts(site, matrix)
    np.testing.assert_allclose(sum(parts.values()), matrix)
    raising = "S+" if isinstance(site, Spin) else "Bd"
    assert list(charge_parts(site, local_operators(site)[raising])) == [1]


def test_cut_off_keeps_ranks_up_to_k_max():
    basis = operator_basis(Spin(3), k_max=2)
    assert len(basis) == 9
    assert basis.k.max() == 2
    assert len(operator_basis(Spin(1), k_max=50)) == 9
    rows = operator_basis(Spin(3), k_max=3)
    sp = local_operators(Spin(3))["S+"]
    larger = basis.left(sp, rows)
    assert larger.shape == (16, 9)
    kept = [
        np.flatnonzero((rows.k == k) & (rows.q == q))[0]
        for k, q in zip(basis.k, basis.q, strict=True)
    ]
    np.testing.assert_allclose(larger[kept], basis.left(sp))
