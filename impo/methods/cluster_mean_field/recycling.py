"""Jump operators on several sites, inside a cluster and across its edges.

Of a dissipator that reaches into other clusters, a cluster sees the trace over those, which have
the same density matrix. With L = sum_i A_i (x) B_i, B_i on the others, that is

    sum_ij <B_j^+ B_i> (A_i rho A_j^+ - {A_j^+ A_i, rho} / 2).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, eye_array, kron

from impo.arrays import Array
from impo.operators.components import Component, JointJump

_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Recycling:
    """rho -> A rho B^+ on a cluster."""

    left: csr_array
    right: csr_array

    @cached_property
    def _conjugate(self) -> csr_array:
        return csr_array(self.right.conj())

    def __call__(self, rho: Array) -> Array:
        """Return A rho B^+; rho may have one more axis, at the end."""
        shape, d = rho.shape, len(rho)
        turned = (self.left @ rho.reshape(d, -1)).reshape(shape).swapaxes(0, 1)
        found = self._conjugate @ np.ascontiguousarray(turned).reshape(d, -1)
        return np.asarray(found.reshape(shape).swapaxes(0, 1))


class Piece(NamedTuple):
    """What two products of a jump, or a term, do to one cluster.

    Attributes
    ----------
    effective
        -A_j^+ A_i / 2, which acts from the left and from the right.
    recycling
        rho -> A_i rho A_j^+; None of a Hamiltonian term, whose effective part is -i H.
    others
        B_j^+ B_i by the distance of the cluster on which it acts, in clusters.
    """

    effective: csr_array
    recycling: Recycling | None
    others: dict[int, csr_array]


def embed(dims: Sequence[int], factors: dict[int, Array]) -> csr_array:
    """Return a product of one-site matrices as a sparse matrix of the cluster."""
    out = eye_array(1, format="csr")
    for position, d in enumerate(dims):
        factor = csr_array(factors[position]) if position in factors else eye_array(d)
        out = kron(out, factor, format="csr")
    return csr_array(out)


def jump_in_frame(jump: JointJump, angles: Array, real: bool) -> JointJump | None:
    """Return a jump in the frame of the angles, or None if it is not real there."""
    parts = [turned(part, angles) for part in jump.parts]
    if not real:
        return replace(jump, parts=tuple(parts))
    free = parts[0].coefficient.conjugate() / abs(parts[0].coefficient)  # the phase of all of L
    parts = [replace(part, coefficient=part.coefficient * free) for part in parts]
    matrices = [matrix for part in parts for matrix in part.matrices]
    values = [part.coefficient for part in parts]
    if any(map(np.iscomplexobj, matrices)) or any(abs(c.imag) > _TINY * abs(c) for c in values):
        return None
    return replace(jump, parts=tuple(replace(p, coefficient=p.coefficient.real) for p in parts))


def turned(part: Component, angles: Array) -> Component:
    """Return a product in the frame of the angles."""
    n = len(angles)
    angle = sum(q * angles[p % n] for p, q in zip(part.positions, part.charges, strict=True))
    return replace(part, coefficient=complex(part.coefficient * np.exp(1j * angle)))


def jump_pieces(jump: JointJump, dims: Sequence[int]) -> Iterator[list[Piece]]:
    """Yield what a jump does to one cluster, for all clusters that may be it.

    A list with more than one piece is of a jump that leaves its cluster.
    """
    n = len(dims)
    clusters = sorted({p // n for p in jump.positions})
    if len(clusters) == 1:
        yield [_inside(jump, dims)]
    else:
        yield [piece for here in clusters for piece in _across(jump, dims, here)]


def _across(jump: JointJump, dims: Sequence[int], here: int) -> Iterator[Piece]:
    """Yield what a jump does to one of the clusters that it acts on.

    With L = sum_a A_a (x) B_a and different A_a on this cluster, for all pairs a, b; B_a is a sum
    of products over the other clusters.
    """
    found: dict[tuple[tuple[int, bytes], ...], tuple[csr_array, _Rest]] = {}
    away = {p // len(dims) - here for p in jump.positions} - {0}
    for part in jump.parts:
        factors_of = by_cluster(part, len(dims))
        mine = factors_of.pop(here, {})
        key = tuple((p, m.tobytes()) for p, m in sorted(mine.items()))
        others = {c - here: embed(dims, factors) for c, factors in factors_of.items()}
        found.setdefault(key, (embed(dims, mine), []))[1].append((part.coefficient, others))
    for (k, (a, right)), (m, (b, left)) in product(found.items(), repeat=2):
        for value, others in _means(right, left, away) if k or m else ():  # one acts here
            recycling = Recycling(csr_array(jump.rate * value * a), b)
            effective = csr_array(-(b.conj().T @ recycling.left) / 2)
            yield Piece(effective, recycling, others)


_Rest = list[tuple[complex, dict[int, csr_array]]]
"""Coefficients of products, and their factors by the distance of a cluster."""


def by_cluster(part: Component, n: int) -> dict[int, dict[int, Array]]:
    """Return the factors of a product by cluster and position there."""
    out: dict[int, dict[int, Array]] = {}
    for p, matrix in zip(part.positions, part.matrices, strict=True):
        out.setdefault(p // n, {})[p % n] = matrix
    return out


def _means(
    right: _Rest, left: _Rest, away: set[int]
) -> Iterator[tuple[complex, dict[int, csr_array]]]:
    """Yield value and operators, by cluster, whose means multiply A_a rho A_b^+.

    They are B_b^+ B_a: one operator if it lies on one cluster, else all pairs of products.
    """
    if not any(others for _, others in (*right, *left)):
        yield sum(c for c, _ in right) * sum(c for c, _ in left).conjugate(), {}
        return
    if len(away) > 1:
        for (x, ours), (y, theirs) in product(right, left):
            factors = {
                c: csr_array(theirs[c].conj().T @ ours[c]) if c in ours and c in theirs
                else ours[c] if c in ours else csr_array(theirs[c].conj().T)
                for c in {*ours, *theirs}
            }  # fmt: skip
            yield x * y.conjugate(), factors
        return
    (where,) = away
    order = next(o[where].shape[0] for _, o in (*right, *left) if o)
    one = csr_array(eye_array(order))
    a, b = (sum((c * o.get(where, one) for c, o in rest), 0 * one) for rest in (right, left))
    yield 1.0, {where: csr_array(b.conj().T @ a)}


def _inside(jump: JointJump, dims: Sequence[int]) -> Piece:
    """Return what a jump inside a cluster does, as one operator."""
    n, total = len(dims), csr_array((math.prod(dims),) * 2)
    for part in jump.parts:
        factors = {p % n: m for p, m in zip(part.positions, part.matrices, strict=True)}
        total = total + math.sqrt(jump.rate) * part.coefficient * embed(dims, factors)
    total = csr_array(total)
    return Piece(csr_array(-(total.conj().T @ total) / 2), Recycling(total, total), {})
