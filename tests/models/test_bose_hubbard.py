import math

import numpy as np
import pytest

from impo import ITEBD, Exact, steady_state
from models.bose_hubbard import chain

PARAMETERS = {"U": 1.3, "F": 0.7, "delta": 0.4, "loss": 0.9, "pair_loss": 0.6}


def one_mode(U, F, delta, loss, pair_loss, cutoff, terms=80):
    """Return the stationary density matrix of one site in closed form.

    With the complex interaction chi = (U - i pair_loss)/2, c = -(delta + i loss/2)/chi and
    a = -F/chi (Bartolo et al., without a drive of pairs),

        rho_nm ~ a^n a*^m / sqrt(n! m!) sum_j |a|^2j / (j! (c)_{n+j} (c*)_{m+j}).
    """
    chi = (U - 1j * pair_loss) / 2
    c, a = -(delta + 0.5j * loss) / chi, -F / chi
    rising = np.cumprod([1.0, *(c + k for k in range(cutoff + terms))])
    vectors = np.array([
        [
            a**n * abs(a) ** j / rising[n + j] / math.sqrt(math.factorial(n) * math.factorial(j))
            for j in range(terms)
        ]
        for n in range(cutoff + 1)
    ])  # fmt: skip
    rho = vectors @ vectors.conj().T
    return rho / np.trace(rho)


def test_uncoupled_sites_are_those_of_the_closed_form():
    known = one_mode(**PARAMETERS, cutoff=20)
    state = steady_state(chain(J=0.0, **PARAMETERS, cutoff=20), Exact())
    np.testing.assert_allclose(state.density_matrix([(0, 0)]), known, atol=1e-10)


@pytest.mark.slow
def test_the_chain_is_that_of_a_ring():
    model = chain(J=0.4, **PARAMETERS, cutoff=3)
    state = steady_state(model, ITEBD(tol=3e-3))
    ring = steady_state(model, Exact(cells=3, periodic=True, gap=False, tol=1.0))
    near = state.correlation("Bd", "B", (0, 0), 1).value
    np.testing.assert_allclose(
        near, ring.correlation("Bd", "B", (0, 0), 1).value, atol=0.02 * np.abs(near).max()
    )


def test_pairs_alone_leave_the_parity():
    """Without single losses and drive the vacuum and one boson are both steady."""
    model = chain(J=0.0, F=0.0, loss=0.0, pair_loss=1.0, cutoff=3)
    state = steady_state(model, Exact())
    assert state.diagnostics["null_space_dimension"] == 4
