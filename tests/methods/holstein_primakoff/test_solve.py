import itertools
from dataclasses import replace

import numpy as np
import pytest

from impo import HolsteinPrimakoff, steady_state
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.api import phase_growth
from impo.methods.holstein_primakoff import solve as holstein_primakoff
from impo.methods.holstein_primakoff.method import configuration_name
from impo.methods.holstein_primakoff.quadratic import QuadraticBosons, quadratic_bosons
from impo.methods.holstein_primakoff.stability import (
    cluster_fluctuations,
    coarse_growth,
    quench_spectra,
    stable_configurations,
)
from impo.methods.holstein_primakoff.state import HolsteinPrimakoffState
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.state import SteadyState
from impo.results.summary import summary
from models.gain_loss import chain, square
from models.ising import chain as ising
from models.xy_decay import chain as xy_decay


def test_boson_master_equation_in_a_truncated_fock_space():
    """One spin with squeezing, field and three different jumps against the dense Liouvillian."""
    spin, cutoff = 50, 36
    model = LindbladModel(
        (Spin(spin),),
        (
            Term(0.3, ("Sz", 0, 0)),
            Term(0.001 + 0.0015j, ("S+", 0, 0), ("S+", 0, 0), plus_hc=True),
            Term(0.001, ("Sz", 0, 0), ("Sz", 0, 0)),
        ),
        (Jump(0.02, "S-", 0), Jump(0.004, "S+", 0), Jump(0.005, "Sx", 0)),
    )
    c = np.diag(np.sqrt(np.arange(1.0, cutoff)), 1)
    number, one = np.diag(np.arange(cutoff)), np.eye(cutoff)
    raising = np.sqrt(2 * spin) * c.T
    squeezing = (0.001 + 0.0015j) * raising @ raising
    hamiltonian = (0.3 - 2 * spin * 0.001) * number + squeezing + squeezing.conj().T
    lindblad = -1j * (np.kron(hamiltonian, one) - np.kron(one, hamiltonian.T))
    for rate, jump in ((0.02, raising.T), (0.004, raising), (0.005, (raising + raising.T) / 2)):
        square_ = jump.T @ jump
        lindblad = lindblad + rate * (
            np.kron(jump, jump) - (np.kron(square_, one) + np.kron(one, square_.T)) / 2
        )
    lindblad[0] = np.eye(cutoff).ravel()
    rho = np.linalg.solve(lindblad, np.eye(cutoff**2)[0]).reshape(cutoff, cutoff)
    state = steady_state(model, HolsteinPrimakoff("-"))
    assert state.occupations.value[0] == pytest.approx(np.trace(rho @ number).real, rel=1e-6)
    anomalous = state.correlation("S-", "S-", max_cells=0).value[0] / (2 * spin)
    assert anomalous == pytest.approx(np.trace(rho @ c @ c), rel=1e-6)
    assert state.purity_density.value == pytest.approx(-np.log(np.trace(rho @ rho).real), rel=1e-6)
    mean = np.trace(rho @ number).real
    variance = np.trace(rho @ number @ number).real - mean**2
    assert state.variance("Sz").value[0] == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize("spoiled", ["change", "covariance"])
def test_what_is_not_a_number_is_not_converged(spoiled, monkeypatch):
    def solve(bosons, dimension):
        covariance, change, history = solve_on_grids(bosons, dimension)
        if spoiled == "change":
            return covariance, np.nan, history
        covariance[3] = np.nan
        return covariance, change, history

    model = chain(20.0, 1.0, 0.4, 1.3, 2.1)
    solve_on_grids = holstein_primakoff._solve_on_grids
    good = steady_state(model, HolsteinPrimakoff())
    assert good.status == "converged"
    assert good.correlation_length("S+", "S-") is not None
    monkeypatch.setattr(holstein_primakoff, "_solve_on_grids", solve)
    monkeypatch.setattr(holstein_primakoff, "neighbour_negativity", lambda *arguments: np.nan)
    with np.errstate(invalid="ignore"):
        state = steady_state(model, HolsteinPrimakoff())
    assert state.status == "not_converged"
    assert (state.correlation_length("S+", "S-") is None) == (spoiled == "covariance")


