import numpy as np
import pytest

from impo import ITEBD, Exact, Status, steady_state
from models.gain_loss import dimer
from models.ladder import ladder


def test_without_rungs_the_legs_are_polarised():
    state = steady_state(ladder(0.5, 1.0, 0.6, 0.0, 0.9, 0.4), Exact(cells=3, periodic=True))
    np.testing.assert_allclose(state.expect("Sz").value, [0.5, -0.5], atol=1e-9)


@pytest.mark.parametrize("spin", [0.5, 1])
def test_without_legs_the_rungs_are_dimers(spin):
    ours = steady_state(ladder(spin, 0.0, 0.0, 0.8, 1.3, 0.5), Exact(cells=1))
    theirs = steady_state(dimer(spin, 0.8, gain=1.3, loss=0.5), Exact(cells=1))
    places = [(0, 0), (1, 0)]
    np.testing.assert_allclose(
        ours.density_matrix(places), theirs.density_matrix(places), atol=1e-9
    )


@pytest.mark.slow
def test_the_infinite_ladder():
    """Balance of gain and loss, the exchange of the legs, and rings that approach it."""
    model, swapped = (
        ladder(0.5, *legs, 0.8, *rates)
        for legs, rates in (((0.9, 0.5), (1.4, 2.1)), ((0.5, 0.9), (2.1, 1.4)))
    )
    state, other = (steady_state(m, ITEBD(tol=1e-3)) for m in (model, swapped))
    assert state.status is other.status is Status.CONVERGED
    up = state.expect("Sz")
    gained, lost = 1.4 * (0.5 - up.value[0]), 2.1 * (0.5 + up.value[1])
    assert gained == pytest.approx(lost, abs=float(1.4 * up.error[0] + 2.1 * up.error[1]))
    assert gained > 0.1
    down = other.expect("Sz")
    np.testing.assert_array_less(np.abs(up.value + down.value[::-1]), up.error + down.error[::-1])
    three, four = (
        steady_state(model, Exact(cells=cells, periodic=True, gap=False)) for cells in (3, 4)
    )
    limits = np.abs(three.expect("Sz").value - four.expect("Sz").value) + up.error
    np.testing.assert_array_less(np.abs(four.expect("Sz").value - up.value), limits)
    across, ring = (s.correlation("S+", "S-", (0, 1), 0) for s in (state, four))
    assert across.value[0] == pytest.approx(ring.value[0], abs=3e-3)
    # the rungs carry what is gained: 2 J Im <S+ S-> of rates that are twice gain and loss
    assert 0.8 * across.value[0].imag == pytest.approx(-gained, abs=1e-3)
