"""Mean field and cluster mean field: Eq. 9 and Eqs. B1 to B5 of Huber et al. (corrected)."""

import math
from dataclasses import replace

import numpy as np
import pytest

from impo import ClusterMeanField, MeanField, evolve, steady_state
from impo.methods.cluster_mean_field.assembly import cluster_flow
from impo.methods.mean_field.equations import mean_field_equations
from impo.operators.local import spin_operators
from models.gain_loss import chain, square
from models.xy_decay import chain as xy_decay

G, H = 1.0, 0.4


def random_density(d, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))
    rho = a @ a.conj().T
    return rho / np.trace(rho).real


def operators(spin, sites):
    """Sx, Sy, Sz of every site of a cluster as dense matrices, shape (sites, 3, d, d)."""
    local = spin_operators(spin)
    d = len(local["Sz"])
    return np.array(
        [
            [
                np.kron(np.kron(np.eye(d**j), local[op]), np.eye(d ** (sites - 1 - j)))
                for op in ("Sx", "Sy", "Sz")
            ]
            for j in range(sites)
        ]
    )


def lindblad(hamiltonian, jumps, rho):
    """Master equation with D[L] rho = 2 L rho L^+ - {L^+ L, rho} as the paper has it."""
    out = -1j * (hamiltonian @ rho - rho @ hamiltonian)
    for rate, jump in jumps:
        loss = jump.conj().T @ jump
        out = out + rate * (2 * jump @ rho @ jump.conj().T - loss @ rho - rho @ loss)
    return out


def physical_rate(flow, rho):
    """d rho/dt in the physical frame, from the flow's own frame."""
    u = flow.frame()
    turned = u.conj()[:, None] * rho * u
    return u[:, None] * replace(flow, real=False).rate(turned) * u.conj()


@pytest.mark.parametrize("make", [chain, square])
def test_mean_field_equations_of_appendix_b(make):
    """With the sign of the last equation corrected; 2 (g + h) on the square lattice."""
    spin, gain, loss = 2.5, 1.3, 0.7
    rng = np.random.default_rng(1)
    ax, ay, az, bx, by, bz = s = rng.normal(size=6)
    total = (G + H) / spin * (2 if make is square else 1)
    up, down, casimir = gain / (2 * spin), loss / (2 * spin), spin * (spin + 1)
    expected = [
        -up * ax * (1 + 2 * az) + total * az * by,
        -up * ay * (1 + 2 * az) - total * az * bx,
        2 * up * (casimir - az * (az + 1)) + total * (ay * bx - ax * by),
        -down * bx * (1 - 2 * bz) + total * ay * bz,
        -down * by * (1 - 2 * bz) - total * ax * bz,
        -2 * down * (casimir - bz * (bz - 1)) + total * (ax * by - ay * bx),
    ]
    equations = mean_field_equations(make(spin, G, H, gain, loss))
    np.testing.assert_allclose(equations.flow(s), expected, rtol=1e-10)


@pytest.mark.parametrize("spin", [0.5, 1.5, 10.0])
def test_eq9_order_parameter(spin):
    """|Delta|^2 = Gamma/(g+h) [S(S+1) - z(z+1)], z = Gamma/(2(g+h-Gamma)); Eq. 9 for large S."""
    rate = 0.45 * (G + H)
    z = rate / (2 * (G + H - rate))
    state = steady_state(chain(spin, G, H, rate, rate), MeanField())
    expected = math.sqrt(rate / (G + H) * (spin * (spin + 1) - z * (z + 1)))
    np.testing.assert_allclose(state.transverse.value, expected, rtol=1e-10)
    np.testing.assert_allclose(state.expect("Sz").value, [z, -z], rtol=1e-10)


def test_eq9_large_spin_limit():
    off = []
    for spin in (10, 30, 100):
        state = steady_state(chain(spin, G, H, 0.8, 0.8), MeanField())
        off.append(abs(state.transverse.value[0] / spin - math.sqrt(0.8 / (G + H))))
    assert off[2] < 0.01
    assert off[1] / off[2] == pytest.approx(10 / 3, rel=0.05)


@pytest.mark.parametrize("spin", [1.0, 4.0])
def test_thresholds_of_both_theories(spin):
    """Factorised <Sz^2>: (g + h) 2S/(2S + 1). Exact site in the same field: g + h."""
    edge = (G + H) * 2 * spin / (2 * spin + 1)
    for factor, broken in ((0.99, True), (1.01, False)):
        rate = factor * edge
        state = steady_state(chain(spin, G, H, rate, rate), MeanField())
        assert (state.transverse.value[0] > 1e-3) == broken
    for factor, broken in ((0.99, True), (1.01, False)):
        model = xy_decay(spin, (G + H) / 2, factor * (G + H))
        state = steady_state(model, ClusterMeanField(1))
        assert (state.transverse.value[0] > 1e-3) == broken
        if broken:  # the polarised state grows at the rate g + h - Gamma
            growth = state.diagnostics["solutions"][1]["growth_rate"]
            assert growth == pytest.approx((1 - factor) * (G + H), rel=1e-6)


def test_one_site_moves_like_appendix_b_for_large_spin():
    """At fixed time from a coherent state, the difference falls like 1/S."""
    off, start = [], [[1.0, 0.5, 0.3]]
    for spin in (4, 8, 16):
        model = xy_decay(spin, 1.0, 1.1)
        one = evolve(model, ClusterMeanField(1), start, [0.0, 1.0])
        factorised = evolve(model, MeanField(), start, [0.0, 1.0])
        change = one.expect("Sz").value[-1] - factorised.expect("Sz").value[-1]
        off.append(np.abs(change[0]) / spin)
    assert off[0] > 1.7 * off[1] > 1.7**2 * off[2]


