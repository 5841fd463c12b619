"""Rate matrices as jumps and matrices as terms, against dense matrices."""

from functools import reduce

import numpy as np
import pytest

from impo import Boson, Jump, LindbladModel, Spin, Term, jumps_from_rates, terms_from_matrix
from impo.arguments import ArgumentError
from impo.operators.liouvillian import finite_cluster
from impo.operators.local import local_operators
from tests import qutip_oracle

LOWER, RAISE = ("S-", 0, 0), ("S+", 0, 1)


def random_matrix(d, seed, hermitian=False):
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))
    return found + found.conj().T if hermitian else found


def dissipator(matrices, rates):
    """Return sum_ab M_ab (A_a rho A_b^+ - ...), rows of rho stacked."""
    one = np.eye(len(matrices[0]))
    total = 0
    for a, A in enumerate(matrices):
        for b, B in enumerate(matrices):
            loss = B.conj().T @ A
            piece = np.kron(A, B.conj()) - (np.kron(loss, one) + np.kron(one, loss.T)) / 2
            total = total + rates[a, b] * piece
    return total


def of_jumps(jumps, sites, cells):
    """Return the dissipator of one cell of jumps, on an open cluster, rows of rho stacked."""
    model = LindbladModel(sites, (), jumps)
    _, operators = qutip_oracle.system(model, cells)
    matrices = [L.full() for L in operators]
    return dissipator(matrices, np.eye(len(matrices)))


def test_a_rate_matrix():
    rates = random_matrix(3, 1)
    rates = rates @ rates.conj().T
    factors = [LOWER, RAISE, Term(0.5j, ("Sz", 0, 0), ("S-", 0, 1))]
    jumps = jumps_from_rates(rates, factors)
    ops = local_operators(Spin(0.5))
    one = ops["Id"]
    matrices = [
        np.kron(ops["S-"], one), np.kron(one, ops["S+"]), 0.5j * np.kron(ops["Sz"], ops["S-"]),
    ]  # fmt: skip
    np.testing.assert_allclose(
        of_jumps(jumps, (Spin(0.5),), 2), dissipator(matrices, rates), atol=1e-12
    )


def test_diagonal_rates_are_jumps_by_name():
    jumps = jumps_from_rates(np.diag([0.5, 0.0, 0.2]), [LOWER, ("Sz", 0, 0), ("S+", 0, 0)])
    assert set(jumps) == {Jump(0.2, "S+", 0), Jump(0.5, "S-", 0)}


def test_a_rate_matrix_of_rank_one_is_one_jump():
    phase = np.exp(0.7j)
    (jump,) = jumps_from_rates([[1.0, phase.conj()], [phase, 1.0]], [LOWER, ("S-", 0, 1)])
    ratio = jump.terms[1].coefficient / jump.terms[0].coefficient
    assert ratio == pytest.approx(phase)
    assert jump.strength == pytest.approx(2.0)


@pytest.mark.parametrize(
    "factor",
    [[1.0], [1.0, 0.4j], [1.0, np.exp(0.7j)], [0.6, 1.0, -0.3j], [1.0, -1.0, 0.25], [1, 2, 2, 1]],
)
def test_rates_that_are_equal_in_all_cells(factor):
    """Also where they vanish at a wave number."""
    factor = np.array(factor, dtype=complex)
    n = len(factor)
    rates = [np.sum(factor[: n - r] * factor[r:].conj()) for r in range(n)]
    (jump,) = jumps_from_rates(rates, [LOWER])
    weights = np.sqrt(jump.rate) * np.array([term.coefficient for term in jump.products(1)])
    assert [term.factors for term in jump.products(1)] == [(("S-", 0, (r,)),) for r in range(n)]
    found = [np.sum(weights[: n - r] * weights[r:].conj()) for r in range(n)]
    np.testing.assert_allclose(found, rates, atol=1e-10)


def test_rates_between_cells_are_those_of_a_ring():
    rates = [1.0, 0.3 - 0.2j]
    model = LindbladModel((Spin(0.5),), (), jumps_from_rates(rates, [LOWER]))
    _, operators = qutip_oracle.system(model, 4, periodic=True)
    lowered = [qutip_oracle.operator(model, 4, "S-", 0, j).full() for j in range(4)]
    matrix = np.zeros((4, 4), dtype=complex)
    for j in range(4):
        matrix[j, j], matrix[j, (j + 1) % 4] = rates
        matrix[(j + 1) % 4, j] = np.conj(rates[1])
    found = dissipator([L.full() for L in operators], np.eye(4))
    np.testing.assert_allclose(found, dissipator(lowered, matrix), atol=1e-10)


