"""Certified intervals contain what is known exactly, and are narrow where they can be."""

import math
from itertools import pairwise

import numpy as np
import pytest

from impo import (
    ArgumentError,
    Boson,
    Jump,
    LindbladModel,
    Spin,
    Term,
    UnsupportedModelError,
    bounds,
)
from impo.semidefinite import bounds as module
from impo.semidefinite.interior_point import best_multipliers
from models import gain_loss, ising, xyz
from tests.dense import Dense

AXES = ("Sx", "Sy", "Sz")
DIMER = gain_loss.dimer(S=0.5, g=1.0, gain=1.5, loss=1.0)


def random_cluster(rng, sites):
    """Return terms (factors on the sites of a chain) and jumps of a cluster in no special frame."""
    terms = [(rng.normal(), ((a, n),)) for n in range(sites) for a in AXES]
    for n in range(sites - 1):
        terms += [(rng.normal(), ((a, n), (b, n + 1))) for a in AXES for b in AXES]
    jumps = [(rng.uniform(0.3, 2), str(rng.choice(["S-", "S+", *AXES])), n) for n in range(sites)]
    return terms, [*jumps, (rng.uniform(0.3, 2), "S-", 0)]


def cut(terms, jumps, sites, first):
    """Return the model whose cell begins `first` sites before the cluster."""

    def place(n):
        return (n + first) % sites, (n + first) // sites

    return LindbladModel(
        (Spin(0.5),) * sites,
        tuple(Term(value, *((op, *place(n)) for op, n in factors)) for value, factors in terms),
        tuple(Jump(rate, op, place(n)[0]) for rate, op, n in jumps),
    )