@pytest.mark.slow
def test_one_site_steady_state_keeps_fluctuations():
    """The limits t and S -> infinity do not commute: in the broken phase Var(Sz)/S^2 stays finite.

    Damping and noise around the mean-field solution both fall like 1/S, and the site explores
    orbits around it. Only the thresholds of the two theories meet for S -> infinity.
    """
    spreads, orders = [], []
    for spin in (4, 8):
        state = steady_state(xy_decay(spin, 1.0, 1.1), ClusterMeanField(1))
        # attracting as long as all copies are equal: at S = 8 a staggered perturbation grows
        assert state.diagnostics["solutions"][0]["growth_rate"] < -0.1
        assert max(state.expect("Sz").error) < 1e-7
        spreads.append(state.variance("Sz").value[0] / spin**2)
        orders.append(state.transverse.value[0] / spin)
    assert min(spreads) > 0.2
    assert max(orders) < 0.95 * math.sqrt(1.1 / 2)


def test_b1_clusters_are_a_product():
    state = steady_state(xy_decay(1.0, 1.0, 1.3), ClusterMeanField(2))
    means = [state.density.measure({j: spin_operators(1.0)["Sx"]}).real for j in range(2)]
    found = state.correlation("Sx", "Sx", max_cells=3).value
    np.testing.assert_allclose(found[2], (means[0] ** 2 + means[1] ** 2) / 2, rtol=1e-10)
    np.testing.assert_allclose(found[3], means[0] * means[1], rtol=1e-10)
    inside = state.density.correlation("Sx", "Sx", (0, 0), 1)[1]
    np.testing.assert_allclose(found[1], (inside + means[0] * means[1]) / 2, rtol=1e-10)
    assert abs(inside - means[0] * means[1]) > 1e-3


@pytest.mark.parametrize("cells", [1, 2])
def test_b2_b3_cluster_of_cells(cells):
    """Both sums as corrected: g inside all N_C cells, h between them and across the boundary."""
    spin, gain, loss = 0.5 if cells == 2 else 1.0, 1.3, 0.7
    s = operators(spin, 2 * cells)
    rho = random_density(s.shape[-1])
    mean = np.einsum("jaxy,yx->ja", s, rho).real
    hamiltonian = np.zeros_like(rho)
    for n in range(cells):
        a, b = 2 * n, 2 * n + 1
        hamiltonian += G / spin * sum(s[a, i] @ s[b, i] for i in (0, 1))
        if n + 1 < cells:
            hamiltonian += H / spin * sum(s[b, i] @ s[b + 1, i] for i in (0, 1))
    last = 2 * cells - 1
    hamiltonian += H / spin * sum(mean[last, i] * s[0, i] + mean[0, i] * s[last, i] for i in (0, 1))
    jumps = []
    for n in range(cells):
        jumps.append((gain / (2 * spin), s[2 * n, 0] + 1j * s[2 * n, 1]))
        jumps.append((loss / (2 * spin), s[2 * n + 1, 0] - 1j * s[2 * n + 1, 1]))
    flow = cluster_flow(chain(spin, G, H, gain, loss), 2 * cells)
    assert flow.real
    expected = lindblad(hamiltonian, jumps, rho)
    np.testing.assert_allclose(physical_rate(flow, rho), expected, atol=1e-10)


@pytest.mark.parametrize("sites", [1, 2, 3])
def test_b4_b5_cluster_of_sites(sites):
    """The last two terms of B5 as corrected: <Sx_1> Sx_nC - <Sy_1> Sy_nC."""
    spin, g, loss = 1.0, 0.9, 1.2
    s = operators(spin, sites)
    rho = random_density(s.shape[-1])
    mean = np.einsum("jaxy,yx->ja", s, rho).real
    hamiltonian = np.zeros_like(rho)
    for n in range(sites - 1):
        hamiltonian += g / spin * (s[n, 0] @ s[n + 1, 0] - s[n, 1] @ s[n + 1, 1])
    hamiltonian += g / spin * (mean[-1, 0] * s[0, 0] - mean[-1, 1] * s[0, 1])
    hamiltonian += g / spin * (mean[0, 0] * s[-1, 0] - mean[0, 1] * s[-1, 1])
    jumps = [(loss / (2 * spin), s[n, 0] - 1j * s[n, 1]) for n in range(sites)]
    flow = cluster_flow(xy_decay(spin, g, loss), sites)
    assert flow.real
    expected = lindblad(hamiltonian, jumps, rho)
    np.testing.assert_allclose(physical_rate(flow, rho), expected, atol=1e-10)


def test_both_cells_give_the_same_cluster():
    """Two sites of xy_decay are one cell of the chain with h = g, spins A turned about x."""
    one = steady_state(xy_decay(1.0, 1.0, 1.2), ClusterMeanField(2))
    two = steady_state(chain(1.0, 1.0, 1.0, 1.2, 1.2), ClusterMeanField(2))
    np.testing.assert_allclose(one.transverse.value, two.transverse.value, atol=1e-8)
    np.testing.assert_allclose(-one.expect("Sz").value[0], two.expect("Sz").value[0], atol=1e-8)
