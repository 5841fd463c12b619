r"""Jump operators that are linear in spins, and what they do to classical spins.

The Wigner symbol of an operator that is linear in spins, L = sum_j u_j . S_j + c, is linear in the
classical spins, and its commutator is exactly their Poisson bracket. With L = X + iY, X and Y
Hermitian,

    D[L] = D[X] + D[Y] - (i/2) ([X, {Y, rho}] - [Y, {X, rho}]).

D[X] = -[X, [X, rho]]/2 is exactly white noise: spin j turns by Re(u_j) dW. So is D[Y], by
Im(u_j) dW'. In the last part an anticommutator is twice a product of symbols, and what has more
derivatives is dropped; it is the drift

    Omega_i = Re(u_i) y - Im(u_i) x = Im[u_i^* (sum_j u_j . s_j + c)],    x + iy = L(s).

Together the noise of spins i and j has the covariance rate Re(u_i^* u_j) dt and their drift the
matrix rate Im(u_i^* u_j): real and imaginary part of one positive matrix. A jump operator that is
Hermitian up to a phase brings noise alone, and nothing is dropped.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from impo.arguments import UnsupportedModelError
from impo.arrays import Array
from impo.methods.advice import advice
from impo.model import Cell, Jump, LindbladModel, Spin
from impo.operators.local import spin_vector

_NOTHING = 1e-14  # of a vector: rounding


class LinearJump(NamedTuple):
    """The dissipator of sum_j u_j . S_j + c, one copy in every unit cell.

    Attributes
    ----------
    rate
        As in `impo.model.Jump`.
    constant
        c, a number.
    spins
        (site, cell) of every part, each once.
    vectors
        The u_j, complex of shape (parts, 3). A common phase of L changes nothing. It is chosen such
        that X and Y share nothing, so a Hermitian operator is real.
    """

    rate: float
    constant: complex
    spins: tuple[tuple[int, Cell], ...]
    vectors: Array

    def noises(self) -> list[Array]:
        """Return the turns of the spins by its one or two real noises, per root of time.

        Shapes are (parts, 3).
        """
        parts = self.vectors.real, self.vectors.imag
        return [np.sqrt(self.rate) * part for part in parts if np.any(part)]


def _in_phase(constant: complex, vectors: Array) -> tuple[complex, Array]:
    """Return c and u_j times a phase that makes sum_j u_j . u_j positive, without rounding."""
    square, size = complex(np.sum(vectors**2)), float(np.sum(np.abs(vectors) ** 2))
    if abs(square.imag) > _NOTHING * size or square.real < -_NOTHING * size:
        phase = np.exp(-0.5j * np.angle(square))
        constant, vectors = constant * phase, vectors * phase
    real, imaginary = (
        np.where(np.abs(part) > _NOTHING * np.sqrt(size), part, 0.0)
        for part in (vectors.real, vectors.imag)
    )
    return complex(constant), real + 1j * imaginary


def linear_jumps(model: LindbladModel) -> Iterator[LinearJump]:
    """Yield the jumps of a model that do anything.

    Raises
    ------
    UnsupportedModelError
        If a product of a jump has more than one spin operator; the message names the jump.
    """
    for jump in model.jumps:
        constant, parts = 0j, dict[tuple[int, Cell], Array]()
        for term in jump.products(model.dimension):
            factors = [factor for factor in term.factors if factor[0] != "Id"]
            if len(factors) > 1 and jump.strength > 0:
                raise _refusal(model, jump)
            if not factors:
                constant += term.coefficient
            for op, site, cell in factors[:1]:
                old = parts.get((site, cell), 0)
                parts[site, cell] = old + term.coefficient * spin_vector(op)
        kept = {place: vector for place, vector in parts.items() if np.any(vector)}
        if kept and jump.strength > 0:
            together = _in_phase(constant, np.array(list(kept.values()), dtype=complex))
            yield LinearJump(jump.rate, together[0], tuple(kept), together[1])


def _refusal(model: LindbladModel, jump: Jump) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"TWA cannot treat the jump {jump}: it is not linear in the components of spins; "
        f"{advice(model, 'TWA')}."
    )


def ordering(model: LindbladModel) -> Array:
    r"""Return c of every site, shape (sites, 3, 3): (S_a S_b + S_b S_a)/2 <-> s_a s_b - c_ab.

    Tr c = 1/4 gives the Casimir identity, with s^2 = (S + 1/2)^2. A jump with Re(u) x Im(u) along n
    changes <S> at a rate that is quadratic in the spin, and exact with c = n n/4: this is taken for
    its site, and for sites without such a jump. Where there is none in the model, or several are
    along different axes, no direction is distinguished and c = 1/12. Noise and fields then turn a
    spin as they do in quantum mechanics, and moments that are exact once stay exact.
    """
    axes: list[list[Array]] = [[] for _ in model.sites]
    for jump in linear_jumps(model):
        for (site, _), vector in zip(jump.spins, jump.vectors, strict=True):
            axis = np.cross(vector.real, vector.imag)
            length = np.linalg.norm(axis)
            if length > 1e-12 * np.linalg.norm(vector) ** 2:
                axes[site].append(axis / length)
    return np.array([_along(own or list(chain(*axes))) for own in axes])


def _along(axes: Sequence[Array]) -> Array:
    """Return n n/4 if all axes are n or -n, or 1/12."""
    spread = sum((np.outer(axis, axis) for axis in axes), np.zeros((3, 3)))
    if len(axes) and np.allclose(spread, len(axes) * np.outer(axes[0], axes[0])):
        return spread / (4 * len(axes))
    return np.eye(3) / 12


def even_sites(model: LindbladModel) -> Array:
    """Return whether no direction of a spin is distinguished, see `ordering`; shape (sites,)."""
    return np.array([np.all(np.diag(c) == 1 / 12) for c in ordering(model)])


def is_spin_half(model: LindbladModel, site: int) -> bool:
    """Return whether a site is a spin 1/2, of which all symmetric products are numbers."""
    found = model.sites[site]
    return isinstance(found, Spin) and found.dimension == 2
