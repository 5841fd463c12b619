"""Jumps that are linear in spins: their drift, their noise, and the ordering they imply."""

import numpy as np
import pytest

from impo import jumps_from_rates
from impo.methods.twa.equations import spin_equations
from impo.methods.twa.integrator import LANES, advance, random_streams
from impo.methods.twa.jumps import linear_jumps, ordering
from impo.methods.twa.samples import coherent
from impo.model import Jump, LindbladModel, Spin, Term
from impo.operators.local import spin_vector
from tests.methods.twa.test_equations import random_vectors, rates

GENERAL = (
    Term(0.7 - 0.2j, ("S-", 0, 0)),
    Term(0.3j, ("S+", 1, 0)),
    Term(0.5, ("Sz", 0, 1)),
    Term(-0.4 + 0.1j, ("Sx", 0, 0)),
    Term(0.9 - 0.6j, ("Id", 0, 0)),
)
SIZES = (Spin(2), Spin(3.5))


def general_symbol(s):
    """L(s) of `GENERAL` on a ring, for every cell; s of shape (cells, 2, 3)."""
    following = np.roll(s, -1, axis=0)
    plus = s[..., 0] + 1j * s[..., 1]
    return (
        (0.7 - 0.2j) * plus[:, 0].conj() + 0.3j * plus[:, 1] + 0.5 * following[:, 0, 2]
        + (-0.4 + 0.1j) * s[:, 0, 0] + 0.9 - 0.6j
    )  # fmt: skip


def test_drift_of_any_linear_jump_by_its_gradient():
    """Omega = rate (y dx/ds - x dy/ds) with x + iy = L(s), also with a constant in L."""
    rate, cells = 0.8, 4
    model = LindbladModel(SIZES, (), (Jump(rate, *GENERAL),))
    equations = spin_equations(model, (cells,))
    s = random_vectors(2 * cells, 3) * equations.lengths[:, None]
    expected = np.zeros_like(s)
    value = general_symbol(s.reshape(cells, 2, 3))
    for index in np.ndindex(*s.shape):
        step = np.zeros_like(s)
        step[index] = 0.5
        slope = general_symbol((s + step).reshape(cells, 2, 3)) - general_symbol(
            (s - step).reshape(cells, 2, 3)
        )
        expected[index] = rate * np.sum(value.imag * slope.real - value.real * slope.imag)
    found = rates(equations, s / equations.lengths[:, None])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert equations.rate >= np.linalg.norm(found, axis=1).max()


def test_rate_matrix_of_losses():
    """Omega_i^+ = i sum_j G_ij s_j^+ and <dB_i dB_j> = Re(G_ij^* u^* u) from one matrix."""
    matrix = np.array([[1.0, 0.3 - 0.5j], [0.3 + 0.5j, 0.8]])
    model = LindbladModel(SIZES, (), jumps_from_rates(matrix, [("S-", 0, 0), ("S-", 1, 0)]))
    equations = spin_equations(model, (1,))
    m = random_vectors(2, 5)
    omega = rates(equations, m)
    s = m * equations.lengths[:, None]
    expected = 1j * matrix @ (s[:, 0] + 1j * s[:, 1])
    np.testing.assert_allclose(omega[:, 0] + 1j * omega[:, 1], expected, atol=1e-13)
    np.testing.assert_allclose(omega[:, 2], 0, atol=1e-15)
    minus = spin_vector("S-")
    noise = np.real(np.kron(matrix.conj(), np.outer(minus.conj(), minus)))
    np.testing.assert_allclose(equations.covariance.toarray(), noise, atol=1e-14)
    assert equations.noise_rate == pytest.approx(1.0)


