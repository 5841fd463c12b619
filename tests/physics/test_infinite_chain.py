"""The infinite chain against everything that does not share its approximations."""

import numpy as np
import pytest

from impo import ITEBD, Exact, Status, steady_state
from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.operators.local import local_operators
from impo.refinement.approximation import Approximation, product_approximation
from impo.tensor import tenpy_backend as stock
from impo.tensor.gates import bond_liouvillians
from impo.tensor.matrix_product import Truncation
from impo.tensor.trotter import evolve, trotter_step
from models import gain_loss, xy_decay
from tests.tenpy_evolution import evolve as stock_evolve

REGIONS = {
    "AM": (2.0, 1.8),
    "PPT": (1.5, 1.0),
    "PT": (0.3, 0.3),
    "FM up, near the PT line": (0.35, 0.3),
    "FM up": (0.6, 0.2),
    "FM down": (0.2, 0.6),
}


def agree(a, b):
    """Whether two estimates agree within the sum of their errors."""
    gap = np.abs(np.asarray(a) - np.asarray(b))
    return bool(np.all(gap <= np.asarray(a.error) + np.asarray(b.error)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spin", "region", "tol"),
    [(0.5, name, 1e-5) for name in REGIONS] + [(1, name, 1e-4) for name in ("AM", "PPT", "FM up")],
)
def test_all_regions(spin, region, tol):
    """The ladders of one weight bracket the result of another, more accurate one."""
    model = gain_loss.chain(spin, 1.0, 0.5, *REGIONS[region])
    state = steady_state(model, ITEBD(tol=tol))
    assert state.status == Status.CONVERGED
    assert state.residual < tol
    assert np.all(state.expect("Sz").error <= tol * spin)
    other = steady_state(model, ITEBD(tol=0.4 * tol, weight=0.7, chi_max=160), start=state)
    assert agree(state.expect("Sz"), other.expect("Sz"))
    assert agree(state.variance("Sz"), other.variance("Sz"))
    neighbours = [
        state.correlation("S+", "S-", (0, 1), 0),
        other.correlation("S+", "S-", (0, 1), 0),
    ]
    assert abs(neighbours[0].value[0] - neighbours[1].value[0]) <= tol * max(spin, 1) ** 2


@pytest.mark.slow
@pytest.mark.parametrize("spin", [0.5, 1, 1.5])
def test_decoupled_cells_are_exact_dimers(spin):
    state = steady_state(gain_loss.chain(spin, 1.0, 0.0, 0.9, 0.4), ITEBD(tol=1e-8))
    exact = steady_state(gain_loss.dimer(spin, 1.0, 0.9, 0.4), Exact(gap=False))
    assert state.status == Status.CONVERGED
    np.testing.assert_allclose(state.expect("Sz").value, exact.expect("Sz").value, atol=1e-8)
    np.testing.assert_allclose(state.variance("Sz").value, exact.variance("Sz").value, atol=1e-8)
    np.testing.assert_allclose(
        state.density_matrix([(0, 0), (1, 0)]), exact.density_matrix([(0, 0), (1, 0)]), atol=1e-8
    )


@pytest.mark.slow
def test_rings_approach_the_infinite_chain():
    """The ring of 4 cells is off by far less than rings of 2 and 3 differ."""
    model = gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0)
    infinite = steady_state(model, ITEBD(tol=1e-6))
    rings = [steady_state(model, Exact(cells=n, periodic=True, gap=False)) for n in (2, 3, 4)]

    def numbers(state):
        pair = state.correlation("S+", "S-", (0, 1), 0).value[0]
        return np.array([*state.expect("Sz").value, *state.variance("Sz").value, pair.imag])

    two, three, four = map(numbers, rings)
    limit = numbers(infinite)
    assert np.all(np.abs(four - limit) < 0.05 * np.abs(three - two))
    ratio = (four - three) / (three - two)
    assert np.all(np.abs(ratio) < 0.3)
    extrapolated = four + (four - three) * ratio / (1 - ratio)
    assert np.all(np.abs(extrapolated - limit) < 0.2 * np.abs(four - limit))


