import math

import numpy as np
import pytest
from scipy.linalg import expm

import impo
import tests.qutip_oracle as oracle
from impo import ITEBD, Exact, evolve, load, spectrum, steady_state
from impo.analysis.check import check
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.exact import solution
from impo.methods.exact.sector import charge_sector, cluster, least_bytes, sector_size, site_bases
from impo.methods.exact.state import ExactState
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.local import local_operators
from impo.results.estimate import Status
from impo.results.state import SteadyState
from models import cavity, gain_loss, ising, kerr, xyz


def all_charges(model, method):
    """Return every charge sector of a cluster with at most one charge."""
    generator = cluster(model, method)
    if len(generator.charges) == 0:
        return [()]
    bases = site_bases(generator)
    top = sum(
        int(b.q.max()) * abs(int(w)) for b, w in zip(bases, generator.charges[0], strict=True)
    )
    return [(q,) for q in range(-top, top + 1) if sector_size(generator, None, (q,))]


CASES = [
    (gain_loss.dimer(0.5, gain=1.3, loss=0.6), Exact()),
    (gain_loss.dimer(1, gain=1.3, loss=0.6), Exact()),
    (gain_loss.dimer(1.5, gain=0.4, loss=0.9), Exact()),
    (gain_loss.chain(0.5, h=0.4, gain=1.3, loss=0.6), Exact(cells=2)),
    (gain_loss.chain(0.5, h=0.4, gain=1.3, loss=0.6), Exact(cells=2, periodic=True)),
    (ising.chain(J=1.1, field=0.7), Exact(cells=3)),
    (xyz.chain(), Exact(cells=3, periodic=True)),
    (kerr.oscillator(1.0, 1.4, cutoff=9), Exact(tol=1)),
    (cavity.dimer(0.5, 3.0, 1.0, 0.4, 0.5, 1.0, 1, 1), Exact(tol=1)),
    (cavity.effective_dimer(1, 3.0, 1.0, 0.4, 1.0, stark=True), Exact()),
]


@pytest.mark.parametrize(("model", "method"), CASES, ids=lambda x: getattr(x, "label", x.name))
def test_agrees_with_qutip(model, method):
    state = steady_state(model, method)
    assert state.status is Status.CONVERGED
    sites = [(s, c) for c in range(method.cells) for s in range(len(model.sites))]
    matrix = oracle.liouvillian(model, method.cells, method.periodic)
    dimension = math.isqrt(len(matrix))
    expected = oracle.steady_state(matrix, dimension)
    rho = state.density_matrix(sites)
    assert np.abs(rho - expected).max() < 1e-10
    assert state.extras["purity"] == pytest.approx(np.trace(expected @ expected).real, abs=1e-10)
    assert state.purity_density.value == pytest.approx(
        -math.log(state.extras["purity"]) / method.cells
    )
    probabilities = np.diag(expected).real
    assert np.abs(state.distribution(sites).ravel() - probabilities).max() < 1e-10
    assert state.extras["diagonal_participation"] == pytest.approx(
        1 / np.sum(probabilities**2) / dimension
    )
    for op in model.sites[0].operators:
        if op == "Id":
            continue
        big = oracle.operator(model, method.cells, op, 0, 0).full()
        mean = np.trace(big @ expected)
        others = [
            np.trace(oracle.operator(model, method.cells, op, 0, c).full() @ expected)
            for c in range(method.cells)
        ]
        assert state.expect(op).value[0] == pytest.approx(np.mean(others), abs=1e-10)
        if method.cells == 1:
            square = np.trace(big @ big @ expected)
            assert state.variance(op).value[0] == pytest.approx(square - mean**2, abs=1e-10)


@pytest.mark.parametrize(
    ("model", "method"), [*CASES[:7], (gain_loss.dimer(2, gain=1.3, loss=0.6), Exact())]
)
def test_all_eigenvalues_agree_with_qutip(model, method):
    matrix = oracle.liouvillian(model, method.cells, method.periodic)
    found = [
        spectrum(model, method, charge, count=len(matrix)) for charge in all_charges(model, method)
    ]
    values = np.concatenate([part.eigenvalues for part in found])
    assert len(values) == len(matrix)
    expected, left, right = _eigen(matrix)
    condition = 1 / np.abs(np.sum(left.conj() * right, axis=0))
    # eigenvalues of an exceptional point move with a root of the rounding error
    assert oracle.distance(values, expected) < max(1e-10, 1e-15 * condition.max())
    assert max(part.residuals.max() for part in found) < 1e-12 * len(matrix)


