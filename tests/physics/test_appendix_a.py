"""Eqs. A1 to A26 of Huber, Kirton and Rabl (corrected) against the general machinery."""

import math

import numpy as np
import pytest

from impo import HolsteinPrimakoff, steady_state
from impo.methods.holstein_primakoff.gaussian import (
    covariance_matrix,
    negativity,
    symplectic_eigenvalues,
)
from impo.methods.holstein_primakoff.quadratic import ladder_vector, longitudinal, quadratic_bosons
from impo.methods.holstein_primakoff.stability import (
    cluster_fluctuations,
    largest_growth,
    wave_vectors,
)
from models.gain_loss import chain, dimer, square

S, G, H = 20.0, 1.0, 0.4
# (configuration, gain, loss) inside each ordered phase, away from every symmetry
UP = ("++", 0.35, 0.2)
DOWN = ("--", 0.15, 0.55)
AM = ("+-", 1.3, 2.1)
TOL = {"rtol": 1e-10, "atol": 1e-10}


def solved(phase, g=G, h=H):
    configuration, gain, loss = phase
    model = chain(S, g, h, gain, loss) if h else dimer(S, g, gain, loss)
    state = steady_state(model, HolsteinPrimakoff())
    assert state.status == "converged"
    assert state.configuration == tuple(1 if c == "+" else -1 for c in configuration)
    return state


def root_c(gain, loss, g=G, h=H):
    product = gain * loss
    return math.sqrt(((g - h) ** 2 - product) * ((g + h) ** 2 - product))


def couplings(state):
    k = wave_vectors(len(state.covariance), 1)[:, 0]
    return G + H * np.exp(1j * k)


@pytest.mark.parametrize(("up", "equation"), [(False, "A1"), (True, "A2")])
def test_a1_a2_mapping(up, equation):
    sign = 1 if up else -1
    assert longitudinal("Sz", S, up) == (sign * S, -sign)
    annihilation, creation = np.sqrt(2 * S) * np.eye(2)
    np.testing.assert_allclose(ladder_vector("S+", S, up), annihilation if up else creation)
    np.testing.assert_allclose(ladder_vector("S-", S, up), creation if up else annihilation)


def test_a3_linearised_master_equation():
    """Around |up up>: hopping g and h, damping gain on A, amplification loss on B."""
    _, gain, loss = UP
    bosons = quadratic_bosons(chain(S, G, H, gain, loss), (1, 1))
    c = np.array([[-gain, -1j * G], [-1j * G, loss]])
    expected = np.block([[c, np.zeros((2, 2))], [np.zeros((2, 2)), c.conj()]])
    np.testing.assert_allclose(bosons.hoppings[0,], expected, **TOL)
    next_cell = np.zeros((4, 4), dtype=complex)
    next_cell[1, 0], next_cell[3, 2] = -1j * H, 1j * H  # B couples to A of the next cell
    np.testing.assert_allclose(bosons.hoppings[1,], next_cell, **TOL)
    np.testing.assert_allclose(bosons.diffusion, np.diag([gain, loss, gain, loss]), **TOL)


def test_a4_a5_fourier_space():
    _, gain, loss = UP
    k = np.array([[0.3], [2.0]])
    coupling = G + H * np.exp(1j * k[:, 0])
    drift = quadratic_bosons(chain(S, G, H, gain, loss), (1, 1)).drift(k)
    np.testing.assert_allclose(drift[:, 1, 0], -1j * coupling, **TOL)
    np.testing.assert_allclose(drift[:, 0, 1], -1j * coupling.conj(), **TOL)


def test_a6_a7_a8_occupations_in_k_space():
    state = solved(UP)
    _, gain, loss = UP
    coupling = couplings(state)
    strength = np.abs(coupling) ** 2
    below = (gain - loss) * (strength - gain * loss)
    covariance = state.covariance
    np.testing.assert_allclose(covariance[:, 0, 0] - 0.5, loss * strength / below, **TOL)
    occupation_b = loss * (strength + gain * (gain - loss)) / below
    np.testing.assert_allclose(covariance[:, 1, 1] - 0.5, occupation_b, **TOL)
    np.testing.assert_allclose(covariance[:, 1, 0], 1j * coupling * gain * loss / below, **TOL)


def test_a9_a10_up_up_real_space():
    state = solved(UP)
    _, gain, loss = UP
    c, product = root_c(gain, loss), gain * loss
    prefactor = loss / (gain - loss)
    np.testing.assert_allclose(
        state.occupations.value,
        [prefactor * (1 + product / c), prefactor * (1 + gain**2 / c)],
        **TOL,
    )
    between = state.correlation("S-", "S+", (0, 1), max_cells=0).value[0] / (2 * S)
    expected = 1j * product / (2 * G * (gain - loss)) * (1 + (product + G**2 - H**2) / c)
    np.testing.assert_allclose(between, expected, **TOL)


