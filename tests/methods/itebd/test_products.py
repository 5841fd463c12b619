"""Products and strings against the density matrices of the same state."""

from functools import reduce

import numpy as np
import pytest

from impo import ITEBD, steady_state
from impo.methods.itebd.products import _sizes
from impo.model import Jump, LindbladModel, Spin, Term
from impo.operators.local import spin_operators
from models import nonreciprocal

OPS = spin_operators(0.5)
TURN = np.array([[0.3, 0.8j], [-0.2 + 0.4j, 0.5]])  # of no definite charge
TURNED = LindbladModel(
    (Spin(0.5), Spin(0.5)),
    (
        Term(0.5 * np.exp(0.7j), ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(0.3 * np.exp(-0.4j), ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
    ),
    (Jump(1.3, "S+", 0), Jump(0.8, "S-", 1), Jump(0.2, "S-", 0)),
)
DRIVEN = LindbladModel(
    (Spin(0.5),),
    (Term(0.4, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True), Term(0.5, ("Sx", 0, 0))),
    (Jump(1.0, "S-", 0),),
)
MODELS = {
    "turned": TURNED, "no charge": DRIVEN,
    "turning frame": nonreciprocal.chain(0.5, 1.0, 0.8, 0.6, 0.6, 0.1),
}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def state(request):
    return steady_state(MODELS[request.param], ITEBD(chi_max=8, tol=0.05))


def by_matrix(state, factors):
    """Return the expectation of operators on rising places from the density matrix."""
    places = list(factors)
    return np.trace(state.density_matrix(places) @ reduce(np.kron, factors.values()))


def test_strings_are_contracted_in_order(state):
    unit = len(state.model.sites)
    string = [TURN, TURN.T][:unit]
    for a, b in ((0, unit - 1), (unit - 1, 0), (0, 0)):
        found = state.correlation("S+", "Sx", (a, b), 2, string=string)
        for r, value in enumerate(found.value):
            end = b + r * unit
            low, high = sorted((a, end))
            inner = {p: string[p % unit] for p in range(low, high + 1)}
            inner |= {a: OPS["S+"], end: OPS["Sx"]} if a != end else {a: OPS["S+"] @ OPS["Sx"]}
            expected = by_matrix(state, {(p % unit, p // unit): m for p, m in inner.items()})
            assert value == pytest.approx(expected, abs=1e-12)
        assert np.all(found.error > 0)


def test_products_and_matrices_are_one(state):
    unit = len(state.model.sites)
    one, two, three = ((p % unit, p // unit) for p in (-1, 1, 4))
    factors = {one: OPS["S-"], two: TURN, three: OPS["S+"] @ OPS["Sz"]}
    found = state.expect(("S+", *three), (TURN, *two), ("S-", *one), ("Sz", *three))
    assert found.value == pytest.approx(by_matrix(state, factors), abs=1e-12)
    places = [two, three, one]
    matrix = reduce(np.kron, [factors[place] for place in places])
    assert state.expect(matrix, places).value == pytest.approx(found.value, abs=1e-12)


def test_a_far_string_is_a_number(state):
    sign = np.diag([1.0, -1.0])
    found = state.correlation("Sz", "Sz", (0, 0), 3000, string=sign)
    assert np.all(np.isfinite(found.value))
    assert abs(found.value[-1]) < abs(found.value[1])


def test_errors_are_relative_to_the_norms_of_all_factors():
    state = steady_state(TURNED, ITEBD(chi_max=4, tol=0.2))
    found = _sizes(state, ("S+", "Sz"), ("Sz", np.diag([2.0, 0])), (0, 1), 3)
    np.testing.assert_allclose(found, 0.5 * 1.0 ** np.arange(4))
    found = _sizes(state, ("S+", "Sz"), ("Sz", np.diag([3.0, 0])), (1, 0), 3)
    np.testing.assert_allclose(found, [0.5, 0.5, 0.75, 1.125])
