"""Spins 1/2 whose gain and loss are exact."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from impo import TWA, Exact, check, evolve, load, steady_state
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.twa.equations import spin_equations
from impo.methods.twa.integrator import LANES, advance, random_streams
from impo.methods.twa.samples import isotropic
from impo.methods.twa.state import TWAState
from impo.model import Jump, LindbladModel, Spin, Term
from impo.operators.product_state import Coherent
from models.gain_loss import chain

QUICK = TWA(cells=20, trajectories=128, max_time=400, tol=0.02, scheme="hybrid")
FIELD = (Term(0.4, ("Sx", 0, 0)), Term(0.3, ("Sz", 0, 0)))
ALL = (Jump(0.7, "S+", 0), Jump(1.9, "S-", 0), Jump(0.5, "Sz", 0), Jump(0.3, "Sx", 0))


@pytest.fixture(scope="module")
def state():
    return steady_state(chain(0.5, 1.0, 0.5, gain=1.7, loss=1.1), QUICK)


def test_one_spin_is_exact_with_jumps_of_every_kind_and_a_field():
    model, times = LindbladModel((Spin(0.5),), FIELD, ALL), np.array([0.3, 1.0, 3.0])
    method = TWA(cells=100, trajectories=1024, tol=1, scheme="hybrid")
    found = evolve(model, method, [[0.6, 0.0, 0.8]], times)
    exact = evolve(model, Exact(), [Coherent(np.arccos(0.8))], times)
    for op in ("Sx", "Sy", "Sz"):
        one, two = found.expect(op), exact.expect(op)
        assert one.error.max() < 3e-3
        assert np.all(np.abs(one.value - two.value) < 4.5 * one.error)
        known = found.variance(op).value
        np.testing.assert_allclose(known, 0.25 - one.value**2, atol=1e-12)


@pytest.mark.parametrize("dt", [0.05, 0.5])
def test_gain_and_loss_alone_are_exact_in_steps_of_any_length(dt):
    copies, jumps = 4000, (Jump(0.7, "S+", 0), Jump(1.4, "S-", 1))
    model = LindbladModel((Spin(0.5), Spin(0.5)), (), jumps)
    equations = spin_equations(model, (copies,), scheme="hybrid")
    stream, generator = random_streams(5, 0)
    spins = isotropic(equations.lengths, generator)
    before = spins.reshape(copies, 2, 3, LANES).copy()
    advance(spins, stream, equations, dt, round(1 / dt))
    after = spins.reshape(before.shape)
    np.testing.assert_allclose(np.linalg.norm(after, axis=2), 1, atol=1e-12)
    for site, (rate, end) in enumerate([(0.7, 1.0), (1.4, -1.0)]):
        end /= np.sqrt(3)
        z = end + (before[:, site, 2] - end) * np.exp(-rate)
        np.testing.assert_allclose(after[:, site, 2], z, atol=1e-12)
        left = after[:, site, :2] - np.exp(-rate / 2) * before[:, site, :2]
        assert np.all(np.abs(left.mean(axis=(0, 2))) < 4.5 * left.std() / np.sqrt(copies * LANES))


def test_the_infinite_chain_in_the_disordered_phase(state):
    known = load(Path(__file__).parents[3] / "docs" / "twa_validity.h5")  # by iMPO, to 1e-3
    place = list(known["point"]).index("PPT"), list(known["S"]).index(0.5)
    off = np.abs(state.expect("Sz").value / 0.5 - known["iMPO_Sz"][place])
    assert state.status == "converged"
    assert 0.01 < off.max() < 0.045  # 0.20 in the other scheme
    ratio = state.variance("Sz").value / 0.25 / known["iMPO_Sz_var"][place]
    assert np.abs(ratio - 1).max() < 0.08  # 1.15 in the other scheme


def test_products_of_one_spin_are_those_of_matrices(state):
    for one, two in itertools.product(("S+", "S-", "Sz"), repeat=2):
        found = state.correlation(one, two, (1, 1), 0).value[0]
        up, z = np.array([[0, 1.0], [0, 0]]), np.diag([0.5, -0.5])
        product = np.linalg.multi_dot([{"S+": up, "S-": up.T, "Sz": z}[op] for op in (one, two)])
        mean = sum(
            np.trace(product @ matrix.conj().T) / np.trace(matrix @ matrix.conj().T) * value
            for matrix, value in ((z, state.expect("Sz").value[1]), (np.eye(2), 1.0))
        )  # fmt: skip
        assert abs(found - mean) < 1e-9 + abs(state.expect("S+").value[1])


def test_products_distributions_and_two_times_hang_together(state):
    both = state.distribution([(0, 0), (1, 0)])
    m = np.array([0.5, -0.5])
    assert both.sum() == pytest.approx(1)
    np.testing.assert_allclose(m @ both @ m, state.correlation("Sz", "Sz", (0, 1), 0).value[0].real,
                               atol=0.005)  # fmt: skip
    # S+ S- = 1/2 + Sz on one spin, beside others of the last snapshots
    three = state.expect(("S+", 0, 0), ("S-", 0, 0), ("Sz", 1, 0)).value
    parts = 0.5 * state.expect("Sz").value[1] + state.expect(("Sz", 0, 0), ("Sz", 1, 0)).value
    assert abs(three - parts) < 0.005
    begin = state.two_time("Sz", "Sz", [0.0], (0, 1), max_cells=1)
    same = state.correlation("Sz", "Sz", (0, 1), 1).value
    np.testing.assert_allclose(begin.value[0, 1:], same, atol=0.005)


def test_kept_and_judged_again(state, tmp_path):
    state.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    assert isinstance(again, TWAState)
    assert again.method == QUICK
    assert np.array_equal(again.variance("Sz").value, state.variance("Sz").value)
    assert check(tmp_path / "state.h5").reproduced
    assert "1/S" not in json.dumps(QUICK.leaves_out(state.model, state).valid_for)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (chain(1), "spins 1/2 only, but site 0 is"),
        (LindbladModel((Spin(0.5),) * 2, (), (Jump(1.0, Term(1.0, ("S-", 0, 0)),
                                                   Term(0.5, ("S-", 1, 0))),)), "another one"),
        (LindbladModel((Spin(0.5),), (), (Jump(1.0, Term(1.0, ("S-", 0, 0)),
                                               Term(0.5, ("S+", 0, 0))),)), "another one"),
    ],
)  # fmt: skip
def test_what_it_cannot_treat_is_refused_with_the_scheme_that_can(model, told):
    with pytest.raises(UnsupportedModelError, match=told) as caught:
        steady_state(model, QUICK)
    assert "use TWA(scheme='wigner')" in str(caught.value)


def test_other_schemes_are_refused():
    with pytest.raises(ArgumentError, match="Argument `scheme` must be"):
        TWA(scheme="discrete")
