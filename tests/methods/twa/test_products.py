import numpy as np
import pytest

from impo import TWA, Status
from impo.methods.twa.moments import Moments
from impo.methods.twa.products import of_moments, of_snapshots, within_half
from impo.methods.twa.state import TWAState
from impo.operators.local import SPIN_VECTORS
from models import gain_loss

RNG = np.random.default_rng(11)
GROUPS, LANES, CELLS = 3, 2, 4
MODEL = gain_loss.chain(1, 1.0, 0.4, 1.5, 0.7)


def form(op, constant=0.0):
    return constant, np.array(SPIN_VECTORS[op])


def ensemble():
    """Return snapshots of random spins, and the moments of the same."""
    spins = RNG.normal(size=(2, CELLS, 2, 3, GROUPS * LANES))
    spins /= np.linalg.norm(spins, axis=3, keepdims=True)
    long = 1.5 * np.moveaxis(spins, -1, 0).reshape(GROUPS, LANES, 2, CELLS, 6)
    first = long.mean(axis=(1, 2, 3)).reshape(GROUPS, 2, 3)
    second = np.stack(
        [
            np.einsum("gltcm,gltcn->gmn", long, np.roll(long, -r, axis=3)) / (LANES * 2 * CELLS)
            for r in range(CELLS // 2 + 1)
        ],
        axis=1,
    )
    return spins.reshape(2, -1, GROUPS * LANES), Moments(first, second, (CELLS,))


SNAPSHOTS, MOMENTS = ensemble()


@pytest.mark.parametrize(
    "forms",
    [
        {(1, 3): [form("S+", 0.2)]},
        {(0, 0): [form("S+", 0.2)], (1, 1): [form("Sy", 0.5j)]},
        {(0, 1): [form("S+")], (1, 0): [form("Sy")]},
        {(0, 0): [form("S+")], (0, -1): [form("Sx")]},
        {(0, 2): [form("S+"), form("Sx", 0.3)]},
        {(1, -1): [form("Sz"), form("Sz")]},
    ],
)
def test_pairs_of_snapshots_are_those_of_moments(forms):
    one = of_snapshots(MODEL, SNAPSHOTS, MOMENTS, forms, True)
    np.testing.assert_allclose(of_moments(MOMENTS, forms), one, atol=1e-12)
    assert one.shape == (GROUPS,)


@pytest.mark.parametrize("periodic", [True, False])
def test_three_spins_are_multiplied_on_every_trajectory(periodic):
    forms = {(0, 0): [form("S+")], (1, 1): [form("Sz", 0.3)], (1, -1): [form("Sx"), form("Sy")]}
    found = of_snapshots(MODEL, SNAPSHOTS, MOMENTS, forms, periodic)
    spins = 1.5 * SNAPSHOTS.reshape(2, CELLS, 2, 3, GROUPS, LANES)
    expected = []
    for group in range(GROUPS):
        values = []
        for cell in range(CELLS) if periodic else range(1, CELLS - 1):
            a, b, c = (
                spins[:, (cell + r) % CELLS, s, :, group] for s, r in ((0, 0), (1, 1), (1, -1))
            )
            pair = c[:, 0] * c[:, 1] + 0.5j * c[:, 2]
            values.append((a[:, 0] + 1j * a[:, 1]) * (b[:, 2] + 0.3) * pair)
        expected.append(np.mean(values))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_what_a_lattice_lacks_is_unknown():
    outside = {(0, 0): [form("Sz")], (0, 4): [form("Sz")], (1, 0): [form("Sz")]}
    assert of_snapshots(MODEL, SNAPSHOTS, MOMENTS, outside, False) is None
    assert within_half((4,), {(0, -1): [], (1, 1): []})
    assert not within_half((4,), {(0, -1): [], (1, 0): [], (0, 2): []})
    assert not within_half((8, 4), {(0, (0, 3)): [], (1, (4, 0)): []})


@pytest.mark.parametrize("periodic", [True, False])
def test_far_pairs_of_a_ring_are_unknown(periodic):
    method = TWA(cells=CELLS, periodic=periodic)
    state = TWAState(
        model=MODEL, method=method, status=Status.CONVERGED, message="", moments=MOMENTS,
        snapshots=SNAPSHOTS,
    )  # fmt: skip
    near = state.expect(("Sz", 0, 1), ("Sx", 1, -1))
    assert near.value == pytest.approx(
        of_moments(MOMENTS, {(0, 1): [form("Sz")], (1, -1): [form("Sx")]}).mean()
    )
    far = state.expect(("Sz", 0, 0), ("Sz", 1, 3))
    assert (far is None) == periodic
    assert state.expect(("Sz", 0, 0), ("Sz", 0, 0), ("Sz", 0, 0)) is None
    assert state.expect(("Id", 0, 0), ("Id", 1, 0)).value == 1
