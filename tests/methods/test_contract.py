"""What holds for every method: operators, starts, numbers of every type, figures, checks, files."""

import contextlib
import warnings

import numpy as np
import pytest

from impo import TWA, Exact
from impo.analysis.check import check
from impo.analysis.figures import figure
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods import METHODS
from impo.methods.api import evolve, steady_state
from impo.methods.base import Method
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.operators.local import local_operators
from impo.results.equality import same
from impo.results.store import load
from models import gain_loss
from tests.jump_models import correlated

BOSON_AND_SPIN = LindbladModel(
    (Spin(0.5), Boson(2)),
    (Term(0.4, ("S+", 0, 0), ("B", 1, 0), plus_hc=True),
     Term(0.2, ("S-", 0, 1), ("Bd", 1, 0), plus_hc=True)),
    (Jump(0.3, "S+", 0), Jump(1.0, "S-", 0), Jump(2.0, "B", 1)),
)  # fmt: skip
TWO_SPINS = LindbladModel(
    (Spin(0.5), Spin(1)),
    (Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
     Term(0.3, ("S+", 0, 1), ("S-", 1, 0), plus_hc=True), Term(0.2, ("Sz", 0, 0))),
    (Jump(4.0, "S+", 0), Jump(0.1, "S-", 0), Jump(3.0, "S-", 1)),
)  # fmt: skip
MODELS = {
    "gain and loss": gain_loss.chain(0.5, 1.0, 0.4, 2.0, 1.8),
    "two kinds of spins": TWO_SPINS, "boson and spin": BOSON_AND_SPIN,
    "correlated decay": correlated(),
}  # fmt: skip
METHODS_USED = {
    "itebd": METHODS["itebd"](chi_max=6, tol=0.2), "exact": Exact(cells=2, gap=False),
    "tebd": METHODS["tebd"](cells=3, chi_max=6, tol=0.2),
    "twa": TWA(cells=6, trajectories=64, max_time=20, tol=0.3), "hpa": METHODS["hpa"](),
    "mf": METHODS["mf"](), "cmf": METHODS["cmf"](2),
}  # fmt: skip
AT_ENDS = ("exact", "tebd")  # correlations are of one cell, means of all
SPINS_ONLY = ("twa", "hpa", "mf")
LOCAL_JUMPS = ("twa", "hpa")
DISTANCES = {
    "exact": 2,
    "tebd": 3,
    "twa": 4,
}  # of the lattices above: cells, and half the cells and zero
CASES = [
    (method, model)
    for method in METHODS
    for model in MODELS
    if (model != "boson and spin" or method not in SPINS_ONLY)
    and (model != "correlated decay" or method not in LOCAL_JUMPS)
]
# a picture and a check take longest: in the slow tests also of models with two kinds of sites
DRAWN = [
    pytest.param(*case, marks=[pytest.mark.slow] * (case[1] != "gain and loss")) for case in CASES
]
MOVING = [m for m in METHODS if METHODS[m].evolve is not Method.evolve]
STARTS = {
    "exact": "states", "itebd": "states", "twa": "directions", "mf": "directions",
    "cmf": "directions", "hpa": "states", "tebd": "states",
}  # fmt: skip
TIMES = [0.0, 0.2, np.float64(0.2)]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "TWA is meant for large S")
        yield


def starts(method, model):
    """Return documented starts of a method: product states that respect rotations about z."""
    sites = MODELS[model].sites
    up = [np.eye(site.dimension)[0] for site in sites]
    if STARTS[method] == "directions":
        return [[[0, 0, 1.0]] * len(sites), np.array([[0, 0.0, 2]] * len(sites))]
    return [up, [np.outer(vector, vector) for vector in up], [vector.tolist() for vector in up]]


@pytest.fixture(scope="session")
def states():
    """Return the steady states, each computed once."""
    found = {}

    def state(method, model):
        if (method, model) not in found:
            found[method, model] = steady_state(MODELS[model], METHODS_USED[method])
        return found[method, model]

    return state


