"""One large spin that is driven and decays, alone and as many spins."""

import numpy as np
import pytest

from impo import TWA, Exact, Status, evolve, steady_state
from impo.operators.local import spin_operators
from impo.operators.product_state import Coherent
from models.dicke import ensemble, spin


def puri_lawande(S, drive, rate):
    """The steady state at chi = 0 in closed form: rho ~ A A^+ with A = 1 / (S- - c).

    c = -i drive S / rate is what S- would be if the drive were balanced; A is a finite sum of
    powers of S- / c, as S- is nilpotent.
    """
    lower = spin_operators(S)["S-"]
    inverse = np.linalg.inv(lower - (-1j * drive * S / rate) * np.eye(len(lower)))
    rho = inverse @ inverse.conj().T
    return rho / np.trace(rho)


@pytest.mark.parametrize("drive", [0.6, 1.3])
def test_without_twisting_the_steady_state_is_that_of_resonance_fluorescence(drive):
    S = 6
    rho = puri_lawande(S, drive, 0.9)
    state = steady_state(spin(S, 0.0, drive, 0.9), Exact(gap=False))
    np.testing.assert_allclose(state.density_matrix([(0, 0)]), rho, atol=1e-10)
    assert abs(np.trace(rho @ spin_operators(S)["Sz"])) < S


def test_twa_is_good_to_one_over_s():
    """With twisting, on both sides of the transition; nothing is symmetric."""
    S = 20
    for chi, drive in ((0.3, 0.5), (-0.2, 1.6)):
        model = spin(S, chi, drive, 1.0)
        exact = steady_state(model, Exact(gap=False))
        found = steady_state(model, TWA(cells=40, trajectories=64, tol=1e-2, max_time=400))
        assert found.status is Status.CONVERGED
        for op in ("Sx", "Sy", "Sz"):
            one = found.expect(op)
            off = abs(one.value[0] - exact.expect(op).value[0])
            assert off < 4 * one.error[0] + 0.02 * S


def test_many_spins_are_one_large_spin():
    """Five spins 1/2 that start alike: the sums of their operators, at all times."""
    times, start = [0.4, 1.5], Coherent(0.4, 1.0)
    one = evolve(spin(2.5, 0.7, 0.5, 0.8), Exact(), [start], times)
    many = evolve(ensemble(5, 0.5, 0.7, 0.5, 0.8), Exact(), [start] * 5, times)
    for op in ("Sx", "Sy", "Sz"):
        np.testing.assert_allclose(
            many.expect(op).value.sum(axis=1), one.expect(op).value[:, 0], atol=1e-8
        )


def test_twa_of_spins_that_decay_together_is_that_of_their_sum():
    """It is the total spin, 20, that has to be large."""
    times, start, count = [0.5, 1.5], Coherent(0.4, 1.0), 10
    exact = evolve(spin(20, 0.4, 0.5, 1.0), Exact(), [start], times)
    method = TWA(cells=8, trajectories=256, tol=5)
    found = evolve(ensemble(count, 2, 0.4, 0.5, 1.0), method, [start] * count, times)
    for op in ("Sx", "Sy", "Sz"):
        one = found.expect(op)
        off = np.abs(one.value.sum(axis=1) - exact.expect(op).value[:, 0])
        assert np.all(off < 0.02 * 20)