@pytest.mark.parametrize("value", [np.eye(2), (np.eye(2), 1), ([1],), ["+", 0], 1, (True, 2), {}])
def test_what_is_no_configuration(value):
    with pytest.raises(ArgumentError, match=r"^Argument `configuration` must be a string"):
        HolsteinPrimakoff(value)
    assert HolsteinPrimakoff([1, -1]) == HolsteinPrimakoff((1, -1))


def test_an_unknown_coupling_still_links_its_modes():
    matrix = np.diag([-1.0, -1.0, -1.0, -1.0]).astype(complex)
    matrix[0, 1] = np.nan
    bosons = QuadraticBosons((1, 1), {(0,): matrix}, np.zeros((4, 4)))
    assert [list(s) for s in bosons.sectors] == [[0, 1], [2], [3]]


@pytest.mark.parametrize(("make", "dimension"), [(chain, 1), (square, 2)])
def test_ring_equals_infinite_lattice(make, dimension):
    """Lyapunov equation in real space against the sum over k, with a short correlation length."""
    model = make(9.0, 1.0, 0.4, 4.4, 3.9)
    shape = (24,) if dimension == 1 else (6, 6)
    cells = int(np.prod(shape))
    ring = cluster_fluctuations(model, (1, -1) * cells, shape)
    infinite = steady_state(model, HolsteinPrimakoff())
    tolerance = 1e-10 if dimension == 1 else 2e-3  # exp(-6/xi) in two dimensions
    expected = np.tile(infinite.occupations.value, cells)
    np.testing.assert_allclose(ring.occupations, expected, rtol=tolerance)
    density = infinite.purity_density.value
    assert -ring.log_purity / cells == pytest.approx(density, rel=tolerance)


def test_open_cluster_drops_couplings():
    model = chain(7.0, 1.0, 0.4, 2.2, 1.9)
    pair = cluster_fluctuations(model, (1, -1), (1,), periodic=False)
    dimer = steady_state(chain(7.0, 1.0, 0.0, 2.2, 1.9), HolsteinPrimakoff())
    np.testing.assert_allclose(pair.occupations, dimer.occupations.value, rtol=1e-12)
    assert pair.negativity((0,)) == pytest.approx(dimer.extras["negativity"], rel=1e-12)


def test_unstable_configuration_has_no_state():
    state = steady_state(chain(4.0, 1.0, 0.5, 1.0, 1.2), HolsteinPrimakoff("+-"))
    assert state.status == "failed"
    assert state.extras["stable"] is False
    assert state.covariance is None
    assert "grows at the rate" in state.message
    assert state.diagnostics["largest_growth_rate"] > 0
    for value in (
        state.expect("Sz"),
        state.variance("Sz"),
        state.correlation("S+", "S-"),
        state.correlation_length("S+", "S-"),
        state.structure_factor("S+", "S-", [0.1]),
        state.purity_density,
        state.occupations,
    ):
        assert value is None
    assert summary(state)["observables"] == {"Sz": None, "Sz_var": None}


def test_ppt_phase_has_no_stable_configuration():
    state = steady_state(chain(4.0, 1.0, 0.5, 1.0, 1.2), HolsteinPrimakoff())
    assert state.status == "failed"
    assert state.diagnostics["stable_configurations"] == []
    assert state.message.startswith("No collinear configuration is stable")


@pytest.mark.parametrize(
    ("gain", "loss", "expected"), [(0.3, 0.1, (1, 1)), (0.1, 0.3, (-1, -1)), (2.0, 1.9, (1, -1))]
)
def test_stable_configuration_is_found(gain, loss, expected):
    state = steady_state(chain(4.0, 1.0, 0.5, gain, loss), HolsteinPrimakoff())
    assert state.configuration == expected
    assert isinstance(state, SteadyState)


def test_sublattice_rotation_maps_the_models_onto_each_other():
    """xy_decay is the chain with h = g and gain = loss, spins A turned by pi about x."""
    one = steady_state(xy_decay(6.0, 1.0, 2.4), HolsteinPrimakoff())
    two = steady_state(chain(6.0, 1.0, 1.0, 2.4, 2.4), HolsteinPrimakoff())
    np.testing.assert_allclose(-one.expect("Sz").value[0], two.expect("Sz").value[0], rtol=1e-12)
    assert two.purity_density.value == pytest.approx(2 * one.purity_density.value, rel=1e-12)
    assert two.extras["negativity"] == pytest.approx(one.extras["negativity"], rel=1e-10)
    length = one.correlation_length("S+", "S-").value  # the cell is half as long
    assert length == pytest.approx(2 * two.correlation_length("S+", "S-").value, rel=1e-9)


