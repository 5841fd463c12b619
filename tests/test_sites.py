"""Sites with operators of their own."""

import json
from functools import cache

import numpy as np
import pytest

from impo import (
    ITEBD,
    TWA,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    MeanField,
    Status,
    check,
    load,
    steady_state,
)
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.model import Boson, Jump, Level, LindbladModel, Spin, Term
from impo.operators.liouvillian import infinite_chain
from impo.operators.local import local_operators
from models.kerr import oscillator
from tests.jump_models import OWN

LADDER = np.diag([1.0, 2.0], 1)
MATRIX = np.array([[0, 1, 0], [0.5, 0, 1j], [0, 0, 2]])
SITE = Spin(1, operators={"up": LADDER, "down": LADDER.T, "Q": LADDER + LADDER.T, "A": MATRIX})


def test_operators_by_name():
    assert SITE.operators == (*Spin.operators, "up", "down", "Q", "A", "A^+")
    assert Spin(1).operators == Spin.operators
    known = local_operators(SITE)
    for name, matrix in {
        "up": LADDER, "up^+": LADDER.T, "A": MATRIX, "A^+": MATRIX.conj().T,
        "Q^+": LADDER + LADDER.T,
    }.items():  # fmt: skip
        np.testing.assert_array_equal(known[name], matrix)
    assert np.isrealobj(known["up"])
    assert [SITE.adjoint(name) for name in ("up", "down", "Q", "A", "A^+", "S+")] == [
        "down", "up", "Q", "A^+", "A", "S-",
    ]  # fmt: skip
    assert [SITE.is_hermitian(name) for name in ("Q", "A", "up", "Sz")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_sites_are_values():
    again = Spin(1, {"up": LADDER.tolist(), "down": LADDER.T, "Q": LADDER + LADDER.T, "A": MATRIX})
    assert again == SITE != Spin(1)
    assert hash(again) == hash(SITE)
    assert Boson(2, {"X": -0.0 * LADDER + LADDER}) == Boson(2, {"X": LADDER})
    given = LADDER.copy()
    site = Boson(2, {"X": given})
    given[:] = 0
    np.testing.assert_array_equal(site.own_matrices["X"], LADDER)


@pytest.mark.parametrize("name", OWN)
def test_descriptions_in_files_are_plain_numbers(name):
    model = OWN[name]
    again = LindbladModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    assert again.to_json() == model.to_json()


def test_the_hamiltonian_is_hermitian_by_any_name_of_the_adjoint():
    pair = ("up", 0, 0), ("down", 0, 1)
    for other in (("down", 0, 0), ("up^+", 0, 0)):
        LindbladModel((SITE,), (Term(1j, *pair), Term(-1j, other, ("up", 0, 1))))
    LindbladModel((SITE,), (Term(1.0, ("A", 0, 0), ("A^+", 0, 0)), Term(1.0, ("Q", 0, 0))))
    for term in (Term(1.0, ("A", 0, 0)), Term(1j, ("Q", 0, 0)), Term(1.0, *pair)):
        with pytest.raises(ArgumentError, match="The Hamiltonian must be Hermitian"):
            LindbladModel((SITE,), (term,))


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ({"X": np.eye(2)}, r"`operators\['X'\]` must be of shape \(3, 3\), but has .*\(2, 2\)"),
        ({"X": np.full((3, 3), np.nan)}, r"`operators\['X'\]` must be of numbers up to 1e\+100"),
        ({"X": np.zeros((3, 3))}, r"`operators\['X'\]` must be .* not all zero"),
        ({"X": "matrix"}, r"`operators\['X'\]` must be a matrix of numbers"),
        ({"X": [[1, 2], [3]]}, r"`operators\['X'\]` must be a matrix of numbers"),
        ({"Sz": np.eye(3)}, "`operators` must be named by letters"),
        ({"N": np.eye(3)}, "`operators` must be named by letters"),
        ({"a b": np.eye(3)}, "`operators` must be named by letters"),
        ({"X^+": np.eye(3)}, "`operators` must be named by letters"),
        ({1: np.eye(3)}, "`operators` must be named by letters"),
        ([np.eye(3)], "`operators` must be a mapping"),
    ],
)
@pytest.mark.parametrize("make", [lambda x: Spin(1, x), lambda x: Boson(2, operators=x)])
def test_operators_that_are_none(make, operators, message):
    with pytest.raises(ArgumentError, match=message) as raised:
        make(operators)
    assert len(str(raised.value).splitlines()) == 1


