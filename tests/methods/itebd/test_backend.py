"""TeNPy's engine in the place of the two-site update: the same steady states and trajectories."""

import numpy as np
import pytest

from impo import ITEBD, Exact, Status, evolve, load, steady_state
from impo.arguments import ArgumentError
from impo.refinement.approximation import two_site_states
from models import gain_loss, ising
from tests.jump_models import NEIGHBOURS

PHASES = {
    "AM": (2.0, 1.8),
    "PPT": (1.5, 1.0),
    "PT": (0.3, 0.3),
    "FM up": (0.6, 0.2),
    "FM down": (0.2, 0.6),
}


def both(model, start=None, **settings):
    """The steady states by the kernel and by TeNPy."""
    return [
        steady_state(model, ITEBD(**settings, backend=backend), start=start)
        for backend in ("kernel", "tenpy")
    ]


def observables(state):
    last = len(state.model.sites) - 1
    return [
        state.expect("Sz"),
        state.variance("Sz"),
        state.correlation("S+", "S-", (0, last), 4),
    ]


def check_within_bars(kernel, stock):
    for one, other in zip(observables(kernel), observables(stock), strict=True):
        assert np.all(np.abs(one.value - other.value) <= one.error + other.error)


def skewness(state):
    """Largest difference of the density matrices of neighbours from their adjoints."""
    return max(np.abs(rho - rho.conj().T).max() for rho in two_site_states(state.approximation))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spin", "phase"), [*((0.5, phase) for phase in PHASES), (1, "AM"), (1, "PPT")]
)
def test_backends_agree_in_all_phases(spin, phase):
    kernel, stock = both(gain_loss.chain(spin, 1.0, 0.5, *PHASES[phase]), tol=3e-3)
    assert kernel.status == stock.status == Status.CONVERGED
    check_within_bars(kernel, stock)
    assert skewness(stock) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["correlated", "general"])
def test_backends_agree_with_jumps_on_two_sites(name):
    kernel, stock = both(NEIGHBOURS[name], tol=3e-2)
    assert kernel.status == stock.status == Status.CONVERGED
    check_within_bars(kernel, stock)


@pytest.mark.slow
def test_the_result_is_of_the_same_kind(tmp_path):
    model = gain_loss.chain(0.5, 1.0, 0.5, *PHASES["PPT"])
    kernel, stock = both(model, tol=2e-2)
    assert kernel.status == stock.status == Status.CONVERGED
    check_within_bars(kernel, stock)
    assert stock.diagnostics.keys() == kernel.diagnostics.keys()
    assert [pair.kind for pair in stock.refinements] == [pair.kind for pair in kernel.refinements]
    assert [entry.keys() for entry in stock.history[:1]] == [kernel.history[0].keys()]
    assert not stock.approximation.matrix_product.mirror
    stock.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    assert again.method == stock.method
    np.testing.assert_array_equal(again.expect("Sz").value, stock.expect("Sz").value)
    repeated = steady_state(model, stock.method)
    np.testing.assert_array_equal(repeated.expect("Sz").value, stock.expect("Sz").value)


@pytest.mark.slow
def test_each_backend_starts_from_states_of_the_other(tmp_path):
    model = gain_loss.chain(0.5, 1.0, 0.5, *PHASES["PPT"])
    kernel, stock = both(model, tol=1e-2)
    stock.save(tmp_path / "state.h5")
    onwards = steady_state(model, ITEBD(tol=1e-3), start=load(tmp_path / "state.h5"))
    back = steady_state(model, ITEBD(tol=1e-3, backend="tenpy"), start=kernel)
    assert onwards.status == back.status == Status.CONVERGED
    check_within_bars(onwards, back)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "settings"),
    [
        pytest.param(gain_loss.chain(0.5, 1.0, 0.5, 1.5, 1.0), {"charges": False}, id="Hermitian"),
        pytest.param(ising.chain(1.0, 0.7, 0.9), {}, id="no charge"),
    ],
)
def test_models_in_the_hermitian_basis(model, settings):
    kernel, stock = both(model, tol=1e-2, **settings)
    assert kernel.status == stock.status == Status.CONVERGED
    check_within_bars(kernel, stock)
    assert skewness(stock) < 1e-12


@pytest.mark.slow
def test_decoupled_dimers_are_exact():
    model = gain_loss.chain(0.5, 1.0, 0.0, 0.9, 0.4)
    exact = steady_state(gain_loss.dimer(0.5, 1.0, 0.9, 0.4), Exact()).density_matrix
    for state in both(model, tol=1e-6):
        assert state.status == Status.CONVERGED
        found = state.density_matrix([(0, 0), (1, 0)])
        np.testing.assert_allclose(found, exact([(0, 0), (1, 0)]), atol=1e-6)


@pytest.mark.parametrize(
    ("spin", "chi", "time"), [(0.5, 64, 0.2), pytest.param(1, 100, 0.2, marks=pytest.mark.slow)]
)
def test_untruncated_trajectories_are_equal(spin, chi, time):
    model = gain_loss.chain(spin, 1.0, 0.5, 1.5, 1.0)
    up, down = np.eye(model.sites[0].dimension)[[0, -1]]
    kernel, stock = (
        evolve(model, ITEBD(chi_max=chi, tol=1e-8, backend=backend), [up, down], [time]).states[-1]
        for backend in ("kernel", "tenpy")
    )
    assert kernel.diagnostics["discarded_weight"] < 1e-20
    assert stock.diagnostics["discarded_weight"] < 1e-20
    for one, other in zip(observables(kernel), observables(stock), strict=True):
        np.testing.assert_allclose(one.value, other.value, atol=1e-8)


@pytest.mark.parametrize("backend", ["numpy", None, 1])
def test_other_backends_are_refused(backend):
    with pytest.raises(ArgumentError, match="`backend` must be one of kernel, tenpy"):
        ITEBD(backend=backend)
