"""Products, strings and currents against QuTiP, rings, decoupled dimers and product states."""

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

from impo import ITEBD, Exact, Status, evolve, steady_state
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.local import spin_operators
from models import gain_loss, nonreciprocal
from tests import qutip_oracle
from tests.jump_models import correlated, general, lossy_bosons

THREE = [
    (("S+", 0, 0), ("Sz", 1, 1), ("S-", 1, 0)),
    (("Sx", 1, 1), ("Sy", 1, 1), ("Sz", 0, 0)),
    (("S+", 0, 1), ("S-", 0, 1)),
    (("Sy", 0, 0), ("Sx", 0, 1), ("Sy", 1, 1)),
]


def turned(S, angle=0.7, other=-0.4):
    """A chain whose hopping amplitudes have a phase: correlations turn from site to site."""
    g, h = 0.5 * np.exp(1j * angle), 0.3 * np.exp(1j * other)
    return LindbladModel(
        (Spin(S), Spin(S)),
        (
            Term(g, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
            Term(h, ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
        ),
        (Jump(1.3, "S+", 0), Jump(0.8, "S-", 1), Jump(0.2, "S-", 0)),
    )


def transport(S=0.5):
    """Everything that moves S_z, and nothing that creates it."""
    return LindbladModel(
        (Spin(S), Spin(S)),
        (
            Term(0.4 + 0.3j, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
            Term(0.3 - 0.1j, ("S+", 1, 0), ("Sz", 1, 0), ("S-", 0, 1), plus_hc=True),
            Term(0.2j, ("S+", 0, 0), ("Sz", 1, 0), ("S-", 0, 1), plus_hc=True),
            Term(0.6, ("Sz", 0, 0), ("Sz", 1, 0)),
        ),
        (
            Jump(0.7, Term(0.8, ("S-", 0, 0), ("S+", 1, 0)), Term(0.3j, ("Sz", 0, 0))),
            Jump(
                0.5, Term(1.0, ("S-", 1, 0), ("S+", 0, 1)), Term(0.4j, ("S+", 1, 0), ("S-", 0, 1))
            ),
            Jump(0.3, "Sz", 1),
        ),
    )


def oracle(model, cells):
    """Return the steady state by QuTiP and the expectation of a product."""
    size = int(np.prod([site.dimension for site in model.sites])) ** cells
    rho = qutip_oracle.steady_state(qutip_oracle.liouvillian(model, cells), size)

    def value(*factors):
        ops = [qutip_oracle.operator(model, cells, *factor).full() for factor in factors]
        return np.trace(reduce(np.matmul, ops) @ rho)

    return value


@pytest.mark.parametrize("model", [general(), turned(0.5), correlated()], ids=range(3))
def test_three_factors_are_those_of_qutip(model):
    state, value = steady_state(model, Exact(cells=2, gap=False)), oracle(model, 2)
    for factors in THREE:
        found = state.expect(*factors)
        assert found.value == pytest.approx(value(*factors), abs=1e-9)
        assert np.iscomplexobj(found.value) or abs(value(*factors).imag) < 1e-12
        assert 0 < found.error < 1e-9
    ops, places = spin_operators(0.5), [(1, 1), (0, 0), (1, 0)]
    names = [("S+", "Sz", "Sx"), ("Sy", "S-", "Id")]
    matrix = sum(
        (1 + 2j) ** n * reduce(np.kron, [ops[x] for x in row]) for n, row in enumerate(names)
    )
    expected = sum(
        (1 + 2j) ** n * value(*((op, *at) for op, at in zip(row, places, strict=True)))
        for n, row in enumerate(names)
    )
    assert state.expect(matrix, places).value == pytest.approx(expected, abs=1e-9)
    hermitian = state.expect(matrix + matrix.conj().T, places)
    assert hermitian.value == pytest.approx(2 * expected.real, abs=1e-9)
    assert np.isrealobj(hermitian.value)


@pytest.mark.parametrize("model", [general(1), lossy_bosons()], ids=["spins 1", "bosons"])
def test_larger_sites_are_those_of_qutip(model):
    spins = isinstance(model.sites[0], Spin)
    cells = 1 if spins else 2
    state, value = steady_state(model, Exact(cells=cells, gap=False)), oracle(model, cells)
    factors = [("Sx", 0, 0), ("S-", 1, 0), ("Sz", 0, 0)] if spins else [
        ("Bd", 0, 0), ("B", 0, 1), ("N", 0, 0)
    ]  # fmt: skip
    assert state.expect(*factors).value == pytest.approx(value(*factors), abs=1e-9)
    string = np.diag([1.0, 0.5j, -1.0])
    found = state.correlation(factors[0][0], factors[1][0], (0, 1) if spins else (0, 0), 1, string)
    first = value(*factors[:2]) if spins else value(("Bd", 0, 0), ("B", 0, 0))
    assert found.value[0] == pytest.approx(first, abs=1e-9)  # nothing stands between


def test_a_string_stands_between_the_two_operators():
    model, value = turned(0.5), oracle(turned(0.5), 2)
    state = steady_state(model, Exact(cells=2, gap=False))
    found = state.correlation("S+", "Sx", (0, 1), 9, string=["Sz", "Sy"])
    far = value(("S+", 0, 0), ("Sy", 1, 0), ("Sz", 0, 1), ("Sx", 1, 1))
    np.testing.assert_allclose(found.value, [value(("S+", 0, 0), ("Sx", 1, 0)), far], atol=1e-9)
    back = state.correlation("S+", "Sx", (1, 0), 0, string="Sz")
    assert back.value[0] == pytest.approx(value(("S+", 1, 0), ("Sx", 0, 0)), abs=1e-9)


@pytest.mark.parametrize("spin", [0.5, 1])
def test_currents_are_what_the_charges_change_by(spin):
    """d<Q_j>/dt by QuTiP, in a state that is far from stationary."""
    model, cells = transport(spin), 2 if spin == 0.5 else 1
    up, mixed = np.eye(int(2 * spin + 1))[0], np.array([0.8, 0.6, 0, 0][: int(2 * spin + 1)])
    trajectory = evolve(model, Exact(cells=cells, gap=False), [up, mixed[::-1]], [0.3, 0.6])
    state, flow = trajectory.states[1], trajectory.current("Sz")
    places = [(site, cell) for cell in range(cells) for site in range(2)]
    rho = state.density_matrix(places)
    moved = qutip_oracle.liouvillian(model, cells) @ rho.ravel(order="F")
    moved = moved.reshape(rho.shape, order="F")
    assert len(flow) == (4 if cells == 2 else 1)  # one of them passes a site
    for place in places:
        charge = qutip_oracle.operator(model, cells, "Sz", *place).full()
        rate = np.trace(charge @ moved)
        into = sum(x.value[1] for (_, end), x in flow.items() if end == place)
        out = sum(x.value[1] for (start, _), x in flow.items() if start == place)
        assert into - out == pytest.approx(rate.real, abs=1e-9)
        assert abs(rate) > 1e-3


@pytest.mark.parametrize("spin", [0.5, 1])
def test_currents_balance_gain_and_loss_in_the_steady_state(spin):
    gain, loss = 1.5, 0.7
    model = gain_loss.chain(spin, 1.0, 0.4, gain, loss)
    state = steady_state(model, Exact(cells=2 if spin == 0.5 else 1, gap=False))
    flow = state.current()
    for bond, found in flow.items():
        assert 0 < found.error < 1e-9, bond
    gained = gain / spin * state.expect(("S-", 0, 0), ("S+", 0, 0)).value
    assert gained == pytest.approx(flow[(0, 0), (1, 0)].value, abs=1e-9)
    lost = loss / spin * state.expect(("S+", 1, 0), ("S-", 1, 0)).value
    onwards = flow[(1, 0), (0, 1)].value if spin == 0.5 else 0.0
    assert lost == pytest.approx(flow[(0, 0), (1, 0)].value - onwards, abs=1e-9)
    assert gained > 0.1


def test_the_infinite_chain_has_the_products_of_decoupled_dimers():
    model = turned(0.5, other=0.0)
    alone = LindbladModel(model.sites, model.terms[:1], model.jumps)
    state = steady_state(alone, ITEBD(tol=1e-4, chi_max=20))
    exact = steady_state(alone, Exact(cells=2, gap=False))
    assert state.status is Status.CONVERGED
    ops = spin_operators(0.5)
    matrix = np.kron(ops["S-"], ops["S+"])
    asked = [*THREE, (("S+", 0, 0), ("S-", 1, 0)), (matrix, [(1, 1), (0, 1)])]
    for factors in asked:
        one, two = state.expect(*factors), exact.expect(*factors)
        assert abs(one.value - two.value) <= one.error
        assert one.error < 1e-3
    phase = np.angle(state.expect(*asked[-2]).value)
    assert phase == pytest.approx(np.angle(exact.expect(*asked[-2]).value), abs=1e-3)
    one, two = state.current(), exact.current()
    assert abs(one[(0, 0), (1, 0)].value - two[(0, 0), (1, 0)].value) <= one[(0, 0), (1, 0)].error
    assert list(one) == [((0, 0), (1, 0))]


def damped():
    """The chain of `turned` with so much gain and loss that a ring of three cells is long."""
    jumps = (Jump(3.3, "S+", 0), Jump(2.8, "S-", 1), Jump(0.8, "S-", 0))
    return replace(turned(0.5), jumps=jumps)


@pytest.mark.parametrize(
    ("model", "cells"),
    [(damped(), 3), (nonreciprocal.chain(0.5, 1.0, 0.8, -1.2, 1.8, 0.4), 6)],
    ids=["turned", "nonreciprocal"],
)
def test_the_infinite_chain_has_the_products_of_a_ring(model, cells):
    unit = len(model.sites)
    state = steady_state(model, ITEBD(tol=1e-3, chi_max=24))
    ring = steady_state(model, Exact(cells=cells, periodic=True, gap=False))
    assert state.status is Status.CONVERGED
    places = [(p % unit, p // unit) for p in range(4)]
    for ops in (("S+", "S-"), ("S+", "Id", "S-"), ("S+", "Sz", "S-", "Sz"), ("Sz", "Sx", "Sx")):
        factors = [(op, *at) for op, at in zip(ops, places, strict=False)]
        one, two = state.expect(*factors), ring.expect(*factors)
        assert abs(one.value - two.value) <= one.error + 3e-4
    flows = state.current(), ring.current()
    assert flows[0].keys() == flows[1].keys()
    for bond, found in flows[0].items():
        assert abs(found.value - flows[1][bond].value) <= found.error + 3e-4
        assert abs(found.value) > 5e-3
    if unit == 2:  # what the first site gains flows out through its two bonds
        up, down = (
            state.expect(("S+", 0, 0), ("S-", 0, 0)),
            state.expect(("S-", 0, 0), ("S+", 0, 0)),
        )
        out, back = flows[0][(0, 0), (1, 0)], flows[0][(1, 0), (0, 1)]
        error = 3.3 * down.error + 0.8 * up.error + out.error + back.error
        assert abs(3.3 * down.value - 0.8 * up.value - out.value + back.value) <= error


def test_products_of_a_product_state_are_exact():
    """Spins that feel a drive, gain and loss alone; the two of a cell differ."""
    model = LindbladModel(
        (Spin(0.5), Spin(1)),
        (Term(0.4, ("Sx", 0, 0)), Term(0.3, ("Sy", 1, 0)), Term(0.5, ("Sz", 1, 0))),
        (Jump(1.0, "S-", 0), Jump(0.3, "S+", 0), Jump(0.8, "S-", 1)),
    )
    state, exact = (steady_state(model, how) for how in (ITEBD(tol=1e-8), Exact(1, gap=False)))
    one = {op: [exact.expect((op, site, 0)).value for site in (0, 1)] for op in ("S+", "Sz", "Sx")}
    found = state.expect(("S+", 0, 0), ("Sz", 1, 3), ("Sx", 0, -2))
    assert found.value == pytest.approx(one["S+"][0] * one["Sz"][1] * one["Sx"][0], abs=1e-7)
    string = [np.diag([1, 1j]), np.diag([1, 0.5, -1j])]
    means = [np.trace(exact.density_matrix([(site, 0)]) @ string[site]) for site in (0, 1)]
    line = state.correlation("S+", "Sx", (0, 1), 6, string=string).value
    expected = one["S+"][0] * one["Sx"][1] * np.prod(means) ** np.arange(7)
    np.testing.assert_allclose(line, expected, atol=1e-7)


def test_a_matrix_follows_the_cut_off_of_a_boson():
    """What another cut-off changes is part of the error, also of a matrix for one of them."""
    model = LindbladModel(
        (Boson(6),), (Term(0.3, ("B", 0, 0), plus_hc=True),), (Jump(1.0, "B", 0),)
    )
    state = steady_state(model, Exact(gap=False))
    number = np.diag(np.arange(7.0))
    named, own = state.expect(("N", 0, 0)), state.expect(number, [(0, 0)])
    assert own.value == pytest.approx(named.value, abs=1e-12)
    assert named.value == pytest.approx(0.36, abs=10 * named.error)  # |2 F / gamma|^2
    assert 0 < own.error < 1e-3
