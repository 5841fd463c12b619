"""Jumps that spins share: Lyapunov equations written by hand, in real space and in k-space."""

import numpy as np
import pytest
from scipy.linalg import circulant, solve_continuous_lyapunov

from impo import HolsteinPrimakoff, check, jumps_from_rates, steady_state
from impo.arguments import UnsupportedModelError
from impo.methods.holstein_primakoff.poles import poles
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.stability import cluster_fluctuations
from impo.model import Jump, LindbladModel, Spin, Term
from models import nonreciprocal

S = 12
LOSS, GAIN = np.array([1.0, 0.25 - 0.2j, 0.1j]) / S, np.array([0.3, 0.1 + 0.05j]) / S
HOP = (0.2 - 0.1j) / S


def band_chain():
    """Loss and gain by rate matrices that reach two cells and one, and a complex hopping."""
    return LindbladModel(
        (Spin(S),),
        (Term(HOP, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True), Term(0.3, ("Sz", 0, 0)),
         Term(0.1 / S, ("Sz", 0, 0), ("Sz", 0, 0))),
        (*jumps_from_rates(LOSS, [("S-", 0, 0)]), *jumps_from_rates(GAIN, [("S+", 0, 0)])),
    )  # fmt: skip


def ring(first, cells):
    """The Hermitian matrix of a ring with elements M_{j, j+r} = first[r]."""
    row = np.zeros(cells, dtype=complex)
    row[: len(first)] = first
    upper = circulant(row).T
    return upper + upper.conj().T - row[0].real * np.eye(cells)


def occupations_by_hand(cells):
    """<c_i^+ c_j> of the band chain about all spins down, from d<c>/dt = W <c>."""
    loss, gain = ring(LOSS, cells), ring(GAIN, cells)
    # fields along z and S_z^2 shift all frequencies alike, which <c_i^+ c_j> does not see
    motion = -2j * S * ring([0, HOP], cells) - S * loss.T + S * gain
    return solve_continuous_lyapunov(motion.conj(), -2 * S * gain.T)


def test_a_rate_matrix_in_k_space_against_a_ring_by_hand():
    state = steady_state(band_chain(), HolsteinPrimakoff("-"))
    assert state.status == "converged"
    expected = occupations_by_hand(96)
    found = state.correlation("S+", "S-", max_cells=12).value / (2 * S)
    np.testing.assert_allclose(found, expected[0, :13], atol=1e-10 * abs(expected[0, 0]))
    assert abs(expected[0, 1].imag) > 0.01
    assert abs(expected[0, 1].real) > 0.01


def test_poles_with_a_rate_matrix_add_up_to_the_correlations_beyond_its_reach():
    model = band_chain()
    state = steady_state(model, HolsteinPrimakoff("-"))
    found = poles(quadratic_bosons(model, (-1,)))
    r = np.arange(2, 10)
    between = np.fft.fft(state.covariance, axis=0, norm="forward")[r]
    total = np.tensordot(found.factors ** r[:, None], found.amplitudes, 1)
    assert np.abs(total - between).max() < 1e-11 * np.abs(between).max()
    decay = state.decay("S+", "S-", (0, 0))
    assert decay.length.value == pytest.approx(-1 / np.log(abs(found.factors[0])))


