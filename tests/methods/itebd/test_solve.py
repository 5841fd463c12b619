"""Steady states of infinite chains: verdicts, starts, files, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from impo import (
    ITEBD,
    ArgumentError,
    Boson,
    Exact,
    Jump,
    LindbladModel,
    Spin,
    Status,
    Term,
    UnsupportedModelError,
    evolve,
    load,
    steady_state,
)
from impo.refinement.budget import error_budget
from impo.refinement.levels import chi_levels
from impo.refinement.verdict import residual, verdict
from impo.results.summary import summary
from impo.tensor.legs import Leg
from models import gain_loss, ising, xyz

MODEL = gain_loss.chain(0.5, 1.0, 0.5, gain=1.5, loss=1.0)


@pytest.fixture(scope="module")
def state():
    return steady_state(MODEL, ITEBD(tol=1e-4))


def within(a, b, slack=1.0):
    """Whether two estimates agree within the sum of their errors."""
    gap = np.abs(np.asarray(a) - np.asarray(b))
    return bool(np.all(gap <= slack * (np.asarray(a.error) + np.asarray(b.error))))


@pytest.mark.slow
def test_a_converged_state(state):
    assert state.status == Status.CONVERGED
    assert state.residual < 1e-4
    assert np.all(state.expect("Sz").error <= 0.5e-4)
    finer = steady_state(MODEL, ITEBD(tol=1e-6, weight=0.7))
    assert finer.status == Status.CONVERGED
    for name in ("Sz", "Sx"):
        assert within(state.expect(name), finer.expect(name))
    assert within(state.variance("Sz"), finer.variance("Sz"))
    assert within(
        state.correlation("S+", "S-", (0, 1), 4), finer.correlation("S+", "S-", (0, 1), 4)
    )
    assert within(state.purity_density, finer.purity_density)
    assert within(state.operator_entropy, finer.operator_entropy)
    assert within(state.negativity(), finer.negativity())
    assert within(state.mutual_information(), finer.mutual_information())
    k = [0.0, 1.0, np.pi]
    assert within(state.structure_factor("S+", "S-", k), finer.structure_factor("S+", "S-", k))


def test_observables_are_consistent(state):
    rho = state.density_matrix([(0, 0), (1, 0)])
    sz = np.diag([0.5, -0.5])
    sp = np.diag([1.0], k=1)
    assert np.trace(rho) == pytest.approx(1)
    assert np.trace(np.kron(sz, np.eye(2)) @ rho) == pytest.approx(state.expect("Sz").value[0])
    assert np.trace(np.kron(sp, sp.T) @ rho) == pytest.approx(
        state.correlation("S+", "S-", (0, 1), 0).value[0]
    )
    swapped = state.density_matrix([(1, 0), (0, 0)])
    assert np.trace(np.kron(sp.T, sp) @ swapped) == pytest.approx(np.trace(np.kron(sp, sp.T) @ rho))
    far = state.density_matrix([(0, 0), (1, 3)])
    assert np.trace(np.kron(sp, sp.T) @ far) == pytest.approx(
        state.correlation("S+", "S-", (0, 1), 3).value[3], abs=1e-12
    )
    backwards = state.correlation("S-", "S+", (1, 0), 2).value
    assert backwards[0] == pytest.approx(state.correlation("S+", "S-", (0, 1), 0).value[0])
    table = state.distribution([(0, 0), (1, 0)])
    assert table.shape == (2, 2)
    assert table.sum() == pytest.approx(1)
    same_site = state.correlation("S+", "S-", (0, 0), 0).value[0]
    assert same_site == pytest.approx(0.5 + state.expect("Sz").value[0])


def test_the_structure_factor_is_the_sum_of_correlations(state):
    connected = state.connected("S+", "S-", (0, 0), 30).value
    k = 0.7
    expected = connected[0] + 2 * np.sum(connected[1:].real * np.cos(k * np.arange(1, 31)))
    assert state.structure_factor("S+", "S-", k).value == pytest.approx(expected, abs=1e-10)


def test_the_tenpy_state(state):
    state.mps.test_sanity()
    assert np.max(state.mps.norm_test()) < 1e-10
    mean, variance = state.liouvillian_variance
    assert abs(mean) < 1e-4
    assert 0 <= variance < 1e-6


def test_correlation_length(state):
    found = state.decay("S+", "S-")
    assert found.agree
    values = np.abs(state.correlation("S+", "S-", (0, 0), 10).value)
    assert found.value == pytest.approx(-1 / np.log(values[9] / values[8]), rel=1e-3)
    assert state.diagnostics["correlation_length_disagreement"] == []


@pytest.mark.slow
def test_a_leading_eigenvalue_that_the_operator_does_not_see():
    """Without charges all modes are in one sector, but Sz does not see those of S+."""
    model = gain_loss.chain(0.5, 1.0, 0.5, 0.9, 0.9)
    found = steady_state(model, ITEBD(tol=1e-4, charges=False))
    environment = found.approximation.environment
    moduli = np.sort(np.abs(np.linalg.eigvals(environment.tile)))
    slowest = -1 / np.log(moduli[-2] / moduli[-1])
    raising, along = found.decay("S+", "S-"), found.decay("Sz", "Sz")
    assert raising.value == pytest.approx(slowest, rel=1e-3)
    assert along.value + along.error < 0.8 * slowest


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"chi_max": 3, "tol": 1e-5}, {Status.CHI_LIMITED, Status.UNPHYSICAL}),
        ({"t_max": 3.0, "tol": 1e-5}, {Status.NOT_CONVERGED}),
    ],
)
def test_too_little_is_never_converged(settings, expected):
    assert steady_state(MODEL, ITEBD(**settings)).status in expected


@pytest.mark.slow
def test_ranks_are_raised_until_the_state_is_physical():
    """Deep in the AM phase a few ranks give <Sz> to 1 %, but a density matrix far from positive."""
    model = gain_loss.chain(4, 1.0, 0.5, gain=2.1, loss=2.1)
    found = steady_state(model, ITEBD(tol=1e-2, chi_max=24))
    assert found.status == Status.CONVERGED
    low = ITEBD(tol=1e-2, chi_max=24, k_max=found.diagnostics["k_max"] - 2)
    assert steady_state(model, low).status == Status.UNPHYSICAL


def test_a_rank_that_is_too_low():
    model = gain_loss.chain(2, 1.0, 0.5, gain=1.5, loss=1.0)
    cut = steady_state(model, ITEBD(k_max=2, chi_max=24, tol=1e-3))
    assert cut.status in (Status.K_LIMITED, Status.UNPHYSICAL)
    assert cut.diagnostics["error_k_max"] > 1e-3
    assert cut.diagnostics["leakage"] > 1e-3


def test_an_unphysical_state_is_called_so(state):
    approx = state.approximation
    chain = approx.matrix_product.copy()
    tensors = chain.dense(0)
    sz = list(zip(approx.bases[0].k, approx.bases[0].q, strict=True)).index((1, 0))
    tensors[:, sz] *= 3  # more magnetisation than a spin has
    chain.tensors[0] = chain.layout(0).from_dense(tensors)
    broken = replace(approx, matrix_product=chain)
    assert abs(np.asarray(residual(broken).value)) > 0.1
    status, message = verdict(broken, error_budget(broken, ()), 1e-4)
    assert status == Status.UNPHYSICAL
    assert "eigenvalue" in message


def test_levels():
    assert chi_levels(40)[-1] == 40
    assert all(
        1.2 < b / a < 1.6 for a, b in zip(chi_levels(128), chi_levels(128)[1:], strict=False)
    )
    assert chi_levels(1) == [1, 1]
    assert chi_levels(3) == [2, 3]


@pytest.mark.slow
def test_warm_starts(state):
    """A neighbour, another spin and another weight lead to the same state."""
    target = gain_loss.chain(1, 1.0, 0.5, gain=1.4, loss=1.0)
    cold = steady_state(target, ITEBD(tol=1e-4))
    warm = steady_state(target, ITEBD(tol=1e-4, weight=0.8), start=state)
    assert warm.status == cold.status == Status.CONVERGED
    assert within(cold.expect("Sz"), warm.expect("Sz"))
    again = steady_state(target, ITEBD(tol=1e-4), start=cold)
    assert again.status == Status.CONVERGED
    assert within(again.expect("Sz"), cold.expect("Sz"))


def test_a_symmetry_broken_start_relaxes_to_the_symmetric_state(state):
    plus_x = np.array([1.0, 1.0]) / np.sqrt(2)
    with pytest.raises(ArgumentError, match="charges=False"):
        steady_state(MODEL, ITEBD(), start=[plus_x, plus_x])
    broken = steady_state(MODEL, ITEBD(charges=False, tol=1e-4), start=[plus_x, plus_x])
    assert broken.status == Status.CONVERGED
    assert all(t.dtype == np.float64 for t in broken.approximation.matrix_product.tensors)
    assert np.all(np.abs(broken.expect("Sx").value) <= broken.expect("Sx").error)
    assert within(broken.expect("Sz"), state.expect("Sz"))
    pair = ("S+", "S-", (0, 1), 3)
    assert within(broken.correlation(*pair), state.correlation(*pair))


@pytest.mark.slow
def test_models_without_a_charge():
    for model in (ising.chain(1.0, 0.8, 1.0), xyz.chain(0.9, 1.1, 0.5, 1.0)):
        found = steady_state(model, ITEBD(tol=1e-3))
        assert found.status == Status.CONVERGED
        assert found.generator.hermitian_basis
        assert found.approximation.matrix_product.tensors[0].dtype == np.float64
        assert len(found.expect("Sz")) == 1


@pytest.mark.slow
def test_complex_blocks_of_a_charged_model_without_gauge():
    field = LindbladModel(
        MODEL.sites, (*MODEL.terms, Term(0.4, ("Sz", 0, 0)), Term(0.3, ("Sz", 0, 0), ("Sz", 1, 0))),
        MODEL.jumps,
    )  # fmt: skip
    charged = steady_state(field, ITEBD(tol=1e-4))
    assert charged.approximation.matrix_product.tensors[0].dtype == np.complex128
    plain = steady_state(field, ITEBD(tol=1e-4, charges=False))
    assert charged.status == plain.status == Status.CONVERGED
    assert within(charged.expect("Sz"), plain.expect("Sz"))
    pair = ("S+", "S-", (0, 1), 3)
    assert within(charged.correlation(*pair), plain.correlation(*pair))


def test_files_keep_everything(state, tmp_path):
    state.save(tmp_path / "point.h5")
    again = load(tmp_path / "point.h5")
    assert again.status == state.status
    assert again.method == state.method
    np.testing.assert_array_equal(again.expect("Sz").value, state.expect("Sz").value)
    np.testing.assert_array_equal(again.expect("Sz").error, state.expect("Sz").error)
    pair = ("S+", "S-", (1, 0), 5)
    np.testing.assert_array_equal(again.correlation(*pair).value, state.correlation(*pair).value)
    assert summary(again)["correlation_length"] == summary(state)["correlation_length"]
    assert list(again.history) == list(state.history)


def test_refusals():
    with pytest.raises(UnsupportedModelError, match="dimension 2"):
        steady_state(gain_loss.square(0.5), ITEBD())
    far = LindbladModel(
        (Spin(0.5),), (Term(1.0, ("S+", 0, 0), ("S-", 0, 4), plus_hc=True),), (Jump(1.0, "S-", 0),)
    )
    wanted = r"beyond neighbours, in blocks of 4 sites with 256 operators, at most 81 are"
    with pytest.raises(UnsupportedModelError, match=wanted):
        steady_state(far, ITEBD())
    near = replace(far, terms=(Term(0.5, ("Sx", 0, 0), ("Sx", 0, 2)),))
    with pytest.raises(UnsupportedModelError, match="reaches 2 sites far; use backend='kernel'"):
        steady_state(near, ITEBD(k_max=1, backend="tenpy"))
    with pytest.raises(ArgumentError, match="`chi_max` must be a positive integer"):
        ITEBD(chi_max=0)
    with pytest.raises(ArgumentError, match="start"):
        steady_state(MODEL, ITEBD(), start=[np.ones(3), np.ones(3)])


def test_dynamics_of_decoupled_dimers():
    """h = 0: an exact cluster, at all times."""
    from impo import Exact

    model = gain_loss.dimer(1, 1.0, gain=0.9, loss=0.4)
    up, down = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    times = [0.0, 0.5, 1.7]
    found = evolve(model, ITEBD(tol=1e-6), [up, down], times)
    reference = evolve(model, Exact(), [up, down], times)
    np.testing.assert_allclose(
        found.expect("Sz").value, np.asarray(reference.expect("Sz").value), atol=1e-8
    )
    assert all(s.status == Status.CONVERGED for s in found.states)


def test_dense_output_times_keep_their_error_bars():
    """The error by the Trotter step does not vanish because the output times are close."""
    dense = evolve(MODEL, ITEBD(chi_max=16), None, np.linspace(0, 0.4, 9))
    assert dense.states[-1].diagnostics["error_dt"] > 0
    assert dense.states[0].diagnostics["time"] == 0
    later = evolve(MODEL, ITEBD(chi_max=16), None, [0.4])
    assert within(dense.expect("Sz")[-1], later.expect("Sz")[-1], slack=2)


@pytest.mark.parametrize("chi_max", [1, 2])
def test_without_a_smaller_bond_dimension_there_is_no_error_bar(chi_max):
    found = steady_state(MODEL, ITEBD(chi_max=chi_max))
    assert found.status == Status.CHI_LIMITED
    assert np.all(np.isinf(found.expect("Sz").error))
    assert summary(found)["errors"]["Sz"] == [None, None]


def test_time_starts_anew_with_a_warm_start(state):
    again = steady_state(MODEL, ITEBD(tol=1e-4, t_max=60.0), start=state)
    assert again.status == Status.CONVERGED
    assert again.diagnostics["time"] < 60


def test_a_frame_that_turns_along_the_chain():
    """With a phase on every bond the gauge advances from tile to tile; Sx has both charges."""
    terms = [
        Term(np.exp(0.4j) * c, ("S+", *a), ("S-", *b), plus_hc=True)
        for c, a, b in ((1.0, (0, 0), (1, 0)), (0.5, (1, 0), (0, 1)))
    ]
    model = LindbladModel(MODEL.sites, terms, MODEL.jumps)
    found = steady_state(model, ITEBD(tol=1e-3))
    assert found.generator.real
    assert found.generator.phase_advance % np.pi != 0
    sx = np.array([[0, 0.5], [0.5, 0]])
    row = found.correlation("Sx", "Sx", (0, 0), 3).value
    for cell in (1, 2, 3):
        rho = found.density_matrix([(0, 0), (0, cell)])
        assert row[cell] == pytest.approx(np.trace(np.kron(sx, sx) @ rho), abs=1e-12)


def test_places_are_checked(state):
    with pytest.raises(ArgumentError, match="places"):
        state.density_matrix([(3, 0)])
    with pytest.raises(ArgumentError, match="places"):
        state.density_matrix([(0, 0), (0, 0)])
    with pytest.raises(ArgumentError, match="site"):
        state.correlation("S+", "S-", (0, -1))
    with pytest.raises(ArgumentError, match="start"):
        steady_state(gain_loss.chain(1), ITEBD(charges=False), start=state)


def hopping_bosons(cutoff):
    """Return bosons in a thermal state of one quantum on average, whatever the hopping."""
    hopping = Term(0.3, ("Bd", 0, 0), ("B", 0, 1), plus_hc=True)
    return LindbladModel((Boson(cutoff),), (hopping,), (Jump(1.0, "B", 0), Jump(0.5, "Bd", 0)))


@pytest.mark.parametrize(("cutoff", "status"), [(2, Status.K_LIMITED), (6, Status.CONVERGED)])
def test_the_cut_off_of_a_boson_is_part_of_the_error(cutoff, status, tmp_path):
    state = steady_state(hopping_bosons(cutoff), ITEBD(chi_max=12, tol=5e-2))
    assert state.status is status, state.message
    assert ("raise its cutoff" in state.message) == (cutoff == 2)
    highest = 0.5**cutoff / sum(0.5**n for n in range(cutoff + 1))  # thermal, as without hopping
    assert state.distribution([(0, 0)])[-1] == pytest.approx(highest, abs=1e-4)
    number, variance = state.expect("N"), state.variance("N")
    assert abs(number.value[0] - 1) < number.error[0]
    assert abs(variance.value[0] - 2) < variance.error[0]
    state.save(tmp_path / "bosons.h5")
    again = load(tmp_path / "bosons.h5")
    np.testing.assert_allclose(again.expect("N").error, number.error, rtol=1e-9)
    np.testing.assert_allclose(again.variance("N").error, variance.error, rtol=1e-9)


@pytest.mark.slow
def test_a_heavy_tail_of_bosons_is_not_cut_in_silence():
    """Driven by pairs: <n> = 8 g^2 / (1 - 16 g^2) = 8/9 at g = 0.2, with many quanta."""
    drive = Term(0.2j, ("Bd", 0, 0), ("Bd", 0, 0), plus_hc=True)
    model = LindbladModel((Boson(3),), (drive,), (Jump(1.0, "B", 0),))
    state = steady_state(model, ITEBD(tol=1e-3, chi_max=8))
    assert state.status is Status.K_LIMITED
    number = state.expect("N")
    assert abs(number.value[0] - 8 / 9) < number.error[0]


@pytest.mark.slow
def test_weak_dissipation_takes_a_smaller_weight():
    """With a weight of 2.5, rounding grows here until nothing is left of the state (see `weight`).

    How large a weight may be depends on rounding, and so on the processor: 3/2 does on some.
    """
    model = gain_loss.chain(0.5, 1.0, 0.5, 0.06, 0.05)
    exact = steady_state(model, Exact(cells=3, periodic=True, gap=False))
    steep = steady_state(model, ITEBD(weight=2.5, tol=1e-3, chi_max=80))
    usual = steady_state(model, ITEBD(tol=1e-3, chi_max=80))
    assert steep.diagnostics["weight"] < 2.5
    for state in (steep, usual):
        assert state.status is Status.CONVERGED
        assert np.abs(state.expect("Sz").value - exact.expect("Sz").value).max() < 1e-3


def test_a_run_away_is_told_by_what_no_state_exceeds(state):
    top = state.approximation
    assert top.plausible
    far = replace(top)
    far.__dict__["monitor"] = 4 * top.monitor / np.abs(top.monitor).max()
    assert far.diverged
    status, message = verdict(far, error_budget(far, state.refinements), 1.0)
    assert status is Status.FAILED
    assert "diverged" in message


@pytest.mark.parametrize("kind", ["no trace", "nan", "inf", "huge"])
def test_a_run_away_that_is_no_state_at_all_is_told(state, kind):
    """Truncation may leave nothing of charge 0, tensors may overflow: no traceback, no warning."""
    chain = state.approximation.matrix_product.copy()
    if kind == "no trace":
        chain.legs = [Leg(tuple((q, n) for q, n in leg.sectors if q), even=0) for leg in chain.legs]
        chain.tensors = [np.ones(chain.layout(site).size) for site in range(len(chain))]
    else:
        value = {"nan": np.nan, "inf": np.inf, "huge": 1e300}[kind]
        chain.tensors = [np.full_like(tensor, value) for tensor in chain.tensors]
    far = replace(state.approximation, matrix_product=chain)
    assert far.diverged
    assert not far.plausible


def test_only_the_residual_may_be_too_large(state):
    budget = error_budget(state.approximation, state.refinements, 0.5)
    status, message = verdict(state.approximation, budget, 1e-2)
    assert status is Status.CHI_LIMITED
    relative = 0.5 / state.approximation.slowest_rate
    assert f"The residual over the slowest rate seen is {relative:.1e}" in message


def test_only_noise_that_conserves_the_charge():
    nothing = LindbladModel((Spin(0.5),), (), (Jump(1.0, "Sz", 0),))
    hopping = Term(1.0, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    dephasing = LindbladModel((Spin(1),), (hopping,), (Jump(1.0, "Sz", 0),))
    for model in (nothing, dephasing):
        state = steady_state(model, ITEBD())
        assert state.status is Status.FAILED
        assert "Sz[site 0] + Sz[site 0, cell 1]" in state.message or model is nothing


@pytest.mark.parametrize("start", [[np.diag([2.0, -1]), np.diag([1.0, 0])], [[1.0], [1.0, 0]]])
def test_bad_product_starts(start):
    with pytest.raises(ArgumentError, match="`start` must be"):
        evolve(MODEL, ITEBD(), start, [1.0])


def test_bars_of_an_evolution_hold():
    """Against a bond dimension at which nothing is truncated."""
    up, down = np.array([1.0, 0]), np.array([0, 1.0])
    pulls = []
    for g, h, gain, loss in ((1.0, 0.43, 0.3, 0.89), (1.0, 0.55, 1.95, 1.82), (1, 0.9, 0.9, 1.1)):
        model = gain_loss.chain(0.5, g, h, gain, loss)
        coarse = evolve(model, ITEBD(chi_max=10, tol=1e-2), [up, down], [1.0, 2.0, 4.0])
        fine = evolve(model, ITEBD(chi_max=40, tol=1e-3), [up, down], [1.0, 2.0, 4.0])
        found = coarse.expect("Sz")
        pulls.append(np.abs(found.value - fine.expect("Sz").value) / found.error)
    assert np.max(pulls) < 2
    assert np.mean(np.array(pulls) < 1) > 0.8


def test_the_lowest_rank_is_compared_with_higher_ones():
    """Without rank two, the quadrupoles vanish: the error says what they are."""
    model = gain_loss.chain(1.0, 1.0, 0.5, 2.0, 1.0)
    cut = steady_state(model, ITEBD(chi_max=6, k_max=1, tol=0.1))
    assert cut.status in (Status.K_LIMITED, Status.UNPHYSICAL, Status.CHI_LIMITED)
    full = steady_state(model, ITEBD(chi_max=6, tol=0.1))
    error = np.abs(cut.expect("Sz").value - full.expect("Sz").value)
    assert np.all(error <= cut.expect("Sz").error + full.expect("Sz").error)


def test_a_tolerance_that_asks_for_nothing():
    model = gain_loss.chain(0.5, 1.0, 0.5, 1.0, 0.5)
    states = [steady_state(model, ITEBD(chi_max=8, tol=tol)) for tol in (1.0, 1e100, 1e300)]
    for state in states:
        assert state.status == Status.CONVERGED
        assert np.all(np.abs(state.expect("Sz").value) <= 0.5)
        np.testing.assert_allclose(state.expect("Sz").value, states[0].expect("Sz").value, atol=0.1)


def test_the_weight_is_bounded():
    assert ITEBD(weight=10).weight == 10
    for weight in (10.5, 1e300):
        with pytest.raises(ArgumentError, match="`weight` must be a number from 0 to 10, but is 1"):
            ITEBD(weight=weight)