def _eigen(matrix):
    from scipy.linalg import eig

    return eig(matrix, left=True, right=True)


def test_eigenvalues_by_arnoldi_agree_with_all_of_them(monkeypatch):
    model = gain_loss.dimer(4, gain=0.9, loss=0.6)
    dense = {q: spectrum(model, Exact(), q, count=12) for q in (0, 1, 3)}
    monkeypatch.setattr("impo.methods.exact.modes._DENSE", 10)
    for q, expected in dense.items():
        found = spectrum(model, Exact(), q, count=12)
        assert oracle.distance(found.eigenvalues, expected.eigenvalues) < 1e-9
        assert found.residuals.max() < 1e-9
        assert np.all(np.diff(np.abs(found.eigenvalues)) > -1e-9)


def test_opposite_charges_are_complex_conjugate():
    model = cavity.effective_dimer(1, 3.0, 1.0, 0.4, 1.0)
    up, down = (spectrum(model, Exact(), q, count=12).eigenvalues for q in (1, -1))
    assert oracle.distance(up, down.conj()) < 1e-10


def test_slowest_kerr_eigenvalues():
    model = kerr.oscillator(3.0, 1.76, cutoff=24)
    found = spectrum(model, Exact(), None, count=8)
    matrix = oracle.liouvillian(model)
    values, left, right = _eigen(matrix)
    order = np.argsort(np.abs(values))[: len(found.eigenvalues)]
    condition = 1 / np.abs(np.sum(left.conj() * right, axis=0))[order]
    gap = np.abs(found.eigenvalues[:, None] - values[order]).min(axis=0)
    assert np.all(gap < 2.2e-16 * np.linalg.norm(matrix) * condition)  # rounding of all elements


def test_correlation_has_physical_phases():
    model, method = gain_loss.chain(0.5, h=0.4, gain=1.3, loss=0.6), Exact(cells=2, periodic=True)
    state = steady_state(model, method)
    rho = oracle.steady_state(oracle.liouvillian(model, 2, True), 16)
    for op_a, op_b, sites in [("S+", "S-", (0, 1)), ("S-", "S+", (0, 0)), ("Sz", "Sz", (1, 0))]:
        expected = [
            np.trace(
                oracle.operator(model, 2, op_a, sites[0], 0).full()
                @ oracle.operator(model, 2, op_b, sites[1], r).full()
                @ rho
            )
            for r in range(2)
        ]
        found = state.correlation(op_a, op_b, sites)
        assert np.abs(found.value - expected).max() < 1e-12
        assert found.error.max() < 1e-12
    assert abs(state.correlation("S+", "S-", (0, 1)).value[0].imag) > 0.01


def test_gap_covers_both_sectors():
    state = steady_state(gain_loss.dimer(1, gain=1.3, loss=0.6), Exact())
    values = np.linalg.eigvals(oracle.liouvillian(state.model))
    rates = np.sort(-values.real)
    assert rates[0] == pytest.approx(0, abs=1e-12)
    assert state.extras["gap"] == pytest.approx(rates[1], rel=1e-10)
    assert set(state.diagnostics["decay_rates"]) == {"0", "1", "2", "3", "4"}
    assert 0 < state.diagnostics["gap_error"] < 1e-11


def test_without_the_gap_the_state_is_the_same():
    model = gain_loss.dimer(1.5, gain=1.2, loss=0.7)
    full, short = steady_state(model, Exact()), steady_state(model, Exact(gap=False))
    assert np.array_equal(full.expect("Sz").value, short.expect("Sz").value)
    assert short.extras["gap"] is None
    assert short.diagnostics["decay_rates"]["1"] is None
    assert short.diagnostics["decay_rates"]["0"] == full.diagnostics["decay_rates"]["0"]


