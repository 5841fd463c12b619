import numpy as np
import pytest
from scipy.linalg import expm

from impo import ArgumentError, Exact, steady_state
from impo.operators.local import local_operators
from models.gain_loss import chain
from tests.qutip_oracle import liouvillian, operator

TIMES = np.array([0.0, 0.3, 1.1, 2.5])


@pytest.mark.parametrize(
    ("spin", "cells", "names", "sites"),
    [
        (0.5, 1, ("S-", "S+"), (0, 0)),
        (1.0, 1, ("S+", "S-"), (1, 0)),
        (1.0, 1, ("Sz", "Sz"), (0, 1)),
        (0.5, 1, ("Sx", "Sy"), (1, 1)),
        (0.5, 2, ("S-", "S+"), (0, 1)),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_against_qutip(spin, cells, names, sites, reverse):
    model = chain(spin, 1.0, 0.4, 1.5, 0.7)
    state = steady_state(model, Exact(cells=cells, periodic=cells > 1))
    places = [(site, cell) for cell in range(cells) for site in range(2)]
    motion, rho = liouvillian(model, cells, cells > 1), state.density_matrix(places)
    found = state.two_time(*names, TIMES, sites, 5, reverse)
    distances = np.arange(-(cells // 2), cells // 2 + 1)
    assert found.value.shape == (len(TIMES), len(distances))
    a = operator(model, cells, names[0], sites[0], 0).full()
    for column, r in enumerate(distances):
        b = operator(model, cells, names[1], sites[1], r % cells).full()
        begin = rho @ b if reverse else b @ rho
        moved = [expm(motion * t) @ begin.ravel(order="F") for t in TIMES]
        right = [np.trace(a @ v.reshape(rho.shape, order="F")) for v in moved]
        np.testing.assert_allclose(found.value[:, column], right, atol=1e-10)


def test_cells_of_an_open_cluster_are_not_alike():
    state = steady_state(chain(0.5, 1.0, 0.4, 1.5, 0.7), Exact(cells=2))
    assert state.two_time("S-", "S+", TIMES) is None


@pytest.mark.parametrize(
    ("names", "sites", "k"),
    [(("S-", "S+"), (0, 1), 0.7), (("Sz", "Sz"), (1, 0), 0.0), (("Sx", "Sy"), (0, 0), np.pi)],
)
def test_spectra_against_qutip(names, sites, k):
    """Resolvents of the dense Liouvillian, for times after and before zero."""
    model, cells, omega = chain(0.5, 1.0, 0.4, 1.5, 0.7), 2, np.array([-1.3, 0.0, 0.4])
    state = steady_state(model, Exact(cells=cells, periodic=True))
    motion, places = liouvillian(model, cells, True), [(s, c) for c in range(2) for s in range(2)]
    rho = state.density_matrix(places)

    def fluctuation(name, site, cell):
        matrix = operator(model, cells, name, site, cell).full()
        return matrix - np.trace(matrix @ rho) * np.eye(len(matrix))

    def half(measured, start, w):
        """Return the integral of exp(i w t) Tr[measured exp(L t) start] over t > 0."""
        start = (start - np.trace(start) * rho).ravel(order="F")
        moved = -np.linalg.lstsq(motion + 1j * w * np.eye(len(motion)), start, rcond=1e-12)[0]
        return np.trace(measured @ moved.reshape(rho.shape, order="F"))

    a = fluctuation(names[0], sites[0], 0)
    spectrum, response = np.zeros((2, 3), dtype=complex)
    for r in range(cells):  # half of the farthest cell is on either side
        b = fluctuation(names[1], sites[1], r)
        wave = np.cos(k) if r else 1.0
        for n, w in enumerate(omega):
            # <A(-t) B> = Tr[B e^{Lt} (rho A)]
            spectrum[n] += wave * (half(a, b @ rho, w) + half(b, rho @ a, -w))
            response[n] += -1j * wave * (half(a, b @ rho, w) - half(a, rho @ b, w))
    found = state.spectral_function(*names, k, omega, sites)
    np.testing.assert_allclose(found.value, spectrum, atol=1e-10)
    assert np.all(found.error < 1e-8)
    found = state.susceptibility(*names, k, omega, sites)
    np.testing.assert_allclose(found.value, response, atol=1e-10)


def test_spectra_are_positive_matrices_over_the_sites():
    """S of A^+ on one site and A on another is the power of a sum of operators."""
    state = steady_state(chain(0.5, 1.0, 0.4, 1.5, 0.7), Exact(cells=2, periodic=True))
    k, omega = np.array([0.0, np.pi]), np.linspace(-4, 4, 9)
    for names in (("S+", "S-"), ("Sz", "Sz")):
        power = np.array([
            [state.spectral_function(*names, k, omega, (i, j)).value for j in range(2)]
            for i in range(2)
        ])  # fmt: skip
        # sum_r e^{ikr} <A_i^+ A_j(r)> is the element j, i of a Hermitian matrix
        matrices = np.moveaxis(power, (0, 1), (-2, -1))
        np.testing.assert_allclose(matrices, matrices.conj().swapaxes(-1, -2), atol=1e-10)
        assert np.linalg.eigvalsh(matrices).min() > 0


def test_response_is_what_a_small_kick_does():
    state = steady_state(chain(0.5, 1.0, 0.4, 1.5, 0.7), Exact(cells=2, periodic=True))
    small, spin = 1e-4, local_operators(state.model.sites[0])["Sy"]
    both = [
        state.local_quench(expm(-1j * sign * small * spin), TIMES, "Sx", 1, 1) for sign in (1, -1)
    ]
    change = (both[0].value - both[1].value) / (2 * small)
    for own in range(2):  # the kick is in cell 0 and the observable in cell r
        right = state.response("Sx", "Sy", TIMES, (own, 1), 1).value[:, ::-1]
        np.testing.assert_allclose(change[..., own], right.real, atol=1e-7)
        assert np.abs(right.imag).max() < 1e-12
    assert np.abs(change).max() > 0.1


@pytest.mark.parametrize("kick", ["S-", "a matrix"])
def test_a_quench_against_qutip(kick):
    model, cells = chain(0.5, 1.0, 0.4, 1.5, 0.7), 2
    state = steady_state(model, Exact(cells=cells, periodic=True))
    places = [(site, cell) for cell in range(cells) for site in range(2)]
    motion, rho = liouvillian(model, cells, True), state.density_matrix(places)
    matrix = np.array([[0.3, 0.5j], [1.0, -0.2]])
    k = np.kron(np.kron(np.eye(2), matrix), np.eye(4))
    if kick == "S-":
        matrix, k = kick, operator(model, cells, kick, 1, 0).full()
    begin = k @ rho @ k.conj().T
    begin = begin / np.trace(begin)
    found = state.local_quench(matrix, TIMES, "Sz", 1, 5)
    for n, t in enumerate(TIMES):
        moved = (expm(motion * t) @ begin.ravel(order="F")).reshape(rho.shape, order="F")
        for column, r in enumerate((-1, 0, 1)):
            for site in range(2):
                z = operator(model, cells, "Sz", site, r % cells).full()
                right = np.trace(z @ moved).real
                np.testing.assert_allclose(found.value[n, column, site], right, atol=1e-10)
    np.testing.assert_allclose(found.steady, state.expect("Sz").value)
    with pytest.raises(ArgumentError, match="must not take the steady state to zero"):
        state.local_quench(np.zeros((2, 2)), TIMES, "Sz")