def test_unknown_operators_are_refused():
    with pytest.raises(ArgumentError, match=r"`op` must be one of Id.* up, down"):
        LindbladModel((SITE,), (), (Jump(1.0, "X", 0),))
    with pytest.raises(ArgumentError, match="`op` must be one of Id"):
        LindbladModel((Spin(1), SITE), (), (Jump(1.0, "up", 0),))


def test_classical_methods_refuse_them_by_name():
    model = LindbladModel((SITE,), (), (Jump(1.0, "S-", 0),))
    for method in (MeanField(), HolsteinPrimakoff()):
        with pytest.raises(UnsupportedModelError, match=r"of its own \(up, .*; use `ITEBD`, `Ex"):
            steady_state(model, method)


def test_results_by_all_methods(tmp_path):
    model = OWN["own operators"]
    for method in (Exact(cells=2, gap=False), ITEBD(chi_max=8, tol=0.3), ClusterMeanField(2)):
        state = steady_state(model, method)
        assert np.imag(state.expect("Q").value) == pytest.approx(0)
        assert state.expect("A^+").value == pytest.approx(state.expect("A").value.conj())
        state.save(tmp_path / "own.h5")
        assert load(tmp_path / "own.h5") == state
        assert check(tmp_path / "own.h5").reproduced


def test_a_spin_with_the_operators_of_another_is_the_other():
    """A spin 1 whose own operators are those of impo gives the same numbers."""
    named = local_operators(Spin(1))
    site = Spin(1, {f"my{name}": named[name] for name in ("S+", "S-", "Sz")})
    states = []
    for one, my in ((Spin(1), ""), (site, "my")):
        hop = Term(0.5, (f"{my}S+", 0, 0), (f"{my}S-", 0, 1), plus_hc=True)
        loss = Jump(1.0, Term(1.0, (f"{my}S-", 0, 0)), Term(0.5j, (f"{my}Sz", 0, 1)))
        model = LindbladModel((one,), (hop,), (loss, Jump(0.3, f"{my}S+", 0)))
        states.append(steady_state(model, Exact(cells=3, periodic=True, gap=False)))
    one, other = (state.density_matrix([(0, 0), (0, 1)]) for state in states)
    np.testing.assert_allclose(one, other, atol=1e-11)


def own_oscillator(cutoff):
    """The driven Kerr oscillator with its operators as matrices, and by name."""
    named = oscillator(D=1.0, F=0.4, U=1.0, delta=0.3, cutoff=cutoff)
    known = local_operators(Boson(cutoff))
    site = Boson(cutoff, {"a": known["B"], "n": known["N"]})
    names = {"B": "a", "Bd": "a^+", "N": "n", "Id": "Id"}

    def renamed(term):
        return Term(term.coefficient, *((names[op], *where) for op, *where in term.factors))

    terms = tuple(map(renamed, named.hamiltonian))
    jumps = tuple(Jump(jump.rate, names[jump.op], jump.site) for jump in named.jumps)
    return LindbladModel((site,), terms, jumps), named


def test_the_error_of_a_cutoff_comes_from_smaller_ones():
    own, named = own_oscillator(12)
    state, known = steady_state(own, Exact()), steady_state(named, Exact())
    assert state.status == known.status == Status.CONVERGED
    assert state.expect("n").value == pytest.approx(known.expect("N").value, abs=1e-10)
    assert 0 < state.diagnostics["cutoff_change"] < 1e-5


def test_without_smaller_cutoffs_the_error_is_not_known():
    own, _ = own_oscillator(2)
    state = steady_state(own, Exact())
    assert state.status == Status.K_LIMITED
    assert "own operator" in state.message
    assert np.all(np.isnan(state.expect("n").error))
    state = steady_state(own, ClusterMeanField(1))
    assert state.status == Status.K_LIMITED
    assert "own operators" in state.message


def test_a_boson_with_another_cutoff():
    boson = Boson(3, {"X": np.diag([1.0, 2, 3, 4]), "last": np.diag([0, 0, 0, 1.0])})
    assert boson.with_cutoff(4) is None
    assert boson.with_cutoff(2) is None  # nothing is left of one operator
    cut = Boson(3, {"X": np.diag([1.0, 2, 3, 4])}).with_cutoff(1)
    assert cut == Boson(1, {"X": np.diag([1.0, 2])})
    assert Boson(3).with_cutoff(7) == Boson(7)
    assert Boson(3).with_cutoff(0) is None


