"""Two starts: slow modes and states that are not unique are never called converged."""

import numpy as np
import pytest

from impo import (
    ITEBD,
    Exact,
    Jump,
    LindbladModel,
    Spin,
    Status,
    Term,
    steady_state,
)
from impo.methods.itebd.solve import chain_generator
from impo.operators.liouvillian import infinite_chain
from impo.operators.local import local_operators
from impo.refinement.approximation import Refinement
from impo.refinement.starts import have_met, second_start
from models import gain_loss, ising
from tests.hidden_laws import models

HALF = Spin(0.5)
EXCHANGE = Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True)


def stiff(strong):
    """A spin whose neighbour is damped strongly: it decays at the rate 1.2 / strong."""
    jumps = (Jump(strong, "S-", 0), Jump(0.2 / strong, "S+", 1))
    return LindbladModel((HALF, HALF), (EXCHANGE,), jumps)


def scaled(model, factor):
    """Return the same model in another unit of time."""
    return LindbladModel(
        model.sites,
        [Term(factor * t.coefficient, *t.factors) for t in model.hamiltonian],
        [Jump(factor * jump.rate, jump.op, jump.site) for jump in model.jumps],
    )


def right_or_not_converged(state, truth, tol):
    """Whether the verdict is honest, whichever it is."""
    off = np.abs(state.expect("Sz").value - truth) / 0.5
    return state.status is not Status.CONVERGED or bool(np.all(off <= tol))


@pytest.mark.parametrize(
    ("apart", "change", "met"),
    [
        ([1e-3, 4e-5], 1e-6, True),  # within half the tolerance
        ([1e-3, 3e-4], 1e-3, True),  # it fell, and the truncation changes more
        ([1e-3, 3e-4], 1e-5, None),  # it fell, but the truncation is not why it is there
        ([1e-3, 9e-4], 1e-2, None),
        ([1e-1, 9e-2], 1e-3, None),  # once is no proof where something is truncated
        ([9.8e-3, 6.0e-3, 6.2e-3], 3.1e-3, None),  # seen at S = 4; then it was 3e-4
        ([1e-1, 9e-2, 9e-2, 9e-2], 1e-3, False),
        ([1e-1, 9e-2], 0.0, False),  # nothing is truncated
    ],
)
def test_what_a_larger_bond_dimension_decides(apart, change, met):
    assert have_met(apart, change, 1e-4, last=False) is met
    assert have_met(apart, change, 1e-4, last=True) is bool(met)
    assert have_met([*apart[:-1], np.nan], change, 1e-4, last=False) is not True


@pytest.mark.parametrize("model", [gain_loss.chain(0.5), gain_loss.chain(2), ising.chain()])
def test_the_second_start_differs_from_the_mixed_state(model):
    generator = chain_generator(model, ITEBD())
    approx = second_start(generator, 4, 1.5)
    assert approx.smallest_eigenvalue > 0
    assert np.abs(approx.monitor).max() < 1
    for position, site in enumerate(generator.sites):
        names = ("Sx", "Sy", "Sz") if generator.hermitian_basis else ("Sz",)
        for name in names:
            matrix = local_operators(site)[name]
            vector = approx.bases[position].measure(matrix)
            mean = approx.environment.marginal(position, 1) @ vector
            assert mean / np.linalg.norm(matrix, 2) > 0.1


@pytest.mark.parametrize("g", [1e-2, 1e-3, 1e-4, 3e-4])
def test_an_undamped_site_with_a_weak_coupling(g):
    """Site b follows site a at the rate 2 g^2; it stands still at first, far from 1/2."""
    state = steady_state(gain_loss.chain(0.5, g, 0.0, gain=1.0, loss=0.0), ITEBD())
    assert state.status is Status.NOT_CONVERGED
    assert state.diagnostics["unique"] is None
    assert state.diagnostics["slowest_rate"] == pytest.approx(2 * g**2, rel=0.1)
    assert "two starts" in state.message
    needed = float(state.message.split("would meet at the time ")[1].split(";")[0])
    assert needed == pytest.approx(np.log(2e4) / (2 * g**2), rel=0.3)
    assert 0.5 - state.expect("Sz").value[1] < 1.2 * state.expect("Sz").error[1]
    both = state.diagnostics["starts"]
    assert abs(both["first"]["Sz"][1] - both["second"]["Sz"][1]) > 0.1


