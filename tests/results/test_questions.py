import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.results.questions import known_operator, known_pair, known_places, wave_numbers
from models import gain_loss, kerr

CHAIN = gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7)
SQUARE = gain_loss.square(0.5, 1.0, 0.4, 1.5, 0.7)


def test_whole_numbers_of_every_type_are_sites_and_cells():
    two = np.array([0, 1])
    assert known_pair(CHAIN, "Sz", "S+", two) == (0, 1)
    assert known_pair(CHAIN, "Sz", "S+", [np.int64(1), 0]) == (1, 0)
    assert known_places(CHAIN, [(1, -2), (np.int32(0), np.int64(3))]) == ((1, -2), (0, 3))
    assert known_places(CHAIN, ((0, (4,)),)) == ((0, 4),)
    assert known_places(SQUARE, [(0, (1, 2)), (1, [np.int64(0), -1])]) == (
        (0, (1, 2)),
        (1, (0, -1)),
    )


@pytest.mark.parametrize("cell", [3, (1,), (1, 2, 3), (1, 0.5)])
def test_a_cell_of_the_square_lattice_is_a_pair(cell):
    with pytest.raises(ArgumentError, match="a pair of integers as cell"):
        known_places(SQUARE, [(0, cell)])


def test_names_are_those_of_the_sites():
    assert known_operator(CHAIN, "Sx") == "Sx"
    assert known_operator(kerr.oscillator(1.0, 1.0), "Bd") == "Bd"
    with pytest.raises(ArgumentError, match="must be one of B, Bd, Id, N, but is 'Sz'"):
        known_operator(kerr.oscillator(1.0, 1.0), "Sz")


def test_wave_numbers_are_real():
    np.testing.assert_array_equal(wave_numbers(CHAIN, [[0, 1], [2, 3]]), [[0.0, 1.0], [2.0, 3.0]])
    assert wave_numbers(CHAIN, 1).shape == ()
    assert wave_numbers(SQUARE, np.zeros((3, 2))).shape == (3, 2)
    for k in (0.5, [1.0, 2.0, 3.0]):
        with pytest.raises(ArgumentError, match=r"`k` must be real, of shape \(\.\.\., 2\)"):
            wave_numbers(SQUARE, k)
