"""Observables of finite clusters: cells of open ones differ, and bad questions are refused."""

import numpy as np
import pytest

from impo import ArgumentError, Boson, Exact, Jump, LindbladModel, Spin, Term, steady_state
from impo.operators.cluster_density import ClusterDensity
from impo.operators.liouvillian import finite_cluster

CHAIN = LindbladModel(
    (Spin(0.5),),
    (Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True), Term(0.4, ("Sx", 0, 0))),
    (Jump(1.0, "S-", 0),),
)


def test_means_are_averages_over_cells_and_correlations_begin_in_the_first():
    state = steady_state(CHAIN, Exact(cells=4))
    local = np.diag([0.5, -0.5])
    cells = [np.trace(state.density_matrix([(0, cell)]) @ local).real for cell in range(4)]
    assert state.expect("Sz").value[0] == pytest.approx(np.mean(cells))
    assert abs(cells[1] - cells[0]) > 1e-3
    pair = state.density_matrix([(0, 0), (0, 2)])
    found = state.correlation("Sz", "Sz", (0, 0), 2).value
    assert found[2] == pytest.approx(np.trace(pair @ np.kron(local, local)))
    other = state.density_matrix([(0, 1), (0, 2)])
    assert abs(found[1] - np.trace(other @ np.kron(local, local))) > 1e-3


@pytest.fixture(scope="module")
def density():
    """Return a spin beside a mode, in a product of mixed states."""
    model = LindbladModel((Spin(0.5), Boson(2)), (), (Jump(1.0, "S-", 0), Jump(1.0, "B", 1)))
    rho = np.kron(np.eye(2) / 2, np.diag([0.7, 0.2, 0.1])).astype(complex)
    return ClusterDensity.from_matrix(finite_cluster(model, 1), rho)


def test_an_unknown_occupation_of_the_cutoff_is_no_small_one(density):
    assert density.cutoff_occupation == pytest.approx(0.1)
    coefficients = np.full_like(density.coefficients, np.nan)
    broken = ClusterDensity(density.generator, density.bases, density.index, coefficients)
    assert np.isnan(broken.cutoff_occupation)
    spins = steady_state(CHAIN, Exact(cells=1)).density
    assert spins.cutoff_occupation == 0


@pytest.mark.parametrize("op", [np.eye(2), np.arange(400.0), ["Sz"], None, "Sa"])
def test_an_operator_is_a_name(density, op):
    for ask in (
        lambda: density.expect(op),
        lambda: density.variance(op),
        lambda: density.correlation(op, "Sz", (0, 0), 0),
    ):
        with pytest.raises(ArgumentError, match=r"^Argument `op` must be one of") as raised:
            ask()
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    "places", [None, 3, [(0.0, 0)], [(0, np.eye(20))], [np.eye(20)], [(0, 1)], [(2, 0)], []]
)
def test_places_are_pairs(density, places):
    for ask in (density.density_matrix, density.distribution):
        with pytest.raises(ArgumentError, match=r"^Argument `places` must be") as raised:
            ask(places)
        assert len(str(raised.value).splitlines()) == 1