@pytest.fixture(scope="session")
def trajectories():
    found = {}

    def trajectory(method, model):
        if (method, model) not in found:
            start = starts(method, model)[0]
            found[method, model] = evolve(MODELS[model], METHODS_USED[method], start, TIMES)
        return found[method, model]

    return trajectory


def owners(model, op):
    return [number for number, site in enumerate(model.sites) if op in site.operators]


def known_operators(model):
    return sorted({op for site in model.sites for op in site.operators})


def assert_estimate(found, shape):
    assert np.shape(found.value) == np.shape(found.error) == shape
    assert np.all(np.isfinite(found.value))
    assert np.all(np.asarray(found.error) >= 0)


@pytest.mark.parametrize(("method", "model"), CASES)
def test_every_operator_is_measured(states, method, model):
    state = states(method, model)
    for op in known_operators(state.model):
        sites = owners(state.model, op)
        for found in (state.expect(op), state.variance(op)):
            assert_estimate(found, (len(sites),))
            hermitian = state.model.sites[sites[0]].is_hermitian(op)
            assert np.isrealobj(found.value) or not hermitian
        if op == "Id":
            np.testing.assert_allclose(state.expect(op).value, 1.0, atol=1e-9)
            np.testing.assert_allclose(state.variance(op).value, 0.0, atol=1e-9)
        else:  # the operators of a site belong together
            assert np.all(np.real(state.variance("Id").value) < 1e-9)


@pytest.mark.parametrize(("method", "model"), CASES)
def test_every_pair_of_operators_is_correlated(states, method, model):
    """A finite lattice ends at its last distance, an infinite one at the one that is asked for."""
    state, most = states(method, model), np.int64(7)
    known = DISTANCES.get(method, 10**9)
    for sites in ((0, 0), (0, 1), np.array([1, 0])):
        every = [state.model.sites[site].operators for site in sites]
        for few in (0, 1):
            assert_estimate(state.correlation(*map(max, every), sites, few), (min(few + 1, known),))
        for op_a in every[0]:
            for op_b in every[1]:
                found = state.correlation(op_a, op_b, sites, most)
                assert_estimate(found, (min(int(most) + 1, known),))
                if "Id" in (op_a, op_b) and method not in (
                    "exact",
                    "tebd",
                ):  # of one cell, not of all
                    other = (op_b, sites[1]) if op_a == "Id" else (op_a, sites[0])
                    alone = owners(state.model, other[0]).index(other[1])
                    mean = state.expect(other[0]).value[alone]
                    assert np.all(np.abs(found.value - mean) <= found.error + 1e-9)


@pytest.mark.parametrize(("method", "model"), CASES)
def test_products_are_those_of_names_and_pairs(states, method, model):
    """One factor is the operator, two are its correlation, a string of ones changes nothing."""
    state = states(method, model)
    for op in known_operators(state.model):
        for number, site in enumerate(owners(state.model, op)):
            one, all_cells = state.expect((op, site, 0)), state.expect(op)
            if method not in ("exact", "tebd"):  # whose cells differ
                assert_close(one, all_cells[number])
            assert np.shape(one.value) == ()
            assert np.isrealobj(one.value) == state.model.sites[site].is_hermitian(op)
    pairs = [site.order_pairs[0] for site in state.model.sites]
    for a, b in ((0, 0), (0, 1), (1, 0)):
        op_a, op_b = pairs[a][0], pairs[b][1]
        line = state.correlation(op_a, op_b, (a, b), 1)
        for cell, found in enumerate(line):
            assert_close(state.expect((op_a, a, 0), (op_b, b, np.int64(cell))), found)
        string = state.correlation(op_a, op_b, (a, b), 1, string="Id")
        assert string.value.shape == line.value.shape
        assert_close(string, line)


def assert_close(one, two):
    """Compare numbers from equal data, whose errors are of the same size."""
    error = np.asarray(one.error) + np.asarray(two.error)
    np.testing.assert_array_less(np.abs(np.subtract(one.value, two.value)), error + 1e-9)