def levels(charges, S=1):
    """A chain of levels that has the operators of spins 1."""
    named = local_operators(Spin(S))
    own = {"up": named["S+"], "z": named["Sz"]}
    site = Level(3, own, charges)
    if charges is not None and charges[0] < charges[-1]:  # its states in the other order
        site = Level(3, {name: matrix[::-1, ::-1] for name, matrix in own.items()}, charges)
    return LindbladModel(
        (site,),
        (Term(0.5, ("up", 0, 0), ("up^+", 0, 1), plus_hc=True), Term(0.3, ("z", 0, 0))),
        (
            Jump(0.8, Term(1.0, ("up^+", 0, 0)), Term(0.5j, ("up^+", 0, 1))),
            Jump(0.3, "up", 0),
            Jump(0.2, Term(1.0, ("z", 0, 0), ("up^+", 0, 1))),
        ),
    )


def spins():
    """The same chain of spins."""
    names = {"up": "S+", "up^+": "S-", "z": "Sz"}
    model = levels(None)

    def renamed(terms):
        return tuple(
            Term(x.coefficient, *((names[op], *where) for op, *where in x.factors)) for x in terms
        )

    jumps = tuple(Jump(jump.rate, *renamed(jump.products(1))) for jump in model.jumps)
    return LindbladModel((Spin(1),), renamed(model.hamiltonian), jumps)


CHARGES = [None, (1, 0, -1), (0, 1, 2)]


@cache
def solved_spins(method):
    return steady_state(spins(), method)


@pytest.mark.parametrize("charges", CHARGES, ids=str)
def test_levels_are_spins_with_other_names(charges):
    model, order = levels(charges), slice(None, None, -1 if charges == (0, 1, 2) else 1)
    assert bool(len(infinite_chain(model).charges)) is (charges is not None)
    ring = Exact(cells=3, periodic=True, gap=False)
    for method in (ring, ClusterMeanField(2), ITEBD(tol=2e-2)):
        state, known = steady_state(model, method), solved_spins(method)
        assert state.status == Status.CONVERGED
        accuracy = 1e-9 if method is ring else 1e-6 if method.name == "cmf" else 2e-2
        found = state.distribution([(0, 0), (0, 1)])[order, order]
        np.testing.assert_allclose(found, known.distribution([(0, 0), (0, 1)]), atol=accuracy)
        up = state.correlation("up", "up^+", (0, 0), 1).value
        np.testing.assert_allclose(
            up, known.correlation("S+", "S-", (0, 0), 1).value, atol=2 * accuracy
        )
        assert state.expect("z").value == pytest.approx(known.expect("Sz").value, abs=accuracy)


@pytest.mark.parametrize("charges", CHARGES, ids=str)
def test_levels_in_files(charges, tmp_path):
    model = levels(charges)
    again = LindbladModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    for method in (Exact(cells=2, gap=False), ITEBD(chi_max=6, tol=0.3), ClusterMeanField(1)):
        state = steady_state(model, method)
        state.save(tmp_path / "levels.h5")
        assert load(tmp_path / "levels.h5") == state
        assert check(tmp_path / "levels.h5").reproduced
        assert state.summary()["observables"]["N"] == pytest.approx(state.expect("N").value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Level(1), "`dimension` must be two or more states"),
        (lambda: Level(0), "`dimension` must be a positive integer"),
        (lambda: Level(2, {"X": np.eye(3)}), r"`operators.*` must be of shape \(2, 2\)"),
        (lambda: Level(3, charges=(0, 1)), "`charges` must be 3 integers, not all equal, or None"),
        (lambda: Level(3, charges=(2, 2, 2)), "`charges` must be 3 integers, not all equal"),
        (lambda: Level(2, charges=(0, 1001)), "`charges` must be integers up to 1000 in size"),
        (lambda: Level(2, charges=(0, 0.5)), "`charges` must be 2 integers, not all equal"),
        (lambda: Level(2, charges=5), "`charges` must be 2 integers, not all equal"),
        (lambda: Level(2, charges="01"), "`charges` must be 2 integers, not all equal"),
        (
            lambda: LindbladModel((Level(2, charges=(0, 1)), Level(2))),
            "`charges` must be given for all or for no `Level`",
        ),
    ],
)
def test_what_is_no_level(make, message):
    with pytest.raises(ArgumentError, match=message) as raised:
        make()
    assert len(str(raised.value).splitlines()) == 1


def test_levels_are_refused_by_methods_of_spins():
    plain = LindbladModel((Level(2),), (), (Jump(1.0, "N", 0),))
    for method in (MeanField(), HolsteinPrimakoff(), TWA()):
        for model in (plain, levels((1, 0, -1))):
            with pytest.raises(UnsupportedModelError, match="; use `ITEBD`"):
                steady_state(model, method)
