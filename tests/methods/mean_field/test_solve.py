import numpy as np
import pytest

from impo import MeanField, check, evolve, load, steady_state
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.mean_field.equations import mean_field_equations, pair_expectation
from impo.methods.mean_field.state import MeanFieldState
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.local import spin_operators, spin_vector
from impo.results.estimate import Status
from impo.results.state import SteadyState
from impo.results.summary import summary
from impo.results.trajectory import Trajectory
from models.gain_loss import chain, square
from models.xy_decay import chain as xy_decay


def random_model(spin):
    """Couplings of every kind, on-site squeezing, and three jumps."""
    return LindbladModel(
        (Spin(spin), Spin(spin)),
        (
            Term(0.7 / spin, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
            Term((0.2 + 0.3j) / spin, ("S+", 0, 0), ("S+", 1, 1), plus_hc=True),
            Term(0.4 / spin, ("Sz", 0, 0), ("Sz", 1, 0)),
            Term(0.3, ("Sz", 1, 0)),
            Term(0.1 / spin, ("S+", 0, 0), ("S+", 0, 0), plus_hc=True),
        ),
        (Jump(0.8 / spin, "S+", 0), Jump(1.1 / spin, "S-", 1), Jump(0.3 / spin, "S-", 0)),
    )


def test_pair_rule_keeps_the_algebra():
    """Commutators and the Casimir operator hold for the factorised products."""
    spin, s = 1.5, np.array([0.3, -0.8, 0.4])
    x, y, z = (spin_vector(op) for op in ("Sx", "Sy", "Sz"))
    assert pair_expectation(x, y, spin, s) - pair_expectation(y, x, spin, s) == pytest.approx(
        1j * s[2]
    )
    total = sum(pair_expectation(v, v, spin, s) for v in (x, y, z))
    assert total == pytest.approx(spin * (spin + 1))
    assert pair_expectation(z, z, spin, s) == pytest.approx(s[2] ** 2)


def test_equations_are_exact_for_coherent_states_of_large_spin():
    """Against d<S>/dt of a product of coherent states, whose corrections are of order 1/S."""
    off = []
    for spin in (4, 16):
        model = LindbladModel(
            (Spin(spin),),
            (
                Term(0.3, ("Sz", 0, 0)),
                Term(0.4 / spin, ("Sz", 0, 0), ("Sz", 0, 0)),
                Term(0.2 / spin, ("S+", 0, 0), ("S+", 0, 0), plus_hc=True),
            ),
            (Jump(0.8 / spin, "S+", 0), Jump(0.5 / spin, "Sx", 0)),
        )
        ops = spin_operators(spin)
        theta = 0.7
        rotation = np.linalg.eigh(np.cos(theta) * ops["Sz"] + np.sin(theta) * ops["Sx"])[1]
        state = rotation[:, -1]
        rho = np.outer(state, state.conj())
        hamiltonian = 0.3 * ops["Sz"] + 0.4 / spin * ops["Sz"] @ ops["Sz"]
        hamiltonian = hamiltonian + 0.2 / spin * (ops["S+"] @ ops["S+"] + ops["S-"] @ ops["S-"])
        rate = -1j * (hamiltonian @ rho - rho @ hamiltonian)
        for value, op in ((0.8 / spin, "S+"), (0.5 / spin, "Sx")):
            jump = ops[op]
            loss = jump.conj().T @ jump
            rate = rate + value * (jump @ rho @ jump.conj().T - (loss @ rho + rho @ loss) / 2)
        exact = np.array([np.trace(ops[op] @ rate).real for op in ("Sx", "Sy", "Sz")])
        mean = np.array([np.trace(ops[op] @ rho).real for op in ("Sx", "Sy", "Sz")])
        off.append(np.abs(mean_field_equations(model).flow(mean) - exact).max() / spin)
    assert off[1] < off[0] / 3 < 0.2


def coherent_rates(model, theta, phi):
    """Return <S> and d<S>/dt of a coherent state on every site, from jumps between neighbours."""
    site = model.sites[0]
    ops = spin_operators(float(site.S))
    along = np.sin(theta) * (np.cos(phi) * ops["Sx"] + np.sin(phi) * ops["Sy"])
    state = np.linalg.eigh(along + np.cos(theta) * ops["Sz"])[1][:, -1]
    one, pair = np.eye(site.dimension), np.kron(state, state)
    rates = np.zeros(3)
    for jump in model.jumps:
        L = 0
        for term in jump.products(1):
            here = [one, one]
            for op, _, (cell,) in term.factors:
                here[cell] = here[cell] @ ops[op]
            L = L + term.coefficient * np.kron(*here)
        moved = L @ pair
        for a, op in enumerate(("Sx", "Sy", "Sz")):
            for X in (np.kron(ops[op], one), np.kron(one, ops[op])):
                gain = moved.conj() @ (X @ moved) - (moved.conj() @ (L @ (X @ pair))).real
                rates[a] += jump.rate * gain.real
    mean = np.array([(state.conj() @ ops[op] @ state).real for op in ("Sx", "Sy", "Sz")])
    return mean, rates


def jumping(spin):
    """Jumps on one and two spins, scaled so that rates of a spin over S do not grow with S."""
    lowered, raised, z = ([(op, 0, cell) for cell in (0, 1)] for op in ("S-", "S+", "Sz"))
    return LindbladModel(
        (Spin(spin),),
        (),
        (
            Jump(0.7 / spin, Term(1.0, lowered[0]), Term(0.5 + 0.8j, lowered[1])),
            Jump(0.4 / spin**3, Term(1.0, z[0], raised[1]), Term(0.7j * spin, z[1])),
            Jump(0.3 / spin**3, Term(1.0, lowered[0], lowered[1])),
            Jump(0.2 / spin, "S+", 0),
        ),
    )


def test_jumps_on_several_spins_are_exact_for_coherent_states_of_large_spin():
    for theta, phi in ((0.7, 0.4), (2.1, -1.3)):
        off = []
        for spin in (3, 12):
            mean, exact = coherent_rates(jumping(spin), theta, phi)
            flow = mean_field_equations(jumping(spin)).flow(mean)
            off.append(np.abs(flow - exact).max() / spin)
        assert off[1] < off[0] / 3 < 0.2
        assert np.abs(exact).max() / spin > 0.1


@pytest.mark.parametrize("theta", [0.0, np.pi])
def test_jumps_on_several_spins_are_exact_along_z(theta):
    mean, exact = coherent_rates(jumping(2), theta, 0.0)
    assert mean_field_equations(jumping(2)).flow(mean) == pytest.approx(exact, abs=1e-12)


def test_two_operators_of_a_jump_on_one_spin_are_refused():
    model = LindbladModel(
        (Spin(1),), (), (Jump(1.0, Term(1.0, ("S-", 0, 0), ("S-", 0, 0), ("S-", 0, 1))),)
    )
    with pytest.raises(UnsupportedModelError, match=r"the jump S-.* has more; use `"):
        steady_state(model, MeanField())


def test_a_state_with_jumps_on_several_spins_is_solved():
    """Decay to the dark state of S-_j + c S-_{j+1}, and its rate there."""
    model = LindbladModel(
        (Spin(1),), (), (Jump(1.0, Term(1.0, ("S-", 0, 0)), Term(0.5, ("S-", 0, 1))),)
    )
    state = steady_state(model, MeanField())
    assert state.status is Status.CONVERGED
    assert state.expect("Sz").value == pytest.approx([-1.0], abs=1e-6)


def test_jacobian_of_a_polarised_state_is_the_holstein_primakoff_drift():
    """Two expansions of one model, up to 1/S: classical spins and quadratic bosons at k = 0."""
    spin = 1e6
    model = random_model(spin)
    jacobian = mean_field_equations(model).jacobian(np.array([0, 0, spin, 0, 0, -spin]))
    transverse = jacobian[np.ix_([0, 1, 3, 4], [0, 1, 3, 4])]
    drift = quadratic_bosons(model, (1, -1)).drift(np.zeros(1))
    np.testing.assert_allclose(
        np.sort_complex(np.round(np.linalg.eigvals(transverse), 4)),
        np.sort_complex(np.round(np.linalg.eigvals(drift), 4)),
        atol=2e-4,
    )


def test_jacobian_against_differences():
    equations = mean_field_equations(random_model(1.5))
    s = np.random.default_rng(2).normal(size=6)
    step = 1e-6
    differences = [
        (equations.flow(s + step * e) - equations.flow(s - step * e)) / (2 * step)
        for e in np.eye(6)
    ]
    np.testing.assert_allclose(equations.jacobian(s), np.transpose(differences), atol=1e-8)


@pytest.mark.slow
def test_limit_cycle_is_reported():
    """Off the symmetry line both spins of a dimer move; the more damped one has a large mean."""
    state = steady_state(chain(10.0, 1.0, 0.0, 0.3, 0.5), MeanField(t_max=1000))
    assert state.status == "not_converged"
    assert "limit cycle" in state.message
    report = state.diagnostics["solutions"][0]
    assert report["kind"] == "limit cycle"
    assert report["frequency"] > 0.1
    short = steady_state(chain(10.0, 1.0, 0.0, 0.3, 0.5), MeanField(t_max=200))
    assert short.diagnostics["solutions"][0]["frequency"] is None
    assert "too slow to tell" in short.message
    weaker, stronger = state.expect("Sz").value
    assert abs(weaker) < 0.3 * abs(stronger)
    assert min(np.ptp(state.orbit[:, j, 2]) for j in (0, 1)) > 1.0
    assert min(state.expect("Sz").error) > 0.5


def staggered(unit=1.0, cell=1):
    """Spins of a driven chain whose neighbours shift each other out of resonance."""
    terms = []
    for j in range(cell):
        after = ("Sz", (j + 1) % cell, (j + 1) // cell)
        terms += [
            Term(1.5 * unit, ("Sx", j, 0)),
            Term(-5 * unit, ("Sz", j, 0)),
            Term(-5 * unit, ("Sz", j, 0), after),
        ]
    return LindbladModel((Spin(0.5),) * cell, terms, [Jump(unit, "S-", j) for j in range(cell)])


@pytest.mark.parametrize("unit", [1, 1e-3, 1e3])
def test_a_staggered_perturbation_is_tried(unit):
    state = steady_state(staggered(unit), MeanField())
    assert state.status == "not_converged"
    assert "k = 3.14" in state.message
    assert not state.diagnostics["solutions"][0]["stable"]
    growth = state.diagnostics["solutions"][0]["least_stable"]["growth_rate"]
    # the same mode of a cell of two spins at rest in the same point, at k = 0
    equations = mean_field_equations(staggered(unit, cell=2))
    rates = np.linalg.eigvals(equations.jacobian(np.tile(state.vectors, (2, 1)).ravel()))
    assert growth == pytest.approx(rates.real.max(), rel=1e-9)
    assert growth == pytest.approx(0.0859 * unit, rel=1e-2)
    larger = steady_state(staggered(unit, cell=2), MeanField())
    assert larger.status == "converged"
    assert abs(np.subtract(*larger.expect("Sz").value)) > 0.1


def test_phase_of_a_broken_symmetry_is_no_instability():
    """At k = 0 of the chain, at k = pi where the charge alternates, in both directions."""
    for model in (chain(1.5, 1.0, 0.5, 1.0, 1.1), xy_decay(2.0, 1.0, 1.1), square(2.0)):
        state = steady_state(model, MeanField())
        assert state.status == "converged"
        assert state.transverse.value[0] > 0.1
        assert state.diagnostics["solutions"][0]["stable"]


def test_undamped_precession_is_not_stable():
    """A closed spin in a field of its neighbour, at rest along it: it would turn for ever."""
    model = LindbladModel(
        (Spin(1), Spin(1)), (Term(0.5, ("Sz", 0, 0), ("Sz", 1, 0)),), (Jump(1.0, "S-", 0),)
    )
    state = steady_state(model, MeanField(), [[0, 0, 1.0], [0, 0, 1.0]])
    assert state.status == "failed"
    for coupling, what in ((0.3, "neither decays nor grows"), (0.5, "unstable fixed point")):
        terms = [
            Term(coupling, ("Sx", 0, 0), ("Sx", 1, 0)),
            Term(0.7, ("Sz", 0, 0)),
            Term(0.8 - coupling, ("Sz", 1, 0)),
        ]
        dimer = LindbladModel((Spin(1), Spin(1)), terms, ())
        state = MeanField(t_max=100).steady_state(dimer, [[0, 0, -1.0], [0, 0, -1.0]])
        assert state.status == "not_converged"
        assert what in state.message


def test_fixed_point_is_unchanged_by_its_own_motion():
    model = chain(1.5, 1.0, 0.5, 1.0, 1.1)
    state = steady_state(model, MeanField())
    assert state.status == "converged"
    assert isinstance(state, SteadyState)
    moved = evolve(model, MeanField(), state, [0.0, 50.0])
    np.testing.assert_allclose(moved.states[-1].vectors, state.vectors, atol=1e-8)
    again = steady_state(model, MeanField(), start=state)
    np.testing.assert_allclose(again.expect("Sz").value, state.expect("Sz").value, atol=1e-9)


def test_evolution_conserves_the_length_without_dissipation():
    model = LindbladModel(
        (Spin(2), Spin(2)), (Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),), ()
    )
    moved = evolve(model, MeanField(), [[1, 0, 0.2], [0, 1, 0.5]], np.linspace(0, 10, 21))
    np.testing.assert_allclose(
        np.linalg.norm([one.vectors for one in moved.states], axis=-1), 2.0, rtol=1e-8
    )
    magnetisation = moved.expect("Sz").value.sum(axis=1)
    np.testing.assert_allclose(magnetisation, magnetisation[0], rtol=1e-8)


def test_observables_of_a_product():
    state = steady_state(chain(1.5, 1.0, 0.5, 1.0, 1.0), MeanField())
    plus, minus = state.expect("S+").value, state.expect("S-").value
    found = state.correlation("S+", "S-", (0, 1), 3).value
    np.testing.assert_allclose(found, plus[0] * minus[1])
    on_site = state.correlation("S+", "S-", (0, 0), 1).value
    casimir = 1.5 * 2.5 - state.expect("Sz").value[0] ** 2 + state.expect("Sz").value[0]
    assert on_site[0] == pytest.approx(casimir)
    factor = state.structure_factor("S+", "S-", [0.0, 1.0]).value
    np.testing.assert_allclose(factor, on_site[0] - plus[0] * minus[0])
    np.testing.assert_allclose(state.variance("Sz").value, 0, atol=1e-12)
    assert state.correlation_length("S+", "S-") is None
    assert state.purity_density is None


def test_a_state_without_error_bars_is_stored(tmp_path):
    model = LindbladModel((Spin(1),), (), (Jump(1.0, "Sz", 0),))
    state = steady_state(model, MeanField())
    state.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    assert np.isnan(again.accuracy)
    assert again.status == state.status == "failed"


def test_save_and_rebuild():
    state = steady_state(chain(1.5, 1.0, 0.5, 1.0, 1.0), MeanField())
    again = MeanFieldState.from_arrays(*state.to_arrays())
    assert summary(again) == summary(state)


def test_models_out_of_reach_are_refused_by_name():
    boson = LindbladModel((Boson(3),), (Term(1.0, ("N", 0, 0)),), (Jump(1.0, "B", 0),))
    with pytest.raises(UnsupportedModelError, match=r"term N\[site 0\] acts on a boson"):
        MeanField().steady_state(boson)
    idle = LindbladModel((Spin(1), Boson(1)), (), (Jump(1.0, "S-", 0), Jump(1.0, "Id", 1)))
    with pytest.raises(UnsupportedModelError, match="but site 1 is a boson"):
        MeanField().steady_state(idle)
    cubic = LindbladModel((Spin(2),), (Term(1.0, *[("Sz", 0, 0)] * 3),), ())
    with pytest.raises(UnsupportedModelError, match=r"Sz\[site 0\] Sz\[site 0\] Sz\[site 0\] has"):
        MeanField().steady_state(cubic)


@pytest.mark.parametrize("start", [[[1, 0, 0]], [[0, 0, 0], [1, 0, 0]], [[np.nan, 0, 1]] * 2])
def test_bad_start(start):
    with pytest.raises(ArgumentError, match="Argument `start` must be"):
        steady_state(chain(1.0), MeanField(), start)


def test_bad_times():
    with pytest.raises(ArgumentError, match="`times`"):
        evolve(chain(1.0), MeanField(), None, [1.0, 0.0])


def test_trajectory_has_variances_and_is_stored():
    model = chain(1.5, 1.0, 0.5, 1.0, 1.1)
    moved = evolve(model, MeanField(), [[1, 0, 0.2], [0, 1, 0.5]], [0.0, 1.0])
    total = sum(moved.variance(op).value + moved.expect(op).value ** 2 for op in ("Sx", "Sy", "Sz"))
    np.testing.assert_allclose(total, 1.5 * 2.5)
    again = Trajectory.from_arrays(*moved.to_arrays())
    np.testing.assert_array_equal(again.expect("S+").value, moved.expect("S+").value)


@pytest.mark.parametrize("t_max", [2.0, 8.0, 1000.0])
def test_spins_that_vanish_are_a_state(t_max, tmp_path):
    """Their motion is small compared with S, not with what is left of them."""
    model = LindbladModel((Spin(0.5),), (), [Jump(0.3, op, 0) for op in ("S+", "S-", "Sx")])
    state = steady_state(model, MeanField(t_max=t_max))
    assert state.status == Status.CONVERGED
    np.testing.assert_allclose(state.expect("Sz").value, 0.0, atol=1e-12)
    state.save(tmp_path / "state.h5")
    assert check(tmp_path / "state.h5").reproduced


def test_trial_steps_that_are_too_long_are_no_warning():
    """The first step that the integrator tries may overflow; it is then shortened."""
    model = LindbladModel(
        (Spin(0.5),),
        (Term(2e6, ("Sx", 0, 0), ("S-", 0, 0), ("Sz", 0, 1), plus_hc=True),),
        (Jump(0.8, "S-", 0),),
    )
    state = steady_state(model, MeanField(t_max=30))
    assert np.all(np.isfinite(state.expect("Sz").value))
    moved = evolve(model, MeanField(), [[0.3, 0.0, 1.0]], [0.0, 1e-5])
    assert np.all(np.isfinite(moved.expect("Sz").value))


def test_spins_that_outgrow_their_length_are_no_state(tmp_path):
    """Products on one spin do not factorise at S = 1/2, where Sx^2 = 1/4 whatever <Sx> is."""
    model = LindbladModel(
        (Spin(0.5), Spin(0.5)),
        (Term(3.0, ("Sx", 0, 0), ("Sx", 0, 0), ("Sy", 1, 0), ("Sz", 1, 0), plus_hc=True),),
        (Jump(0.1, "S-", 0), Jump(1.0, "Sx", 1), Jump(0.1, "S-", 1)),
    )
    state = steady_state(model, MeanField(t_max=300))
    moved = evolve(model, MeanField(), [[0.2, 0.1, -1], [-0.4, 0.5, 0.8]], np.linspace(0, 5, 6))
    for result in (state, moved):
        assert result.status is Status.UNPHYSICAL, result.status
        assert "`Exact`" in result.message
        result.save(tmp_path / "result.h5")
        assert check(tmp_path / "result.h5").reproduced