@pytest.mark.parametrize(("method", "model"), CASES)
def test_a_matrix_is_the_sum_of_its_products(states, method, model):
    state = states(method, model)
    ops = [local_operators(site) for site in state.model.sites]
    names = [site.order_pairs[0] for site in state.model.sites]
    matrix = sum(np.kron(ops[1][names[1][n]], ops[0][names[0][1 - n]]) for n in (0, 1))
    parts = [state.expect((names[1][n], 1, 0), (names[0][1 - n], 0, 0)) for n in (0, 1)]
    found = state.expect(matrix, [(1, 0), (0, 0)])
    assert found.value == pytest.approx(np.real(sum(part.value for part in parts)), abs=1e-9)
    assert np.isrealobj(found.value)
    assert 0 <= found.error < np.inf


@pytest.mark.parametrize("method", METHODS)
def test_a_current_is_the_correlation_that_carries_it(states, method):
    """Of the chain of gain and loss: J i <S+ S-> + h.c. on every bond."""
    state = states(method, "gain and loss")
    found = state.current()
    assert list(found)[:2] == [((0, 0), (1, 0)), ((1, 0), (0, 1))]
    pairs = [
        state.correlation("S+", "S-", (0, 1), 0)[0],
        state.correlation("S+", "S-", (1, 0), 1)[1],
    ]
    for flow, pair, size in zip(found.values(), pairs, (1.0, 0.4), strict=False):
        assert flow.value == pytest.approx(-2 * size * pair.value.imag, abs=1e-9)
        assert 0 <= flow.error <= 4 * size * pair.error + 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_what_is_observed_is_kept(states, method, tmp_path):
    state = states(method, "gain and loss").observing("Sx,Sz.Sz,S+.S-")
    state.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    assert again.observe == ("Sx", "Sz.Sz", "S+.S-")
    assert again == state
    assert same(again.summary(), state.summary())
    known = again.readable()
    np.testing.assert_allclose(
        known["Sz.Sz"].values[0], state.expect(("Sz", 0, 0), ("Sz", 1, 0)).value, atol=1e-12
    )
    assert {"Sx", "S+.S-", "S+.S-_imag", "S+.S-_imag_error"} <= known.keys()
    assert "observed" not in state.observing(()).summary()


@pytest.mark.parametrize(("method", "model"), CASES)
def test_other_quantities_are_numbers_or_none(states, method, model):
    state = states(method, model)
    pair = state.model.sites[0].order_pairs[0]
    for op_a, op_b in (pair, ("Id", "Id"), ("Id", pair[0])):
        found = state.structure_factor(op_a, op_b, [0.0, np.float32(1.0)])
        if found is not None:
            assert_estimate(found, (2,))
        length = state.correlation_length(op_a, op_b)
        assert length is None or length.value > 0
    dims = [site.dimension for site in state.model.sites]
    places = [(np.int64(1), 0), (0, np.int64(0))]
    rho, probabilities = state.density_matrix(places), state.distribution(places)
    if rho is not None:
        assert rho.shape == (dims[1] * dims[0],) * 2
        assert np.trace(rho) == pytest.approx(1)
    if probabilities is not None:
        assert probabilities.shape == (dims[1], dims[0])
        assert probabilities.sum() == pytest.approx(1)
    purity = state.purity_density
    assert purity is None or purity.value >= -5 * purity.error


@pytest.mark.parametrize(("method", "model"), DRAWN)
def test_a_state_is_drawn_checked_and_kept(states, method, model, tmp_path):
    state = states(method, model)
    state.save(tmp_path / "state.h5")
    again = load(tmp_path / "state.h5")
    assert again.method == state.method
    assert hash(again.method) == hash(state.method)
    assert again.model == state.model
    assert (again.status, again.message) == (state.status, state.message)
    assert same(again.summary(), state.summary())
    report = check(tmp_path / "state.h5")
    assert report.reproduced, str(report)
    figure(again).savefig(tmp_path / "state.png")