def test_structure_factor_sums_correlations():
    state = steady_state(chain(6.0, 1.0, 0.6, 2.0, 2.6), HolsteinPrimakoff())
    k = np.array([0.0, 0.7, 3.0])
    for ops, sites in ((("S+", "S-"), (0, 1)), (("Sz", "Sz"), (0, 0)), (("Sx", "Sy"), (1, 0))):
        forward = state.correlation(*ops, sites, max_cells=60).value
        backward = state.correlation(*ops[::-1], sites[::-1], max_cells=60).value
        means = np.prod([state.expect(op).value[s] for op, s in zip(ops, sites, strict=True)])
        r = np.arange(1, 61)
        total = forward[0] - means + np.exp(1j * np.outer(k, r)) @ (forward[1:] - means)
        total = total + np.exp(-1j * np.outer(k, r)) @ (backward[1:] - means)
        found = state.structure_factor(*ops, k, sites).value
        np.testing.assert_allclose(found, total, atol=1e-10)


def test_structure_factor_in_two_dimensions():
    state = steady_state(square(6.0, 1.0, 0.6, 4.0, 4.6), HolsteinPrimakoff())
    k = np.array([[2 * np.pi * 3 / len(state.covariance), 0.0], [1.0, 2.0]])
    found = state.structure_factor("S-", "S+", k).value / 12
    np.testing.assert_allclose(found[0], state.covariance[3, 0, 0, 0] - 0.5, atol=1e-10)


def test_sum_rules():
    """S+S- - S-S+ = 2 Sz on a site to leading order, and Sx^2 + Sy^2 = (S+S- + S-S+)/2."""
    state = steady_state(chain(6.0, 1.0, 0.6, 2.0, 2.6), HolsteinPrimakoff())
    plus_minus = state.correlation("S+", "S-", max_cells=0).value[0]
    minus_plus = state.correlation("S-", "S+", max_cells=0).value[0]
    assert plus_minus - minus_plus == pytest.approx(2 * 6.0)
    transverse = state.variance("Sx").value[0] + state.variance("Sy").value[0]
    assert transverse == pytest.approx((plus_minus + minus_plus).real / 2)


def test_close_to_the_boundary_the_error_is_known():
    """xi = 7e3 cells is beyond the largest grid that is needed elsewhere."""
    state = steady_state(chain(6.0, 1.0, 0.6, 1.6 * (1 + 2e-9), 1.6), HolsteinPrimakoff())
    product = 1.6**2 * (1 + 2e-9)
    exact = np.sqrt((0.4**2 - product) * (1.6**2 - product))
    expected = 6 - 0.5 * (-1 + product / exact)
    off = abs(state.expect("Sz").value[0] - expected)
    assert state.status == "not_converged"
    assert off <= 10 * state.expect("Sz").error[0]


def test_save_and_rebuild():
    for method in (HolsteinPrimakoff("+-"), HolsteinPrimakoff()):
        for rate in (2.0, 1.0):
            state = steady_state(chain(6.0, 1.0, 0.6, rate, 2.6 * rate / 2), method)
            again = HolsteinPrimakoffState.from_arrays(*state.to_arrays())
            assert summary(again) == summary(state)
            assert again.method == state.method


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            LindbladModel(
                (Boson(10),),
                (Term(0.1, *[(op, 0, 0) for op in ("Bd", "Bd", "B", "B")]), Term(1.0, ("N", 0, 0))),
                (Jump(1.0, "B", 0),),
            ),
            r"term Bd\[site 0\] Bd\[site 0\] B\[site 0\] B\[site 0\]",
        ),
        (
            LindbladModel(
                (Spin(1),), (Term(1.0, ("Sz", 0, 0), ("Sz", 0, 1)),), (Jump(1.0, "Sz", 0),)
            ),
            r"jump Sz\[site 0\]",
        ),
        (ising(), r"term Sx\[site 0\] tilts the spins"),
        (
            LindbladModel(
                (Spin(1),),
                (Term(1.0, *[("S+", 0, 0)] * 3, plus_hc=True),),
                (Jump(1.0, "S-", 0),),
            ),
            r"term S\+\[site 0\] S\+\[site 0\] S\+\[site 0\] is not",
        ),
    ],
    ids=["kerr", "dephasing", "field", "three quanta"],
)
def test_models_out_of_reach_are_refused_by_name(model, message):
    with pytest.raises(UnsupportedModelError, match=message):
        steady_state(model, HolsteinPrimakoff())