@pytest.mark.slow
def test_three_ways_to_evolve_an_infinite_chain():
    """Real charged blocks, Hermitian basis, stock complex TeNPy: nothing is truncated yet."""
    model = gain_loss.chain(0.5, 1.0, 0.6, 0.9, 0.4)
    states = [np.diag([0.8, 0.2]), np.diag([0.3, 0.7])]
    time, dt = 0.3, 0.05
    pair = {}
    for charges in (True, False):
        generator = kept_charges(infinite_chain(model, charges))
        approx = product_approximation(generator, states, 1, 0.0)
        product = approx.matrix_product
        bonds = bond_liouvillians(generator, approx.bases, 0.0, mirror=product.mirror)
        evolve(product, trotter_step(bonds, dt), round(time / dt), Truncation(200, 1e-13))
        environment = Approximation(generator, product, 1, 0.0).environment
        for sites in ((0, 1), (1, 2), (0, 3)):
            ends = []
            for position, op in zip(sites, ("S+", "S-"), strict=True):
                matrix = generator.rotated(position, local_operators(generator.sites[0])[op])
                ends.append((position, approx.bases[position % 2].measure(matrix)))
            pair[charges, sites] = complex(environment.chain_of(ends))
    plain = infinite_chain(model).physical()
    bases = plain.bases()
    mps = stock.product_mps(plain, bases, states, charges=False, bc="infinite")
    mps = stock_evolve(mps, plain, bases, time, dt, order=4, chi_max=200)
    ops = local_operators(plain.sites[0])
    for sites in ((0, 1), (1, 2), (0, 3)):
        expected = stock.expectation(mps, plain, bases, {sites[0]: ops["S+"], sites[1]: ops["S-"]})
        assert abs(expected) > 1e-4
        assert pair[True, sites] == pytest.approx(pair[False, sites], abs=1e-11)
        assert pair[True, sites] == pytest.approx(expected, abs=1e-8)


@pytest.mark.slow
def test_stock_tenpy_has_the_same_steady_state():
    """Stock complex TEBD, run until nothing moves, within the error bars."""
    model = gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0)
    state = steady_state(model, ITEBD(tol=1e-4))
    hermitian = steady_state(model, ITEBD(tol=1e-4, charges=False))
    plain = infinite_chain(model).physical()
    bases = plain.bases()
    mixed = [np.eye(2) / 2] * 2
    mps = stock.product_mps(plain, bases, mixed, charges=False, bc="infinite")
    mps = stock_evolve(mps, plain, bases, 12.0, 0.1, order=4, chi_max=24)
    sz = local_operators(plain.sites[0])["Sz"]
    found = np.array([stock.expectation(mps, plain, bases, {i: sz}).real for i in (0, 1)])
    assert np.all(np.abs(found - state.expect("Sz").value) < state.expect("Sz").error + 1e-4)
    assert agree(state.expect("Sz"), hermitian.expect("Sz"))


@pytest.mark.slow
def test_one_site_cells_equal_the_chain_they_are_mapped_from():
    """XY with decay is the gain/loss chain with h = g, gain = loss and A spins turned over."""
    turned = steady_state(xy_decay.chain(1, 1.0, 1.3), ITEBD(tol=1e-4))
    chain = steady_state(gain_loss.chain(1, 1.0, 1.0, 1.3, 1.3), ITEBD(tol=1e-4))
    assert turned.status == chain.status == Status.CONVERGED
    bound = turned.expect("Sz").error[0] + chain.expect("Sz").error[1]
    assert abs(turned.expect("Sz").value[0] - chain.expect("Sz").value[1]) <= bound
    flipped = turned.correlation("S+", "S+", (0, 0), 3).value  # neighbours, one site per cell
    straight = chain.correlation("S+", "S-", (1, 0), 1).value  # b to the next a
    assert abs(flipped[1]) == pytest.approx(abs(straight[1]), abs=3e-4)


@pytest.mark.slow
def test_a_lattice_of_spin_4_with_automatic_ranks():
    model = gain_loss.chain(4, 1.0, 0.5, 1.2, 1.0)
    state = steady_state(model, ITEBD(tol=1e-2))
    assert state.status == Status.CONVERGED
    assert state.diagnostics["k_max"] < 8
    larger = steady_state(model, ITEBD(tol=2e-3, chi_max=2 * state.diagnostics["chi"]), start=state)
    assert agree(state.expect("Sz"), larger.expect("Sz"))
    assert agree(state.variance("Sz"), larger.variance("Sz"))
