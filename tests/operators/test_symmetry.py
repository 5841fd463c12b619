import math

import numpy as np
import pytest

from impo.operators.symmetry import integer_null_space, solve_modulo_pi


@pytest.mark.parametrize("angle", [math.nan, math.inf])
def test_an_angle_that_is_not_finite_has_no_solution(angle):
    assert solve_modulo_pi([[1], [1]], [0.5, 0.5], 1) is not None
    for angles in ([0.5, angle], [angle, 0.5], [angle, angle]):
        assert solve_modulo_pi([[1], [1]], angles, 1) is None


@pytest.mark.parametrize("seed", range(5))
def test_null_space_of_random_integer_matrices(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-3, 4, size=(rng.integers(1, 6), 5))
    rows[-1] = rows[0] * 2
    space = integer_null_space(rows.tolist(), 5)
    assert space.shape == (5 - np.linalg.matrix_rank(rows), 5)
    assert np.linalg.matrix_rank(space) == len(space)
    assert space.dtype.kind == "i"
    np.testing.assert_array_equal(rows @ space.T, 0)


def test_null_space_without_equations_is_everything():
    np.testing.assert_array_equal(integer_null_space([], 2), np.eye(2))
    assert integer_null_space([[1, 0], [0, 1]], 2).shape == (0, 2)


@pytest.mark.parametrize("seed", range(10))
def test_solutions_modulo_pi(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-3, 4, size=(4, 5))
    angles = rows @ rng.uniform(-3, 3, 5) + math.pi * rng.integers(-2, 3, 4)
    found = solve_modulo_pi(rows.tolist(), angles.tolist(), 5)
    turns = (rows @ found - angles) / math.pi
    np.testing.assert_allclose(turns, np.rint(turns), atol=1e-9)


def test_no_solution_modulo_pi():
    assert solve_modulo_pi([[1, -1], [1, -1]], [0.0, math.pi / 2], 2) is None
    assert solve_modulo_pi([[2], [2]], [0.0, math.pi], 1) is not None
    assert solve_modulo_pi([[0]], [1.0], 1) is None
    # the gcd matters: 2x = 0 and 3x = pi/2 give x = pi/2 and then 0 = pi
    assert solve_modulo_pi([[2], [3]], [0.0, math.pi / 2], 1) is not None
    assert solve_modulo_pi([[2], [4]], [math.pi / 2, math.pi / 2], 1) is None