def by_quadratures(jumps, hamiltonian):
    """Covariance of x and p: A = W (H + Im C^+C), D = W Re(C^+C) W^T, W the symplectic form."""
    form = np.kron(np.eye(len(hamiltonian) // 2), [[0, 1], [-1, 0]])
    product = sum(np.outer(row.conj(), row) for row in jumps)
    drift = form @ (hamiltonian + product.imag)
    return solve_continuous_lyapunov(drift, -form @ product.real @ form.T)


@pytest.mark.parametrize("periodic", [False, True])
def test_general_jumps_in_real_space_against_quadratures(periodic):
    """Up, down, down with jumps that mix S+, S- and Sx of three sites, and a pair of cells."""
    cells, sites = 2, 3
    bonds = [(0.03 + 0.02j, (0, 0), (1, 0)), (0.05j, (1, 0), (2, 0)), (0.02, (2, 0), (0, 1))]
    terms = [Term(v, ("S+", *one), ("S-", *two), plus_hc=True) for v, one, two in bonds]
    terms.append(Term(0.02 + 0.01j, ("S+", 0, 0), ("S+", 1, 0), plus_hc=True))
    operators = [
        (0.09, [(1.0, "S+", 0, 0), (0.4j, "S-", 1, 0)]),
        (0.08, [(1.0, "S-", 1, 0), (0.3 - 0.2j, "S-", 2, 0), (0.2, "Sx", 0, 0)]),
        (0.07, [(0.5, "S-", 2, 0), (0.2j, "S+", 0, 1)]),
        (0.06, [(1.0, "S-", 2, 0)]),
        (0.03, [(1.0, "S+", 0, 0)]),
    ]
    jumps = [
        Jump(rate, *[Term(value, (op, site, cell)) for value, op, site, cell in parts])
        for rate, parts in operators
    ]
    model = LindbladModel((Spin(S),) * sites, tuple(terms), tuple(jumps))
    signs, n = (1, -1, -1) * cells, cells * sites

    def vector(op, site, cell):
        """S+ or S- as a vector of x and p of all spins: c = (x + i p) / sqrt(2)."""
        if op == "Sx":
            return (vector("S+", site, cell) + vector("S-", site, cell)) / 2
        out, spin = np.zeros(2 * n, dtype=complex), cell % cells * sites + site
        lowers = (op == "S+") == (signs[spin] > 0)
        out[2 * spin : 2 * spin + 2] = np.sqrt(S) * np.array([1, 1j if lowers else -1j])
        return out

    hamiltonian, rows = np.zeros((2 * n, 2 * n)), []
    for origin in range(cells):
        last = origin == cells - 1 and not periodic
        for term in model.hamiltonian:
            if not (last and any(cell[0] for _, _, cell in term.factors)):
                one, two = (vector(op, s, origin + cell[0]) for op, s, cell in term.factors)
                hamiltonian += np.real(term.coefficient * (np.outer(one, two) + np.outer(two, one)))
        for rate, parts in operators:
            if not (last and any(cell for *_, cell in parts)):
                rows.append(
                    np.sqrt(rate) * sum(v * vector(op, s, origin + c) for v, op, s, c in parts)
                )
    expected = by_quadratures(rows, hamiltonian)
    found = cluster_fluctuations(model, signs, (cells,), periodic).covariance
    to_quadratures = np.zeros((2 * n, 2 * n), dtype=complex)
    for j in range(n):
        to_quadratures[2 * j, [j, j + n]] = np.sqrt(0.5), np.sqrt(0.5)
        to_quadratures[2 * j + 1, [j, j + n]] = -1j * np.sqrt(0.5), 1j * np.sqrt(0.5)
    seen = to_quadratures @ found @ to_quadratures.conj().T
    np.testing.assert_allclose(seen, expected, atol=1e-10 * np.abs(expected).max())


def test_a_nonreciprocal_chain_hops_to_the_right_only():
    """At phase -pi/2 and J = rate the drift has no matrix that leads to the left."""
    model = nonreciprocal.chain(10, J=1.0, rate=1.0, gain=0.2, loss=0.5)
    hoppings = quadratic_bosons(model, (-1,)).hoppings
    from_left = {r: abs(matrix[0, 0]) for (r,), matrix in hoppings.items()}
    assert from_left[-1] == pytest.approx(2)
    assert from_left[1] < 1e-14


def test_a_state_with_shared_jumps_is_reproduced(tmp_path):
    state = steady_state(band_chain(), HolsteinPrimakoff())
    assert state.configuration == (-1,)
    state.save(tmp_path / "state.h5")
    assert check(tmp_path / "state.h5").reproduced


@pytest.mark.parametrize(
    "parts", [(("S-", 0, 0), ("Sz", 0, 1)), (("S-", 0, 0), ("Id", 0, 0)), (("Sz", 0, 0),)]
)
def test_jumps_with_other_parts_are_refused_by_name(parts):
    jump = Jump(1.0, *[Term(0.5, part) for part in parts])
    model = LindbladModel((Spin(2),), (), (jump, Jump(1.0, "S-", 0)))
    with pytest.raises(UnsupportedModelError, match=r"jump 0.5 S.\[site 0\].*is not"):
        steady_state(model, HolsteinPrimakoff())