def test_a_weak_coupling_that_can_be_waited_for():
    state = steady_state(gain_loss.chain(0.5, 0.1, 0.0, gain=1.0, loss=0.0), ITEBD(tol=1e-3))
    assert state.status is Status.CONVERGED
    assert state.diagnostics["unique"] is True
    np.testing.assert_allclose(state.expect("Sz").value, 0.5, atol=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize("strong", [10.0, 1e3, 1e6])
@pytest.mark.parametrize("start", [None, "up", "near"])
def test_a_strongly_damped_neighbour(strong, start):
    model, tol = stiff(strong), 1e-2
    exact = steady_state(stiff(10.0 if strong == 10 else 1e3), Exact()).expect("Sz").value
    starts = {None: None, "up": [[1, 0], [1, 0]], "near": [np.diag([0.2, 0.8])] * 2}
    state = steady_state(model, ITEBD(tol=tol), start=starts[start])
    assert right_or_not_converged(state, exact, tol)
    if strong == 10:
        assert state.status is Status.CONVERGED
    elif start is None:
        assert state.diagnostics["slowest_rate"] == pytest.approx(1.2 / strong, rel=0.1)


@pytest.mark.slow
def test_fast_and_slow_rates_together():
    chain = Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    noisy = (Jump(1e3, "Sz", 0), Jump(2e-3, "S-", 0), Jump(1e-3, "S+", 0))
    state = steady_state(LindbladModel((HALF,), (chain,), noisy), ITEBD(tol=1e-2))
    assert right_or_not_converged(state, -1 / 6, 1e-2)
    fast = (chain, Term(2 * np.pi * 5, ("Sz", 0, 0)))  # rotates, and changes nothing else
    turning = LindbladModel((HALF,), fast, (Jump(1e-1, "S-", 0), Jump(2e-2, "S+", 0)))
    state = steady_state(turning, ITEBD(tol=1e-2))
    assert right_or_not_converged(state, -1 / 3, 1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e-2, 1e-4, 1e-6, 1e-8])
def test_dephasing_and_a_slow_decay(rate):
    exchange = Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    jumps = (Jump(1.0, "Sz", 0), Jump(0.7 * rate, "S-", 0), Jump(0.3 * rate, "S+", 0))
    state = steady_state(LindbladModel((HALF,), (exchange,), jumps), ITEBD(tol=1e-3))
    assert right_or_not_converged(state, -0.2, 1e-3)
    if rate == 1e-2:
        assert state.status is Status.CONVERGED
    else:
        assert state.status is Status.NOT_CONVERGED
        assert state.expect("Sz").error[0] > 0.1


@pytest.mark.parametrize("unit", [1e-3, 1e3])
@pytest.mark.parametrize(
    ("model", "tol"),
    [(gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0), 1e-3), (stiff(1e3), 1e-2), (ising.chain(), 1e-2)],
)
def test_the_unit_of_time_does_not_matter(model, tol, unit):
    one, other = (steady_state(m, ITEBD(tol=tol)) for m in (model, scaled(model, unit)))
    assert one.status is other.status
    np.testing.assert_allclose(other.expect("Sz").value, one.expect("Sz").value, atol=1e-6)
    rates = [state.diagnostics["slowest_rate"] for state in (one, other)]
    # where two starts have met to rounding, rounding decides over which looks the rate is taken
    assert rates[1] / rates[0] == pytest.approx(unit, rel=0.1)


def couples_neighbours_only(model):
    components = infinite_chain(model).components
    return all(term.positions[-1] - term.positions[0] <= 1 for term in components)


@pytest.mark.parametrize("model", list(filter(couples_neighbours_only, models(7, 60, 0.5)))[::5])
def test_hidden_conservation_laws_are_never_converged(model):
    state = steady_state(model, ITEBD(tol=1e-2, chi_max=16))
    assert state.status is Status.FAILED
    assert "conserved" in state.message
    assert state.diagnostics["unique"] is False


def test_an_error_that_is_not_known_is_infinite():
    state = steady_state(gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0), ITEBD(tol=1e-2))
    unknown = Refinement("cutoff", state.approximation, state.approximation, np.inf)
    assert unknown.error == np.inf
    assert np.all(unknown.error_of(lambda approx: approx.monitor) == np.inf)


def test_a_given_start_decides_what_is_conserved():
    """The Heisenberg chain with noise along x keeps <Sx>; every value has its steady state."""
    terms = (
        Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
        Term(1.0, ("Sz", 0, 0), ("Sz", 0, 1)),
    )
    model = LindbladModel((HALF,), terms, (Jump(1.0, "Sx", 0),))
    state = steady_state(model, ITEBD(), start=[[[0.5, 0.3], [0.3, 0.5]]])
    assert state.status is Status.CONVERGED
    assert state.expect("Sx").value[0] == pytest.approx(0.3, abs=1e-6)
    assert state.diagnostics["unique"] is False
    assert "Sx[site 0]" in state.diagnostics["conserved"]
    undecided = steady_state(model, ITEBD())
    assert undecided.status is Status.FAILED
    assert "Sx[site 0]" in undecided.message


@pytest.mark.parametrize(
    "term",
    [
        Term(0.7, ("Id", 0, 0), ("Sx", 0, 1)),
        Term(2.8, ("Sz", 0, 0), ("Sz", 0, 0), ("Sx", 0, 1)),  # Sz^2 = 1/4
        Term(0.7, ("Sx", 0, -3), ("Id", 0, 2)),
    ],
)
def test_identity_factors_act_nowhere(term):
    state = steady_state(LindbladModel((HALF,), (term,), (Jump(1, "S-", 0),)), ITEBD())
    assert state.status is Status.CONVERGED
    assert state.expect("Sz").value[0] == pytest.approx(-0.252525, abs=1e-5)
