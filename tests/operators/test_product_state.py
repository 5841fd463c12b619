import math

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.model import Boson, LindbladModel, Spin
from impo.operators.local import spin_operators
from impo.operators.product_state import Coherent, coherent_state, density_matrices, directions

MODEL = LindbladModel((Spin(0.5), Boson(2)))


def test_vectors_and_matrices_of_any_norm():
    up, thermal = density_matrices(MODEL, [[0, 2j], np.diag([4.0, 2.0, 2.0])])
    np.testing.assert_allclose(up, np.diag([0.0, 1.0]))
    np.testing.assert_allclose(thermal, np.diag([0.5, 0.25, 0.25]))
    assert not np.iscomplexobj(thermal)
    (turned,) = density_matrices(LindbladModel((Spin(0.5),)), [[1, 1j]])
    np.testing.assert_allclose(turned, [[0.5, -0.5j], [0.5j, 0.5]])


@pytest.mark.parametrize(
    "start",
    [
        None,
        3,
        [[1, 0]],
        [[1, 0], [1, 0]],
        [[0, 0], [1, 0, 0]],
        [["a", "b"], [1, 0, 0]],
        [np.diag([1.0, -0.5]), [1, 0, 0]],
        [[[1, 1], [0, 1]], [1, 0, 0]],
        [[np.nan, 1], [1, 0, 0]],
    ],
)
def test_what_is_no_product_state_is_refused_in_one_line(start):
    with pytest.raises(ArgumentError, match=r"Argument `start` must be") as caught:
        density_matrices(MODEL, start)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("direction", [(1.0, 0, 0), (0.3, -0.8, 0.5), (0, 0, -1.0)])
def test_coherent_state(direction):
    ops = spin_operators(2.5)
    state = coherent_state(Spin(2.5), np.array(direction))
    state = state / np.linalg.norm(state)
    found = [(state.conj() @ ops[op] @ state).real for op in ("Sx", "Sy", "Sz")]
    expected = 2.5 * np.array(direction) / np.linalg.norm(direction)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_angles_of_a_coherent_state():
    """It is a direction for methods of classical spins, and a density matrix for the others."""
    start = [Coherent(math.pi), Coherent(0.4, -1.2)]
    vectors = directions(start, (2,), "a state")
    across = math.sin(0.4)
    expected = [across * math.cos(-1.2), across * math.sin(-1.2), math.cos(0.4)]
    np.testing.assert_allclose(vectors, [[0, 0, -1], expected], atol=1e-15)
    assert vectors[0].tolist() == [0, 0, -1]
    ops = spin_operators(1.5)
    down, turned = density_matrices(LindbladModel((Spin(0.5), Spin(1.5))), start)
    np.testing.assert_allclose(down, np.diag([0.0, 1.0]), atol=1e-15)
    found = [np.trace(turned @ ops[op]).real for op in ("Sx", "Sy", "Sz")]
    np.testing.assert_allclose(found, 1.5 * np.array(expected))
    with pytest.raises(ArgumentError, match="must be a state vector or density matrix for a boson"):
        density_matrices(MODEL, [Coherent(0.0), Coherent(0.0)])
    with pytest.raises(ArgumentError, match="`theta` must be a finite real number"):
        Coherent(math.nan)


def test_directions_have_unit_length():
    np.testing.assert_allclose(directions([[0, 0, 3], [4, 0, 3]], (2,), "a state"),
                               [[0, 0, 1], [0.8, 0, 0.6]])  # fmt: skip
    for bad in (
        None,
        [[1, 0]],
        [[0, 0, 0], [1, 0, 0]],
        [[np.inf, 0, 0], [1, 0, 0]],
        "ab",
        [[1, 0, 0]],
    ):
        with pytest.raises(ArgumentError, match="Argument `start` must be"):
            directions(bad, (2, 4), "a state")


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1.0, 1e170, 1e300])
def test_states_and_directions_of_any_size(size):
    up, thermal = density_matrices(MODEL, [[size, 0], np.diag([2.0, 1, 1]) * size])
    np.testing.assert_allclose(up, np.diag([1.0, 0.0]))
    np.testing.assert_allclose(thermal, np.diag([0.5, 0.25, 0.25]))
    found = directions([[0, 0, -size], [3 * size, 0, 4 * size]], (2,), "a state")
    np.testing.assert_allclose(found, [[0, 0, -1], [0.6, 0, 0.8]])