@pytest.mark.parametrize(
    "model", [kerr.oscillator(5.0, 3.0, cutoff=23), gain_loss.dimer(4, gain=0.3, loss=0.1)]
)
def test_gap_includes_modes_that_oscillate_fast(model, monkeypatch):
    monkeypatch.setattr("impo.methods.exact.gap._DENSE", 1000)
    full = steady_state(model, Exact(tol=1)).diagnostics
    monkeypatch.setattr("impo.methods.exact.gap._DENSE", 10)
    monkeypatch.setattr("impo.methods.exact.gap._LARGEST_DENSE", 10)
    found = steady_state(model, Exact(tol=1)).diagnostics
    assert found["decay_rates"] == pytest.approx(full["decay_rates"], rel=1e-9)
    for label, error in found["decay_rate_errors"].items():
        assert error < 1e-9 * full["decay_rates"][label]


def test_stored_state_is_rebuilt():
    for method in (Exact(), Exact(k_max=3)):
        state = steady_state(gain_loss.dimer(2, gain=1.3, loss=0.6), method)
        assert isinstance(state, SteadyState)
        again = ExactState.from_arrays(*state.to_arrays())
        assert again.method == method
        assert again.model == state.model
        assert np.array_equal(again.variance("Sz").value, state.variance("Sz").value)
        assert np.array_equal(again.expect("Sz").error, state.expect("Sz").error)
        assert again.extras == state.extras


def test_cut_result_carries_its_error():
    model = gain_loss.dimer(6, gain=1.6, loss=1.3)
    full = steady_state(model, Exact(gap=False))
    rough = steady_state(model, Exact(k_max=6, gap=False))
    assert rough.status is Status.K_LIMITED
    error = np.abs(rough.expect("Sz").value - full.expect("Sz").value)
    assert np.all(error < 2 * rough.expect("Sz").error)
    assert np.all(error > 1e-6)
    fine = steady_state(model, Exact(k_max="auto", tol=2e-3, gap=False))
    assert fine.status is Status.CONVERGED
    assert fine.diagnostics["k_max"] <= 10
    assert 0 < fine.diagnostics["multipole_tail"] < rough.diagnostics["multipole_tail"]
    assert np.abs(fine.expect("Sz").value - full.expect("Sz").value).max() < 6 * 2e-3
    warm = steady_state(model, fine.method, start=fine)
    assert len(warm.history) < len(fine.history)


def test_no_cut_where_none_is_needed():
    state = steady_state(gain_loss.dimer(1, gain=1.3, loss=0.6), Exact(k_max="auto", tol=1e-12))
    assert state.status is Status.CONVERGED
    assert state.diagnostics["k_max"] == 2
    assert state.coarser is None


@pytest.mark.parametrize(
    ("model", "dimension"),
    [
        # charged operators count: 19 = 3^2 + 2^2 + 2^2 + 1 + 1, degeneracies of the energies
        (gain_loss.dimer(1, gain=0, loss=0), 19),
        (gain_loss.dimer(1, g=0, gain=0, loss=1), 9),
        (
            LindbladModel(  # dephasing conserves the total magnetisation of the three spins
                (Spin(0.5),),
                (Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),),
                (Jump(1.0, "Sz", 0),),
            ),
            4,
        ),
    ],
)
def test_several_steady_states_are_reported(model, dimension):
    # the verb of the method: `impo.steady_state` refuses a model without dissipation
    state = Exact(cells=3 if len(model.sites) == 1 else 1).steady_state(model)
    assert state.status is Status.FAILED
    assert f"dimension {dimension}:" in state.message
    assert state.diagnostics["null_space_dimension"] == dimension
    assert state.expect("Sz") is None
    assert state.distribution([(0, 0)]) is None
    assert state.purity_density is None
    assert state.extras["gap"] is None
    assert ExactState.from_arrays(*state.to_arrays()).status is Status.FAILED


def test_one_dark_state_is_unique():
    state = steady_state(gain_loss.dimer(1, gain=0, loss=1), Exact())
    assert state.status is Status.CONVERGED
    assert state.expect("Sz").value == pytest.approx([-1, -1])
    assert state.extras["purity"] == pytest.approx(1)


@pytest.mark.slow
def test_too_large_is_refused_before_allocation():
    with pytest.raises(UnsupportedModelError, match=r"GiB.*`ITEBD`"):
        steady_state(gain_loss.chain(2), Exact(cells=8))
    with pytest.raises(UnsupportedModelError, match="GiB"):
        spectrum(gain_loss.chain(0.5), Exact(cells=12), 1)
    with pytest.raises(UnsupportedModelError, match="GiB"):  # its bases alone would take hours
        steady_state(gain_loss.dimer(1000), Exact())
    with pytest.raises(UnsupportedModelError, match="100001 states"):
        steady_state(gain_loss.dimer(50000), Exact(k_max=4))


