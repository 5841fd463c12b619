"""Stock TeNPy time evolution against QuTiP's master equation and exact states."""

import dataclasses
from functools import reduce

import numpy as np
import pytest
import qutip

from impo.arguments import ArgumentError
from impo.operators.liouvillian import finite_cluster, infinite_chain, kept_charges
from impo.operators.local import local_operators
from impo.refinement.approximation import (
    Approximation,
    product_approximation,
    two_site_states,
)
from impo.tensor import tenpy_backend as stock
from impo.tensor import trotter
from impo.tensor.gates import bond_liouvillians
from impo.tensor.matrix_product import Truncation
from models import gain_loss, ising, xy_decay
from tests.tenpy_evolution import evolve

PARAMETERS = {"g": 1.0, "h": 0.6, "gain": 1.3, "loss": 0.8}


def qutip_state(model, cells, states, time):
    """rho(t) of an open chain by `mesolve`, as a dense array."""
    n = cells * len(model.sites)
    sites = [model.sites[p % len(model.sites)] for p in range(n)]

    def embed(factors):
        local = [local_operators(site)["Id"] for site in sites]
        for op, p in factors:
            local[p] = local[p] @ local_operators(sites[p])[op]
        return qutip.tensor([qutip.Qobj(matrix).to("CSR") for matrix in local])

    hamiltonian = 0
    for cell in range(cells):
        for term in model.hamiltonian:
            factors = [(op, (cell + c[0]) * len(model.sites) + s) for op, s, c in term.factors]
            if all(p < n for _, p in factors):
                hamiltonian += term.coefficient * embed(factors)
    jumps = [
        np.sqrt(jump.rate) * embed([(jump.op, cell * len(model.sites) + jump.site)])
        for cell in range(cells)
        for jump in model.jumps
    ]
    start = qutip.tensor([qutip.Qobj(state) for state in states])
    options = {"atol": 1e-13, "rtol": 1e-11, "nsteps": 100000, "method": "vern9"}
    return qutip.mesolve(hamiltonian, start, [0, time], jumps, options=options).states[-1].full()


def exact_expectation(rho, dimensions, operators):
    """Tr(rho O_i O_j) of a dense state."""
    factors = [operators.get(i, np.eye(d)) for i, d in enumerate(dimensions)]
    return np.trace(rho @ reduce(np.kron, factors))


def diagonal_states(model, n):
    """Different diagonal density matrices, one per site."""
    dimension = model.sites[0].dimension
    weights = [np.arange(1, dimension + 1) ** (1 + 0.5 * i) for i in range(n)]
    return [np.diag(w / w.sum()) for w in weights]


def tilted_states(model, n):
    """Density matrices with coherences, one per site."""
    one = model.sites[0]
    names = local_operators(one)
    return [
        np.eye(one.dimension) / one.dimension
        + (0.3 * names["Sx"] + 0.2 * (-1) ** i * names["Sy"] + 0.1 * i * names["Sz"])
        / (2 * one.dimension)
        for i in range(n)
    ]


FRAMES = {
    "real with charges": (True, True, False),
    "real without charges": (True, False, False),
    "complex with charges": (True, True, True),
    "complex without charges": (True, False, True),
    "Hermitian basis": (False, False, False),
}


@pytest.mark.parametrize(
    ("S", "frame"),
    [
        *((0.5, frame) for frame in FRAMES if frame != "complex with charges"),
        pytest.param(0.5, "complex with charges", marks=pytest.mark.slow),
        pytest.param(1, "real with charges", marks=pytest.mark.slow),
        pytest.param(1, "complex without charges", marks=pytest.mark.slow),
        pytest.param(1, "Hermitian basis", marks=pytest.mark.slow),
    ],
)
def test_open_chain_against_qutip(S, frame):
    basis_charges, charges, physical = FRAMES[frame]
    model = gain_loss.chain(S, **PARAMETERS)
    generator = finite_cluster(model, 2, charges=basis_charges)
    if physical:
        generator = generator.physical()
    assert generator.real != physical
    bases = generator.bases()
    states = diagonal_states(model, 4)
    mps = stock.product_mps(generator, bases, states, charges, bc="finite")
    mps = evolve(mps, generator, bases, time=0.3, dt=0.02)
    rho = qutip_state(model, 2, states, 0.3)
    check_all_pairs(mps, generator, bases, rho)


