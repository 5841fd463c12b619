"""The verdict row by row: one state, made-up errors."""

from dataclasses import replace
from functools import reduce
from itertools import product
from math import inf

import numpy as np
import pytest
import qutip

from impo import ITEBD, Boson, Jump, LindbladModel, Status, Term
from impo.methods.itebd.solve import chain_generator
from impo.operators.blocks import chain_of_blocks
from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.refinement.approximation import Refinement, product_approximation
from impo.refinement.budget import ErrorBudget, error_budget, relative_residual, total_error
from impo.refinement.verdict import Circumstances, residual, verdict
from models import gain_loss
from tests import qutip_oracle
from tests.jump_models import NEIGHBOURS, far

TOL = 1e-3
GOOD = ErrorBudget(1e-5, {"chi": 2e-5, "k_max": 3e-5, "dt": 4e-5}, residual=5e-4)
APART = "They do not meet."


@pytest.fixture(scope="module")
def mixed():
    return product_approximation(chain_generator(gain_loss.chain(0.5), ITEBD()), None, 1, 1.5)


@pytest.mark.parametrize(
    ("budget", "way", "status", "message"),
    [
        ({}, {}, Status.CONVERGED, "All errors and the residual are below `tol`."),
        ({}, {"stopped": True}, Status.CONVERGED, "All errors"),
        ({}, {"conserved": "Sz"}, Status.FAILED,
         "The steady state is not unique: the sum over the lattice of Sz is conserved and keeps"),
        ({}, {"conserved": "Sz", "given_start": True}, Status.CONVERGED, "All errors"),
        ({}, {"apart": APART}, Status.NOT_CONVERGED, APART),
        ({}, {"apart": APART, "given_start": True}, Status.CONVERGED, "All errors"),
        ({"lowest_eigenvalue": -6e-4}, {}, Status.UNPHYSICAL,
         "A two-site density matrix has the eigenvalue -6.0e-04; raise `chi_max`, or `k_max` if"),
        ({"lowest_eigenvalue": -4e-4}, {}, Status.CONVERGED, "All errors"),
        ({"residual": 2e-3}, {}, Status.CHI_LIMITED,
         "The residual over the slowest rate seen is 2.0e-03, more than tol = 1.0e-03, though no"),
        ({"time": 2e-3}, {}, Status.NOT_CONVERGED,
         "The observables still move: raise `t_max` (errors: time 2.0e-03, chi 2.0e-05, "
         "k_max 3.0e-05, dt 4.0e-05; residual 5.0e-04; tol 1.0e-03)."),
        ({"time": 2e-3}, {"apart": APART, "given_start": True}, Status.NOT_CONVERGED, APART),
        ({"settings": {"chi": 2e-3}}, {}, Status.CHI_LIMITED, "The bond dimension is too small"),
        ({"settings": {"chi": 2e-3}}, {"stopped": True}, Status.NOT_CONVERGED, "The observables"),
        ({"settings": {"k_max": inf}}, {}, Status.K_LIMITED, "The multipole cut-off is too low"),
        ({"settings": {"dt": 2e-3}}, {}, Status.NOT_CONVERGED, "The Trotter error is too large"),
        ({"settings": {"cutoff": inf}}, {}, Status.K_LIMITED, "The cut-off of a boson is too low"),
    ],
)  # fmt: skip
def test_rows(mixed, budget, way, status, message):
    found = verdict(mixed, replace(GOOD, **budget), TOL, Circumstances(**way))
    assert found[0] is status
    assert found[1].startswith(message)


def test_bosons_at_their_cut_off():
    """The mixed state of 3 levels; of what a larger cut-off changes nothing more is said."""
    model = LindbladModel((Boson(2),), (), (Jump(1.0, "B", 0),))
    full = product_approximation(chain_generator(model, ITEBD()), None, 2, 1.5)
    status, message = verdict(full, GOOD, TOL)
    assert status is Status.K_LIMITED
    assert message.startswith("A boson holds its largest number of quanta with probability 3.3e-01")
    known = replace(GOOD, settings={**GOOD.settings, "cutoff": 1e-5})
    assert verdict(full, known, TOL)[0] is Status.CONVERGED


