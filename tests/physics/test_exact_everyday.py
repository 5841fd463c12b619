"""Everyday models whose Liouvillians are hard: empty columns, slow modes, hidden symmetries."""

import itertools
import math

import numpy as np
import pytest

import tests.qutip_oracle as oracle
from impo import Exact, steady_state
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.estimate import Status
from models import gain_loss

HALF = Spin(0.5)


def xx(left, right, coupling=0.5):
    return Term(coupling, ("S+", left, 0), ("S-", right, 0), plus_hc=True)


def hop(left, right, coupling):
    return Term(coupling, ("Bd", left, 0), ("B", right, 0), plus_hc=True)


def kerr(rate):
    interaction = Term(1.0, ("Bd", 0, 0), ("Bd", 0, 0), ("B", 0, 0), ("B", 0, 0))
    drive = Term(rate, ("B", 0, 0), plus_hc=True)
    return LindbladModel((Boson(6),), (interaction, drive), (Jump(rate, "B", 0),))


def both_ends(rng, n=4):
    """Return an XX chain with gain and loss of random rates on its ends."""
    rates = 10 ** rng.uniform(-1, 1, size=4)
    ends = [("S+", 0), ("S-", 0), ("S+", n - 1), ("S-", n - 1)]
    return LindbladModel(
        (HALF,) * n,
        tuple(xx(i, i + 1, rng.uniform(0.2, 2)) for i in range(n - 1)),
        tuple(Jump(rate, *end) for rate, end in zip(rates, ends, strict=True)),
    )


UNIQUE = {
    "lossy boson": LindbladModel((Boson(3),), (Term(1.0, ("N", 0, 0)),), (Jump(1.0, "B", 0),)),
    "driven, dephasing": LindbladModel((HALF,), (Term(1.0, ("Sx", 0, 0)),), (Jump(1.0, "Sz", 0),)),
    "noise of three axes": LindbladModel((HALF,), (), [Jump(1, f"S{x}", 0) for x in "xyz"]),
    "gain is loss": LindbladModel(
        (HALF,) * 3, (xx(0, 1), xx(1, 2)), [Jump(1, op, i) for i in range(3) for op in ("S+", "S-")]
    ),
    "lossy Bose-Hubbard": LindbladModel(
        (Boson(3),) * 2,
        (hop(0, 1, 0.5), *[Term(1.0, ("N", i, 0), ("N", i, 0)) for i in range(2)]),
        [Jump(1.0, "B", i) for i in range(2)],
    ),
    "both ends": both_ends(np.random.default_rng(0)),
    "weakly driven Kerr": kerr(1e-6),
    "slow spin": LindbladModel((HALF,), (Term(1, ("Sx", 0, 0)),), (Jump(1e-6, "S-", 0),)),
    "slow dimer": gain_loss.dimer(0.5, gain=3e-8, loss=1e-8),
}


def agree(model):
    state = steady_state(model, Exact())
    matrix = oracle.liouvillian(model)
    _, sizes, rows = np.linalg.svd(matrix)
    scale = sizes[0]
    dimension = math.isqrt(len(matrix))
    expected = rows[-1].conj().reshape(dimension, dimension, order="F")
    expected = expected / np.trace(expected)
    assert state.status is Status.CONVERGED, state.message
    found = state.density_matrix([(site, 0) for site in range(len(model.sites))])
    assert np.abs(found - expected).max() < 1e-14 * scale / sizes[-2]
    rates = np.sort(-np.linalg.eigvals(matrix).real)
    assert state.extras["gap"] == pytest.approx(rates[1], abs=1e-12 * scale)


@pytest.mark.parametrize("name", UNIQUE)
def test_everyday_models_agree_with_qutip(name):
    agree(UNIQUE[name])


@pytest.mark.slow
@pytest.mark.parametrize(("sites", "count"), [(3, 30), (4, 10)])
def test_chains_driven_at_both_ends_agree_with_qutip(sites, count):
    for seed in range(count):
        agree(both_ends(np.random.default_rng([sites, seed]), sites))


def test_values_that_are_known():
    for rate in (1e-6, 1e-9):  # two levels, driven as fast as they decay
        state = steady_state(kerr(rate), Exact())
        assert state.expect("N").value[0] == pytest.approx(4 / 9, abs=1e-5)
        assert state.extras["gap"] == pytest.approx(rate / 2, rel=1e-4)
    slow = steady_state(UNIQUE["slow dimer"], Exact())
    assert slow.expect("Sz").value == pytest.approx([0.25, 0.25], abs=1e-12)


@pytest.mark.parametrize("rate", [1e-13, 1e-15, 1e-30, 1e-300])
def test_a_decay_beside_a_large_field_is_no_rounding(rate):
    """What a field along z does to both sides of rho cancels; a slow decay is left."""
    field = LindbladModel((HALF,), (Term(1.0, ("Sz", 0, 0)),), (Jump(rate, "S-", 0),))
    state = steady_state(field, Exact())
    assert state.status is Status.CONVERGED
    assert state.expect("Sz").value == pytest.approx([-0.5])
    assert state.extras["gap"] == pytest.approx(rate / 2)
    pair = LindbladModel(
        (HALF,) * 2, (Term(1.0, ("Sz", 0, 0), ("Sz", 1, 0)), Term(0.3, ("Sz", 0, 0))),
        [Jump(rate, "S-", 0), Jump(3 * rate, "S+", 0), Jump(2 * rate, "S-", 1)],
    )  # fmt: skip
    assert steady_state(pair, Exact()).expect("Sz").value == pytest.approx([0.25, -0.5])