def test_memory_estimate_is_an_upper_bound():
    import tracemalloc

    generator = cluster(gain_loss.chain(0.5, gain=1.2), Exact(cells=4))
    rows, least = least_bytes(generator, None, (0,))
    size = solution.assembly_bytes(generator, site_bases(generator), rows)
    tracemalloc.start()
    sector = charge_sector(generator, site_bases(generator))
    solution.liouvillian(sector)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == len(sector)
    assert least < size
    assert peak < size < 5 * peak


def test_krylov_agrees_with_elimination(monkeypatch):
    model, method = gain_loss.chain(0.5, h=0.4, gain=1.3, loss=0.6), Exact(cells=3)
    direct = steady_state(model, method)
    for name in ("_FEW_OPERATIONS", "_MOST_OPERATIONS"):
        monkeypatch.setattr(solution, name, 0.0)
    monkeypatch.setattr(solution, "sweeps_worth", lambda operations, rows: 20)
    iterated = steady_state(model, method)
    assert iterated.status is Status.CONVERGED
    assert iterated.diagnostics["solver"] == "gmres"
    difference = np.abs(iterated.expect("Sz").value - direct.expect("Sz").value)
    assert np.all(difference < 1e-10)
    assert np.all(difference < iterated.expect("Sz").error)
    assert iterated.extras["gap"] is None
    two = steady_state(gain_loss.dimer(1, g=0, gain=0, loss=1), Exact())
    assert two.status is Status.NOT_CONVERGED


def test_evolution_agrees_with_the_matrix_exponential():
    model = gain_loss.dimer(1, gain=1.3, loss=0.6)
    tilted = np.array([0.6, 0.48j, 0.64])
    down = np.array([0.0, 0, 1])
    matrix = oracle.liouvillian(model)
    for start in ([np.array([1.0, 0, 0]), down], [tilted, down]):
        both = np.kron(*start)
        rho = np.outer(both, both.conj())
        trajectory = evolve(model, Exact(), start, [0.0, 0.3, 2.0])
        for time, found in zip(
            trajectory.times, trajectory.density_matrix([(0, 0), (1, 0)]), strict=True
        ):
            expected = (expm(matrix * time) @ rho.ravel(order="F")).reshape(9, 9, order="F")
            assert np.abs(found - expected).max() < 1e-12
        assert trajectory.expect("Sx").value.shape == (3, 2)
        assert trajectory.purity_density.value[0] == pytest.approx(0, abs=1e-12)
        assert trajectory.correlation("S+", "S-", (0, 1)).value.shape == (3, 1)


def test_a_trajectory_comes_back_from_its_file(tmp_path):
    start = [np.array([1.0, 0]), np.array([0.6, 0.8])]
    for method in (Exact(), ITEBD(tol=1e-1)):
        begin = start if method.name == "exact" else [start[0], np.array([0.0, 1.0])]
        trajectory = impo.evolve(gain_loss.chain(0.5, gain=1.3), method, begin, [0.0, 0.5])
        trajectory.save(tmp_path / "moved.h5")
        again = load(tmp_path / "moved.h5")
        np.testing.assert_array_equal(again.times, [0.0, 0.5])
        one, two = again.expect("Sz"), trajectory.expect("Sz")
        np.testing.assert_array_equal(one.value, two.value)
        np.testing.assert_array_equal(one.error, two.error)
        assert again.model == trajectory.model
        assert again.method == method
        assert check(tmp_path / "moved.h5").reproduced


def test_a_low_cut_off_is_not_compared_with_itself():
    for model in (gain_loss.dimer(3, gain=0.5, loss=0.5), gain_loss.dimer(1, gain=0.2, loss=0.1)):
        state, exact = (steady_state(model, Exact(k_max=k)) for k in (1, None))
        assert state.status is Status.K_LIMITED
        apart = np.abs(state.expect("Sz").value - exact.expect("Sz").value)
        assert np.all(apart < state.expect("Sz").error)


