"""Parts of `Exact`: inverses, null spaces, slow modes, cut-offs of bosons, positivity."""

import numpy as np
import pytest
import threadpoolctl
from scipy import sparse

from impo import Exact, load, steady_state
from impo.analysis.check import check
from impo.methods.exact import assembly, solution
from impo.methods.exact.assembly import liouvillian
from impo.methods.exact.elimination import BlockElimination, graph_levels
from impo.methods.exact.factorization import (
    PivotedFactors,
    accurate_elimination,
    factorize,
    refined,
)
from impo.methods.exact.gap import slowest_decay
from impo.methods.exact.modes import SlowModes
from impo.methods.exact.positivity import lowest_eigenvalue
from impo.methods.exact.sector import charge_sector, cluster, site_bases
from impo.methods.exact.solution import hermitian_blocks, solve
from impo.methods.exact.state import ExactState
from impo.methods.exact.verdict import verdict
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators import sparse_basis
from impo.operators.cluster_density import ClusterDensity
from impo.results.estimate import Status
from models import gain_loss
from models.kerr import drummond_walls, oscillator


def band(n, width, rng):
    offsets = range(-width, width + 1)
    return sparse.csr_array(
        sparse.diags_array([rng.normal(size=n - abs(k)) for k in offsets], offsets=offsets)
    )


@pytest.mark.parametrize(("n", "width"), [(40, 20), (400, 3)])
@pytest.mark.parametrize("shift", [0.3, 0.3 + 0.2j])
def test_inverses_solve(n, width, shift):
    rng = np.random.default_rng(0)
    matrix = band(n, width, rng)
    right = rng.normal(size=(n, 2)) + 1j * rng.normal(size=(n, 2))
    full = matrix.toarray() - shift * np.eye(n)
    for inverse in (
        PivotedFactors(matrix, shift),
        BlockElimination(matrix, graph_levels(matrix, 0), shift),
    ):
        for transposed in (False, True):
            x, error = refined(inverse, right, transposed)
            assert error < 1e-15
            expected = np.linalg.solve(full.T if transposed else full, right)
            assert np.abs(x - expected).max() < 1e-9 * np.abs(expected).max()


def test_elimination_that_loses_its_accuracy_is_not_used():
    terms = (Term(1, ("Sx", 0, 0), ("Sx", 1, 0)), Term(0.3, ("Sx", 0, 0)))
    model = LindbladModel((Spin(2), Spin(2)), terms, (Jump(1, "Sx", 1),))
    generator = cluster(model, Exact())
    sector = charge_sector(generator, site_bases(generator))
    [(_, matrix)] = hermitian_blocks(sector, liouvillian(sector))
    n = matrix.shape[0]
    modes = SlowModes(matrix)
    shift = 1e-9 * modes.norm
    assert accurate_elimination(matrix, modes.levels, shift) is None
    inverse = factorize(matrix, modes.levels, shift, np.inf)
    assert isinstance(inverse, PivotedFactors)
    _, error = refined(inverse, np.random.default_rng(1).normal(size=(n, 1)))
    assert error < 1e-15
    assert factorize(matrix, modes.levels, shift, 1.0) is None  # no memory
    assert modes.null_space().dimension == 25  # the operators that commute with both S_x