@pytest.mark.parametrize("cells", [4, 6, pytest.param(7, marks=pytest.mark.slow)])
def test_weak_loss_beside_dephasing_empties_the_chain(cells):
    model = LindbladModel(
        (HALF,),
        (Term(0.5, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),),
        (Jump(1.0, "Sz", 0), Jump(1e-6, "S-", 0)),
    )
    state = steady_state(model, Exact(cells=cells))
    assert state.status is Status.CONVERGED
    assert state.expect("Sz").value[0] == pytest.approx(-0.5, abs=1e-8)
    assert state.extras["gap"] == pytest.approx(1e-6, rel=1e-6)


def quartic(cutoff):
    """Return an oscillator in the potential x^2/2 + x^4/10, with loss."""
    x4 = [
        Term(0.1 / 4, *[(op, 0, 0) for op in word])
        for word in itertools.product(("B", "Bd"), repeat=4)
    ]
    return LindbladModel((Boson(cutoff),), (Term(1.0, ("N", 0, 0)), *x4), (Jump(1.0, "B", 0),))


def test_a_quartic_oscillator():
    small = steady_state(quartic(24), Exact(tol=1e-6))
    matrix = oracle.liouvillian(quartic(34))
    rho = oracle.steady_state(matrix, 35)
    assert abs(small.expect("N").value[0] - np.arange(35) @ np.diag(rho).real) < 1e-8


@pytest.mark.slow
def test_a_quartic_oscillator_with_many_levels():
    few, many = (steady_state(quartic(cutoff), Exact(gap=False)) for cutoff in (40, 160))
    assert many.status is Status.CONVERGED
    assert many.expect("N").value[0] == pytest.approx(few.expect("N").value[0], abs=1e-9)


SEVERAL = {
    "noise along x": (LindbladModel((HALF,), (), (Jump(1, "Sx", 0),)), 2),
    "singlet of neighbours": (
        LindbladModel((HALF,) * 3, (xx(0, 1, 1), xx(2, 1, 1)), (Jump(1, "S-", 1),)),
        4,
    ),
    "pairs and dephasing": (
        LindbladModel(
            (Spin(1),),
            (Term(0.5, ("S+", 0, 0), ("S+", 0, 0), plus_hc=True),),
            (Jump(1, "Sz", 0),),
        ),
        2,
    ),
    "closed site": (
        LindbladModel(
            (HALF, HALF), (Term(0.5, ("Sx", 1, 0)), Term(0.3, ("Sx", 0, 0))), (Jump(1, "S-", 0),)
        ),
        2,
    ),
    "conserved S_x in XXZ": (
        LindbladModel(
            (HALF,) * 3,
            [
                Term(c, (op, i, 0), (op, i + 1, 0))
                for op, c in zip(("Sx", "Sy", "Sz"), (0.7, 0.4, 0.4), strict=True)
                for i in range(2)
            ],
            [Jump(1, "Sx", i) for i in range(3)],
        ),
        4,
    ),
    "large fields": (
        LindbladModel(
            (HALF, HALF),
            (xx(0, 1), Term(1e6, ("Sz", 0, 0)), Term(1e6, ("Sz", 1, 0))),
            (Jump(1, "Sz", 0), Jump(1, "Sz", 1)),
        ),
        3,
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_the_dimension_of_the_null_space_is_right(name):
    model, dimension = SEVERAL[name]
    state = steady_state(model, Exact())
    assert state.status is Status.FAILED
    assert state.diagnostics["null_space_dimension"] == dimension
    assert f"dimension {dimension}:" in state.message
    sizes = np.linalg.svd(oracle.liouvillian(model), compute_uv=False)
    assert np.sum(sizes < 1e-13 * sizes[0]) == dimension


@pytest.mark.parametrize(
    ("detuning", "cells"), [(2.0, 4), (5.0, 4), pytest.param(5.0, 5, marks=pytest.mark.slow)]
)
def test_the_gap_of_a_driven_detuned_ring_oscillates(detuning, cells):
    terms = (
        Term(detuning, ("Sz", 0, 0)),
        Term(1.0, ("Sx", 0, 0)),
        Term(1.0, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True),
    )
    model = LindbladModel((HALF,), terms, (Jump(1, "S-", 0),))
    state = steady_state(model, Exact(cells=cells, periodic=True))
    values = np.linalg.eigvals(oracle.liouvillian(model, cells, periodic=True))
    rates = np.sort(-values.real)
    assert state.extras["gap"] == pytest.approx(rates[1], rel=1e-9)
    assert state.diagnostics["gap_error"] < 1e-9
