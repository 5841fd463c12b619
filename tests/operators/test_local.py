import numpy as np
import pytest
import qutip

from impo.operators.local import (
    SPIN_VECTORS,
    boson_operators,
    multipole_basis,
    multipole_diagonals,
    spin_operators,
    spin_vector,
)


@pytest.mark.parametrize("S", [0.5, 1, 1.5, 7])
def test_spin_operators_are_those_of_qutip(S):
    ours = spin_operators(S)
    for name, theirs in {"Sz": "z", "S+": "+", "S-": "-", "Sx": "x", "Sy": "y"}.items():
        np.testing.assert_allclose(ours[name], qutip.jmat(S, theirs).full(), atol=1e-14)


@pytest.mark.parametrize("op", SPIN_VECTORS)
def test_spin_vectors_give_the_operators(op):
    s = spin_operators(1.5)
    along = sum(u * s[axis] for u, axis in zip(spin_vector(op), ("Sx", "Sy", "Sz"), strict=True))
    np.testing.assert_allclose(along, s[op], atol=1e-14)


def test_boson_operators_are_those_of_qutip():
    ours = boson_operators(6)
    np.testing.assert_allclose(ours["B"], qutip.destroy(7).full())
    np.testing.assert_allclose(ours["Bd"], qutip.create(7).full())
    np.testing.assert_allclose(ours["N"], qutip.num(7).full())


@pytest.mark.parametrize("dimension", [2, 3, 6])
def test_multipoles_are_spherical_tensors(dimension):
    """[Sz, T] = q T and sum_a [S_a, [S_a, T]] = k (k + 1) T define T_kq up to a sign."""
    ops = spin_operators((dimension - 1) / 2)
    matrices, ranks, charges = multipole_basis(dimension, dimension - 1)
    assert len(matrices) == dimension**2
    gram = np.einsum("xij,yij->xy", matrices, matrices)
    np.testing.assert_allclose(gram, np.eye(dimension**2), atol=1e-13)
    for T, k, q in zip(matrices, ranks, charges, strict=True):

        def commutator(a, b):
            return a @ b - b @ a

        np.testing.assert_allclose(commutator(ops["Sz"], T), q * T, atol=1e-12)
        casimir = sum(commutator(ops[a], commutator(ops[a], T)) for a in ("Sx", "Sy", "Sz"))
        np.testing.assert_allclose(casimir, k * (k + 1) * T, atol=1e-11)


def test_adjoint_of_a_multipole_has_the_opposite_charge():
    matrices, k, q = multipole_basis(5, 3)
    by_label = {(a, b): T for T, a, b in zip(matrices, k, q, strict=True)}
    for (a, b), T in by_label.items():
        np.testing.assert_array_equal(by_label[a, -b], T.T)
    np.testing.assert_allclose(by_label[0, 0], np.eye(5) / np.sqrt(5))


def test_multipoles_of_a_large_spin_stay_orthonormal():
    diagonals = multipole_diagonals(401, 60)
    for q in (0, 1, 30, 60):
        rows = np.array([diagonals[k, q] for k in range(q, 61)])
        np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-12)