def test_the_budget_of_a_state(mixed):
    moved = replace(mixed, remaining=0.25)
    up = product_approximation(mixed.generator, [np.diag([0.75, 0.25])] * 2, 1, 1.5)
    pairs = [Refinement("chi", moved, up, 2.0), Refinement("dt", moved, up, 1.0)]
    change = pairs[1].error
    assert change > 0.1
    budget = error_budget(moved, pairs, 0.5)
    assert budget.settings == {"chi": 2 * change, "dt": change}
    assert budget.total == total_error(moved, pairs) == pytest.approx(0.25 + 3 * change)
    assert budget.residual == relative_residual(moved, 0.5) == 0.5  # no rate is known
    assert relative_residual(replace(moved, dt=0.1, slowest_rate=0.25), 0.5) == 2.0
    assert relative_residual(replace(moved, dt=0.1, slowest_rate=0.0), 0.5) == inf
    assert relative_residual(replace(moved, dt=0.1, slowest_rate=0.0), 1e-14) == 0.0
    assert budget.lowest_eigenvalue == pytest.approx(0.25)
    unknown = Refinement("cutoff", moved, moved, inf)
    assert total_error(moved, [*pairs, unknown]) == inf


@pytest.mark.parametrize(
    "name", ["correlated", "nonreciprocal", "two-body", "conditional", "general"]
)
def test_the_residual_of_jumps_on_two_sites_is_that_of_a_ring(name):
    """Of a product state, on a ring where no operator meets itself."""
    model = NEIGHBOURS[name]
    generator = kept_charges(infinite_chain(model, charges=False))
    states = []
    for seed in range(2):
        vectors = np.random.default_rng(seed).normal(size=(2, 2, 2)) @ np.array([1, 1j])
        rho = vectors @ vectors.conj().T
        states.append(rho / np.trace(rho))
    found = residual(product_approximation(generator, states, 1, 1.5))
    cells = 6 // len(model.sites)
    rho = reduce(np.kron, states * 3)
    moved = qutip_oracle.liouvillian(model, cells, periodic=True) @ rho.ravel("F")
    moved = moved.reshape(64, 64, order="F")
    (one, two), largest = generator.bases(), 0.0
    for first, bases in ((2, (one, two)), (1, (two, one))):
        shape = (2**first, 4, 2 ** (4 - first))
        local = np.einsum("aibajb->ij", moved.reshape(shape * 2))
        for x, y in product(range(4), repeat=2):
            size = bases[0].size[x] * bases[1].size[y]
            value = np.trace(np.kron(bases[0].matrices[x], bases[1].matrices[y]) @ local)
            largest = max(largest, abs(value) / size)
    assert found.value == pytest.approx(largest, rel=1e-9)
    assert largest > 0.1


@pytest.mark.parametrize("extra", [(), (Term(0.3, ("Sx", 0, 0), ("Sy", 0, 2)),)])
def test_the_residual_of_a_chain_in_blocks_is_that_of_a_ring(extra):
    """Of a product state with the period of a tile, over neighbours and second neighbours."""
    model = replace(far(2), terms=(*far(2).terms, *extra))
    generator = chain_of_blocks(model, charges=False)
    assert generator.blocks == (2, 2)
    states = []
    for seed in range(4):
        vectors = np.random.default_rng(seed).normal(size=(2, 2, 2)) @ np.array([1, 1j])
        rho = vectors @ vectors.conj().T
        states.append(rho / np.trace(rho))
    found = residual(product_approximation(generator, states, 1, 1.5))
    hamiltonian, jumps = qutip_oracle.system(model, 8, periodic=True)
    rho = qutip.tensor([qutip.Qobj(state) for state in states * 2])
    moved = -1j * (hamiltonian * rho - rho * hamiltonian)
    for jump in jumps:
        loss = jump.dag() * jump
        moved += jump * rho * jump.dag() - (loss * rho + rho * loss) / 2
    basis, largest = generator.bases()[0], [0.0, 0.0]
    for first, apart in product(range(4), (1, 2)):
        local = moved.ptrace([first, first + apart]).full()
        for x, y in product(range(4), repeat=2):
            size = basis.size[x] * basis.size[y]
            value = np.trace(np.kron(basis.matrices[x], basis.matrices[y]) @ local)
            largest[apart - 1] = max(largest[apart - 1], abs(value) / size)
    assert found.value == pytest.approx(max(largest), rel=1e-9)
    assert min(largest) > 0.1