def generator_of_classical_jumps(rng, n, slow):
    """Return two rings of states, connected at a slow rate."""
    rates = np.zeros((n, n))
    for half in (range(n // 2), range(n // 2, n)):
        for i in half:
            for j in rng.choice(half, 3):
                rates[j, i] += rng.uniform(0.5, 1.5)
    rates[0, -1], rates[-1, 0] = slow, 2 * slow
    np.fill_diagonal(rates, 0)
    return sparse.csr_array(rates - np.diag(rates.sum(axis=0)))


@pytest.mark.parametrize("n", [40, 500])
def test_a_slow_mode_is_not_a_second_steady_state(n):
    for slow in (1e-4, 1e-8, 1e-11):
        matrix = generator_of_classical_jumps(np.random.default_rng(2), n, slow)
        modes = SlowModes(matrix, np.ones(n))
        null = modes.null_space()
        assert null.dimension == 1
        assert null.complete
        x = null.vectors[:, 0]
        assert x.sum() == pytest.approx(1)
        assert np.abs(matrix @ x).max() < 1e-15
        error, share = modes.rounding_error(null)
        assert 1e-17 / slow < np.linalg.norm(error) < 1e-14 / slow
        assert share < 0.1  # along the slow mode
        assert 0 < slowest_decay(modes, null).rate < 10 * slow
    matrix = generator_of_classical_jumps(np.random.default_rng(2), n, 0.0)
    null = SlowModes(matrix, np.ones(n)).null_space()
    assert null.dimension == 2
    assert null.complete


def test_a_matrix_without_elements_is_all_null_space():
    null = SlowModes(sparse.csr_array((5, 5)), np.ones(5)).null_space()
    assert null.dimension == 5
    assert null.complete


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 900])
def test_slow_modes_that_oscillate_are_found(n):
    """Pairs of modes at frequencies of up to ten times the decay of the others."""
    rng = np.random.default_rng(3)
    decays, frequencies = rng.uniform(1, 5, n // 2), rng.uniform(0, 10, n // 2)
    decays[7], frequencies[7] = 0.2, 9.0
    decays[8], frequencies[8] = 0.5, 0.0
    blocks = [np.array([[-d, w], [-w, -d]]) for d, w in zip(decays, frequencies, strict=True)]
    mixing = band(n, 1, rng) * 0.1 + sparse.eye_array(n)
    matrix = mixing @ sparse.block_diag(blocks) @ np.linalg.inv(mixing.toarray())
    decay = slowest_decay(SlowModes(sparse.csr_array(matrix)), None)
    assert decay.rate == pytest.approx(0.2, abs=1e-9)
    assert decay.error < 1e-9


def squeezed(cutoff):
    """Return an oscillator driven by pairs, with <n> = 8/9 and Var n = 2 <n> (<n> + 1) - ..."""
    drive = Term(0.2j, ("Bd", 0, 0), ("Bd", 0, 0), plus_hc=True)
    return LindbladModel((Boson(cutoff),), (drive,), (Jump(1.0, "B", 0),))


def thermal(quanta, cutoff):
    jumps = (Jump(1 + quanta, "B", 0), Jump(quanta, "Bd", 0))
    return LindbladModel((Boson(cutoff),), (Term(0.3, ("N", 0, 0)),), jumps)


@pytest.mark.slow
@pytest.mark.parametrize("cutoff", [4, 6, 10, 13, 20])
def test_bars_cover_the_limit_of_many_quanta(cutoff):
    state = steady_state(squeezed(cutoff), Exact(tol=1e-3))
    assert state.status is Status.K_LIMITED
    assert "raise it" in state.message
    number = state.expect("N")
    assert abs(number.value[0] - 8 / 9) < number.error[0]
    for quanta in (0.3, 1.0, 3.0):
        state = steady_state(thermal(quanta, cutoff), Exact(tol=1e-3))
        number, spread = state.expect("N"), state.variance("N")
        assert abs(number.value[0] - quanta) < number.error[0]
        assert abs(spread.value[0] - quanta * (quanta + 1)) < spread.error[0]
        apart = max(abs(number.value[0] - quanta), abs(spread.value[0] - quanta * (quanta + 1)))
        assert (state.status is Status.CONVERGED) <= (apart <= 1e-3)


def test_bars_of_a_kerr_oscillator_cover_its_closed_form():
    expected = drummond_walls(10.0, 3.0, 10.0, 10.0, 1.0, cutoff=80)
    exact = np.arange(81) @ np.diag(expected).real
    found = set()
    for cutoff in (6, 10, 13, 16, 25, 40):
        state = steady_state(oscillator(10.0, 3.0, cutoff=cutoff), Exact(gap=False))
        number = state.expect("N")
        assert abs(number.value[0] - exact) < number.error[0]
        found.add(state.status)
    assert found == {Status.K_LIMITED, Status.CONVERGED}


def test_enough_quanta_cost_no_error():
    for cutoff in (1, 3, 8):
        loss = LindbladModel((Boson(cutoff),), (Term(1.0, ("N", 0, 0)),), (Jump(1.0, "B", 0),))
        state = steady_state(loss, Exact(tol=1e-12))
        assert state.status is Status.CONVERGED
        assert state.expect("N").error[0] < 1e-14
        assert state.diagnostics["cutoff_change"] < 1e-14


def test_a_boson_that_cannot_be_tested_has_no_bar(monkeypatch):
    monkeypatch.setattr("impo.methods.exact.cutoffs._ROWS", 1)
    monkeypatch.setattr("impo.methods.exact.cutoffs._TIMES", 0.1)
    state = steady_state(squeezed(10), Exact(tol=1.0))
    assert state.status is Status.K_LIMITED
    assert "not known" in state.message
    assert np.isnan(state.expect("N").error).all()
    assert np.isnan(ExactState.from_arrays(*state.to_arrays()).expect("N").error).all()
    monkeypatch.setattr("impo.methods.exact.cutoffs._TIMES", 1.0)  # smaller ones only
    state = steady_state(squeezed(16), Exact(tol=1e-3))
    number = state.expect("N")
    assert abs(number.value[0] - 8 / 9) < number.error[0] < 1.0


def test_bars_of_cutoffs_survive_a_file(tmp_path):
    mixed = LindbladModel(
        (Spin(1), Boson(4)),
        (Term(0.6, ("S+", 0, 0), ("B", 1, 0), plus_hc=True), Term(0.3, ("B", 1, 0), plus_hc=True)),
        (Jump(1.0, "B", 1), Jump(0.2, "S-", 0)),
    )
    state = steady_state(mixed, Exact(tol=0.5))
    state.save(tmp_path / "mixed.h5")
    again = load(tmp_path / "mixed.h5")
    for op in ("N", "Sz"):
        assert np.all(state.expect(op).error > 1e-6)
        np.testing.assert_allclose(again.expect(op).error, state.expect(op).error, rtol=1e-12)
        np.testing.assert_allclose(again.variance(op).error, state.variance(op).error, rtol=1e-12)
    assert check(tmp_path / "mixed.h5").reproduced


def test_the_whole_density_matrix_must_be_positive():
    model = LindbladModel((Spin(0.5),), (), (Jump(1, "Sx", 0), Jump(1e-3, "S-", 0)))
    generator = cluster(model, Exact())
    rho = np.array([[0.5, 0.726], [0.726, 0.5]])
    density = ClusterDensity.from_matrix(generator, rho)
    lowest, whole = lowest_eigenvalue(density)
    assert lowest == pytest.approx(-0.226)
    assert whole
    state = steady_state(model, Exact())
    assert state.status is Status.CONVERGED
    found = solve(generator, None, None)
    told = {**state.diagnostics, "smallest_eigenvalue": lowest}
    status, message = verdict(Exact(), found, told)
    assert status is Status.UNPHYSICAL
    assert "-2.3e-01" in message


def test_the_liouvillian_does_not_depend_on_what_is_kept_and_added_at_once(monkeypatch):
    generator = cluster(gain_loss.chain(1, 1.0, 0.4, 1.5, 0.7), Exact(cells=2))
    sector = charge_sector(generator, site_bases(generator))
    found = liouvillian(sector)
    monkeypatch.setattr(assembly, "_BATCH", 100)
    monkeypatch.setattr(sparse_basis, "_SMALL", 0)
    again = liouvillian(sector)
    assert found.nnz == again.nnz > 100 * len(generator.components)
    assert abs(found - again).max() < 1e-14


def test_charges_split_the_density_matrix():
    model = LindbladModel(
        (Spin(1), Spin(1.5)),
        (Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),),
        (Jump(1.0, "S+", 0), Jump(0.6, "S-", 1)),
    )
    state = steady_state(model, Exact())
    rho = state.density_matrix([(0, 0), (1, 0)])
    assert len(state.density.generator.charges) == 1
    lowest, _ = lowest_eigenvalue(state.density)
    assert lowest == pytest.approx(np.linalg.eigvalsh(rho)[0], abs=1e-15)


