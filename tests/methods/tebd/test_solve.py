"""Finite chains: small ones against the exact Liouvillian, long ones against the infinite chain."""

import numpy as np
import pytest

from impo import (
    ITEBD,
    TEBD,
    ArgumentError,
    Exact,
    LindbladModel,
    Spin,
    Status,
    UnsupportedModelError,
    check,
    evolve,
    load,
    steady_state,
)
from impo.methods.tebd.solve import chain_generator, first_weight
from impo.model import Jump, Term
from impo.refinement.approximation import Approximation
from impo.refinement.steady import weights
from models import boundary, gain_loss
from tests.jump_models import FAR

UNEVEN = LindbladModel(
    (Spin(0.5), Spin(1), Spin(0.5), Spin(0.5)),
    (
        Term(0.9, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(0.4, ("Sz", 1, 0), ("Sx", 2, 0)),
        Term(0.7, ("Sx", 2, 0), ("Sx", 3, 0)),
        Term(0.3, ("Sz", 0, 0)),
    ),
    (Jump(0.8, "S+", 0), Jump(0.5, "S-", 1), Jump(1.1, "S-", 2), Jump(0.6, "S+", 3)),
)
SMALL = {
    "S = 1/2": (gain_loss.chain(0.5, 1.0, 0.6, 1.3, 0.4), 2),
    "sites differ": (UNEVEN, 1),
    "S = 1": (gain_loss.chain(1, 1.0, 0.6, 1.3, 0.4), 2),
    "six sites": (gain_loss.chain(0.5, 1.0, 0.6, 1.3, 0.4), 3),
}
CHEAP = {"S = 1/2", "sites differ"}
CASES = [
    pytest.param("S = 1/2", 1e-6, 1e-7),
    *(pytest.param(case, 1e-9, 1e-9, marks=pytest.mark.slow) for case in SMALL),
]


def assert_same(found, exact, within):
    np.testing.assert_allclose(found.value, exact.value, atol=within)


@pytest.mark.parametrize(("case", "tol", "within"), CASES)
def test_a_small_chain_is_that_of_the_whole_liouvillian(case, tol, within):
    model, cells = SMALL[case]
    state = steady_state(model, TEBD(cells, tol=tol))
    exact = steady_state(model, Exact(cells, gap=False))
    assert state.status is Status.CONVERGED, state.message
    for op in ("Sz", "Sx"):
        assert_same(state.expect(op), exact.expect(op), within)
        assert_same(state.variance(op), exact.variance(op), within)
    for pair, sites in ((("S+", "S-"), (0, 1)), (("Sz", "Sx"), (1, 0)), (("S-", "S+"), (1, 1))):
        assert_same(state.correlation(*pair, sites), exact.correlation(*pair, sites), within)
    for places in ([(1, 0), (0, 0)], [(len(model.sites) - 1, cells - 1), (0, 0)]):
        rho = exact.density_matrix(places)
        np.testing.assert_allclose(state.density_matrix(places), rho, atol=within)
        probabilities = exact.distribution(places)
        np.testing.assert_allclose(state.distribution(places), probabilities, atol=within)
    assert state.purity_density.value == pytest.approx(exact.purity_density.value, abs=10 * within)


@pytest.mark.parametrize(
    "case",
    [
        *sorted(CHEAP),
        *(pytest.param(case, marks=pytest.mark.slow) for case in sorted(SMALL.keys() - CHEAP)),
    ],
)
def test_a_small_chain_moves_like_the_whole_liouvillian(case):
    model, cells = SMALL[case]
    start = [np.diag(np.arange(1.0, s.dimension + 1) ** (1 + n)) for n, s in enumerate(model.sites)]
    start, times = [rho / np.trace(rho) for rho in start], [0.4, 1.1]
    found = evolve(model, TEBD(cells, tol=1e-8), start, times)
    exact = evolve(model, Exact(cells), start, times)
    for op in ("Sz", "Sx"):
        assert_same(found.expect(op), exact.expect(op), 1e-9)
    pair = ("S+", "S-", (0, 1))
    for one, two in zip(found.states, exact.states, strict=True):
        assert_same(one.correlation(*pair), two.correlation(*pair), 1e-9)


@pytest.fixture(scope="module")
def driven():
    """Return a chain between two baths and its state."""
    model = boundary.chain(5, 0.8, 0.3, 1.2, 1.3, 0.7, field=0.5, seed=2)
    return model, steady_state(model, TEBD(tol=1e-3))


def test_the_entropies_of_all_bonds(driven):
    """Those of the operator-Schmidt values of the whole density matrix."""
    model, state = driven
    exact = steady_state(model, Exact(gap=False))
    rho = exact.density_matrix([(site, 0) for site in range(5)]).reshape([2] * 10)
    for bond, found in enumerate(state.operator_entropy.value, start=1):
        left, right = range(bond), range(bond, 5)
        order = [*left, *(5 + n for n in left), *right, *(5 + n for n in right)]
        values = np.linalg.svd(rho.transpose(order).reshape(4**bond, -1), compute_uv=False)
        weights = values**2 / np.sum(values**2)
        assert found == pytest.approx(-np.sum(weights * np.log(weights)), abs=1e-3)
    assert len(state.operator_entropy.value) == 4


def test_a_profile_has_every_site(driven):
    _, state = driven
    np.testing.assert_array_equal(state.profile("Sz").value, state.expect("Sz").value)
    model = gain_loss.chain(0.5, 1.0, 0.6, 1.3, 0.4)
    chain = steady_state(model, TEBD(3, chi_max=12, tol=1e-2))
    along = chain.profile("Sz")
    assert along.value.shape == along.error.shape == (6,)
    averages = along.value.reshape(3, 2).mean(axis=0)
    np.testing.assert_allclose(chain.expect("Sz").value, averages, atol=1e-14)
    assert np.ptp(along.value[::2]) > 1e-2  # its ends are not like its middle
    rho = chain.density_matrix([(0, 2)])
    assert along.value[4] == pytest.approx(np.real(rho[0, 0] - rho[1, 1]) / 2, abs=1e-12)
    assert steady_state(model, Exact(gap=False)).profile("Sz") is None


def test_a_state_is_kept_and_checked(driven, tmp_path):
    _, state = driven
    state.save(tmp_path / "chain.h5")
    again = load(tmp_path / "chain.h5")
    np.testing.assert_array_equal(again.expect("Sz").value, state.expect("Sz").value)
    np.testing.assert_array_equal(again.operator_entropy.value, state.operator_entropy.value)
    assert check(tmp_path / "chain.h5").reproduced


def test_too_little_time_is_told():
    model = boundary.chain(8, 0.8, 0.0, 2.0, 1.3, 0.7)
    state = steady_state(model, TEBD(chi_max=8, tol=1e-3, t_max=4.0))
    assert state.status is Status.NOT_CONVERGED
    assert "`t_max`" in state.message
    assert np.all(state.expect("Sz").error > 1e-3)


def test_a_state_that_is_not_unique_is_none():
    """Without baths, the sum of all Sz is conserved."""
    model = boundary.chain(3, 0.8, 0.3, 0.6, drive=0.0)
    state = steady_state(model, TEBD(chi_max=8, tol=1e-2))
    assert state.status is not Status.CONVERGED
    assert "From two starts, expectation values still differ" in state.message


@pytest.mark.parametrize(
    ("model", "method", "kind", "told"),
    [
        (gain_loss.square(0.5), TEBD(), UnsupportedModelError, "TEBD treats chains, .* dimension"),
        (FAR["range 2"], TEBD(4), UnsupportedModelError, "TEBD treats .* over 2 sites; use"),
        (gain_loss.chain(0.5), TEBD(5000), UnsupportedModelError, "up to 2000 sites"),
        (gain_loss.chain(10**5), TEBD(2), UnsupportedModelError, "200001 states: it needs"),
        (LindbladModel((Spin(0.5),), (), (Jump(1.0, "S-", 0),)), TEBD(), ArgumentError, "`cells`"),
    ],
)
def test_refusals(model, method, kind, told):
    with pytest.raises(kind, match=told):
        steady_state(model, method)


@pytest.mark.slow
@pytest.mark.parametrize(("spin", "cells", "tol"), [(0.5, 30, 1e-3), (1, 20, 1e-3), (2, 10, 1e-2)])
def test_the_bulk_of_a_long_chain_is_the_infinite_chain(spin, cells, tol):
    model = gain_loss.chain(spin, 1.0, 0.4, 2.0, 1.2)
    finite = steady_state(model, TEBD(cells, chi_max=32, tol=tol))
    infinite = steady_state(model, ITEBD(tol=tol))
    assert finite.status is Status.CONVERGED, finite.message
    along, bulk = finite.profile("Sz"), infinite.expect("Sz")
    values, errors = along.value.reshape(cells, 2), along.error.reshape(cells, 2)
    middle = slice(cells // 2 - cells // 10, cells // 2 + cells // 10)
    apart = np.abs(values[middle] - bulk.value)
    assert np.all(apart < errors[middle] + bulk.error)
    assert np.abs(values[0] - bulk.value).max() > 1e-2


@pytest.mark.parametrize(
    ("model", "cells", "weight"),
    [
        (gain_loss.chain(0.5, 1.0, 0.4, 2.0, 1.2), 3, 1.5),
        (boundary.chain(8, bias=0.5), 1, 0.0),
        (boundary.chain(8, dephasing=0.2), 1, 1.5),
        (boundary.chain(3), 1, 1.5),
    ],
)
def test_the_weight_suits_what_is_damped(model, cells, weight):
    generator = chain_generator(model, TEBD(cells))
    assert first_weight(TEBD(cells), generator) == weight
    assert first_weight(TEBD(cells, weight=0.7), generator) == 0.7
    assert list(weights(0.7)) == pytest.approx([0.7, 0.2, 0.0])


@pytest.mark.slow
def test_where_the_truncation_alone_makes_an_evolution_diverge_it_is_made_smaller(monkeypatch):
    """On long driven chains that is a matter of rounding; here it is said of up to 16 states."""
    monkeypatch.setattr(Approximation, "diverged", property(lambda approx: approx.chi <= 16))
    model = boundary.chain(4)
    state = steady_state(model, TEBD(chi_max=24, tol=1e-4))
    assert state.status is Status.CONVERGED, state.message
    exact = steady_state(model, Exact(gap=False))
    np.testing.assert_allclose(state.expect("Sz").value, exact.expect("Sz").value, atol=1e-5)
    state = steady_state(model, TEBD(chi_max=16, tol=1e-4))
    assert state.status is Status.FAILED
    assert "diverged, though all ranks are kept alike; raise `chi_max`" in state.message
