r"""Moments of ensembles of classical spins, and the quantum averages that they stand for.

Independent groups of trajectories are kept apart, so that the standard error of anything computed
from the moments follows from a jackknife over groups, whatever the correlations in time and space.

Ordering of operators of one spin, for a vector of sharp length S + 1/2 and components a, b:

    S_a S_b  <->  s_a s_b - c_ab + (i/2) sum_d epsilon_abd s_d,        Tr c = 1/4,

with c from `jumps.ordering`. Of spins 1/2 in the hybrid scheme (S_a S_b + S_b S_a)/2 is the number
delta_ab/4, and s_a s_b of one spin is replaced by delta_ab/4 + c_ab. In the other scheme, for jumps
S^+ and S^-, it is S_z^2 <-> s_z^2 - 1/4 and S^+ S^- <-> s_x^2 + s_y^2 + s_z. This obeys the Casimir
identity and gives the exact rate of change of <S_z>. Operators of different spins are multiplied as
they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import ArgumentError, fail, non_negative_integer, one_of
from impo.arrays import Array, read_only
from impo.methods.twa.lengths import decay_of, of_both
from impo.operators.local import SPIN_VECTORS, spin_vector
from impo.operators.local_products import Linear
from impo.results.decay import left_out
from impo.results.estimate import Estimate
from impo.results.modes import UNCORRELATED, Decay, no_decay


def symbol(forms: Sequence[Linear], spins: Array, half: bool = False) -> Array:
    """Return the classical value of one or two operators c + u.S of vectors, shape (..., 3).

    Of spins 1/2, `half`, the symmetric product (u.S)(v.S) is the number u.v/4.
    """
    values = [c + spins @ u for c, u in forms]
    if len(values) == 1:
        return np.asarray(values[0])
    (c, u), (d, v) = forms
    order = 0.5j * spins @ np.cross(u, v)
    if half:
        return np.asarray(c * values[1] + d * values[0] - c * d + u @ v / 4 + order)
    return np.asarray(values[0] * values[1] + order - u[2] * v[2] / 4)


def linear(op: str | Linear) -> tuple[Array, complex]:
    """Return u and c of an operator u.S + c."""
    if not isinstance(op, str):
        return op[1], op[0]
    if one_of("op", op, ("Id", *SPIN_VECTORS)) == "Id":
        return np.zeros(3), 1.0
    return spin_vector(op), 0.0


def jackknife(function: Callable[..., Array], *samples: Array) -> tuple[Array, Array]:
    """Return function(means) and the standard error, from samples with groups as first axis.

    The function must accept any leading axes. The error of a complex number is that of a vector.
    """
    groups = len(samples[0])
    value = function(*[sample.mean(axis=0) for sample in samples])
    others = function(*map(left_out, samples))
    spread = np.abs(others - others.mean(axis=0)) ** 2
    return value, np.sqrt((groups - 1) / groups * spread.sum(axis=0))


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of the spins of a lattice of cells, averaged over cells, by groups of trajectories.

    Attributes
    ----------
    first
        <s>, shape (groups, ..., sites, 3).
    second
        <s_mu(0) s_nu(r)>, shape (groups, ..., *distances, 3 sites, 3 sites), mu = 3 site + alpha.
        Distances are 0 ... L // 2 cells along the first direction; along a second one all, the
        negative ones counted from the end.
    shape
        Number of cells in each direction.
    starts
        Number of groups that began in the first of two starts; 0 if there was only one start.
    agree
        Whether the two starts agree. If they do not, their difference is part of every error.
    ordering
        c of every site, shape (sites, 3, 3); None for S_z^2 <-> s_z^2 - 1/4.
    """

    first: Array
    second: Array
    shape: tuple[int, ...]
    starts: int = 0
    agree: bool = True
    ordering: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", read_only(self.first))
        object.__setattr__(self, "second", read_only(self.second))

    def estimate(self, function: Callable[..., Array], *samples: Array) -> Estimate:
        """Return a function of averages over the groups, with its error: see `jackknife`."""
        value, error = jackknife(function, *samples)
        if not self.agree:
            one, two = (
                function(*[sample[part].mean(axis=0) for sample in samples])
                for part in (slice(self.starts), slice(self.starts, None))
            )
            error = np.hypot(error, np.abs(one - two))
        return Estimate(value, error)

    def half(self, number: int) -> "Moments":
        """Return the moments of the first (0) or second (1) of the two starts alone."""
        part = slice(self.starts) if number == 0 else slice(self.starts, None)
        return Moments(self.first[part], self.second[part], self.shape, ordering=self.ordering)

    def pair(self, op_a: str | Linear, op_b: str | Linear, sites: tuple[int, int]) -> Array:
        """Return <A(0) B(r)> by groups, shape (groups, ..., *distances)."""
        count = self.first.shape[-2]
        for site in sites:
            if non_negative_integer("site", site) >= count:
                raise fail("site", f"below {count} (sites of the unit cell)", site)
        a, b = sites
        block = self.second[..., 3 * a : 3 * a + 3, 3 * b : 3 * b + 3]
        (u, c), (v, d) = linear(op_a), linear(op_b)
        pair: Array = np.einsum("a,...ab,b->...", u, block, v, optimize=True)
        constant = c * (self.first[..., b, :] @ v) + d * (self.first[..., a, :] @ u) + c * d
        pair = pair + constant.reshape(*constant.shape, *[1] * len(self.shape))
        if a == b:
            known = np.diag([0, 0, 0.25]) if self.ordering is None else self.ordering[a]
            ordering = 0.5j * self.first[..., a, :] @ np.cross(u, v) - u @ known @ v
            pair = pair.astype(complex)
            zero: Any = (..., *[0] * len(self.shape))
            pair[zero] += ordering
        return pair

    def expect(self, op: str) -> Estimate:
        """Return <op> on every site of the cell."""
        u, c = linear(op)
        return self.estimate(lambda mean: _real(mean @ u + c, op), self.first)

    def variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site of the cell."""
        u, c = linear(op)
        zero: Any = (..., *[0] * len(self.shape))
        squares = np.stack(
            [self.pair(op, op, (site, site))[zero] for site in range(self.first.shape[-2])],
            axis=-1,
        )
        return self.estimate(
            lambda mean, square: _real(square - (mean @ u + c) ** 2, op), self.first, squares
        )

    def correlation(self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int) -> Estimate:
        """Return <A(0) B(r)> for r = 0 ... max_cells along the first direction, at most L // 2."""
        pair = self._along(self.pair(op_a, op_b, sites))
        last = non_negative_integer("max_cells", max_cells) + 1
        return self.estimate(lambda mean: mean, pair[..., :last])

    def _along(self, pair: Array) -> Array:
        """Return distances 0 ... L // 2 along the first direction, as the last axis."""
        index: Any = (..., slice(None), *[0] * (len(self.shape) - 1))
        return np.asarray(pair[index])

    def decay(self, op_a: str, op_b: str, sites: tuple[int, int], periodic: bool) -> Decay:
        """Return how <A(0) B(r)> - <A><B> decays along the first direction, in cells."""
        (u, c), (v, d) = linear(op_a), linear(op_b)
        pair = self._along(self.pair(op_a, op_b, sites))
        if "Id" in (op_a, op_b):  # nothing is correlated with a number
            return no_decay(UNCORRELATED)
        if pair.shape[-1] < 4:
            return no_decay("A length needs at least six cells.")

        def fit(groups: slice) -> Decay:
            chosen = [sample[groups] for sample in (pair, self.first)]
            left, mean = map(left_out, chosen)
            product = (mean[:, sites[0]] @ u + c) * (mean[:, sites[1]] @ v + d)
            return decay_of(left - product[:, None], self.shape[0] if periodic else None)

        whole = fit(slice(None))
        if self.agree:
            return whole
        return of_both(whole, fit(slice(self.starts)), fit(slice(self.starts, None)))

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int]
    ) -> Estimate:
        """Return sum_r exp(i k r) (<A(0) B(r)> - <A><B>), |r| <= L // 2 in every direction."""
        dimension = len(self.shape)
        waves = np.asarray(k, dtype=float)
        waves = waves[..., None] if dimension == 1 else waves
        if waves.shape[-1:] != (dimension,):
            raise ArgumentError(f"Argument `k` must have {dimension} components per wave vector.")
        pair = self.pair(op_a, op_b, sites)
        mirror = self.pair(op_b, op_a, sites[::-1])  # <A(0) B(-r)> = <B(0) A(r)>
        phases = np.ones((*waves.shape[:-1], *[1] * dimension), dtype=complex)
        for axis, length in enumerate(self.shape):
            stored = pair.shape[axis - dimension]
            r = np.arange(stored) if axis == 0 else np.fft.fftfreq(stored, 1 / stored)
            far = np.abs(r) == length / 2  # reached from both sides: half each
            weight = np.where(
                np.abs(r) < length / 2, 1.0, far / 2 if axis == 0 else far / max(far.sum(), 1)
            )
            place = [1] * dimension
            place[axis] = stored
            angle = waves[..., axis].reshape(*waves.shape[:-1], *[1] * dimension) * r.reshape(place)
            phases = phases * weight.reshape(place) * np.exp(1j * angle)
        once = phases.copy()
        row: Any = (..., 0, *[slice(None)] * (dimension - 1))
        once[row] = 0  # r and -r both count, but 0 only once
        (u, c), (v, d) = linear(op_a), linear(op_b)
        axes = tuple(range(-dimension, 0))

        def transform(pair: Array, mirror: Array, mean: Array) -> Array:
            product = (mean[..., sites[0], :] @ u + c) * (mean[..., sites[1], :] @ v + d)
            product = product.reshape(*product.shape, *[1] * dimension)
            ahead = np.tensordot(pair - product, phases, axes=(axes, axes))
            behind = np.tensordot(mirror - product, once.conj(), axes=(axes, axes))
            return np.asarray(ahead + behind)

        return self.estimate(transform, pair, mirror, self.first)


def _real(value: Array, op: str) -> Array:
    """Drop the imaginary part of an average of a Hermitian operator."""
    return value if op in ("S+", "S-") else np.real(value)