@pytest.mark.parametrize(("method", "model"), [case for case in DRAWN if case.values[0] in MOVING])
def test_a_trajectory_is_measured_drawn_checked_and_kept(trajectories, method, model, tmp_path):
    trajectory = trajectories(method, model)
    for op in known_operators(trajectory.model):
        count = len(owners(trajectory.model, op))
        for found in (trajectory.expect(op), trajectory.variance(op)):
            assert_estimate(found, (len(TIMES), count))
    trajectory.save(tmp_path / "trajectory.h5")
    again = load(tmp_path / "trajectory.h5")
    assert again.method == trajectory.method
    assert hash(again.method) == hash(trajectory.method)
    assert (again.status, again.message) == (trajectory.status, trajectory.message)
    np.testing.assert_array_equal(again.times, trajectory.times)
    for op in known_operators(trajectory.model):
        np.testing.assert_allclose(
            again.expect(op).value, trajectory.expect(op).value, rtol=1e-12, atol=1e-15
        )
    report = check(tmp_path / "trajectory.h5")
    assert report.reproduced, str(report)
    with contextlib.suppress(ArgumentError):  # there need not be a picture of an evolution
        figure(again).savefig(tmp_path / "trajectory.png")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", MOVING)
def test_every_documented_start_moves(trajectories, method, model):
    if (method, model) not in CASES:
        return
    known = trajectories(method, model)
    op = known_operators(known.model)[-1]
    for start in starts(method, model)[1:]:
        found = evolve(MODELS[model], METHODS_USED[method], start, [TIMES[1]])
        np.testing.assert_allclose(found.expect(op).value[0], known.expect(op).value[1], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_earlier_state_is_a_start(states, method):
    """The steady state is reached from itself; evolutions stay in it."""
    state, chosen = states(method, "gain and loss"), METHODS_USED[method]
    again = steady_state(state.model, chosen, state)
    error = state.expect("Sz").error + again.expect("Sz").error + 1e-6
    assert np.all(np.abs(again.expect("Sz").value - state.expect("Sz").value) <= 5 * error)
    if method in MOVING and method != "twa":  # whose last configurations are few
        later = evolve(state.model, chosen, state, [0.3])
        change = np.abs(later.expect("Sz").value[0] - state.expect("Sz").value)
        assert np.all(
            change <= 5 * state.expect("Sz").error + 5 * later.expect("Sz").error[0] + 1e-6
        )


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_start_is_one_line(states, method):
    model, chosen = MODELS["gain and loss"], METHODS_USED[method]
    ragged, nonsense = [[1.0, 0], [1.0]], [object(), 5, "ab", [["a", "b", "c"]] * 2]
    wrong = [
        [[np.nan, 0, 0]] * 2,
        [[0.0, 0, 0]] * 2,
        [[1.0, 0, 0]] * 3,
        [np.diag([2.0, -1, 0])] * 2,
    ]
    for start in (*nonsense, ragged, *([] if method == "hpa" else wrong)):
        with pytest.raises(ArgumentError, match=r"^Argument `start` must .*[^\n]$"):
            steady_state(model, chosen, start)
        if method in MOVING:
            with pytest.raises(ArgumentError, match=r"^Argument `start` must .*[^\n]$"):
                evolve(model, chosen, start, [0.1])


def test_numbers_of_every_type_are_settings():
    for method, same_one in (
        (Exact(cells=np.int64(2), tol=np.float32(0.5)), Exact(cells=2, tol=0.5)),
        (TWA(cells=(np.int8(2),), seed=np.uint8(3), dt=np.float64(0.1)), TWA((2,), seed=3, dt=0.1)),
        (METHODS["itebd"](np.uint8(6), weight=np.uint8(1)), METHODS["itebd"](6, weight=1.0)),
        (METHODS["tebd"](np.int32(3), np.uint8(6)), METHODS["tebd"](cells=3, chi_max=6)),
        (METHODS["cmf"](np.int32(2)), METHODS["cmf"](2)),
        (METHODS["hpa"]([np.int64(1), -1]), METHODS["hpa"]("+-")),
    ):
        assert method == same_one
        assert hash(method) == hash(same_one)
        assert repr(method) == repr(same_one)


def test_a_method_without_dynamics_names_those_that_have():
    known = ", ".join(f"`{name}`" for name in MOVING)
    with pytest.raises(
        UnsupportedModelError, match=rf"Method `hpa` has no `evolve`; use.* {known}"
    ):
        evolve(MODELS["gain and loss"], METHODS["hpa"](), None, [0.1])