def test_noise_has_the_covariance_of_the_jumps():
    """Turns in a short time, over many copies, within five standard errors."""
    matrix = np.array([[1.0, 0.3 - 0.5j], [0.3 + 0.5j, 0.8]])
    jumps = (
        *jumps_from_rates(matrix, [("S-", 0, 0), ("S+", 1, 0)]),
        Jump(0.7, Term(1.0, ("Sz", 0, 0)), Term(0.5, ("Sx", 1, 0))),
        Jump(0.4, "S+", 1),
    )
    equations = spin_equations(LindbladModel(SIZES, (), jumps), (1000,))
    dt, samples = 1e-6, []
    for axis in np.eye(3):
        generators, _ = random_streams(4, int(axis @ np.arange(3)))
        spins = np.repeat(np.tile(axis, 2000)[:, None], LANES, axis=1)
        advance(spins, generators, equations, dt, 1)
        samples.append(np.cross(axis, np.moveaxis(spins.reshape(1000, 2, 3, LANES), 2, 3)))
    for axis, turned in enumerate(samples):  # axis x (turn x axis): the turn across the axis
        seen = np.delete(np.arange(6).reshape(2, 3), axis, axis=1).ravel()
        flat = np.moveaxis(turned, 2, 1).reshape(-1, 6)[:, seen]
        products = flat[:, :, None] * flat[:, None, :] / dt
        error = products.std(axis=0) / np.sqrt(len(products))
        wanted = equations.covariance.toarray()[:6, :6][np.ix_(seen, seen)]
        assert np.all(np.abs(products.mean(axis=0) - wanted) <= 5 * error + 1e-3)


@pytest.mark.parametrize(
    ("terms", "count"),
    [
        ((Term(1.0, ("Sz", 0, 0)),), 1),
        ((Term(np.exp(0.3j), ("Sx", 0, 0)), Term(2 * np.exp(0.3j), ("Sz", 1, 0))), 1),
        ((Term(1.0, ("S-", 0, 0)), Term(0.5j, ("S-", 1, 0))), 2),
        ((Term(1.0, ("Sx", 0, 0)), Term(0.5j, ("Sz", 0, 0))), 2),
    ],
)
def test_hermitian_operators_have_one_noise_and_no_drift(terms, count):
    model = LindbladModel(SIZES, (), (Jump(0.6, *terms),))
    (jump,) = linear_jumps(model)
    assert len(jump.noises()) == count
    assert (len(spin_equations(model, (1,)).values) == 0) == (count == 1)


def test_an_open_chain_has_no_jump_that_leaves_it():
    """As in `Exact`: two pairs on three cells, and each end has half the noise."""
    pair = Jump(1.0, Term(1.0, ("S-", 0, 0)), Term(1.0, ("S-", 0, 1)))
    model = LindbladModel((Spin(2),), (), (pair,))
    equations = spin_equations(model, (3,), periodic=False)
    np.testing.assert_allclose(equations.covariance.diagonal(), [1, 1, 0, 2, 2, 0, 1, 1, 0])


@pytest.mark.parametrize(
    ("jumps", "expected"),
    [
        ((Jump(1.0, "S-", 0), Jump(0.3, "Sz", 0)), np.diag([0, 0, 0.25])),
        ((Jump(1.0, "Sz", 0), Jump(0.3, "Sx", 0)), np.eye(3) / 12),
        ((Jump(1.0, Term(1.0, ("Sy", 0, 0)), Term(1j, ("Sz", 0, 0))),), np.diag([0.25, 0, 0])),
        ((Jump(1.0, "S+", 0), Jump(1.0, Term(1j, ("Sx", 0, 0)), Term(1, ("Sz", 0, 0)))),
         np.eye(3) / 12),
        ((Jump(1.0, "S-", 1),), np.diag([0, 0, 0.25])),
    ],
)  # fmt: skip
def test_ordering_follows_the_axis_of_the_dissipation(jumps, expected):
    found = ordering(LindbladModel(SIZES, (), jumps))
    np.testing.assert_allclose(found[0], expected, atol=1e-15)
    assert np.trace(found[0]) == pytest.approx(0.25)


@pytest.mark.parametrize("S", [0.5, 4])
def test_even_samples_have_the_exact_second_moments_in_any_direction(S):
    """<s_a s_b> - delta_ab / 12 of a coherent state along n is S (S - 1/2) n n + S/2."""
    n = np.array([0.6, 0, 0.8])
    generator = np.random.default_rng(2)
    samples = [
        coherent(np.array([S + 0.5]), n[None], generator, np.array([True])) for _ in range(5000)
    ]
    s = (S + 0.5) * np.concatenate(samples, axis=1)
    products = s[:, None] * s[None, :]
    error = products.std(axis=-1) / np.sqrt(s.shape[1])
    exact = S * (S - 0.5) * np.outer(n, n) + S / 2 * np.eye(3)
    assert np.all(np.abs(products.mean(axis=-1) - np.eye(3) / 12 - exact) <= 4 * error)
    assert np.all(np.abs(s.mean(axis=-1) - S * n) <= 4 * s.std(axis=-1) / np.sqrt(s.shape[1]))
