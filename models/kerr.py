"""The driven dissipative Kerr oscillator: Huber, Kirton and Rabl, Eqs. (6) and (7)."""

import math

import numpy as np
from numpy.typing import NDArray

from impo.arguments import finite, non_negative, positive
from impo.model import Boson, Jump, LindbladModel, Term


def oscillator(
    D: float,
    F: float,
    U: float = 10.0,
    delta: float = 10.0,
    gamma: float = 1.0,
    cutoff: int | None = None,
) -> LindbladModel:
    r"""Return H = -delta c^+c + (U/D) c^+c^+cc + sqrt(D) F (c + c^+) with loss gamma D[c].

    D[c] rho = 2 c rho c^+ - c^+c rho - rho c^+c as in the paper (where the rho is missing from
    Eq. 7), so the standard-form rate of the jump is 2 gamma.

    Parameters
    ----------
    D
        Effective Hilbert space dimension; the number of quanta is of order D.
    F
        Drive strength.
    U
        Kerr non-linearity.
    delta
        Detuning.
    gamma
        Decay rate of the amplitude.
    cutoff
        Largest number of quanta kept. The default is 1.2 times the largest classical stationary
        number and ten standard deviations of a coherent state on top; whether that was enough is
        seen from `diagnostics["cutoff_change"]`.
    """
    scale = positive("D", D)
    drive, detuning, kerr = finite("F", F), finite("delta", delta), finite("U", U)
    loss = non_negative("gamma", gamma)
    if cutoff is None:
        mean = scale * _classical_density(drive, kerr, detuning, loss)
        cutoff = max(8, math.ceil(1.2 * mean + 10 * math.sqrt(mean) + 8))
    return LindbladModel(
        sites=(Boson(cutoff),),
        terms=(
            Term(-detuning, ("N", 0, 0)),
            Term(kerr / scale, ("Bd", 0, 0), ("Bd", 0, 0), ("B", 0, 0), ("B", 0, 0)),
            Term(math.sqrt(scale) * drive, ("B", 0, 0), plus_hc=True),
        ),
        jumps=(Jump(2 * loss, "B", 0),),
        name="models.kerr:oscillator",
        parameters={"D": D, "F": F, "U": U, "delta": delta, "gamma": gamma, "cutoff": cutoff},
    )


def _classical_density(F: float, U: float, delta: float, gamma: float) -> float:
    """Return the largest n with n ((2 U n - delta)^2 + gamma^2) = F^2: |<c>|^2 / D for large D."""
    size = F * F

    def response(n: float) -> float:
        return n * ((2 * U * n - delta) ** 2 + gamma**2)

    if U == 0:
        return size / max(delta**2 + gamma**2, 1e-12)
    high = max(abs(delta / U), (size / (U * U)) ** (1 / 3)) * 2  # beyond the resonance: monotonic
    low = max(delta / (2 * U), 0.0)
    if response(low) > size:
        low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if response(middle) < size else (low, middle)
    return high


def drummond_walls(
    D: float, F: float, U: float, delta: float, gamma: float, cutoff: int
) -> NDArray:
    r"""Return the stationary density matrix in closed form, states n = 0 ... cutoff.

    With chi = U/D, alpha = -sqrt(D) F / chi and c = -(delta + i gamma) / chi,

        rho_nm ~ alpha^n alpha*^m / sqrt(n! m!) sum_j |alpha|^2j / (j! (c)_{n+j} (c*)_{m+j}),

    (c)_k the rising factorial: the complex-P solution of Drummond and Walls, J. Phys. A 13, 725
    (1980), resummed to matrix elements. It is a sum of squares without cancellation, so it stays
    accurate where the slowest decay rate is far below machine precision.

    Parameters
    ----------
    D, F, U, delta, gamma
        As in `oscillator`; U must not be zero.
    cutoff
        Largest number of quanta of the returned matrix.
    """
    chi = U / D
    size = D * F * F / chi**2
    terms = cutoff + math.ceil(4 * math.sqrt(size) + 2 * abs(delta / chi)) + 60
    k = np.arange(cutoff + terms + 1)
    factors = -(delta + 1j * gamma) / chi + k[:-1]
    rising = np.concatenate([[0], np.cumsum(np.log(np.abs(factors)))])  # log |(c)_k|
    angle = np.concatenate([[0], np.cumsum(np.angle(factors))])
    factorial = np.concatenate([[0], np.cumsum(np.log(k[1:]))])
    n, j = np.ogrid[: cutoff + 1, :terms]
    size_log = (n + j) / 2 * math.log(size) if size else np.where(n + j, -np.inf, 0.0)
    logs = size_log - (factorial[n] + factorial[j]) / 2 - rising[n + j]
    sign = -np.sign(F * chi)
    vectors = np.exp(logs - logs.max() - 1j * angle[n + j]) * np.where(n % 2, sign, 1.0)
    rho = vectors @ vectors.conj().T
    return rho / np.trace(rho).real
