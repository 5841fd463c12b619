import math
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

from impo import ClusterMeanField, Exact, evolve, load, steady_state
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.cluster_mean_field.assembly import cluster_flow
from impo.methods.cluster_mean_field.fixed_point import anderson, runge_kutta, stable_step
from impo.methods.cluster_mean_field.flow import expectation
from impo.methods.cluster_mean_field.stability import wave_modes
from impo.methods.cluster_mean_field.state import ClusterMeanFieldState
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.local import spin_operators
from impo.results.estimate import Status
from impo.results.state import SteadyState
from impo.results.summary import summary
from impo.results.trajectory import Trajectory
from models.gain_loss import chain, square
from models.ising import chain as ising
from models.xy_decay import chain as xy_decay
from models.xyz import chain as xyz
from runs._random_models import random_boson
from tests import qutip_oracle
from tests.jump_models import FAR, NEIGHBOURS, OWN

JUMPING = ("correlated", "nonreciprocal", "two-body", "conditional", "general")
OWN_HALF = LindbladModel(  # complex matrices, times coefficients that alone would be real
    (Spin(0.5, {"A": np.diag([0.3j, 1.0]), "Q": [[0.2, 1j], [-1j, 0.5]]}),),
    (
        Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
        Term(0.3j, ("A", 0, 0), ("Sz", 0, 1), plus_hc=True),
    ),
    (Jump(0.5, "S-", 0), Jump(0.3, Term(1.0, ("S-", 0, 0)), Term(0.4j, ("S-", 0, 1)))),
)


