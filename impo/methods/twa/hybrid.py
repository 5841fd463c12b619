r"""Spins 1/2 whose gain and loss are exact: the hybrid discrete-continuous sampling.

A density operator of one spin 1/2 is linear in <s>. On a sphere of the radius |s| = sqrt(S (S + 1))
= sqrt(3)/2 it has a Wigner function, and any motion of points on the sphere whose drift of the mean
<s> is right solves the master equation of that spin exactly, jointly with all other spins. For
loss, L = S- with the rate kappa, and z = 2 s_z, rho = 2 |s_perp|, a step of length dt is

    z' = -1 + (z + 1) q^2,   rho' = sqrt(3 - z'^2),   q = exp(-kappa dt / 2),

and a turn about z whose mean shrinks s_perp by q: to (q x -+ t y, q y +- t x) with both signs
equally likely and t^2 = (rho' / rho)^2 - q^2, which is never negative. Gain is its mirror image.
C. D. Mink, D. Petrosyan and M. Fleischhauer, Phys. Rev. Research 4, 043136 (2022), give the limit
dt -> 0, where the angle is a white noise. Hermitian jumps are white noise in both schemes.

Products of two operators of one spin are numbers or single operators. Only products of different
spins are classical: their equations of motion lack that s_a s_b of one spin is a number.
"""

from typing import TYPE_CHECKING

import numpy as np

from impo.arguments import UnsupportedModelError
from impo.arrays import Array
from impo.methods.twa.jumps import LinearJump, is_spin_half, ordering
from impo.model import LindbladModel
from impo.operators.local import spin_numbers

if TYPE_CHECKING:
    from impo.methods.twa.equations import SpinEquations

RADIUS = np.sqrt(0.75)  # |s| of a spin 1/2
CAP = 0.5 / RADIUS  # s_n/|s| of a spin 1/2 that points along n


def spin_lengths(model: LindbladModel, scheme: str) -> Array:
    """Return |s| of the classical spins of a cell: S + 1/2, or sqrt(S (S + 1)) if hybrid."""
    spins = spin_numbers(model)
    return np.sqrt(spins * (spins + 1)) if scheme == "hybrid" else spins + 0.5


def refuse_not_half(model: LindbladModel) -> None:
    """Raise `UnsupportedModelError` if a site is not a spin 1/2."""
    for number, site in enumerate(model.sites):
        if not is_spin_half(model, number):
            raise UnsupportedModelError(
                f"TWA(scheme='hybrid') treats spins 1/2 only, but site {number} is {site}; "
                "use TWA(scheme='wigner')."
            )


def pump_rates(model: LindbladModel, jump: LinearJump) -> Array | None:
    """Return the rates of S+ and S- that a jump is, shape (2,), or None if it is Hermitian.

    Raises
    ------
    UnsupportedModelError
        If it is neither.
    """
    if not np.any(jump.vectors.imag):
        return None
    (x, y, z), *others = jump.vectors
    size = abs(x) ** 2
    if others or abs(z) ** 2 > 1e-12 * size or abs(x**2 + y**2) > 1e-12 * size:
        raise UnsupportedModelError(
            f"TWA(scheme='hybrid') treats jumps S+ or S- of one spin and Hermitian jumps, but "
            f"{model.label} has another one on site {jump.spins[0][0]}; use TWA(scheme='wigner')."
        )
    gains = np.imag(np.conj(x) * y) > 0
    return np.array([gains, not gains]) * float(jump.rate * size)


def shrinking(equations: "SpinEquations", dt: float) -> Array:
    """Return q^2 of a step by gain and by loss, shape (n, 2)."""
    return np.ascontiguousarray(np.exp(-equations.pumps * dt))


def known_squares(model: LindbladModel) -> Array:
    """Return <s_a s_b> of one spin that stands for {S_a, S_b}/2 = delta_ab/4, by `ordering`.

    Shape (sites, 3, 3).
    """
    return np.eye(3) / 4 + ordering(model)