def test_an_unknown_number_is_not_converged():
    """Comparisons are written so that nan fails."""
    model = squeezed(12)
    state = steady_state(model, Exact(tol=0.9))
    found = solve(cluster(model, Exact()), None, None)
    for key in ("rounding", "change", "cutoff_change", "smallest_eigenvalue"):
        told = {**state.diagnostics, key: float("nan")}
        assert verdict(Exact(tol=1.0), found, told)[0] is not Status.CONVERGED


def test_errors_are_compared_with_tol_together():
    model = squeezed(12)
    state = steady_state(model, Exact(tol=0.9))
    found = solve(cluster(model, Exact()), None, None)
    keys = ("rounding", "change", "cutoff_change")
    none = {**state.diagnostics, **dict.fromkeys(keys, 0.0)}
    for key in keys:
        assert verdict(Exact(tol=1.0), found, {**none, key: 0.6})[0] is Status.CONVERGED
        others = dict.fromkeys(set(keys) - {key}, 0.6)
        status, message = verdict(Exact(tol=1.0), found, {**none, **others})
        assert status is Status.K_LIMITED
        assert "1.2e+00 together, more than tol = 1.0e+00" in message


def test_large_solutions_take_the_threads_that_they_are_given(monkeypatch):
    """Small ones take one, and a worker of a scan gives one."""
    seen = []

    def solved(*given, original=solution._solved):
        pools = threadpoolctl.threadpool_info()
        seen.append({p["num_threads"] for p in pools if p["user_api"] == "blas"})
        return original(*given)

    monkeypatch.setattr(solution, "_solved", solved)
    for least, given, expected in ((1e12, 2, 1), (0.0, 2, 2), (0.0, 1, 1)):
        monkeypatch.setattr(solution, "_THREADED", least)
        with threadpoolctl.threadpool_limits(given, user_api="blas"):
            steady_state(gain_loss.dimer(0.5), Exact(gap=False))
        assert seen[-1] == {expected}
