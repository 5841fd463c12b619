"""Moments against sums written out, ordering corrections, and the jackknife."""

import numpy as np
import pytest

from impo.arguments import ArgumentError
from impo.methods.twa.ensemble import SpinEnsemble, grouping
from impo.methods.twa.equations import spin_equations
from impo.methods.twa.integrator import LANES
from impo.methods.twa.moments import Moments, jackknife
from impo.methods.twa.samples import coherent, isotropic
from impo.operators.local import spin_operators
from impo.results.modes import UNCORRELATED
from models.gain_loss import chain, square


def ensemble(model, shape, periodic, trajectories=64):
    """An ensemble of random spins, and its vectors (trajectory, *cells, site, 3)."""
    equations = spin_equations(model, shape, periodic)
    made = SpinEnsemble(
        equations,
        shape,
        periodic,
        1,
        (lambda block, generator: isotropic(equations.lengths, generator),),
        trajectories,
        16,
    )
    size = len(model.sites)
    stacked = np.concatenate(made.spins, axis=1).T
    lengths = equations.lengths[:size, None]
    return made, stacked.reshape(-1, *shape, size, 3) * lengths


@pytest.mark.parametrize("cells", [1, 2, 5, 6])
@pytest.mark.parametrize("periodic", [True, False])
def test_chain_moments_are_the_sums_over_pairs(cells, periodic):
    made, s = ensemble(chain(3, gain=1.5, loss=0.5), (cells,), periodic)
    sampled = made.run(0.05, 0, 1)
    np.testing.assert_allclose(sampled.first.mean(axis=0), s.mean(axis=(0, 1)), atol=1e-13)
    flat = s.reshape(len(s), cells, 6)
    for r in range(cells // 2 + 1):
        pairs = [(n, (n + r) % cells) for n in range(cells) if periodic or n + r < cells]
        direct = np.mean([np.einsum("ta,tb->ab", flat[:, n], flat[:, m]) for n, m in pairs], axis=0)
        np.testing.assert_allclose(sampled.second.mean(axis=0)[r], direct / len(s), atol=1e-11)
    m = s / 3.5
    across = m[..., 0] + 1j * m[..., 1]
    expected = [m[..., 2].mean(axis=(0, 1)), (m[..., 2] ** 2).mean(axis=(0, 1))]
    pairs = [(n, (n + 1) % cells) for n in range(cells) if periodic or n + 1 < cells]
    neighbours = sum((across[:, n] * across[:, k].conj()).real for n, k in pairs)
    expected.append(np.mean(neighbours, axis=0) / max(len(pairs), 1) if pairs else [0, 0])
    expected.append((np.abs(across.mean(axis=1)) ** 2).mean(axis=0))
    np.testing.assert_allclose(sampled.series[0].mean(axis=0), np.concatenate(expected), atol=1e-13)


@pytest.mark.parametrize("periodic", [True, False])
def test_square_lattice_moments(periodic):
    shape = (4, 3)
    made, s = ensemble(square(3, gain=1.5, loss=0.5), shape, periodic)
    second = made.run(0.05, 0, 1).second.mean(axis=0)
    flat = s.reshape(len(s), *shape, 6)
    for r in ((0, 0), (1, 0), (1, 1), (2, -1)):
        total, count = 0.0, 0
        for n in np.ndindex(*shape):
            m = (n[0] + r[0], n[1] + r[1])
            if not periodic and not (0 <= m[0] < shape[0] and 0 <= m[1] < shape[1]):
                continue
            m = (m[0] % shape[0], m[1] % shape[1])
            total = total + np.einsum("ta,tb->ab", flat[(slice(None), *n)], flat[(slice(None), *m)])
            count += 1
        np.testing.assert_allclose(second[r], total / (count * len(s)), atol=1e-11)


def test_groups_are_equal_and_independent_of_their_number():
    for trajectories in (1, 16, 40, 100, 500, 3000, 5000):
        blocks, lanes, merged = grouping(trajectories, 2, 32)
        assert 2 * blocks * LANES >= trajectories
        assert LANES % lanes == 0
        assert blocks % merged == 0
        groups = blocks * LANES // lanes if merged == 1 else blocks // merged
        assert 16 <= groups <= 64


def polarised(S, direction, samples=4000):
    """Moments of one spin coherent state, sampled."""
    lengths = np.array([S + 0.5])
    generator = np.random.default_rng(0)
    drawn = [coherent(lengths, np.array([direction]), generator) for _ in range(samples)]
    s = np.concatenate(drawn, axis=1).T * (S + 0.5)
    groups = s.reshape(64, -1, 3)
    first = groups.mean(axis=1)[:, None]
    second = np.einsum("gta,gtb->gab", groups, groups) / groups.shape[1]
    return Moments(first, second[:, None], (1,))


@pytest.mark.parametrize("direction", [(0, 0, 1.0), (0, 0, -1.0), (1.0, 0, 0), (0.48, 0.6, 0.64)])
def test_ordering_in_coherent_states(direction):
    """Against the matrices of the coherent state; the map drops O(1/S), here up to 1/4."""
    S = 10
    operators = spin_operators(S)
    along = sum(n * operators[op] for n, op in zip(direction, ("Sx", "Sy", "Sz"), strict=True))
    state = np.linalg.eigh(along)[1][:, -1]
    moments = polarised(S, np.array(direction))
    for op in ("Sx", "Sy", "Sz", "S+"):
        exact = state.conj() @ operators[op] @ state
        found = moments.expect(op)
        assert abs(found.value[0] - exact) <= 4 * found.error[0] + 1e-12
    for a, b in (("S+", "S-"), ("S-", "S+"), ("Sz", "Sz"), ("Sx", "Sy"), ("S+", "Sz")):
        exact = state.conj() @ operators[a] @ operators[b] @ state
        found = moments.correlation(a, b, (0, 0), 0)
        assert abs(found.value[0] - exact) <= 4 * found.error[0] + 0.26
    commutator = (
        moments.correlation("S+", "S-", (0, 0), 0).value[0]
        - moments.correlation("S-", "S+", (0, 0), 0).value[0]
    )
    assert commutator == pytest.approx(2 * moments.expect("Sz").value[0])
    casimir = sum(moments.correlation(op, op, (0, 0), 0).value[0] for op in ("Sx", "Sy", "Sz"))
    assert casimir == pytest.approx(S * (S + 1))


def test_variance_is_that_of_the_correlation_at_distance_zero():
    made, _ = ensemble(chain(3, gain=1.5, loss=0.5), (4,), True)
    sampled = made.run(0.05, 3, 2)
    moments = Moments(sampled.first, sampled.second, (4,))
    for site in (0, 1):
        square_of = moments.correlation("Sz", "Sz", (site, site), 0).value[0].real
        mean = moments.expect("Sz").value[site]
        assert moments.variance("Sz").value[site] == pytest.approx(square_of - mean**2)


@pytest.mark.parametrize("cells", [5, 6])
@pytest.mark.parametrize("sites", [(0, 0), (0, 1)])
def test_structure_factor_is_the_power_spectrum(cells, sites):
    """At the waves of the ring, sum_r e^{ikr} <A_0 B_r> is that of the Fourier transforms."""
    made, s = ensemble(chain(3, gain=1.5, loss=0.5), (cells,), True)
    sampled = made.run(0.05, 0, 1)
    moments = Moments(sampled.first, sampled.second, (cells,))
    k = 2 * np.pi * np.arange(cells) / cells
    found = moments.structure_factor("S+", "S-", k, sites).value
    plus = s[..., 0] + 1j * s[..., 1]
    waves = np.exp(1j * np.outer(k, np.arange(cells)))
    a = np.einsum("kn,tn->tk", waves.conj(), plus[:, :, sites[0]])
    b = np.einsum("kn,tn->tk", waves, plus[:, :, sites[1]].conj())
    expected = (a * b).mean(axis=0) / cells
    mean = s.mean(axis=(0, 1))
    expected[0] -= cells * (
        (mean[sites[0], 0] + 1j * mean[sites[0], 1]) * (mean[sites[1], 0] - 1j * mean[sites[1], 1])
    )
    if sites[0] == sites[1]:
        expected += mean[sites[0], 2]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_structure_factor_of_the_square_lattice():
    made, s = ensemble(square(3, gain=1.5, loss=0.5), (4, 3), True)
    sampled = made.run(0.05, 0, 1)
    moments = Moments(sampled.first, sampled.second, (4, 3))
    k = 2 * np.pi * np.array([[1 / 4, 2 / 3], [2 / 4, 0], [3 / 4, 1 / 3]])
    found = moments.structure_factor("Sz", "Sz", k, (0, 1)).value
    cells = np.stack(np.meshgrid(range(4), range(3), indexing="ij"), axis=-1)
    waves = np.exp(1j * np.einsum("kd,xyd->kxy", k, cells))
    a = np.einsum("kxy,txy->tk", waves.conj(), s[..., 0, 2])
    b = np.einsum("kxy,txy->tk", waves, s[..., 1, 2])
    np.testing.assert_allclose(found, (a * b).mean(axis=0) / 12, atol=1e-10)
    with pytest.raises(ArgumentError, match="components"):
        moments.structure_factor("Sz", "Sz", 0.3, (0, 1))


def test_jackknife_of_a_mean_is_the_standard_error():
    samples = np.random.default_rng(0).normal(size=(40, 3))
    value, error = jackknife(lambda mean: mean, samples)
    np.testing.assert_allclose(value, samples.mean(axis=0))
    np.testing.assert_allclose(error, samples.std(axis=0, ddof=1) / np.sqrt(40))


def test_two_starts_that_disagree_enlarge_the_error():
    first = np.random.default_rng(0).normal(size=(32, 1, 3)) * 0.01
    first[16:] += 1.0
    second = np.zeros((32, 1, 3, 3))
    assert Moments(first, second, (1,), 16, agree=False).expect("Sz").error[0] > 0.9
    assert Moments(first, second, (1,), 16, agree=True).expect("Sz").error[0] < 0.2


def test_bad_arguments():
    moments = polarised(3, np.array([0, 0, 1.0]), 64)
    with pytest.raises(ArgumentError, match="`op`"):
        moments.expect("N")
    with pytest.raises(ArgumentError, match="`site`"):
        moments.correlation("Sz", "Sz", (0, 1), 2)


def test_the_identity_is_an_operator():
    """It has no variance, and nothing is correlated with it."""
    rng = np.random.default_rng(3)
    first = rng.normal(size=(5, 2, 3))
    moments = Moments(first, rng.normal(size=(5, 4, 6, 6)), (6,))
    np.testing.assert_array_equal(moments.expect("Id").value, [1.0, 1.0])
    np.testing.assert_array_equal(moments.variance("Id").value, [0.0, 0.0])
    mean = moments.expect("S+").value
    np.testing.assert_allclose(moments.correlation("Id", "S+", (0, 1), 3).value, mean[1])
    np.testing.assert_allclose(moments.correlation("S+", "Id", (0, 0), 3).value, mean[0])
    np.testing.assert_allclose(moments.correlation("Id", "Id", (0, 0), 3).value, 1.0)
    np.testing.assert_allclose(
        moments.structure_factor("Id", "S+", [0.0, 1.0], (0, 1)).value, 0.0, atol=1e-12
    )
    assert moments.decay("Id", "S+", (0, 1), periodic=True).reason == UNCORRELATED
