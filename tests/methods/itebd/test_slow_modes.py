"""Which operators slow modes are looked for with, and free bosons."""

import numpy as np
import pytest

from impo import ITEBD, ArgumentError, Boson, Jump, LindbladModel, Spin, Term, steady_state
from impo.methods.itebd.slow_modes import charges, correlations, matrices
from impo.signals.tracks import useful
from models.gain_loss import chain


def test_operators_of_a_site():
    counts = {q: len(matrices(Spin(1), q)) for q in (-3, -2, -1, 0, 1, 2, 3)}
    assert counts == {-3: 0, -2: 1, -1: 2, 0: 2, 1: 2, 2: 1, 3: 0}
    assert [len(matrices(Spin(0.5), q)) for q in (0, 1, 2)] == [1, 1, 0]
    assert len(matrices(Spin(0.5), None)) == 3
    (lowering,) = matrices(Boson(3), -1)
    np.testing.assert_allclose(lowering, np.diag(np.sqrt([1.0, 2, 3]), 1))
    for site in (Spin(1), Boson(3)):
        for found in matrices(site, 0):
            assert abs(np.trace(found)) < 1e-12 or isinstance(site, Boson)
    assert len(matrices(Boson(3), None)) == 3  # two quadratures and the number


def test_charges_that_no_operator_has_are_refused():
    state = steady_state(chain(0.5, 1.0, 0.2, 3.0, 2.0), ITEBD(tol=1e-2))
    assert charges(state) == [-1, 0, 1]
    with pytest.raises(ArgumentError, match=r"`charge` must be .*-1"):
        state.slow_modes(2)


def test_samples_end_where_no_wave_number_has_one_that_is_known():
    """At this tolerance charge 0 is lost in its errors long before it has decayed."""
    state = steady_state(chain(0.5, 1.0, 0.5, 1.5, 1.2), ITEBD(tol=3e-2))
    known = correlations(state, 0)

    def samples(k):
        best = known.by(k, state.approximation)
        return useful(best, known.noise(state, k)), len(best)

    counts = [samples(k) for k in np.linspace(0, 2 * np.pi, 8, endpoint=False)]
    taken = counts[0][1]
    assert max(count for count, _ in counts) == taken - 1
    largest = np.abs(known.by(0.0, state.approximation)).max(axis=(1, 2))
    assert largest[-1] > 1e-2 * largest[0]


@pytest.mark.slow
def test_free_bosons_have_their_dispersion():
    """<B> at k decays with loss / 2 and turns with 2 J cos(k + phi)."""
    J, phi, loss = 0.3, 0.3, 3.0
    hop = Term(J * np.exp(1j * phi), ("Bd", 0, 0), ("B", 0, 1), plus_hc=True)
    model = LindbladModel(sites=(Boson(2),), terms=(hop,), jumps=(Jump(loss, "B", 0),))
    state = steady_state(model, ITEBD(tol=3e-3))
    for k in (0.7, -0.7):
        (mode, *_) = state.slow_modes(1, k, 1)
        expected = loss / 2 + 2j * J * np.cos(k + phi)
        assert abs(mode.rate.value - 1j * mode.frequency.value - expected) <= mode.rate.error
        assert mode.rate.error < 0.02