@pytest.mark.parametrize("seed", range(40))
def test_decoupled_clusters_wherever_the_cell_is_cut(seed):
    rng = np.random.default_rng(seed)
    sites = 2 + seed % 2
    terms, jumps = random_cluster(rng, sites)
    known = Dense().steady_state(cut(terms, jumps, sites, 0))
    first = int(rng.integers(sites))
    model = cut(terms, jumps, sites, first)
    site = int(rng.integers(sites))
    for op in ("Sz", str(rng.choice(["Sx", "Sy"]))):
        exact = known.expect(op)[site].value
        found = bounds(model, op, site=(site + first) % sites, sites=sites + seed % 3 // 2)
        assert exact in found
        assert found.width < 1e-4
        assert exact + 2e-4 not in found


@pytest.mark.parametrize("seed", range(40))
def test_uniform_gain_and_loss_leave_a_product_state(seed):
    """Such a state is a function of the total Sz, which the XXZ chain conserves."""
    rng = np.random.default_rng(seed)
    spin, cell = (0.5, 0.5, 1.0)[seed % 3], 1 + seed % 2
    gain, loss = rng.uniform(0.2, 2, size=2)
    xy, zz = rng.normal(size=2)
    bonds = [(n, (n + 1) % cell, (n + 1) // cell) for n in range(cell)]
    terms = [Term(xy, ("S+", a, 0), ("S-", b, r), plus_hc=True) for a, b, r in bonds]
    terms += [Term(zz, ("Sz", a, 0), ("Sz", b, r)) for a, b, r in bonds]
    jumps = [Jump(rate, op, n) for n in range(cell) for rate, op in ((gain, "S+"), (loss, "S-"))]
    model = LindbladModel((Spin(spin),) * cell, tuple(terms), tuple(jumps))
    m = spin - np.arange(2 * spin + 1)
    weights = (gain / loss) ** m
    found = bounds(model, "Sz", site=seed % cell, sites=4 if spin == 0.5 else 3)
    assert m @ weights / weights.sum() in found
    assert found.width < 2 * spin


def test_a_cluster_inside_the_window_is_known_to_the_tolerance():
    exact = Dense().steady_state(DIMER)
    for site in (0, 1):
        found = bounds(DIMER, "Sz", site=site, sites=4, tol=1e-7)
        assert exact.expect("Sz")[site].value in found
        assert 0 < found.width < 1e-6
    flow = Term(0.5j, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True)
    found = bounds(DIMER, flow, sites=4, tol=1e-7)
    known = exact.correlation("S+", "S-", (0, 1), max_cells=0).value[0]
    assert -known.imag in found
    assert found.width < 1e-6


@pytest.mark.slow
def test_longer_windows_give_narrower_intervals_around_each_other():
    model = gain_loss.chain(S=0.5, gain=1.5, loss=1.0)
    found = [bounds(model, "Sz", sites=sites) for sites in (4, 6, 8)]
    for wide, narrow in pairwise(found):
        assert wide.lower < narrow.lower < narrow.upper < wide.upper
    assert found[-1].width / 0.5 < 0.0065  # 0.0063 of S
    spin_one = bounds(gain_loss.chain(S=1, gain=1.5, loss=1.0), "Sz", sites=5)
    assert spin_one.width < 0.161


def test_sums_products_and_several_observables():
    model = gain_loss.chain(S=0.5, gain=1.5, loss=1.0)
    a, b = Term(1.0, ("Sz", 0, 0)), Term(1.0, ("Sz", 1, -3))
    asked = {
        "a": a, "b": (b,), "both": (a, b), "square": Term(1.0, ("Sz", 0, 0), ("Sz", 0, 0)),
        "one": "Id", "none": "Sx",
    }  # fmt: skip
    found = bounds(model, asked, sites=5)
    assert list(found) == list(asked)
    alone = bounds(model, "Sz", sites=5)
    assert found["a"].lower == alone.lower
    assert found["both"].width < found["a"].width + found["b"].width
    assert found["square"].lower <= 0.25 <= found["square"].upper
    assert 1.0 in found["one"]
    assert 0.0 in found["none"]
    assert max(found[name].width for name in ("square", "one", "none")) < 1e-10


def test_models_without_charge_or_with_complex_matrices():
    for model in (ising.chain(), xyz.chain(0.9, 1.2, 0.4, 0.8)):
        narrow, wide = (bounds(model, "Sz", sites=sites) for sites in (4, 3))
        assert wide.lower - 1e-4 < narrow.lower < narrow.upper < wide.upper + 1e-4
    phases = LindbladModel(
        (Spin(0.5),) * 3,
        (
            Term(1.0, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
            Term(np.exp(0.7j), ("S+", 1, 0), ("S-", 2, 0), plus_hc=True),
            Term(0.5, ("S+", 0, 0), ("S-", 2, 0), plus_hc=True),  # a loop with a flux: no gauge
        ),
        (Jump(1.0, "S-", 0), Jump(0.7, "S+", 2)),
    )
    found = bounds(phases, "Sz", site=1, sites=4)
    assert Dense().steady_state(phases).expect("Sz")[1].value in found
    assert found.width < 1e-4


def test_the_unit_of_time_does_not_matter():
    slow, fast = (
        LindbladModel(
            DIMER.sites,
            tuple(Term(unit * t.coefficient, *t.factors, plus_hc=True) for t in DIMER.terms),
            tuple(Jump(unit * jump.rate, jump.op, jump.site) for jump in DIMER.jumps),
        )
        for unit in (1e-30, 1e30)
    )
    assert abs(bounds(slow, "Sz", sites=4).lower - bounds(fast, "Sz", sites=4).lower) < 1e-5


def test_bosons_and_mixed_cells():
    model = LindbladModel(
        (Boson(3), Spin(0.5)),
        (Term(0.4, ("Bd", 0, 0), ("S-", 1, 0), plus_hc=True),),
        (Jump(1.0, "B", 0), Jump(0.6, "S+", 1)),
    )
    exact = Dense().steady_state(model)
    found = bounds(model, "N", sites=2)
    assert exact.expect("N").value[0] in found
    assert found.width < 1e-3


def test_a_solver_that_fails_gives_a_wide_interval(monkeypatch):
    model = gain_loss.chain(S=0.5, gain=1.5, loss=1.0)
    good = bounds(model, "Sz", sites=5)

    def broken(objective, constraints, tol, report):
        return np.full(len(constraints) - 1, math.nan)

    monkeypatch.setattr(module, "best_multipliers", broken)
    wide = bounds(model, "Sz", sites=5)
    assert (round(wide.lower, 12), round(wide.upper, 12)) == (-0.5, 0.5)

    def early(objective, constraints, tol, report):
        return best_multipliers(objective, constraints, 3e-2, report)

    monkeypatch.setattr(module, "best_multipliers", early)
    between = bounds(model, "Sz", sites=5)
    assert -0.5 < between.lower < good.lower < good.upper < between.upper < 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"observable": "Sw"}, "one of Id, Sx"),
        ({"observable": "S+"}, "must be Hermitian, but S\\+ is not"),
        ({"observable": 3}, "name of an operator"),
        ({"observable": ()}, "non-empty tuple"),
        ({"observable": Term(1j, ("Sz", 0, 0))}, "must be Hermitian"),
        ({"observable": Term(1, ("Sz", 0, (0, 1)))}, "of length 1"),
        ({"observable": Term(1, ("Sz", 0, 0), ("Sz", 0, 4))}, "must be larger"),
        ({"observable": "Sz", "site": 2}, "a site of the unit cell"),
        ({"observable": "Sz", "sites": 0}, "positive integer"),
        ({"observable": "Sz", "sites": 2}, "terms are too long"),
        ({"observable": "Sz", "tol": 0}, "positive finite"),
        ({"observable": "Sz", "progress": 1}, "tqdm"),
    ],
)
def test_bad_input_is_one_line(arguments, words):
    model = gain_loss.chain(S=0.5, gain=1.5, loss=1.0)
    with pytest.raises(ArgumentError, match=words):
        bounds(model, **arguments)


def test_what_is_no_chain_and_what_is_too_large_is_refused():
    with pytest.raises(ArgumentError, match="one-dimensional"):
        bounds(gain_loss.square(0.5), "Sz")
    with pytest.raises(ArgumentError, match="LindbladModel"):
        bounds("chain", "Sz")
    with pytest.raises(UnsupportedModelError, match=r"GiB of memory.*use fewer sites"):
        bounds(gain_loss.chain(S=0.5), "Sz", sites=40)
    with pytest.raises(UnsupportedModelError, match="use fewer sites"):
        bounds(gain_loss.chain(S=50), "Sz", sites=6)


def test_progress_is_told():
    seen = []
    bounds(DIMER, "Sz", sites=4, progress=seen.append)
    assert seen[0].method == "bounds"
    assert {"lower end of Sz", "upper end of Sz"} <= {now.stage for now in seen}
    gaps = [now.error for now in seen if now.stage == "lower end of Sz"]
    assert gaps[-1] < 1e-5 < gaps[0]