@pytest.mark.parametrize(
    ("matrix", "factors", "message"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], [LOWER, RAISE], "`matrix` must have no negative eigenvalue"),
        ([[1.0, 2.0], [1.0, 4.0]], [LOWER, RAISE], "`matrix` must be Hermitian"),
        ([[1.0]], [LOWER, RAISE], r"`matrix` must be of shape \(2, 2\)"),
        ([[0.0]], [LOWER], "`matrix` must be of finite numbers that are not all zero"),
        ([[np.nan]], [LOWER], "`matrix` must be of finite numbers"),
        ("rates", [LOWER], "`matrix` must be a matrix of numbers"),
        ([[1.0]], [("S-", 0)], "`factor` must be a tuple"),
        ([1.0, 0.6], [LOWER], "`matrix` must be rates that are not negative at any wave number"),
        ([1j], [LOWER], "`matrix` must be rates that are not negative at any wave number"),
        ([1.0, 0.2], [("S-", 0, (0, 0))], "`factors` must be one product on a chain"),
    ],
)
def test_rates_that_are_none(matrix, factors, message):
    with pytest.raises(ArgumentError, match=message) as raised:
        jumps_from_rates(matrix, factors)
    assert len(str(raised.value).splitlines()) == 1


CELL = (Spin(0.5), Spin(1), Spin(1.5), Boson(2))


def dense(terms, places):
    """Return the sum of terms on some places."""
    total = 0
    for term in terms:
        factors = [np.eye(CELL[site].dimension) for site, _ in places]
        for op, site, (cell,) in term.factors:
            at = places.index((site, cell))
            factors[at] = factors[at] @ local_operators(CELL[site])[op]
        total = total + term.coefficient * reduce(np.kron, factors)
    return total


@pytest.mark.parametrize(
    "places", [[(1, 0)], [(0, 0), (1, 0)], [(2, 1), (0, 0)], [(0, 0), (1, -1), (0, 1)]], ids=str
)
def test_a_matrix_on_some_spins(places):
    d = int(np.prod([CELL[site].dimension for site, _ in places]))
    matrix = random_matrix(d, 4)
    terms = terms_from_matrix(matrix, places, CELL)
    np.testing.assert_allclose(dense(terms, places), matrix, atol=1e-11)


def test_simple_matrices_are_simple_terms():
    ops = local_operators(Spin(1))
    exchange = np.kron(ops["S+"], ops["S-"])
    assert terms_from_matrix(exchange, [(1, 0), (1, 1)], CELL) == (
        Term(1.0, ("S+", 1, 0), ("S-", 1, 1)),
    )
    assert terms_from_matrix(2 * np.eye(9), [(1, 0), (1, 1)], CELL) == (Term(2.0, ("Id", 1, 0)),)
    squared = np.kron(np.eye(2), ops["Sz"] @ ops["Sz"])
    (term,) = terms_from_matrix(squared, [(0, 0), (1, 0)], CELL)
    assert term.factors == (("Sz", 1, (0,)), ("Sz", 1, (0,)))


def test_a_hermitian_matrix_is_a_hamiltonian():
    matrix = random_matrix(6, 2, hermitian=True)
    terms = terms_from_matrix(matrix, [(0, 0), (1, 0)], CELL[:2])
    jump = Jump(0.5, *terms_from_matrix(random_matrix(6, 3), [(0, 0), (1, 0)], CELL[:2]))
    model = LindbladModel(CELL[:2], terms, (jump,))
    H, (L,) = qutip_oracle.system(model, 1)
    np.testing.assert_allclose(H.full(), matrix, atol=1e-12)
    np.testing.assert_allclose(L.full(), np.sqrt(0.5) * random_matrix(6, 3), atol=1e-12)
    assert not len(finite_cluster(model, 1).charges)


@pytest.mark.parametrize(
    ("matrix", "places", "message"),
    [
        (np.eye(5), [(0, 0), (1, 0)], r"`matrix` must be of shape \(6, 6\)"),
        (np.eye(4), [(0, 0), (0, 0)], "`places` must be one to 3 different"),
        (np.eye(2), [], "`places` must be one to 3 different"),
        (np.eye(2), [(4, 0)], "`places` must be pairs with a site below 4"),
        (np.eye(3), [(3, 0)], "`sites` must be spins up to S = 5/2"),
        (np.full((2, 2), np.nan), [(0, 0)], "`matrix` must be of finite numbers"),
    ],
)
def test_matrices_that_are_none(matrix, places, message):
    with pytest.raises(ArgumentError, match=message) as raised:
        terms_from_matrix(matrix, places, CELL)
    assert len(str(raised.value).splitlines()) == 1
