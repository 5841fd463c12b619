import math

import numpy as np
import pytest

from impo import ITEBD, Exact, Status, steady_state
from impo.operators.local import spin_operators
from models.aklt import chain, quintet

SZ = spin_operators(1)["Sz"]
TURN = np.diag(np.exp(1j * math.pi * np.diag(SZ))).real


def quintets(state):
    return float(np.trace(state.density_matrix([(0, 0), (0, 1)]) @ quintet()).real)


def string(state, distance):
    """Return <Sz_0 e^{i pi (Sz_1 + ...)} Sz_r>."""
    product = SZ
    for _ in range(distance - 1):
        product = np.kron(product, TURN)
    product = np.kron(product, SZ)
    rho = state.density_matrix([(0, r) for r in range(distance + 1)])
    return float(np.trace(rho @ product).real)


def test_the_projector():
    values = np.linalg.eigvalsh(quintet())
    np.testing.assert_allclose(values, [0] * 4 + [1] * 5, atol=1e-12)


def ring_string(n, distance):
    """Return the string correlation of the state itself on a ring, from its matrices."""
    plus = np.array([[0, 1], [0, 0]])
    matrices = [math.sqrt(2) * plus, -np.diag([1.0, -1.0]), -math.sqrt(2) * plus.T]
    moved = {}
    for name, operator in {"one": np.eye(3), "Sz": SZ, "turn": TURN}.items():
        moved[name] = sum(
            operator[i, j] * np.kron(matrices[i], matrices[j]) for i in range(3) for j in range(3)
        )
    between = np.linalg.matrix_power(moved["turn"], distance - 1)
    rest = np.linalg.matrix_power(moved["one"], n - distance - 1)
    norm = np.trace(np.linalg.matrix_power(moved["one"], n))
    return float(np.trace(moved["Sz"] @ between @ moved["Sz"] @ rest) / norm)


@pytest.mark.parametrize("cells", [4, pytest.param(5, marks=pytest.mark.slow)])
def test_the_steady_state_of_a_ring_is_the_dark_state(cells):
    state = steady_state(chain(), Exact(cells=cells, periodic=True, gap=False))
    assert state.status is Status.CONVERGED
    assert abs(quintets(state)) < 1e-12
    assert state.extras["purity"] == pytest.approx(1, abs=1e-9)
    found = state.correlation("Sz", "Sz", (0, 0), 2, string=TURN)
    for distance in (1, 2):
        assert string(state, distance) == pytest.approx(ring_string(cells, distance), abs=1e-9)
        assert found.value[distance] == pytest.approx(ring_string(cells, distance), abs=1e-9)


def test_an_open_chain_has_free_spins_at_its_ends():
    state = steady_state(chain(), Exact(cells=3, gap=False))
    assert state.status is Status.FAILED
    assert state.diagnostics["null_space_dimension"] == 16
    assert "dimension 16" in state.message


@pytest.mark.slow
def test_the_infinite_chain_reaches_the_dark_state():
    state = steady_state(chain(), ITEBD(tol=1e-5, chi_max=30))
    assert state.status is Status.CONVERGED
    assert abs(quintets(state)) < 1e-6
    for distance in (1, 2, 3):
        assert string(state, distance) == pytest.approx(-4 / 9, abs=1e-5)
    found = state.correlation("Sz", "Sz", (0, 0), 40, string=TURN)
    assert np.all(np.abs(found.value[1:] + 4 / 9) <= found.error[1:])
    assert found.error[40] < 1e-3
    assert found.value[0] == pytest.approx(2 / 3, abs=1e-5)
