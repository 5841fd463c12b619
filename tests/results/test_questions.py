import numpy as np
import pytest

from impo import HolsteinPrimakoff, MeanField, steady_state
from impo.arguments import ArgumentError
from impo.results.questions import (
    distribution_places,
    known_distance,
    known_operator,
    known_pair,
    known_places,
    matrix_places,
    wave_numbers,
)
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


def test_distances_and_places_end_somewhere():
    assert known_distance(np.int64(10**6)) == 10**6
    for far in (10**6 + 1, 10**12, 10**400):
        with pytest.raises(ArgumentError, match="`max_cells` must be at most 1000000, but is 1"):
            known_distance(far)
    assert known_places(CHAIN, [(0, -(10**5))]) == ((0, -(10**5)),)
    for far in (10**5 + 1, -(10**9), 10**400):
        with pytest.raises(ArgumentError, match="`places` must be at most 100000 cells away"):
            known_places(CHAIN, [(0, 0), (1, far)])


def test_matrices_and_distributions_fit_in_memory():
    places = [(site, cell) for cell in range(20) for site in (0, 1)]
    assert len(matrix_places(CHAIN, places[:14])) == 14
    assert len(distribution_places(CHAIN, places[:28])) == 28
    with pytest.raises(
        ArgumentError, match=r"at most 268435456 elements, but .* has 1.07e\+09; ask"
    ):
        matrix_places(CHAIN, places[:15])
    with pytest.raises(
        ArgumentError, match=r"most 268435456 probabilities, but .* has 5.37e\+08; a"
    ):
        distribution_places(CHAIN, places[:29])


def test_wave_numbers_are_not_too_many():
    many = np.broadcast_to(0.5, 10**6 + 1)
    with pytest.raises(ArgumentError, match=r"at most 1000000 wave numbers, but has .*1000001"):
        wave_numbers(CHAIN, many)
    assert wave_numbers(SQUARE, np.zeros((10**6, 2))).shape == (10**6, 2)


def test_many_waves_are_taken_in_turn():
    state = steady_state(gain_loss.chain(2.0, 1.0, 0.4, 4.0, 3.5), HolsteinPrimakoff())
    k = np.linspace(-3, 3, 3000).reshape(2, 1500)
    found = state.structure_factor("S+", "S-", k, (0, 1))
    assert found.value.shape == found.error.shape == (2, 1500)
    few = state.structure_factor("S+", "S-", k[1, -3:], (0, 1))
    np.testing.assert_allclose(found.value[1, -3:], few.value, rtol=1e-12)
    plane = steady_state(gain_loss.square(2.0, 1.0, 0.4, 4.0, 3.5), MeanField(t_max=10))
    assert plane.structure_factor("S+", "S-", np.zeros((3, 1000, 2))).value.shape == (3, 1000)
