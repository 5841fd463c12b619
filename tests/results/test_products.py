from functools import reduce

import numpy as np
import pytest

from impo import Exact, MeanField, steady_state
from impo.arguments import ArgumentError
from impo.results.products import known_product, known_string, split
from models import gain_loss

CHAIN = gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7)
SQUARE = gain_loss.square(0.5, 1.0, 0.4, 1.5, 0.7)
STATE = steady_state(CHAIN, Exact(cells=2, gap=False))
Z = np.diag([0.5, -0.5])


def test_factors_of_one_place_keep_their_order():
    matrix = [[0, 1j], [2, 0]]
    found = known_product(CHAIN, [("Sx", 1, 2), ("Sz", 0, np.int64(0)), (matrix, 1, 2)])
    assert list(found.factors) == [(1, 2), (0, 0)]
    first, second = found.factors[1, 2]
    assert first == "Sx"
    np.testing.assert_array_equal(second, matrix)
    assert list(known_product(SQUARE, [("Sx", 1, [2, 3])]).factors) == [(1, (2, 3))]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((("Sz", 0, 0), ("Sq", 1, 0)), "`op` must be one of Id, Sx"),
        ((("Sz", 0, 0), ("Sz", 2, 0)), "`site` must be a site of the unit cell, 0 ... 1"),
        ((("Sz", 0, 0.5),), "`places` must be different"),
        ((("Sz", 0, 0), "Sz"), r"`factor` must be a tuple \(operator, site, cell\), but is 'Sz'"),
        ((("Sz", 0, 0), ("Sz", 0)), "`factor` must be a tuple"),
        (
            ((np.eye(3), 0, 0),),
            r"`op` must be a matrix of shape \(2, 2\) there, but has the shape \(3, 3\)",
        ),
        (((Z * np.nan, 0, 0),), "`op` must be a matrix of finite numbers"),
        (
            (Z, [(0, 0), (1, 0)]),
            r"`op` must be a matrix of shape \(4, 4\) there, but has the shape \(2, 2\)",
        ),
        ((Z, [(0, 0), (0, 0)]), "`places` must be different"),
        ((Z,), "`op` must be one of Id, S"),
        ((Z, [(0, 0)], 1), "`op` must be a name alone, factors"),
        (("Sz", [(0, 0)]), "`op` must be a name alone, factors"),
        ((("Sz", 0, 7),), "`places` must be .* pairs of 2 cells"),
    ],
)
def test_what_is_no_product_is_one_line(asked, told):
    with pytest.raises(ArgumentError, match=rf"^Argument {told}[^\n]*$"):
        STATE.expect(*asked)


def test_strings_are_operators_of_all_sites():
    assert known_string(CHAIN, "Sz") == ("Sz", "Sz")
    for one in (Z, Z.tolist(), [Z, Z.tolist()], [Z, "Sz"]):
        known = known_string(CHAIN, one)
        assert len(known) == 2
        np.testing.assert_array_equal(known[0], Z)
    with pytest.raises(ArgumentError, match=r"`string` must be a matrix of shape \(2, 2\)"):
        STATE.correlation("Sz", "Sz", (0, 1), 2, string=[Z, np.eye(3)])
    with pytest.raises(ArgumentError, match="`op` must be one of"):
        STATE.correlation("Sz", "Sz", (0, 1), 2, string=["Sz", "N"])
    plane = steady_state(SQUARE, MeanField(t_max=10))
    with pytest.raises(ArgumentError, match="`string` must be None in two dimensions"):
        plane.correlation("Sz", "Sz", string="Sz")
    line = steady_state(CHAIN, MeanField(t_max=10))
    with pytest.raises(ArgumentError, match="`max_cells` must be at most 1000 with a string"):
        line.correlation("Sz", "Sz", max_cells=1001, string="Sz")


def test_a_matrix_is_split_into_products():
    rng = np.random.default_rng(3)
    sizes, places = (2, 3, 2), [(0, 0), (1, 0), (0, 1)]
    matrix = rng.normal(size=(12, 12)) + 1j * rng.normal(size=(12, 12))
    parts = split(matrix, places, sizes)
    total = sum(reduce(np.kron, [part.factors[p][0] for p in places]) for part in parts)
    np.testing.assert_allclose(total, matrix, atol=1e-12)
    one = split(reduce(np.kron, [Z, np.eye(3), Z]), places, sizes)
    assert len(one) == 1
    with pytest.raises(ArgumentError, match="a sum of at most 4096 products"):
        split(rng.normal(size=(256, 256)), [(0, n) for n in range(8)], [2] * 8)
