"""What every method makes of products of three factors, and of those that it does not know."""

import numpy as np
import pytest

from impo import (
    TWA,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    MeanField,
    Status,
    evolve,
    steady_state,
)
from impo.arguments import ArgumentError
from impo.methods.mean_field.state import MeanFieldState
from impo.model import Jump, LindbladModel, Spin, Term
from impo.operators.product_state import Coherent
from models import aklt, gain_loss

MODEL = gain_loss.chain(0.5, 1.0, 0.4, 1.5, 0.7)
DRIVEN = LindbladModel(
    (Spin(0.5), Spin(0.5)),
    (
        Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(0.3, ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
        Term(0.6, ("Sx", 0, 0)), Term(0.3, ("Sy", 1, 0)),
    ),
    (Jump(1.0, "S-", 0), Jump(1.6, "S-", 1)),
)  # fmt: skip


def test_clusters_are_a_product_averaged_over_where_it_begins():
    state = steady_state(DRIVEN, ClusterMeanField(4))
    assert state.status is Status.CONVERGED
    found = state.expect(("S+", 0, 0), ("Sy", 1, 1), ("Sx", 0, 2))
    ops = {op: np.array(m) for op, m in {
        "S+": [[0, 1], [0, 0]], "Sx": [[0, 0.5], [0.5, 0]], "Sy": [[0, -0.5j], [0.5j, 0]],
    }.items()}  # fmt: skip

    def mean(*factors):
        matrix = np.ones((1, 1))
        for op, _ in factors:
            matrix = np.kron(matrix, ops[op])
        return np.trace(state.density_matrix([place for _, place in factors]) @ matrix)

    first = mean(("S+", (0, 0)), ("Sy", (1, 1))) * mean(("Sx", (0, 0)))
    second = mean(("S+", (0, 1))) * mean(("Sy", (1, 0)), ("Sx", (0, 1)))
    assert abs(first - second) > 1e-4
    assert found.value == pytest.approx((first + second) / 2, abs=1e-10)
    assert 0 < found.error < 1e-6


def test_sites_of_a_moving_cluster_are_known_alone():
    start = [Coherent(0.0, 0.0), Coherent(2 * np.arccos(0.6), np.pi / 2)]
    trajectory = evolve(DRIVEN, ClusterMeanField(4), start, [0.0, 0.4])
    one, both = trajectory.expect(("S+", 1, 3)), trajectory.expect("S+")
    np.testing.assert_allclose(one.value, both.value[:, 1], atol=1e-12)
    assert one.value[0] == pytest.approx(0.48j)
    assert trajectory.expect(("Sz", 0, 0), ("Sz", 1, 0)) is None
    assert trajectory.current() is None


def test_mean_field_multiplies_along_the_orbit():
    """The average of a product over a cycle is not the product of averages."""
    angles = 2 * np.pi * np.arange(8) / 8
    spins = np.stack([np.cos(angles), np.sin(angles), 0.3 + 0 * angles], axis=-1)
    orbit = 0.4 * np.stack([spins, np.roll(spins, 1, axis=0)], axis=1)
    state = MeanFieldState(
        model=MODEL, method=MeanField(), status=Status.NOT_CONVERGED, message="", orbit=orbit,
        accuracy=np.nan,
    )  # fmt: skip
    a, b = orbit[:, 0], orbit[:, 1]
    found = state.expect(("Sx", 0, 0), ("S+", 1, 5), ("Sz", 0, -1))
    assert found.value == pytest.approx(np.mean(a[:, 0] * (b[:, 0] + 1j * b[:, 1]) * a[:, 2]))
    assert abs(found.value) > 1e-3
    pair = state.expect(("Sx", 0, 0), ("Sy", 0, 0), ("Sz", 1, 0))
    assert pair.value == pytest.approx(np.mean(0.5j * a[:, 2] * b[:, 2]))  # spin 1/2
    assert state.expect(("Sx", 0, 0), ("Sy", 0, 0), ("Sz", 0, 0)) is None


@pytest.mark.parametrize("method", [MeanField(), HolsteinPrimakoff()])
def test_what_is_no_spin_operator_is_unknown(method):
    state = steady_state(gain_loss.chain(1, 1.0, 0.4, 3.0, 2.5), method)
    square = np.diag([1.0, 0, 1])
    assert state.expect((square, 0, 0)) is None
    assert state.expect(square, [(0, 0)]) is None
    assert state.correlation("Sz", "Sz", (0, 1), 2, string=square) is None
    linear = np.diag([1.5, 0.5, -0.5])
    found = state.expect((linear, 0, 0), ("S-", 1, -1), ("Id", 1, 4), (2 * np.eye(3), 0, 7))
    one, zero = state.expect(("Sz", 0, 0), ("S-", 1, -1)), state.expect(("S-", 1, 0))
    assert found.value == pytest.approx(2 * one.value + zero.value, abs=1e-12)


def test_currents_of_bonds_of_an_open_cluster_differ():
    state = steady_state(DRIVEN, Exact(cells=2, gap=False))
    flow = state.current("Sz")
    assert list(flow) == [((0, 0), (1, 0)), ((1, 0), (0, 1)), ((0, 1), (1, 1))]
    pairs = [state.expect(("S+", *a), ("S-", *b)) for a, b in flow]
    for found, pair, size in zip(flow.values(), pairs, (0.5, 0.3, 0.5), strict=True):
        assert found.value == pytest.approx(-2 * size * pair.value.imag, abs=1e-10)
    assert abs(flow[(0, 0), (1, 0)].value - flow[(0, 1), (1, 1)].value) > 1e-3


def test_charges_that_have_no_current_are_refused():
    ring = steady_state(aklt.chain(), Exact(cells=3, periodic=True, gap=False))
    with pytest.raises(ArgumentError, match="no current is unique"):
        ring.current()
    state = steady_state(MODEL, MeanField())
    with pytest.raises(ArgumentError, match="`op` must be a charge: a real diagonal operator"):
        state.current("Sx")
    with pytest.raises(ArgumentError, match="`op` must be one of Id, S"):
        state.current("N")


def test_an_open_lattice_of_classical_spins_has_its_places_only():
    with pytest.warns(UserWarning, match="TWA is meant for large S"):
        state = steady_state(
            MODEL, TWA(cells=4, trajectories=32, max_time=5, periodic=False, tol=1)
        )
    inside = state.expect(("Sz", 0, 0), ("Sz", 1, 3), ("Sx", 0, 1))
    assert inside is not None
    assert 0 < inside.error < 1
    assert state.expect(("Sz", 0, 0), ("Sz", 1, 4), ("Sx", 0, 1)) is None