def check_all_pairs(mps, generator, bases, rho):
    dimensions = [basis.dimension for basis in bases]
    names = local_operators(generator.sites[0])
    for i in range(4):
        for op in ("Sz", "S+"):
            operators = {i: names[op]}
            exact = exact_expectation(rho, dimensions, operators)
            found = stock.expectation(mps, generator, bases, operators)
            assert found == pytest.approx(exact, abs=1e-9)
        for j in range(4):
            for a, b in (("S+", "S-"), ("Sz", "Sz"), ("S+", "S+")):
                if i == j:
                    continue
                operators = {i: names[a], j: names[b]}
                exact = exact_expectation(rho, dimensions, operators)
                found = stock.expectation(mps, generator, bases, operators)
                assert found == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("frame", ["real without charges", "complex without charges"])
def test_coherent_start_against_qutip(frame):
    """Without charges the start may break the symmetry: <S+> and its phase, at all sites."""
    _, charges, physical = FRAMES[frame]
    model = gain_loss.chain(0.5, **PARAMETERS)
    generator = finite_cluster(model, 2)
    if physical:
        generator = generator.physical()
    bases = generator.bases()
    states = tilted_states(model, 4)
    mps = stock.product_mps(generator, bases, states, charges, bc="finite")
    mps = evolve(mps, generator, bases, time=0.3, dt=0.02)
    check_all_pairs(mps, generator, bases, qutip_state(model, 2, states, 0.3))


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(ising.chain(1.0, 0.7, 0.9), marks=pytest.mark.slow, id="Ising"),
        pytest.param(xy_decay.chain(0.5, 1.0, 0.7), id="XY"),  # staggered: TeNPy sorts the states
    ],
)
def test_one_site_cells_against_qutip(model):
    generator = finite_cluster(model, 4)
    bases = generator.bases()
    states = diagonal_states(model, 4)
    mps = stock.product_mps(generator, bases, states, bc="finite")
    mps = evolve(mps, generator, bases, time=0.3, dt=0.02)
    check_all_pairs(mps, generator, bases, qutip_state(model, 4, states, 0.3))


def chain_values(mps, generator, bases, origin=0):
    """Local values and correlations of spins up to four sites from `origin`."""
    names = local_operators(generator.sites[0])
    pairs = [(0, 1), (1, 2), (0, 2), (0, 3), (1, 4)]
    wanted = [{origin + i: names["Sz"]} for i in range(2)]
    wanted += [{origin + i: names["S+"], origin + j: names["S-"]} for i, j in pairs]
    wanted += [{origin + i: names["Sz"], origin + j: names["Sz"]} for i, j in pairs]
    return np.array([stock.expectation(mps, generator, bases, ops) for ops in wanted])


def infinite_values(frame, model, states, **settings):
    basis_charges, charges, physical = FRAMES[frame]
    generator = infinite_chain(model, charges=basis_charges)
    if physical:
        generator = generator.physical()
    bases = generator.bases()
    mps = stock.product_mps(generator, bases, states, charges)
    mps = evolve(mps, generator, bases, **settings)
    mps.test_sanity()
    assert mps.norm_test().max() < 1e-10
    return chain_values(mps, generator, bases)


def test_infinite_chain_is_the_same_in_every_frame():
    model = gain_loss.chain(0.5, **PARAMETERS)
    states = diagonal_states(model, 2)
    settings = {"time": 0.2, "dt": 0.1, "order": 2, "chi_max": 500}  # nothing is truncated
    values = [infinite_values(frame, model, states, **settings) for frame in FRAMES]
    for other in values[1:]:
        np.testing.assert_allclose(other, values[0], atol=1e-11)


@pytest.mark.slow
def test_infinite_chain_is_the_middle_of_a_long_one():
    model = gain_loss.chain(0.5, **PARAMETERS)
    states = diagonal_states(model, 2)
    settings = {"time": 0.3, "dt": 0.05, "chi_max": 40}
    values = infinite_values("real with charges", model, states, **settings)
    generator = finite_cluster(model, 7)
    bases = generator.bases()
    mps = stock.product_mps(generator, bases, states * 7, bc="finite")
    mps = evolve(mps, generator, bases, **settings)
    np.testing.assert_allclose(chain_values(mps, generator, bases, origin=4), values, atol=1e-9)


def test_infinite_dimers_against_qutip():
    model = gain_loss.dimer(0.5, g=1.0, gain=1.3, loss=0.8)
    generator = infinite_chain(model)
    bases = generator.bases()
    states = diagonal_states(model, 2)
    mps = stock.product_mps(generator, bases, states)
    mps = evolve(mps, generator, bases, time=0.3, dt=0.02)
    rho = qutip_state(model, 1, states, 0.3)
    names = local_operators(model.sites[0])
    for operators in ({0: names["Sz"]}, {1: names["Sz"]}, {0: names["S+"], 1: names["S-"]}):
        exact = exact_expectation(rho, [2, 2], operators)
        assert stock.expectation(mps, generator, bases, operators) == pytest.approx(exact, abs=1e-9)
    beyond = stock.expectation(mps, generator, bases, {0: names["Sz"], 5: names["Sz"]})
    product = np.prod([stock.expectation(mps, generator, bases, {i: names["Sz"]}) for i in (0, 1)])
    assert beyond == pytest.approx(product, abs=1e-10)