def test_a11_a12_down_down_magnetisation():
    _, gain, loss = DOWN
    c, prefactor = root_c(gain, loss), gain / (loss - gain)
    expected = [-S + prefactor * (1 + loss**2 / c), -S + prefactor * (1 + gain * loss / c)]
    np.testing.assert_allclose(solved(DOWN).expect("Sz").value, expected, **TOL)


def test_a13_a14_up_down_magnetisation():
    _, gain, loss = AM
    bracket = -1 + gain * loss / root_c(gain, loss)
    expected = [S - loss / (loss + gain) * bracket, -S + gain / (loss + gain) * bracket]
    np.testing.assert_allclose(solved(AM).expect("Sz").value, expected, **TOL)


def test_a15_correlations_are_fourier_sums():
    state = solved(AM)
    k = wave_vectors(len(state.covariance), 1)[:, 0]
    occupation = state.covariance[:, 0, 0] - 0.5
    sums = [(occupation * np.exp(1j * k * s)).mean() for s in range(1, 6)]
    found = state.correlation("S-", "S+", (0, 0), max_cells=5).value[1:] / (2 * S)
    np.testing.assert_allclose(found, sums, **TOL)


@pytest.mark.parametrize(("phase", "sign"), [(AM, -1), (UP, 1), (DOWN, 1)])
def test_a16_a17_a18_correlation_length(phase, sign):
    """lambda^s (not s - 1); -C in AM with lambda > 0, +C in FM with lambda < 0."""
    configuration, gain, loss = phase
    product, c = gain * loss, root_c(gain, loss)
    decay = (product - G**2 - H**2 + sign * c) / (2 * G * H)
    assert (0 < decay < 1) if configuration == "+-" else (-1 < decay < 0)
    amplitude = {"+-": loss / (loss + gain), "++": loss / (gain - loss), "--": None}[configuration]
    state = solved(phase)
    found = state.correlation("S-", "S+", (0, 0), max_cells=8).value / (2 * S)
    np.testing.assert_allclose(found[2:] / found[1:-1], decay, **TOL)
    if amplitude is not None:
        powers = amplitude * product / c * decay ** np.arange(1, 9)
        np.testing.assert_allclose(found[1:], powers, **TOL)
    told = state.decay("S-", "S+")
    assert told.wavenumber.value == pytest.approx(0 if decay > 0 else math.pi, abs=1e-12)
    (mode,) = told.modes
    np.testing.assert_allclose(mode.amplitude.value / (2 * S), found[1] / decay, **TOL)
    length = state.correlation_length("S+", "S-")
    closed = 1 / math.acosh(abs(product - G**2 - H**2) / (2 * G * H))
    assert length.value == pytest.approx(-1 / math.log(abs(decay)), rel=1e-10)
    assert length.value == pytest.approx(closed, rel=1e-10)
    assert length.error < 1e-9


@pytest.mark.parametrize(("configuration", "edge", "side"), [("+-", G + H, 1), ("++", G - H, -1)])
def test_a19_critical_exponent(configuration, edge, side):
    """xi = (|gain loss - (g +- h)^2|/(g h))^(-1/2), with nu = 1/2 on both sides of PPT."""
    for distance in (1e-3, 1e-5):
        product = edge**2 * (1 + side * distance)
        loss = math.sqrt(product / 1.7)
        state = solved((configuration, 1.7 * loss, loss))
        expected = (abs(product - edge**2) / (G * H)) ** -0.5
        assert state.correlation_length("S+", "S-").value == pytest.approx(expected, rel=distance)


def test_a20_a21_covariance_matrix():
    state = solved(AM, h=0)
    matrix = covariance_matrix(state.covariance.mean(axis=0))
    occupation_a, occupation_b = state.occupations.value
    np.testing.assert_allclose(matrix[:2, :2], (2 * occupation_a + 1) * np.eye(2), **TOL)
    np.testing.assert_allclose(matrix[2:, 2:], (2 * occupation_b + 1) * np.eye(2), **TOL)
    np.testing.assert_allclose(matrix[:2, 2:], matrix[2:, :2].T, **TOL)
    np.testing.assert_allclose(covariance_matrix(np.eye(4) / 2), np.eye(4), **TOL)
    assert symplectic_eigenvalues(matrix).min() > 1 - 1e-12


def test_a22_purity_from_determinant():
    state = solved(AM, h=0)
    matrix = covariance_matrix(state.covariance.mean(axis=0))
    purity = 1 / math.sqrt(np.linalg.det(matrix))
    assert math.exp(-state.purity_density.value) == pytest.approx(purity, rel=1e-10)