def test_distances_on_a_plane_are_along_the_first_direction():
    model = LindbladModel(
        (Spin(0.5),),
        (
            Term(1.0, ("S+", 0, (0, 0)), ("S-", 0, (1, 0)), plus_hc=True),
            Term(0.2, ("S+", 0, (0, 0)), ("S-", 0, (0, 1)), plus_hc=True),
            Term(0.5, ("Sx", 0, (0, 0))),
        ),
        (Jump(1.0, "S-", 0),),
        dimension=2,
    )
    state = steady_state(model, Exact(cells=(3, 2)))
    found = state.correlation("Sx", "Sx").value
    assert len(found) == 3
    rho = state.density_matrix([(0, (0, 0)), (0, (1, 0))])
    sx = local_operators(Spin(0.5))["Sx"]
    assert found[1] == pytest.approx(np.trace(np.kron(sx, sx) @ rho).real, abs=1e-12)


def test_evolution_ends_in_the_steady_state():
    model = gain_loss.chain(0.5, h=0.4, gain=1.3, loss=0.6)
    method = Exact(cells=2)
    steady = steady_state(model, method)
    trajectory = evolve(model, method, [np.array([1.0, 0]), np.array([1.0, 0])], [1.0, 60.0])
    assert trajectory.expect("Sz").value[-1] == pytest.approx(steady.expect("Sz").value, abs=1e-10)
    assert trajectory.states[-1].residual < 1e-10 < trajectory.states[0].residual
    kept = evolve(model, method, steady, [5.0])
    assert kept.expect("Sz").value[0] == pytest.approx(steady.expect("Sz").value, abs=1e-12)


@pytest.mark.parametrize(
    "settings",
    [{"cells": 0}, {"cells": 1.5}, {"periodic": 1}, {"k_max": 0}, {"k_max": "all"}, {"tol": 0}],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(ArgumentError, match=f"`{next(iter(settings))}`"):
        Exact(**settings)


def test_bad_arguments_are_refused():
    model = gain_loss.dimer(0.5)
    state = steady_state(model, Exact())
    with pytest.raises(ArgumentError, match="cells"):
        steady_state(model, Exact(cells=(1, 1)))
    with pytest.raises(ArgumentError, match="op"):
        state.expect("N")
    with pytest.raises(ArgumentError, match="places"):
        state.density_matrix([(0, 1)])
    with pytest.raises(ArgumentError, match="places"):
        state.distribution([(0, 0), (0, 0)])
    with pytest.raises(ArgumentError, match="charge"):
        spectrum(model, Exact(), 5)
    with pytest.raises(ArgumentError, match="k_max"):
        spectrum(model, Exact(k_max="auto"))
    with pytest.raises(ArgumentError, match="k_max"):
        evolve(model, Exact(k_max="auto"), state, [1.0])
    with pytest.raises(ArgumentError, match="times"):
        evolve(model, Exact(), state, [1.0, 0.5])
    with pytest.raises(ArgumentError, match="start"):
        evolve(model, Exact(), [np.array([1.0, 0])], [1.0])
    with pytest.raises(ArgumentError, match="start"):
        evolve(model, Exact(), [np.array([1.0, 0]), np.array([0.0, 0.0])], [1.0])
    with pytest.raises(ArgumentError, match="start"):
        evolve(gain_loss.dimer(1), Exact(), state, [1.0])


def test_a_start_of_any_norm_stands_for_a_normalised_state():
    model = gain_loss.dimer(0.5)
    one, two = (evolve(model, Exact(), [[1, 0], [x, x]], [0.5]) for x in (1.0, math.sqrt(0.5)))
    np.testing.assert_allclose(one.expect("Sz").value, two.expect("Sz").value, rtol=1e-12)


@pytest.mark.parametrize("sites", [(Spin(1),), (Spin(1), Boson(1)), (Spin(0.5), Spin(2))])
def test_the_lowest_multipole_cut_off_is_kept(sites, tmp_path):
    """It is compared with rank zero, the mixed state of every spin."""
    jumps = [Jump(1.0, "S-" if isinstance(site, Spin) else "B", j) for j, site in enumerate(sites)]
    model = LindbladModel(sites, (), [*jumps, Jump(0.7, "Sy", 0)])
    state = steady_state(model, Exact(k_max=1, tol=1.0, gap=False))
    assert state.coarser.expect("Sz") == pytest.approx(0, abs=1e-12)
    state.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    for op in ("Sz", "Sx"):
        np.testing.assert_allclose(again.expect(op).value, state.expect(op).value, atol=1e-12)
        np.testing.assert_allclose(again.expect(op).error, state.expect(op).error, atol=1e-12)