@pytest.mark.slow
def test_fourth_order_in_the_time_step():
    model = gain_loss.chain(0.5, **PARAMETERS)
    states = diagonal_states(model, 2)
    settings = {"time": 0.4, "chi_max": 60}
    frame = "real with charges"
    fine = infinite_values(frame, model, states, dt=0.025, **settings)
    errors = [
        np.abs(infinite_values(frame, model, states, dt=dt, **settings) - fine).max()
        for dt in (0.2, 0.1)
    ]
    assert 12 < errors[0] / errors[1] < 20


@pytest.mark.parametrize(
    ("model", "charges"),
    [
        (gain_loss.chain(0.5, **PARAMETERS), True),
        (gain_loss.chain(0.5, **PARAMETERS), False),
        (gain_loss.chain(1, **PARAMETERS), True),
        (xy_decay.chain(0.5, 1.0, 0.7), True),  # staggered: TeNPy sorts the states
    ],
    ids=["charges", "Hermitian basis", "S=1", "XY"],
)
def test_a_step_is_that_of_the_kernel(model, charges):
    """Two engines, two Trotter formulas, one weighted basis: nothing is truncated."""
    generator = kept_charges(infinite_chain(model, charges))
    states = diagonal_states(model, 2)
    weight, dt, count, truncation = 1.5, 0.005, 3, Truncation(200)
    k_max = model.sites[0].dimension - 1
    kernel = product_approximation(generator, states, k_max, weight)
    other = product_approximation(generator, states, k_max, weight)
    bonds = bond_liouvillians(generator, kernel.bases, weight, mirror=generator.mirror)
    trotter.evolve(kernel.matrix_product, trotter.trotter_step(bonds, dt), count, truncation)
    step = stock.tenpy_step(generator, other.bases, weight, dt)
    discarded = stock.advance(other.matrix_product, step, count, truncation)
    assert discarded < 1e-24
    assert other.matrix_product.bond_dimension > 3
    for first in (0, 1):
        expected, found = (p.environment.marginal(first, 3) for p in (kernel, other))
        np.testing.assert_allclose(found, expected, atol=1e-10)
    start = product_approximation(generator, states, k_max, weight)
    assert np.abs(start.environment.marginal(1, 3) - found).max() > 1e-3


def test_truncation_keeps_the_state_hermitian():
    """Pairs of charges q and -q are cut together, also where only one has room."""
    model = gain_loss.chain(1, 1.0, 0.5, 0.3, 0.3)
    generator = kept_charges(infinite_chain(model))
    approx = product_approximation(generator, None, 2, 1.5)
    step = stock.tenpy_step(generator, approx.bases, 1.5, 0.5)
    for chi in (8, 9, 10, 11):
        discarded = stock.advance(approx.matrix_product, step, 4, Truncation(chi))
        assert discarded > 1e-10
        assert approx.matrix_product.bond_dimension <= chi
        now = Approximation(generator, approx.matrix_product, 2, 1.5)
        for rho in two_site_states(now):
            np.testing.assert_allclose(rho, rho.conj().T, atol=1e-11)
        for leg in approx.matrix_product.legs:
            assert all(leg.counts[-q] == count for q, count in leg.sectors)


def test_bad_arguments_are_refused():
    model = gain_loss.chain(0.5, **PARAMETERS)
    generator = infinite_chain(model)
    bases = generator.bases()
    turning = dataclasses.replace(generator, phase_advance=np.pi)  # as good a gauge
    with pytest.raises(ArgumentError, match="diagonal in this frame"):
        stock.product_mps(turning, bases, tilted_states(model, 2), charges=False)
    mps = stock.product_mps(generator, bases, diagonal_states(model, 2))
    with pytest.raises(ArgumentError, match="positions of the chain"):
        stock.expectation(mps, generator, bases, {-1: np.eye(2)})
    assert stock.expectation(mps, generator, bases, {0: np.eye(2)}) == pytest.approx(1.0)


def test_charges_forbid_coherences():
    model = gain_loss.chain(0.5, **PARAMETERS)
    generator = finite_cluster(model, 1)
    with pytest.raises(ArgumentError, match="break charge"):
        stock.product_mps(generator, generator.bases(), tilted_states(model, 2), bc="finite")