@pytest.mark.parametrize(
    ("phase", "equation"), [(AM, "A23"), (UP, "A24"), (DOWN, "A24")], ids=["A23", "A24", "A24down"]
)
def test_a23_a24_dimer_purity(phase, equation):
    _, gain, loss = phase
    product, total, difference = gain * loss, gain + loss, gain - loss
    if equation == "A23":
        below = G**2 * difference**2 + product * total**2
        purity = total**2 * (product - G**2) / below
    else:
        below = product * difference**2 + G**2 * total**2
        purity = difference**2 * (G**2 - product) / below
    found = math.exp(-solved(phase, h=0).purity_density.value)
    assert found == pytest.approx(purity, rel=1e-10)


@pytest.mark.parametrize("phase", [AM, UP, DOWN])
def test_a25_dimer_negativity(phase):
    state = solved(phase, h=0)
    matrix = covariance_matrix(state.covariance.mean(axis=0))
    blocks = matrix[:2, :2], matrix[2:, 2:], matrix[:2, 2:]
    a, b, c = (np.linalg.det(block) for block in blocks)
    sigma = a + b - 2 * c
    eta = math.sqrt((sigma - math.sqrt(sigma**2 - 4 * np.linalg.det(matrix))) / 2)
    expected = max(0.0, (1 / eta - 1) / 2)
    assert (expected > 0.05) == (phase is AM)
    assert state.extras["negativity"] == pytest.approx(expected, abs=1e-10)


def test_a26_negativity_on_the_symmetry_line():
    for rate in (1.2, 2.5):
        state = solved(("+-", rate, rate), h=0)
        assert state.extras["negativity"] == pytest.approx(G / (2 * rate), rel=1e-10)


def test_negativity_of_chain_has_no_maximum_at_the_transition():
    """The pair a, b is most entangled away from the transition; the bipartition A|B is not."""
    rates = (G + H) * np.array([1.002, 1.1, 2.0])
    pair, halves = [], []
    for rate in rates:
        model = chain(S, G, H, rate, rate)
        pair.append(steady_state(model, HolsteinPrimakoff()).extras["negativity"])
        ring = cluster_fluctuations(model, (1, -1) * 6, (6,))
        halves.append(ring.negativity(range(0, 12, 2)))
    assert pair[1] > pair[0]
    assert halves[0] > halves[1] > halves[2]


@pytest.mark.parametrize(
    ("make", "configuration", "edge"),
    [
        (chain, (1, -1), (G + H) ** 2),
        (chain, (1, 1), (G - H) ** 2),
        (square, (1, -1), 4 * (G + H) ** 2),
    ],
    ids=["chain AM", "chain FM", "square AM"],
)
def test_eq3_phase_boundaries(make, configuration, edge):
    """Stability changes at gain loss = (g +- h)^2, in 2D at 4 (g + h)^2."""
    for sign in (-1, 1):
        product = edge * (1 + 1e-7 * sign)
        gain, loss = math.sqrt(1.4 * product), math.sqrt(product / 1.4)
        growth, _ = largest_growth(quadratic_bosons(make(S, G, H, gain, loss), configuration))
        assert (growth < 0) == (sign * sum(configuration) < 0 or sign > sum(configuration))


def test_square_lattice_has_no_ferromagnet():
    """|g_k| vanishes for some k, so |up up> always has a growing fluctuation."""
    for gain, loss in ((0.3, 0.05), (0.02, 0.01), (1.0, 0.1)):
        growth, _ = largest_growth(quadratic_bosons(square(S, G, H, gain, loss), (1, 1)))
        assert growth == pytest.approx(loss, rel=1e-6)


def test_square_lattice_occupations():
    """The formulas of A13 and A14 with |g_k|^2 averaged over the Brillouin zone."""
    gain, loss = 3.1, 4.0
    state = steady_state(square(S, G, H, gain, loss), HolsteinPrimakoff())
    k = 2 * np.pi * np.arange(400) / 400
    x, y = np.meshgrid(k, k, indexing="ij")
    coupling = G * (1 + np.exp(-1j * y)) + H * (np.exp(-1j * x) + np.exp(-1j * (x + y)))
    strength = np.abs(coupling) ** 2
    bracket = (strength / (gain * loss - strength)).mean()
    expected = [S - loss / (gain + loss) * bracket, -S + gain / (gain + loss) * bracket]
    np.testing.assert_allclose(state.expect("Sz").value, expected, **TOL)


def test_negativity_of_two_mode_squeezed_vacuum():
    r = 0.4
    cosh, sinh = math.cosh(2 * r) / 2, math.sinh(2 * r) / 2
    covariance = np.eye(4) * cosh
    covariance[[0, 1, 2, 3], [3, 2, 1, 0]] = sinh
    assert negativity(covariance, (0,)) == pytest.approx((math.exp(2 * r) - 1) / 2, rel=1e-10)
