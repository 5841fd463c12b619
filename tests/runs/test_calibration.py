"""The calibration of error bars: what it draws, what it compares, and what it counts."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
import qutip
from matplotlib.figure import Figure

from impo import Exact, steady_state
from impo.methods.base import Method
from impo.model import Boson, Jump, Spin
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.store import load
from impo.results.variable import Variable
from impo.scans.tasks import remove_points
from runs import _calibration, calibration
from runs._calibration import TOO_SLOW, Case, Limit, TooSlowError, compared, ratios, shares
from runs._numbers import CONNECTED, NEGATIVITY, ONE, QUANTITIES, Clusters, Number, numbers
from runs._random_models import (
    cut,
    random_boson,
    random_chain,
    random_cluster,
    random_start,
)


@dataclass(frozen=True)
class Endless(Method):
    """Reports, and has no result."""

    name: ClassVar[str] = "endless"

    def steady_state(self, model, start=None, progress=None):
        """Report until somebody has had enough."""
        while True:
            progress.report({})


DRAWS = (random_chain, random_cluster)


@pytest.mark.parametrize("draw", DRAWS)
def test_a_number_draws_one_model(draw):
    drawn = [draw(3, number) for number in range(12)]
    again = [draw(3, number) for number in range(12)]
    assert drawn == again
    assert len({one.model.to_json().__repr__() for one in drawn}) == 12
    assert draw(4, 0) != drawn[0]


def test_chains_cover_the_classes():
    drawn = [random_chain(1, number) for number in range(60)]
    assert {float(one.model.sites[0].S) for one in drawn} == {0.5, 1.0}
    assert {len(one.model.sites) for one in drawn} == {1, 2, 3}
    assert {one.symmetry for one in drawn} == {"XXZ", "XYZ"}
    assert {jump.op for one in drawn for jump in one.model.jumps} == {"S-", "S+", "Sz", "Sx"}
    rates = [jump.rate for one in drawn for jump in one.model.jumps]
    assert 0.05 <= min(rates) < 0.1
    assert 1.5 < max(rates) <= 3
    for one in drawn:
        damped = {jump.site for jump in one.model.jumps if jump.op in ("S-", "S+")}
        assert damped == set(range(len(one.model.sites)))
        if one.symmetry == "XXZ":
            assert "Sx" not in {jump.op for jump in one.model.jumps}
            ops = [op for term in one.model.terms for op, *_ in term.factors]
            assert ops.count("Sx") == ops.count("Sy")


def test_clusters_are_weakly_damped_and_cut_anywhere():
    drawn = [random_cluster(1, number) for number in range(40)]
    assert {one.shift for one in drawn} == {0, 1, 2}
    for one in drawn:
        assert one.rate / 2 <= min(jump.rate for jump in one.model.jumps)
        assert max(jump.rate for jump in one.model.jumps) <= 2 * one.rate
        assert {cell for t in one.single.terms for _, _, (cell,) in t.factors} == {0}
        across = any(len({c for *_, c in t.factors}) == 2 for t in one.model.terms)
        assert across == (one.shift > 0)
    assert min(one.rate for one in drawn) < 0.005 < 0.1 < max(one.rate for one in drawn)


def test_a_cut_cluster_keeps_its_terms_together():
    single = random_cluster(1, 0).single
    count = len(single.sites)
    assert cut(single, 0).hamiltonian == single.hamiltonian
    for term in cut(single, count - 1).hamiltonian:
        places = sorted(site + cell * count for _, site, (cell,) in term.factors)
        assert all(right - left == 1 for left, right in pairwise(places))
        assert places[0] >= count - 1
        assert places[-1] < 2 * count - 1


def test_starts_have_the_symmetry_of_the_model():
    for number in range(8):
        drawn = random_chain(2, number)
        for site, state in zip(drawn.model.sites, random_start(2, number, drawn), strict=True):
            assert state.shape[0] == site.dimension
            if drawn.symmetry == "XXZ":
                np.testing.assert_array_equal(state, np.diag(np.diag(state)))
                assert np.trace(state) == pytest.approx(1)
            else:
                assert np.linalg.norm(state) == pytest.approx(1)


def test_a_boson_differs_in_its_cutoff_alone():
    low, high = (random_boson(1, 5, cutoff, hopping=True).model for cutoff in (4, 9))
    assert (low.sites, high.sites) == ((Boson(4),), (Boson(9),))
    assert (low.terms, low.jumps) == (high.terms, high.jumps)


@pytest.mark.slow
def test_numbers_of_clusters_are_those_of_copies_solved_together():
    """A ring of three cells holds three whole clusters, though each lies across the edge."""
    shift = 1
    drawn = next(
        d for n in range(50) if (d := random_cluster(5, n)).single.sites == (Spin(0.5),) * 2
    )
    model = cut(drawn.single, shift)
    rho = steady_state(drawn.single, Exact(gap=False)).density_matrix([(0, 0), (1, 0)])
    clusters = Clusters(model, rho, shift)
    ring = steady_state(model, Exact(cells=3, periodic=True, gap=False))
    for op in ("Sx", "Sy", "Sz", "S+"):
        np.testing.assert_allclose(clusters.expect(op).value, ring.expect(op).value, atol=1e-8)
    np.testing.assert_allclose(clusters.variance("Sz").value, ring.variance("Sz").value, atol=1e-8)
    for pair in (("Sx", "Sz"), ("S+", "S-")):
        for sites in ((0, 0), (0, 1), (1, 0), (1, 1)):
            np.testing.assert_allclose(
                clusters.correlation(*pair, sites, 1).value,
                ring.correlation(*pair, sites, 1).value, atol=1e-8,
            )  # fmt: skip
    for places in ([(0, 0), (1, 0)], [(1, 0), (0, 1)]):
        known = qutip.negativity(ring.to_qutip(places), 0)
        assert clusters.negativity(places).value == pytest.approx(known, abs=1e-7)
    purity = clusters.purity_density.value
    assert purity == pytest.approx(ring.purity_density.value, abs=1e-7)
    means = ring.expect("S+").value[0] * ring.expect("S-").value[1]
    cells = [  # r = -1, 0, 1
        ring.correlation("S-", "S+", (1, 0), 1).value[1],
        *ring.correlation("S+", "S-", (0, 1), 1).value,
    ]
    k = 0.7
    expected = np.exp(1j * k * np.array([-1, 0, 1])) @ (np.array(cells) - means)
    found = clusters.structure_factor("S+", "S-", k, (0, 1)).value
    assert found == pytest.approx(expected, abs=1e-7)
    assert abs(found) > 1e-3


@pytest.mark.parametrize(("sites", "pair", "shift"), [(2, (1, 0), 1), (3, (0, 2), 0)])
def test_the_negativity_of_a_maximally_entangled_pair_of_a_cluster(sites, pair, shift):
    """Whatever the order of the places, which need not be neighbours; none to the next cluster."""
    model = random_cluster(5, 1).model
    model = replace(model, sites=(Spin(1),) * sites, terms=(), jumps=(Jump(1.0, "S-", 0),))
    psi = np.eye(3).ravel() / np.sqrt(3)
    entangled = np.outer(psi, psi).reshape(3, 3, 3, 3)
    if sites == 3:  # the site between them is mixed
        entangled = np.einsum("acbd,ef->aecbfd", entangled, np.eye(3) / 3)
    clusters = Clusters(model, entangled.reshape(3**sites, 3**sites), shift)
    first = [(pair[0], 0), (pair[1], 1 if shift else 0)]
    for places in (first, first[::-1]):
        assert clusters.negativity(places).value == pytest.approx(1)  # (d - 1)/2
    assert clusters.negativity([(pair[0], 0), (pair[1], 2)]).value == 0


def test_every_quantity_is_asked_for_and_distances_are_in_sites():
    drawn = random_cluster(5, 1)
    count, dimension = len(drawn.model.sites), drawn.model.sites[0].dimension
    mixed = np.eye(dimension**count) / dimension**count
    found = numbers(Clusters(drawn.model, mixed))
    assert [*dict.fromkeys(one.quantity for one in found)] == list(QUANTITIES)
    assert sum(one.quantity == "distant" for one in found) == 4 * 5  # operators, r = 2 ... 6
    purity = next(one for one in found if one.quantity == "purity density")
    assert purity.value == pytest.approx(np.log(dimension))  # for one site
    zero = [one for one in found if one.quantity in (CONNECTED, NEGATIVITY)]
    assert max(abs(one.value) for one in zero) < 1e-15


def test_the_negativity_of_large_sites_is_not_asked_for():
    """Its spectrum would take longer than all other numbers."""
    model = random_chain(1, 1, spins=(5.0,), sites=(1,)).model
    state = Clusters(model, np.eye(11) / 11)
    assert NEGATIVITY not in {one.quantity for one in numbers(state)}


def test_what_is_zero_by_symmetry_is_not_compared():
    asked = [Number("a", "x", 0.5, 0.1), Number("a", "y", 1e-15, 0.1), Number("b", "x", 1j, 0.0)]
    better = [Number("b", "x", 1 + 1j, 0.5), Number("a", "x", 0.75, 0.0), Number("a", "y", 0, 0)]
    found = compared(asked, better)
    assert list(found["quantity"]) == ["a", "b"]
    np.testing.assert_allclose(found["deviation"], [0.25, 1.0])
    np.testing.assert_allclose(ratios(found), [2.5, 2.0])


def test_shares_of_made_up_numbers():
    ratio = np.array([0.1, 0.2, 0.5, 0.9, 1.1, 2.9, 3.1, 40.0, np.nan])
    deviation = np.array([0, 0, 0, 2e-3, 0, 0, 0, 2e-3, 2e-3])
    found = shares(ratio, deviation, 1e-3)
    assert found == {
        "count": 8, "beyond_1": 0.5, "beyond_3": 0.25, "beyond_tol": 0.25,
        "median": pytest.approx(1.0),
    }  # fmt: skip
    assert np.isnan(shares(ratio[:0], deviation[:0], 1e-3)["beyond_1"])


def test_a_limit_ends_a_computation():
    Limit(1e9).report({})
    spent = Limit(0.0)
    while not spent.used:
        sum(range(1000))
    with pytest.raises(TooSlowError, match="longer than 0 s"):
        spent.report({})
    outcome = _calibration.solved(random_chain(0, 1).model, Endless(), 0.01)
    assert (outcome.verdict, outcome.numbers) == (TOO_SLOW, ())
    assert "longer than 0.01 s" in outcome.message


def test_finished_cases_are_kept(tmp_path, monkeypatch):
    cases = [Case("exact", 3, number) for number in (0, 2)]
    first = list(_calibration.points(cases[:1], tmp_path))
    torn = tmp_path / _calibration.file_name(cases[1])
    torn.write_bytes(b"torn")
    both = list(_calibration.points(cases, tmp_path))
    assert both[0] == first[0]  # with the seconds that it took then
    monkeypatch.setattr(_calibration, "measured", None)
    assert list(_calibration.points(cases, tmp_path)) == both
    assert both[1] == load(torn)
    remove_points(tmp_path)
    assert not tmp_path.exists()


def made_up(part, number, ratio, verdict=Status.CONVERGED, seconds=1.0):
    """Return a case whose numbers are off by so many bars of 1e-4."""
    error = np.full(len(ratio), 1e-4)
    columns = {
        "quantity": np.resize(np.array(QUANTITIES), len(ratio)),
        "label": np.array([f"n{i}" for i in range(len(ratio))]),
        "deviation": error * ratio, "error": error, "reference_error": 0 * error,
    }  # fmt: skip
    return Dataset(
        {f"sample_{name}": Variable(("sample",), values) for name, values in columns.items()},
        {
            "part": part, "seed": 16, "number": number, "spin": "1/2", "sites": 1 + number % 2,
            "symmetry": "XYZ", "rate": 0.1, "shift": 0, "model": {}, "verdict": str(verdict),
            "message": "", "seconds": seconds, "reference_verdict": "converged",
            "reference_seconds": 2.0,
        },
    )  # fmt: skip


def test_what_is_counted_of_made_up_cases():
    many = len(QUANTITIES)
    cases = [
        made_up("chain", 0, np.full(many, 0.1)),
        made_up("chain", 1, np.array([5.0, *np.full(many - 1, 0.3)]), seconds=99.0),
        made_up("chain", 2, np.full(many, 100.0), Status.NOT_CONVERGED),
        made_up("cluster", 0, np.array([*np.full(many, 11.0), 10.5])),
    ]
    data = calibration.counted(cases)
    np.testing.assert_array_equal(data["count"], [[2] * many, [2, *[1] * (many - 1)]])
    np.testing.assert_allclose(data["beyond_3"][0], [0.5, *[0] * (many - 1)])
    np.testing.assert_array_equal(data["beyond_tol"][1], 1)
    classes = list(data["class"])
    everything = classes.index("chain: all")
    assert data["class_cases"][everything] == 3
    assert data["class_converged"][everything] == pytest.approx(2 / 3)
    assert data["class_prompt"][everything] == pytest.approx(1 / 3)
    assert data["class_converged"][classes.index("chain: 2 sites")] == 1
    worst = data.attributes["worst"]
    assert [one["part"] for one in worst[: many + 1]] == ["cluster"] * many + ["chain"]
    assert (worst[many]["number"], worst[many]["label"], worst[many]["quantity"]) == (1, "n0", ONE)
    assert worst[many]["ratio"] == pytest.approx(5)
    assert data.unconverged == 0  # verdicts are what is studied
    assert data.attributes["conclusion"] == (
        "3 of 4 cases are converged, 3 of them with their references; "
        f"{many + 2} of {3 * many + 1} numbers are off by more than their bars"
    )
    assert isinstance(calibration.draw(data), Figure)


def test_classes_of_rates():
    rates = (0.001, 0.005, 0.1, 0.2, 3.0)
    assert [_calibration.rate_class(rate) for rate in rates] == list(_calibration.RATE_CLASSES)


@pytest.mark.slow
def test_one_case_of_every_part(tmp_path, monkeypatch):
    """On all cores, and a second time from what was kept."""
    monkeypatch.setattr(calibration, "QUICK", dict.fromkeys(_calibration.PARTS, 1))
    monkeypatch.setattr(calibration, "SEED", 83)  # its first draws are solved soon
    data = calibration.compute(True, tmp_path)
    assert list(data["case_part"]) == list(data["part"]) == list(_calibration.PARTS)
    assert np.all(np.bincount(data["sample_case"]) > 2)
    assert np.all(data["sample_deviation"] >= 0)
    assert np.all(data["case_reference_verdict"] == "converged")
    assert isinstance(calibration.draw(data), Figure)
    assert calibration.compute(True, tmp_path) == data
