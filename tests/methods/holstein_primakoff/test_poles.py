"""Poles and residues of the covariance against correlations on the grid of wave vectors."""

from dataclasses import replace

import numpy as np
import pytest

from impo import HolsteinPrimakoff, steady_state
from impo.methods.holstein_primakoff.poles import poles, rows
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.model import Jump, LindbladModel, Spin, Term
from impo.signals import decaying_modes
from models import gain_loss


def random_chain(seed, sites, reach, squeezed):
    """Return a chain with all couplings up to a reach, complex, weak enough to be stable."""
    rng, spin = np.random.default_rng(seed), 10
    pairs = [
        (i, j, r) for r in range(reach + 1) for i in range(sites) for j in range(sites)
        if r > 0 or j > i
    ]  # fmt: skip
    size = 0.12 / len(pairs) / spin
    terms = []
    for i, j, r in pairs:
        for other in ("S-", "S+") if squeezed else ("S-",):
            strength = size * rng.uniform(0.3, 1) * np.exp(1j * rng.uniform(0, 7))
            terms.append(Term(strength, ("S+", i, 0), (other, j, r), plus_hc=True))
    up = rng.permutation([True] + [False] * (sites - 1))
    jumps = [Jump(rng.uniform(0.5, 1) / spin, "S+" if one else "S-", j) for j, one in enumerate(up)]
    return LindbladModel((Spin(spin),) * sites, tuple(terms), tuple(jumps))


CASES = [(1, 1, True), (1, 2, True), (2, 1, False), (2, 2, True), (3, 2, False)]


@pytest.mark.parametrize(("sites", "reach", "squeezed"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_poles_add_up_to_the_correlations_from_the_next_cell_on(seed, sites, reach, squeezed):
    model = random_chain(seed, sites, reach, squeezed)
    state = steady_state(model, HolsteinPrimakoff())
    assert state.status == "converged"
    found = poles(quadratic_bosons(model, state.configuration))
    r = np.arange(1, 9)
    between = np.fft.fft(state.covariance, axis=0, norm="forward")[r]
    powers = found.factors ** r[:, None]
    scale = np.abs(between).max()
    assert scale > 1e-3
    error = np.abs(powers) @ found.rounding + 1e-13 * scale
    total = np.tensordot(powers, found.amplitudes, 1)
    assert np.all(np.abs(total - between).max(axis=(1, 2)) < error)
    assert error.max() < 1e-8 * scale
    sizes = np.abs(found.factors)
    assert np.all(sizes < 1)
    assert np.all(np.diff(sizes) <= 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_fit_to_the_correlations_finds_the_same_modes(seed):
    """Where few modes are well apart it has most of their digits; the poles have all."""
    model = random_chain(seed, 2, 1, squeezed=False)
    state = steady_state(model, HolsteinPrimakoff())
    exact = poles(quadratic_bosons(model, state.configuration)).factors
    values = state._connected("S+", "S-", (0, 1)).value[1:16]
    fit = decaying_modes(values, noise=state.quadrature_error)
    assert len(fit) > 0
    factors = np.exp(-fit.rates + 1j * fit.frequencies)
    apart = np.abs(factors[:, None] - exact).min(axis=1)
    assert np.all(apart < 1e-6)
    assert np.all(apart < np.maximum(fit.rate_errors, 1e-14) * 3 * np.abs(factors))


def test_a_pole_near_the_circle_has_an_error():
    """The closed form of AM close to the transition, xi = 1.5e4."""
    model = gain_loss.chain(20, 1.0, 0.5, 1.5 * (1 + 1e-9), 1.5)
    found = poles(quadratic_bosons(model, (1, -1)))
    x = (1.5**2 * (1 + 1e-9) - 1.25) / 1.0
    exact = x - np.sqrt(x**2 - 1)
    assert exact > 0.9999
    off = np.abs(found.factors - exact)
    assert off.min() < found.errors[off.argmin()] < 1e-9


def test_poles_that_are_equal_count_once():
    """Two equal chains, whose coupling is too weak to change a digit."""
    one = gain_loss.chain(20, 1.0, 0.4, 1.6, 1.5)
    moved = tuple(
        Term(term.coefficient, *((op, site + 2, cell) for op, site, cell in term.factors),
             plus_hc=term.plus_hc)
        for term in one.terms
    )  # fmt: skip
    weak = Term(1e-80, ("S+", 0, 0), ("S-", 2, 0), plus_hc=True)
    jumps = one.jumps + tuple(replace(jump, site=jump.site + 2) for jump in one.jumps)
    two = LindbladModel(one.sites * 2, (*one.terms, *moved, weak), jumps)
    bosons = quadratic_bosons(two, (1, -1, 1, -1))
    assert sorted(map(len, bosons.sectors)) == [4, 4]
    single, double = poles(quadratic_bosons(one, (1, -1))), poles(bosons)
    np.testing.assert_allclose(double.factors, single.factors, rtol=1e-12)
    for copy in (0, 2):
        block = np.ix_(range(len(single.factors)), *[[copy, copy + 1, copy + 4, copy + 5]] * 2)
        np.testing.assert_allclose(double.amplitudes[block], single.amplitudes, atol=1e-10)


def test_without_coupling_of_cells_there_is_no_pole():
    bosons = quadratic_bosons(gain_loss.dimer(5, gain=1.6, loss=1.2), (1, -1))
    assert rows(bosons) == 0
    found = poles(bosons)
    assert found.factors.shape == (0,)
    assert found.amplitudes.shape == (0, 4, 4)
