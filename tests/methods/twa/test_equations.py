"""Drift and noise of the classical spins against the equations written by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.twa.equations import spin_equations
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from models.gain_loss import chain, square


def rates(equations, vectors):
    """Omega of every spin for unit vectors of shape (n, 3)."""
    n = len(vectors)
    matrix = csr_array(
        (equations.values, equations.columns, equations.row_starts), shape=(3 * n, 3 * n)
    )
    return (matrix @ vectors.ravel() + equations.field).reshape(n, 3)


def random_vectors(n, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("periodic", [True, False])
def test_gain_loss_chain(periodic):
    S, g, h, gain, loss, cells = 3.5, 1.1, 0.4, 1.3, 0.7, 5
    m = random_vectors(2 * cells)
    plus = m[:, 0] + 1j * m[:, 1]
    expected = np.zeros(2 * cells, dtype=complex)
    for cell in range(cells):
        a, b = 2 * cell, 2 * cell + 1
        expected[a] += g * plus[b] - 1j * gain * plus[a]
        expected[b] += g * plus[a] + 1j * loss * plus[b]
        if periodic or cell < cells - 1:
            following = (2 * cell + 2) % (2 * cells)
            expected[b] += h * plus[following]
            expected[following] += h * plus[b]
    expected *= (S + 0.5) / S
    equations = spin_equations(chain(S, g, h, gain, loss), (cells,), periodic)
    omega = rates(equations, m)
    np.testing.assert_allclose(omega[:, 0] + 1j * omega[:, 1], expected, atol=1e-14)
    np.testing.assert_array_equal(omega[:, 2], 0)
    np.testing.assert_allclose(
        equations.diffusion, np.tile([[gain / S] * 2, [loss / S] * 2], (cells, 1))
    )
    assert equations.rate >= np.linalg.norm(omega, axis=1).max()


def test_square_lattice_has_two_bonds_of_each_kind():
    S, g, h = 3, 1.0, 0.3
    equations = spin_equations(square(S, g, h, gain=0, loss=0), (4, 3))
    aligned = np.tile([1.0, 0, 0], (24, 1))
    expected = np.tile([(2 * g + 2 * h) * (S + 0.5) / S, 0, 0], (24, 1))
    np.testing.assert_allclose(rates(equations, aligned), expected, atol=1e-14)


def test_any_bilinear_hamiltonian_by_its_gradient():
    """Mixed spins, fields, Dzyaloshinskii-Moriya and ZZ couplings: Omega = dH/ds."""
    terms = (
        Term(0.3, ("Sx", 0, 0), ("Sy", 1, 0)),
        Term(-0.2 + 0.5j, ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
        Term(0.1 - 0.4j, ("S+", 0, 0), ("S+", 1, 0), plus_hc=True),
        Term(0.7, ("Sz", 1, 0), ("Id", 0, 0), ("Sz", 0, 1)),
        Term(0.25, ("Sx", 1, 0)),
        Term(0.15j, ("S+", 0, 0), plus_hc=True),
    )
    model = LindbladModel((Spin(2), Spin(3.5)), terms)
    cells = 3
    equations = spin_equations(model, (cells,))
    s = random_vectors(2 * cells, 1) * equations.lengths[:, None]

    def energy(s):
        a, b, following = s[0::2], s[1::2], np.roll(s[0::2], -1, axis=0)

        def plus(v):
            return v[:, 0] + 1j * v[:, 1]

        total = 0.3 * a[:, 0] * b[:, 1] + 0.7 * b[:, 2] * following[:, 2] + 0.25 * b[:, 0]
        total = total + 2 * np.real((-0.2 + 0.5j) * plus(b) * plus(following).conj())
        total = total + 2 * np.real((0.1 - 0.4j) * plus(a) * plus(b))
        return np.sum(total + 2 * np.real(0.15j * plus(a)))

    gradient = np.zeros_like(s)
    for index in np.ndindex(*s.shape):
        step = np.zeros_like(s)
        step[index] = 1e-6
        gradient[index] = (energy(s + step) - energy(s - step)) / 2e-6
    np.testing.assert_allclose(
        rates(equations, s / equations.lengths[:, None]), gradient, rtol=1e-7, atol=1e-7
    )


def test_hermitian_jumps_bring_noise_and_no_drift():
    model = LindbladModel((Spin(2), Spin(2)), (), (Jump(0.3, "Sx", 0), Jump(0.2, "Sy", 1)))
    equations = spin_equations(model, (1,))
    np.testing.assert_array_equal(equations.diffusion, [[0.3, 0], [0, 0.2]])
    assert len(equations.values) == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LindbladModel((Boson(3),)), "site 0 is Boson"),
        (LindbladModel((Spin(2),), (Term(1.0, *[("Sz", 0, 0)] * 3),)), "Sz.*Sz.*more than two"),
        (
            LindbladModel((Spin(2),), (Term(1.0, ("Sz", 0, 0), ("Sz", 0, 1), ("Sz", 0, 2)),)),
            "more than two",
        ),
        (
            LindbladModel((Spin(2),), (), (Jump(1.0, Term(1.0, ("S+", 0, 0), ("S-", 0, 1))),)),
            r"jump S\+\[site 0\] S-\[site 0, cell \(1,\)\]: it is not linear",
        ),
    ],
)
def test_other_models_are_refused_by_the_offending_term(model, message):
    with pytest.raises(UnsupportedModelError, match=message):
        spin_equations(model, (4,))


def test_term_that_meets_itself_is_refused():
    model = LindbladModel((Spin(2),), (Term(1.0, ("Sz", 0, 0), ("Sz", 0, 1)),))
    with pytest.raises(ArgumentError, match="meets itself"):
        spin_equations(model, (1,))
