"""Exact small systems against closed forms and limits."""

import numpy as np
import pytest

from impo import Exact, spectrum, steady_state
from impo.results.estimate import Status
from models import cavity
from models.gain_loss import dimer
from models.kerr import drummond_walls, oscillator
from runs import fig2, fig3, fig9

KERR = {"U": 10.0, "delta": 10.0, "gamma": 1.0}


@pytest.mark.slow
@pytest.mark.parametrize(("D", "F"), [(2.0, 1.5), (10.0, 1.76), (50.0, 1.4), (50.0, 3.0)])
def test_kerr_agrees_with_drummond_and_walls(D, F):
    model = oscillator(D, F, **KERR)
    state = steady_state(model, Exact())
    expected = drummond_walls(D, F, **KERR, cutoff=model.sites[0].cutoff)
    assert state.status is Status.CONVERGED
    assert np.abs(state.density_matrix([(0, 0)]) - expected).max() < 10 * state.uncertainty
    assert state.uncertainty < 1e-7
    assert state.extras["purity"] == pytest.approx(np.sum(np.abs(expected) ** 2), abs=1e-8)


@pytest.mark.slow
def test_large_kerr_agrees_with_drummond_and_walls():
    model = oscillator(100.0, 3.2, **KERR, cutoff=130)
    state = steady_state(model, Exact(gap=False))
    expected = drummond_walls(100.0, 3.2, **KERR, cutoff=model.sites[0].cutoff)
    assert np.abs(state.density_matrix([(0, 0)]) - expected).max() < 1e-12


def test_kerr_bistability_limits_what_double_precision_can_say():
    slow = steady_state(oscillator(50.0, 1.76, **KERR), Exact())
    assert slow.status is Status.NOT_CONVERGED
    assert 0 < slow.extras["gap"] < 1e-9
    expected = drummond_walls(50.0, 1.76, **KERR, cutoff=slow.model.sites[0].cutoff)
    quanta = np.arange(len(expected)) @ np.diag(expected).real
    number = slow.expect("N")
    assert abs(number.value[0] - quanta) < number.error[0] < 1.0
    stuck = steady_state(oscillator(80.0, 1.76, **KERR), Exact())
    assert stuck.status is Status.FAILED
    assert stuck.diagnostics["null_space_dimension"] == 2


def test_kerr_closed_form_is_stationary_for_other_parameters():
    given = {"U": -3.0, "delta": 1.5, "gamma": 0.7}
    state = steady_state(oscillator(4.0, -0.9, **given, cutoff=40), Exact())
    expected = drummond_walls(4.0, -0.9, **given, cutoff=40)
    assert np.abs(state.density_matrix([(0, 0)]) - expected).max() < 1e-13


@pytest.mark.slow
def test_mixed_dimer_impurity_and_diagonal_participation():
    state = steady_state(dimer(12, gain=0.5, loss=0.5), Exact(gap=False))
    assert state.extras["diagonal_participation"] == pytest.approx(0.957, abs=5e-4)
    assert state.extras["impurity_per_dimension"] == pytest.approx(0.549, abs=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "loss", "sign"), [(0.8, 0.2, 1), (0.2, 0.8, -1)])
def test_purity_approaches_the_linearised_limit(gain, loss, sign):
    limit = fig3.purity_large_spin(gain, loss)
    product, difference, total = gain * loss, (gain - loss) ** 2, (gain + loss) ** 2
    assert limit == pytest.approx(  # Eq. (A24) with g = 1
        difference * (1 - product) / (product * difference + total), rel=1e-9
    )
    error = []
    for spin in (4, 12):
        state = steady_state(dimer(spin, gain=gain, loss=loss), Exact(gap=False))
        assert np.all(sign * state.expect("Sz").value > 0.6 * spin)
        error.append(abs(state.extras["purity"] / limit - 1))
    assert error[1] < error[0] / 2
    assert error[1] < 0.1


def test_purity_vanishes_between_the_linearised_phases():
    assert fig3.purity_large_spin(0.5, 0.5) == 0
    assert 0 < fig3.purity_large_spin(0.501, 0.499) < 1e-5


@pytest.mark.slow
def test_large_spin_with_few_multipoles():
    model = dimer(100, gain=0.5, loss=0.5)
    small, large = (steady_state(model, Exact(k_max=k, tol=1e-3, gap=False)) for k in (18, 20))
    assert small.status is Status.CONVERGED
    change = np.abs(small.expect("Sz").value - large.expect("Sz").value)
    assert np.all(change < small.expect("Sz").error)
    assert small.diagnostics["multipole_tail"] < 1e-3
    assert large.diagnostics["multipole_tail"] < small.diagnostics["multipole_tail"]


def test_smallest_gap_at_the_transition_carries_charge():
    gaps = {q: [fig2.decay_rates(spin, q, 1, None)[0] for spin in (6.0, 8.0)] for q in fig2._MODES}
    exponent = {q: np.log(v[0] / v[1]) / np.log(8 / 6) for q, v in gaps.items()}
    assert gaps[1][1] < gaps[0][1]
    assert exponent[0] == pytest.approx(1.0, abs=0.1)
    assert exponent[1] == pytest.approx(0.77, abs=0.02)


@pytest.mark.slow
def test_gap_of_a_cut_dimer_is_that_of_the_full_one():
    for q in (0, 1):
        full = fig2.decay_rates(12.0, q, 2, None)
        cut = fig2.decay_rates(12.0, q, 2, 18)
        assert np.abs(cut / full - 1).max() < 1e-3


@pytest.mark.slow
def test_dropped_stark_terms_matter():
    """The full cavity model approaches the effective one with Stark terms, not that without."""
    separations = (40.0, 160.0)
    distance = []
    for scale in separations:
        given = fig9.parameters(scale)
        full = steady_state(
            cavity.dimer(1, **given, gamma_c=0.1, cutoff_c=1, cutoff_ab=2), Exact(tol=1, gap=False)
        )
        reduced = full.density_matrix([(0, 0), (1, 0)])
        distance.append(
            [
                fig9._distance(
                    reduced,
                    steady_state(
                        cavity.effective_dimer(1, **given, stark=stark), Exact()
                    ).density_matrix([(0, 0), (1, 0)]),
                )
                for stark in (True, False)
            ]
        )
    with_stark, without = np.log(np.array(distance)[0] / np.array(distance)[1]) / np.log(4)
    assert with_stark == pytest.approx(1.0, abs=0.1)
    assert without < 0.1
    assert distance[1][1] > 10 * distance[1][0]


def test_effective_rates_are_those_of_the_dimer():
    """Eq. (13) is Eq. (2) for one cell with g, Gamma -> g / 2S, Gamma / 2S."""
    spin, delta, Gc, G, gamma = 1.5, -4.0, 1.1, 0.3, 0.8
    effective = cavity.effective_dimer(spin, delta, Gc, G, gamma, stark=False)
    g, rate = -(Gc**2) / delta, 2 * G**2 / gamma
    plain = dimer(spin, g=2 * spin * g, gain=2 * spin * rate, loss=2 * spin * rate)
    left, right = (spectrum(model, Exact(), 1, count=9).eigenvalues for model in (effective, plain))
    assert np.abs(left - right).max() < 1e-12