@pytest.mark.parametrize(
    ("model", "sites"),
    [
        (chain(1.0, 1.0, 0.5, 1.3, 0.9), 4),
        (ising(1.0, 0.8, 1.1), 3),
        *((NEIGHBOURS[name], 4) for name in JUMPING),
        (OWN_HALF, 3),
        (OWN["own operators"], 2),
        (NEIGHBOURS["nonreciprocal, S = 1"], 2),
    ],
)
def test_isolated_cluster_is_exact(model, sites):
    """Without the boundary field the fixed point is the steady state of the finite cluster."""
    flow = cluster_flow(model, sites, coupled=False)
    rho = np.eye(flow.dimension) / flow.dimension
    rough = np.diag(np.arange(flow.dimension) + 1.0) + rho
    dt = stable_step(flow.rate, rough)
    rho = rho.astype(float if flow.real else complex)
    rho, _ = anderson(lambda x: runge_kutta(flow.rate, x, dt, 10), rho, 1e-13)
    exact = steady_state(model, Exact(cells=sites // len(model.sites)))
    ops = spin_operators(float(model.sites[0].S))
    d = model.sites[0].dimension
    unit = len(model.sites)
    for number in range(unit):
        found = []
        for j in range(number, sites, unit):
            local = rho.reshape(d**j, d, d ** (sites - 1 - j), d**j, d, d ** (sites - 1 - j))
            found.append(np.trace(ops["Sz"] @ np.einsum("aibajb->ij", local)).real)
        assert np.mean(found) == pytest.approx(exact.expect("Sz").value[number], abs=1e-9)
    assert np.linalg.norm(rho) ** 2 == pytest.approx(exact.extras["purity"], abs=1e-9)


def middle_copy(model, flow, states):
    """Return d rho/dt of the middle one of some clusters in a product state, by QuTiP."""
    cells, n = len(states) * len(flow.sites) // len(model.sites), len(states)
    liouvillian = qutip_oracle.liouvillian(model, cells)
    d, outer = flow.dimension, flow.dimension ** (n // 2)
    moved = (liouvillian @ reduce(np.kron, states).ravel("F")).reshape([d**n] * 2, order="F")
    return np.einsum("aibajb->ij", moved.reshape(outer, d, outer, outer, d, outer))


def random_density(d, seed):
    rng = np.random.default_rng(seed)
    rho = rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))
    rho = rho @ rho.conj().T
    return rho / np.trace(rho)


@pytest.mark.parametrize(
    "name", [*JUMPING, "Hamiltonian alone", "own operators, charged", "range 2"]
)
def test_jumps_across_the_edges_are_traced_over_the_copies(name):
    """Against the trace over the neighbours of what the whole master equation does."""
    others = {"Hamiltonian alone": chain(0.5, 1.0, 0.5, 1.3, 0.9)}
    model = {**NEIGHBOURS, **FAR, **others, "own operators, charged": OWN_HALF}[name]
    sites, copies = (1, 5) if name == "range 2" else (2, 3)
    flow = cluster_flow(model, sites)
    d, u = flow.dimension, flow.frame()
    physical = random_density(d, 3)
    if flow.real:  # only states that are real in the frame are followed there
        physical = u[:, None] * (u.conj()[:, None] * physical * u).real * u.conj()
    rho = u.conj()[:, None] * physical * u
    rho = np.ascontiguousarray(rho.real) if flow.real else rho
    expected = middle_copy(model, flow, [physical] * copies)
    found = u[:, None] * flow.rate(rho) * u.conj()
    np.testing.assert_allclose(found, expected, atol=1e-12)

    delta = random_density(d, 5) - random_density(d, 6)
    if flow.real:
        delta = u[:, None] * (u.conj()[:, None] * delta * u).real * u.conj()
    turned = u.conj()[:, None] * delta * u
    turned = np.ascontiguousarray(turned.real) if flow.real else turned
    fields = flow.field_values(rho)
    directions, changes = flow.responses(rho)
    total = 0
    for copy in range(-(copies // 2), copies // 2 + 1):
        states = [physical] * copies
        states[copies // 2 + copy] = delta
        expected = middle_copy(model, flow, states)  # linear in each of them
        if copy == 0:
            found = flow.frozen_rate(turned[:, :, None], fields)[:, :, 0]
        else:
            found = np.zeros((d, d), dtype=complex)
            for direction, parts in zip(directions, changes, strict=True):
                for distance, matrix in parts:
                    if distance == copy:
                        found += expectation(matrix, turned) * direction
        np.testing.assert_allclose(u[:, None] * found * u.conj(), expected, atol=1e-12)
        total = total + found
    np.testing.assert_allclose(flow.linear_rate(rho, fields, turned), total, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", JUMPING)
def test_clusters_with_jumps_on_several_sites_approach_the_chain(name):
    model = NEIGHBOURS[name]
    chains = steady_state(model, Exact(cells=6 // len(model.sites), periodic=True, gap=False))
    unit = len(model.sites)
    off = []
    for sites in (unit, 4):
        state = steady_state(model, ClusterMeanField(sites))
        assert state.status is Status.CONVERGED
        off.append(np.abs(state.expect("Sz").value - chains.expect("Sz").value).max())
    assert off[1] < off[0] < 0.1


@pytest.mark.parametrize(
    ("model", "sites"),
    [
        (xy_decay(1.5, 1.0, 1.2), 1),
        (xy_decay(1.0, 1.0, 1.4), 3),
        (chain(1.0, 1.0, 0.8, 1.4, 1.6), 2),
        (xyz(0.9, 1.2, 1.0), 2),
    ],
)
def test_fixed_point_is_unchanged_by_its_own_motion(model, sites):
    method = ClusterMeanField(sites)
    state = steady_state(model, method)
    assert state.status == "converged"
    assert isinstance(state, SteadyState)
    assert state.diagnostics["solutions"][0]["stable"]
    assert np.linalg.eigvalsh(state.rho).min() > -1e-8
    moved = evolve(model, method, state, [0.0, 15.0])
    for op in ("Sz", "Sx"):
        values = moved.expect(op).value
        np.testing.assert_allclose(values[1], values[0], atol=1e-8)
        np.testing.assert_allclose(values[0], state.expect(op).value, atol=1e-12)


def test_real_time_motion_reaches_the_fixed_point():
    """From a generic, complex start; only the arbitrary phase of the order parameter differs."""
    model, method = chain(1.0, 1.0, 1.0, 1.2, 1.2), ClusterMeanField(2)
    state = steady_state(model, method)
    start = [[1.0, 0.4, 0.2], [0.3, -1.0, 0.5]]
    moved = evolve(model, method, start, [0.0, 40.0, 80.0])
    assert abs(moved.expect("S+").value[-1, 0]) > 0.3
    np.testing.assert_allclose(np.abs(moved.expect("S+").value[-1]), state.transverse.value, 1e-6)
    np.testing.assert_allclose(moved.expect("Sz").value[-1], state.expect("Sz").value, atol=1e-6)
    np.testing.assert_allclose(moved.variance("Sz").value[-1], state.variance("Sz").value, 1e-6)


@pytest.mark.slow
def test_broken_symmetry_shrinks_with_the_cluster():
    found = [
        steady_state(xy_decay(1.5, 1.0, 1.5), ClusterMeanField(n)).transverse.value.mean()
        for n in (1, 2, 3)
    ]
    assert found[0] > found[1] > found[2] > 0.1
    small = steady_state(xy_decay(1.5, 1.0, 0.6), ClusterMeanField(2))
    assert small.transverse.value.max() < 1e-8


@pytest.mark.parametrize(("difference", "broken"), [(0.35, True), (0.25, False)])
def test_xyz_threshold(difference, broken):
    """One site: fluctuations of the paramagnet grow at -1/2 + 4 sqrt((Jz - Jx)(Jy - Jz))."""
    model = xyz(1 - difference, 1 + difference / 6, 1.0, 1.0)
    growth = -0.5 + 4 * math.sqrt(difference * difference / 6)
    state = steady_state(model, ClusterMeanField(1), start=[[0.0, 0.0, -1.0]])
    paramagnet = state.diagnostics["solutions"][-1]
    assert (abs(state.expect("Sx").value[0]) > 1e-3) == (growth > 0) == broken
    assert paramagnet["growth_rate"] == pytest.approx(growth, rel=1e-6)


def test_unstable_solution_is_listed():
    state = steady_state(xy_decay(1.0, 1.0, 1.4), ClusterMeanField(2))
    broken, symmetric = state.diagnostics["solutions"]
    assert broken["stable"]
    assert broken["largest_transverse"] > 0.3
    assert not symmetric["stable"]
    assert symmetric["largest_transverse"] < 1e-7


def test_start_at_the_unstable_point_is_left():
    """The polarised state is stationary below threshold, but not stable."""
    model, method = xy_decay(1.0, 1.0, 1.4), ClusterMeanField(1)
    state = steady_state(model, method, start=[[0.0, 0.0, -1.0]])
    expected = steady_state(model, method)
    np.testing.assert_allclose(state.transverse.value, expected.transverse.value, atol=1e-7)
    assert not state.diagnostics["solutions"][1]["stable"]


def test_an_iteration_that_does_not_settle_is_no_solution(monkeypatch):
    monkeypatch.setattr("impo.methods.cluster_mean_field.solve._ITERATIONS", 3)
    monkeypatch.setattr("impo.methods.cluster_mean_field.solve._FOLLOW", 1)
    state = steady_state(xy_decay(1.0, 1.0, 1.4), ClusterMeanField(2))
    assert state.status == "not_converged"
    assert "did not settle" in state.message
    assert not state.diagnostics["solutions"][0]["stable"]
    assert summary(state)["errors"]["Sz"] == [None]


def test_units_of_time_do_not_matter():
    slow = steady_state(xy_decay(1.0, 1e-3, 1.4e-3), ClusterMeanField(2))
    fast = steady_state(xy_decay(1.0, 1e3, 1.4e3), ClusterMeanField(2, tol=1e-6))
    np.testing.assert_allclose(slow.transverse.value, fast.transverse.value, atol=1e-6)
    assert slow.status == fast.status == "converged"


def test_observables():
    state = steady_state(xy_decay(1.0, 1.0, 1.4), ClusterMeanField(2))
    assert state.correlation_length("S+", "S-") is None
    matrix = state.density_matrix([(0, 0), (0, 1)])
    assert -0.5 * np.log(np.trace(matrix @ matrix).real) == pytest.approx(
        state.purity_density.value
    )
    np.testing.assert_allclose(state.distribution([(0, 0), (0, 1)]).sum(), 1)
    connected = state.correlation("Sz", "Sz", max_cells=0).value[0].real
    means = [state.density.measure({j: spin_operators(1)["Sz"]}).real for j in (0, 1)]
    between = state.density.correlation("Sz", "Sz", (0, 0), 1)[1] - means[0] * means[1]
    k = 0.7
    expected = connected - np.mean(np.square(means)) + between * math.cos(k)
    assert state.structure_factor("Sz", "Sz", k).value == pytest.approx(expected)


def test_save_and_rebuild():
    method = ClusterMeanField(2)
    state = steady_state(xy_decay(0.5, 1.0, 1.4), method)
    again = ClusterMeanFieldState.from_arrays(*state.to_arrays())
    assert summary(again) == summary(state)
    moved = evolve(xy_decay(0.5, 1.0, 1.4), method, state, [0.0, 1.0])
    copy = Trajectory.from_arrays(*moved.to_arrays())
    np.testing.assert_array_equal(copy.expect("Sz").value, moved.expect("Sz").value)


def test_boson_clusters():
    """Driven cavities that hop: for a linear model, mean field is exact."""
    model = LindbladModel(
        (Boson(12),),
        (
            Term(0.3, ("Bd", 0, 0), ("B", 0, 1), plus_hc=True),
            Term(0.5, ("Bd", 0, 0), plus_hc=True),
        ),
        (Jump(2.0, "B", 0),),
    )
    state = steady_state(model, ClusterMeanField(1))
    amplitude = -1j * 0.5 / (1.0 + 0.6j)
    assert state.expect("B").value[0] == pytest.approx(amplitude, abs=1e-6)
    assert state.expect("N").value[0] == pytest.approx(abs(amplitude) ** 2, abs=1e-6)
    assert state.status is Status.CONVERGED
    cut = replace(model, sites=(Boson(3),))
    state = steady_state(cut, ClusterMeanField(1))
    assert state.status is Status.K_LIMITED
    assert "raise the cutoff" in state.message


def test_anderson_solves_a_linear_fixed_point():
    """With depth >= n, mixing ends in n + 1 or so steps; plain iteration would take thousands."""
    matrix = np.diag([0.999, 0.9, 0.5, -0.3]) + np.diag([0.1, 0.2, 0.3], 1)
    offset = np.array([1.0, 2.0, 3.0, 4.0])
    found, count = anderson(lambda x: matrix @ x + offset, np.zeros(4), 1e-12)
    np.testing.assert_allclose(found, np.linalg.solve(np.eye(4) - matrix, offset), rtol=1e-9)
    assert count < 12


def test_out_of_reach():
    with pytest.raises(ArgumentError, match=r"`sites` must be a multiple of 2"):
        steady_state(chain(1.0), ClusterMeanField(3))
    with pytest.raises(UnsupportedModelError, match="one-dimensional"):
        steady_state(square(1.0), ClusterMeanField(2))
    with pytest.raises(UnsupportedModelError, match="6561 states"):
        steady_state(chain(4.0), ClusterMeanField(4))
    with pytest.raises(ArgumentError, match="`start`"):
        steady_state(chain(1.0), ClusterMeanField(2), start=[[1, 0, 0]] * 3)


def shifted(unit=1.0, coupling=-5.0, field=-5.0, drive=1.5):
    """Driven spins whose neighbours shift each other's resonance."""
    return LindbladModel(
        (Spin(0.5),),
        (
            Term(drive * unit, ("Sx", 0, 0)),
            Term(coupling * unit, ("Sz", 0, 0), ("Sz", 0, 1)),
            Term(field * unit, ("Sz", 0, 0)),
        ),
        (Jump(unit, "S-", 0),),
    )


def two_copies(pair):
    """d rho/dt of `shifted()` for sites of two kinds in turn, written out, shape (2, 2, 2)."""
    s = spin_operators(0.5)
    out = []
    for rho, other in (pair, pair[::-1]):
        field = -5 - 10 * np.trace(s["Sz"] @ other).real
        hamiltonian = 1.5 * s["Sx"] + field * s["Sz"]
        loss = s["S+"] @ s["S-"]
        motion = -1j * (hamiltonian @ rho - rho @ hamiltonian)
        out.append(motion + s["S-"] @ rho @ s["S+"] - (loss @ rho + rho @ loss) / 2)
    return np.array(out)


@pytest.mark.parametrize("unit", [1, 1e-3, 1e3])
def test_a_perturbation_that_alternates_is_tried(unit):
    state = steady_state(shifted(unit), ClusterMeanField(1))
    assert state.status == "not_converged"
    assert state.expect("Sz").value[0] == pytest.approx(-0.34772121, abs=1e-7)
    assert "k = 3.14" in state.message
    report = state.diagnostics["solutions"][0]
    assert not report["stable"]
    pair = np.array([state.rho, state.rho])
    assert np.abs(two_copies(pair)).max() < 1e-7
    pauli = [2 * spin_operators(0.5)[op] for op in ("Sx", "Sy", "Sz")]
    step, columns = 1e-5, []
    for p in pauli:
        kick = np.array([step * p, -step * p])
        change = (two_copies(pair + kick) - two_copies(pair - kick))[0] / (2 * step)
        columns.append([np.trace(q @ change).real / 2 for q in pauli])
    growth = np.linalg.eigvals(np.transpose(columns)).real.max()
    assert report["least_stable"]["growth_rate"] == pytest.approx(growth * unit, rel=1e-6)
    assert steady_state(shifted(unit), ClusterMeanField(2)).status == "converged"


def test_krylov_space_finds_the_modes_of_a_dense_matrix(monkeypatch):
    flow = cluster_flow(xy_decay(8.0, 1.0, 1.4), 1)
    state = steady_state(flow.model, ClusterMeanField(1, 1e-6))
    u = flow.frame()
    rho = np.ascontiguousarray((u.conj()[:, None] * state.rho * u).real)
    mode = np.diag(np.arange(17.0) - 8)
    found = wave_modes(flow, rho, 0.04, mode)
    monkeypatch.setattr("impo.methods.cluster_mean_field.stability._COMPLETE", 20)
    exact = wave_modes(flow, rho, 0.04, mode)
    assert found.unstable
    assert exact.unstable
    assert exact.growth == pytest.approx(0.0440, rel=2e-3)
    assert abs(found.growth - exact.growth) < 2 * found.error


@pytest.mark.slow
def test_perturbations_that_a_real_start_excludes_are_tried():
    """The real motion decays; the imaginary part of a small perturbation grows at 0.15."""
    state = steady_state(xy_decay(1.5, 1.0, 0.2), ClusterMeanField(3, 1e-6))
    assert state.status == "not_converged"
    report = state.diagnostics["solutions"][0]
    assert report["growth_rate"] < 0
    flow, u = cluster_flow(state.model, 3), cluster_flow(state.model, 3).frame()
    rho, flow = u.conj()[:, None] * state.rho * u, replace(flow, real=False)
    rng, dt = np.random.default_rng(1), 0.1
    kick = rng.normal(size=(2, *rho.shape))
    kick = 1e-6j * (kick[0] - kick[0].T) / np.linalg.norm(kick[0])
    fields = flow.field_values(rho)
    for _ in range(2):
        before = np.linalg.norm(kick)
        kick = runge_kutta(lambda x: flow.linear_rate(rho, fields, x), kick, dt, 400)
    growth = math.log(np.linalg.norm(kick) / before) / (400 * dt)
    assert report["least_stable"]["growth_rate"] == pytest.approx(growth, rel=2e-2)


def test_other_stable_solutions_are_listed():
    state = steady_state(shifted(field=-1.0), ClusterMeanField(1))
    assert state.status == "converged"
    assert "Another stable solution was found" in state.message
    first, other = state.diagnostics["solutions"]
    assert first["stable"]
    assert other["stable"]
    method = ClusterMeanField(1)
    ends = [
        evolve(state.model, method, [[0.02, 0, z]], [100.0]).expect("Sz").value[-1, 0]
        for z in (-1, 1)
    ]
    assert state.expect("Sz").value[0] == pytest.approx(-0.09255262, abs=1e-6)
    assert ends == pytest.approx([-0.46094622] * 2, abs=1e-6)


@pytest.mark.parametrize(
    "term",
    [
        Term(0.7, ("Id", 0, 0), ("Sx", 0, 1)),
        Term(2.8, ("Sz", 0, 0), ("Sz", 0, 0), ("Sx", 0, 1)),
    ],
)
def test_a_term_that_begins_with_an_identity(term):
    model = LindbladModel((Spin(0.5),), (term,), (Jump(1, "S-", 0),))
    state = steady_state(model, ClusterMeanField(1))
    assert state.status == "converged"
    assert state.expect("Sz").value[0] == pytest.approx(-0.5 / 1.98, abs=1e-9)


def test_any_small_cluster_has_a_verdict():
    """Tiny couplings, few jumps, all operators: no traceback, and `stable` agrees."""
    rng, names = np.random.default_rng(0), ("Sx", "Sy", "Sz", "S+", "S-")
    models = [
        LindbladModel(
            (Spin(0.5),) * 2, (Term(1e-12, ("Sz", 0, 1)),), (Jump(0.5, "Sy", 1),)
        ),
        LindbladModel((Spin(0.5),), (), (Jump(0.0, "S-", 0),)),
    ]  # fmt: skip
    for _ in range(12):
        n = int(rng.integers(1, 3))
        terms = []
        for _ in range(rng.integers(1, 4)):
            size = rng.choice([1, 0.5, 1e-12, 1e-6]) * rng.uniform(0.5, 1.5)
            a, b = (str(op) for op in rng.choice(names, 2))
            terms.append(Term(size, (a, int(rng.integers(n)), 0), (b, 0, 1), plus_hc=True))
        jump = Jump(rng.choice([0, 1e-12, 1e-6, 0.5]), str(rng.choice(names)), 0)
        models.append(LindbladModel((Spin(0.5),) * n, terms, (jump, Jump(0.3, names[-1], 0))))
    for model in models:
        state = ClusterMeanField(len(model.sites)).steady_state(model)
        assert state.diagnostics["solutions"][0]["stable"] or state.status != "converged"
        assert np.all(np.isfinite(state.expect("Sz").value))


def test_the_cutoff_of_a_boson_is_in_the_errors(tmp_path):
    """A parametrically driven cavity: <N> = 8/9 without a cutoff."""

    def cavity(cutoff):
        return LindbladModel(
            (Boson(cutoff),),
            (Term(0.2j, ("Bd", 0, 0), ("Bd", 0, 0), plus_hc=True),),
            (Jump(1.0, "B", 0),),
        )  # fmt: skip

    state = steady_state(cavity(10), ClusterMeanField(1, 1e-3))
    assert state.status == "k_limited"
    assert "cutoff 14 instead of 10" in state.message
    number = state.expect("N")
    assert abs(number.value[0] - 8 / 9) < number.error[0] < 0.2
    state.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    np.testing.assert_array_equal(again.variance("N").error, state.variance("N").error)
    np.testing.assert_array_equal(again.expect("N").error, state.expect("N").error)
    large = steady_state(cavity(36), ClusterMeanField(1, 1e-3))
    assert large.status == "converged"
    assert abs(large.expect("N").value[0] - 8 / 9) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("spin", "sites"), [(1.5, 4), (2.0, 3)])
def test_large_clusters(spin, sites):
    state = steady_state(xy_decay(spin, 1.0, 1.6), ClusterMeanField(sites))
    assert state.status == "converged"
    assert state.residual < 1e-9
    moved = evolve(state.model, state.method, state, [0.0, 2.0])
    values = moved.expect("Sz").value
    np.testing.assert_allclose(values[1], values[0], atol=1e-8)


@pytest.mark.parametrize("dense", [16, pytest.param(25, marks=pytest.mark.slow)])
def test_the_free_phase_of_a_broken_symmetry_is_no_instability(dense, monkeypatch):
    monkeypatch.setattr("impo.methods.cluster_mean_field.stability._DENSE", dense)
    model, method = chain(2.0, 1.0, 0.5, 1.5, 1.0), ClusterMeanField(2, 1e-6)
    along, turned = (steady_state(model, method, start) for start in (None, [[1, 0, 0.1]] * 2))
    assert along.diagnostics["real_frame"]
    assert not turned.diagnostics["real_frame"]
    rates = [state.diagnostics["solutions"][0]["growth_rate"] for state in (along, turned)]
    assert turned.status == along.status == "converged", turned.message
    assert along.transverse.value.min() > 0.4
    np.testing.assert_allclose(turned.transverse.value, along.transverse.value, atol=1e-5)
    assert rates[1] == pytest.approx(rates[0], rel=1e-3)
    phases = np.angle(turned.expect("S+").value / along.expect("S+").value)
    assert np.abs(phases).max() > 0.1


@pytest.mark.parametrize(
    ("draw", "tol"),
    [
        ((0, 3, 12), 1e-3),
        pytest.param((16, 4, 16), 1e-5, marks=pytest.mark.slow),
    ],
)
def test_errors_of_bosons_are_below_the_tolerance(draw, tol):
    """The norm of n enters Var n twice; mixing that came near a fixed point goes on."""
    state = steady_state(random_boson(*draw, hopping=True).model, ClusterMeanField(1, tol=tol))
    assert state.status == "converged"
    assert 0 < max(*state.expect("N").error, *state.variance("N").error) <= tol


def test_without_a_larger_cutoff_no_bar_is_known(monkeypatch):
    model = random_boson(0, 3, 12, hopping=True).model
    monkeypatch.setattr("impo.methods.cluster_mean_field.solve.LARGEST_CLUSTER", 14)
    state = steady_state(model, ClusterMeanField(1, tol=1e-3))
    assert state.status == "k_limited"
    assert "was not tested" in state.message
    assert np.all(np.isnan(state.expect("N").error))


def test_the_smallest_error_that_a_cutoff_allows_counts():
    model = random_boson(0, 3, 6, hopping=True).model
    state = steady_state(model, ClusterMeanField(1, tol=1e-3))
    assert state.status == "k_limited"
    assert state.variance("N").error.max() > 1e-3