@pytest.mark.parametrize("value", ["ab", (2, 1), 3, "+0"])
def test_bad_configuration(value):
    with pytest.raises(ArgumentError, match="Argument `configuration` must be"):
        HolsteinPrimakoff(value)


def test_configuration_of_wrong_length():
    with pytest.raises(ArgumentError, match="2 entries"):
        steady_state(chain(1.0), HolsteinPrimakoff("+"))


def test_quench_spectra_against_all_configurations():
    model = chain(1.0, 1.0, 0.4, 1.1, 0.9)
    spectra = quench_spectra(model, 3)
    assert spectra.multiplicity.sum() == 2**6
    growth = [
        cluster_fluctuations(model, configuration, (3,)).spectrum[0].real
        for configuration in itertools.product((1, -1), repeat=6)
    ]
    repeated = np.repeat(spectra.eigenvalues.real, spectra.multiplicity)
    np.testing.assert_allclose(np.sort(repeated), np.sort(growth), atol=1e-7)
    assert spectra.stable + spectra.marginal + spectra.unstable == 2**6


def test_quench_in_the_ordered_phase_has_one_stable_configuration():
    spectra = quench_spectra(chain(1.0, 1.0, 0.4, 2.0, 2.2), 4)
    assert (spectra.stable, spectra.marginal, spectra.unstable) == (1, 0, 255)


def test_quench_on_the_symmetry_line_has_marginal_configurations():
    """For gain = loss < g - h all spins up (or down) oscillate with Re mu = 0."""
    model = chain(1.0, 1.0, 0.4, 0.3, 0.3)
    spectra = quench_spectra(model, 4)
    aligned = np.abs(spectra.configurations.sum(axis=1)) == 8
    np.testing.assert_allclose(spectra.eigenvalues[aligned].real, 0, atol=1e-9)
    assert spectra.stable == 0
    assert spectra.marginal >= 2


def test_supercell_configuration_in_two_dimensions():
    """A supercell of the uniform configuration has the spectra of the unit cell at several k."""
    model = square(3.0, 1.0, 0.4, 2.0, 2.5)
    big = quadratic_bosons(model, (1, -1) * 2, (2, 1))
    small = quadratic_bosons(model, (1, -1))
    folded = np.linalg.eigvals(big.drift(np.array([0.6, 0.4])))
    unfolded = [
        np.linalg.eigvals(small.drift(np.array([0.3 + shift, 0.4]))) for shift in (0, np.pi)
    ]
    np.testing.assert_allclose(
        np.sort_complex(np.round(folded, 9)),
        np.sort_complex(np.round(np.concatenate(unfolded), 9)),
        atol=1e-8,
    )


@pytest.mark.parametrize("make", [chain, square])
def test_the_coarse_growth_of_maps_is_that_of_the_search(make):
    """Growth is at the edge or the middle of the zone, which any grid has."""
    for gain, loss in ((1.5, 1.0), (0.2, 0.1), (2.2, 1.3)):
        model = make(1, gain=gain, loss=loss)
        coarse = coarse_growth(model)
        for configuration, growth, _ in stable_configurations(model):
            name = configuration_name(configuration)
            assert coarse[name] == pytest.approx(growth, abs=1e-8)


def test_maps_of_what_has_no_phases():
    model = chain(1)
    assert phase_growth(model).keys() == {"++", "+-", "-+", "--"}
    tilted = replace(model, terms=(*model.terms, Term(0.1, ("Sx", 0, 0))))
    hop = Term(0.1, ("S+", 0, 0), ("S-", 0, 20), plus_hc=True)
    far = replace(model, terms=(*model.terms, hop))
    many = LindbladModel((Spin(1),) * 5, (), tuple(Jump(1, "S-", n) for n in range(5)))
    for other in (tilted, far, many):
        assert phase_growth(other) == {}
    decay = LindbladModel((Spin(1),), (), (Jump(1.0, "S-", 0),))
    assert phase_growth(decay)["-"] < 0 < phase_growth(decay)["+"]
