import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.model import Boson, LindbladModel, Spin
from impo.operators.product_state import density_matrices, directions

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
