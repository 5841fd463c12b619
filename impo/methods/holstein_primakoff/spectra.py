r"""Spectral functions of linearised bosons in closed form.

<Psi_k(t) Psi_k^+> = e^{X_k t} M_k with M_k = G_k +- [Psi, Psi^+]/2, + for this order. So operators
linear in bosons have

    int_0^inf dt e^{i omega t} <Psi_k(t) Psi_k^+> = -(X_k + i omega)^-1 M_k,

and numbers of bosons, by Wick's theorem, the same of two bosons with wave numbers q and k - q,
whose drift is X_q (x) 1 + 1 (x) X_{k-q}, averaged over q.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.methods.holstein_primakoff.quadratic import QuadraticBosons

_AT_ONCE = 2**22  # numbers of all matrices that are inverted together


class Boson(NamedTuple):
    """An operator of one site: ladder . (c, c^+) + number c^+ c + a constant."""

    site: int
    ladder: Array
    number: float

    @property
    def adjoint(self) -> "Boson":
        """The Hermitian conjugate; coefficients of numbers are real."""
        return Boson(self.site, self.ladder[::-1].conj(), self.number)


def half_line(
    bosons: QuadraticBosons, pair: Sequence[Boson], k: Array, omega: Array, points: int,
    sign: int,
) -> Array:  # fmt: skip
    """Return sum_r e^{ikr} int_0^inf dt e^{i omega t} of the connected <A_0(t) B_r>; # k omega.

    Parameters
    ----------
    bosons
        Equations of motion of a chain.
    pair
        A and B.
    k, omega
        Wave numbers and frequencies.
    points
        Number of wave numbers in the average over q.
    sign
        Minus one for <B_r A_0(t)>.
    """
    a, b = pair
    n = bosons.modes
    out = np.zeros((len(k), len(omega)), dtype=complex)
    rows, columns = [a.site, a.site + n], [b.site + n, b.site]  # c is the c^+ of Psi^+
    if np.any(a.ladder) and np.any(b.ladder):
        drift = bosons.drift(k[:, None])
        products = _products(bosons, k, sign)
        for here, moved in zip(out, _inverses(drift, omega, products), strict=True):
            block = moved[:, rows][:, :, columns]
            here -= np.einsum("i,wij,j->w", a.ladder, block, b.ladder)
    if a.number and b.number:
        q = 2 * np.pi * np.arange(points) / points
        for here, wave in zip(out, k, strict=True):
            here -= a.number * b.number * _numbers(bosons, (a, b), (q, wave - q), omega, sign)
    return out


def _products(bosons: QuadraticBosons, k: Array, sign: int) -> Array:
    """Return <Psi_k Psi_k^+>, or in the other order; # k row column."""
    half = np.kron(np.diag([0.5, -0.5]), np.eye(bosons.modes))
    waves = k[:, None]
    return np.asarray(bosons.covariance(bosons.drift(waves), bosons.noise(waves)) + sign * half)


def _inverses(drift: Array, omega: Array, right: Array) -> Array:
    """Return (X + i omega)^-1 M for all X and frequencies; # k omega row column."""
    shift = 1j * omega[:, None, None] * np.eye(drift.shape[-1])
    return np.linalg.solve(drift[:, None] + shift, right[:, None])


def _numbers(
    bosons: QuadraticBosons, pair: Sequence[Boson], waves: tuple[Array, Array], omega: Array,
    sign: int,
) -> Array:  # fmt: skip
    """Return the mean over q of (X + i omega)^-1 on two bosons, between c^+ c of A and of B."""
    n, size = bosons.modes, 2 * bosons.modes
    a, b = pair
    drifts = [bosons.drift(wave[:, None]) for wave in waves]
    first, second = (_products(bosons, wave, sign) for wave in waves)
    one = np.eye(size)
    both = np.einsum("qac,bd->qabcd", drifts[0], one) + np.einsum("ac,qbd->qabcd", one, drifts[1])
    both = both.reshape(-1, size**2, size**2)
    # <c^+ c(t) c^+ c> = <c^+ c^+><c c> + <c^+ c><c c^+>; the columns are those of Psi^+
    starts = sum(
        np.einsum("qa,qb->qab", first[:, :, left], second[:, :, right])
        for left, right in ((b.site, b.site + n), (b.site + n, b.site))
    ).reshape(-1, size**2, 1)  # fmt: skip
    place = (a.site + n) * size + a.site
    out = np.zeros(len(omega), dtype=complex)
    step = max(1, _AT_ONCE // (len(both) * size**4))
    for begin in range(0, len(omega), step):
        part = slice(begin, begin + step)
        out[part] = _inverses(both, omega[part], starts)[:, :, place, 0].mean(axis=0)
    return out
