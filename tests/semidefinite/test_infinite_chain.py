"""Intervals contain the numbers of iMPO for interacting chains, and exclude wrong ones."""

import numpy as np
import pytest

from impo import ITEBD, Jump, LindbladModel, Spin, Status, Term, bounds, steady_state


def random_chain(rng):
    """Return two sites in a cell with exchange, Ising coupling, fields, gain, loss, dephasing."""
    terms = [Term(rng.normal(), ("Sz", n, 0)) for n in range(2)]
    for a, b, cell in ((0, 1, 0), (1, 0, 1)):
        coupling = rng.normal() * np.exp(1j * rng.choice([0, 0.7]))
        terms.append(Term(coupling, ("S+", a, 0), ("S-", b, cell), plus_hc=True))
        terms.append(Term(0.5 * rng.normal(), ("Sz", a, 0), ("Sz", b, cell)))
    jumps = [Jump(rng.uniform(0.5, 2.5), "S+", 0), Jump(rng.uniform(0.5, 2.5), "S-", 1)]
    jumps.append(Jump(rng.uniform(0, 0.5), str(rng.choice(["Sz", "S-", "S+"])), rng.integers(2)))
    return LindbladModel((Spin(0.5), Spin(0.5)), tuple(terms), tuple(jumps))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3, 4, 5, 6, 7, 10, 15, 17])  # the others take longer
def test_interacting_chains(seed):
    model = random_chain(np.random.default_rng(seed))
    state = steady_state(model, ITEBD(tol=1e-6))
    assert state.status == Status.CONVERGED
    pair = Term(1.0, ("Sz", 0, 0), ("Sz", 1, 0))
    asked = {"0": Term(1.0, ("Sz", 0, 0)), "1": Term(1.0, ("Sz", 1, 0)), "01": pair}
    found = bounds(model, asked, sites=6)
    both = state.correlation("Sz", "Sz", (0, 1), max_cells=0)[0]
    for name, known in (("0", state.expect("Sz")[0]), ("1", state.expect("Sz")[1]), ("01", both)):
        value, error = np.real(known.value), known.error
        assert not found[name].excludes(value, error)
        assert found[name].width < 0.5
        wrong = value + 1.1 * found[name].width
        assert found[name].excludes(wrong, error)
