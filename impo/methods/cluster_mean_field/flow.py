r"""The non-linear master equation of a cluster in the mean field of its copies.

A chain is cut into equal clusters, rho = rho_C (x) rho_C (x) ... (Huber, Kirton and Rabl, Eq. B1).
A term inside a cluster is kept; of a term that reaches into other clusters, each cluster sees its
own factors times the expectation of the others. With K = -iH - sum_j rate_j L_j^+ L_j / 2,

    d rho/dt = K[rho] rho + (K[rho] rho)^+ + sum_j rate_j L_j rho L_j^+.

Of a jump operator that reaches into other clusters, each cluster sees the trace over those
(`impo.methods.cluster_mean_field.recycling`).

Density matrices are dense, operators sparse, superoperators never formed: cost d^2 times the few
operators, memory a few d^2. Where the phases of S+ can be chosen, equal in all clusters, such that
-iH is real, real density matrices stay real, and half of the memory and more of the time is saved.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from impo.arrays import Array
from impo.methods.cluster_mean_field.recycling import Recycling
from impo.model import LindbladModel, Site
from impo.operators.local import frame


@dataclass(frozen=True)
class Field:
    """A part of the motion times expectations of operators of the copies.

    It is O rho + (O rho)^+ with O = -i coefficient * operator of the cluster, or that of a jump,
    and what the jump recycles.
    """

    data: Array  # of O, aligned with the data of K
    means: tuple[coo_array, ...]
    distances: tuple[int, ...]  # of these copies, in clusters
    recycling: Recycling | None = None


@dataclass(frozen=True)
class ClusterFlow:
    """d rho/dt of a cluster that feels the mean field of its copies.

    Attributes
    ----------
    model
        The description, one-dimensional.
    sites
        The sites of the cluster in order.
    angles
        Phase phi_j of each site, S+_j = e^{i phi_j} S~+_j; zeros if there is no real frame.
    real
        Whether -iH and the jumps are real in this frame.
    charges
        (position, what is added to m or n there) of all that a symmetry about z must respect: the
        terms, and what tells the parts of a jump operator apart.
    """

    model: LindbladModel
    sites: tuple[Site, ...]
    angles: Array
    real: bool
    effective: csr_array
    fields: tuple[Field, ...]
    jumps: tuple[tuple[int, Array], ...]
    recycled: tuple[Recycling, ...]
    charges: tuple[tuple[tuple[int, int], ...], ...] = ()

    @property
    def dims(self) -> tuple[int, ...]:
        """Dimensions of the sites."""
        return tuple(site.dimension for site in self.sites)

    @property
    def dimension(self) -> int:
        """Dimension d of the Hilbert space of the cluster."""
        return math.prod(self.dims)

    def field_values(self, rho: Array) -> Array:
        """Return the product of expectations that multiplies each mean-field operator."""
        values = [math.prod(expectation(o, rho) for o in field.means) for field in self.fields]
        return np.array(values)

    def largest_fields(self) -> Array:
        """Return bounds on the size of `field_values`: products of operator norms."""
        norms = [
            [math.sqrt(abs(o).sum(axis=0).max() * abs(o).sum(axis=1).max()) for o in field.means]
            for field in self.fields
        ]
        return np.array([math.prod(norm) for norm in norms])

    def rate(self, rho: Array, fields: Array | None = None) -> Array:
        """Return d rho/dt of a Hermitian rho; in given fields rather than its own if any."""
        values = self.field_values(rho) if fields is None else fields
        half = self._driven(self.effective.data + self._field_data(values), rho)
        self._recycle(half, rho, values)
        # adding the adjoint of all of it keeps rounding from growing in the anti-Hermitian part
        return half + half.conj().T

    def linear_rate(self, rho: Array, fields: Array, delta: Array) -> Array:
        """Return the change of d rho/dt with a small Hermitian change of rho, whose fields move."""
        moved = np.zeros(len(self.fields), dtype=complex)
        for i, field in enumerate(self.fields):
            here = [expectation(o, rho) for o in field.means]
            for j, o in enumerate(field.means):
                moved[i] += expectation(o, delta) * math.prod(here[:j] + here[j + 1 :])
        half = self._driven(self._field_data(moved), rho)
        self._recycle_in_fields(half, rho, moved)
        return self.rate(delta, fields) + half + half.conj().T

    def _field_data(self, values: Array) -> Array:
        """Return the mean-field part of K, as elements of the common sparse pattern."""
        total: Array = np.zeros_like(self.effective.data)
        return sum((v * f.data for v, f in zip(values, self.fields, strict=True)), total)

    @cached_property
    def _matrix(self) -> csr_array:
        """A matrix with the pattern of K, whose elements are replaced at each use."""
        data = self.effective.data.real if self.real else self.effective.data
        return csr_array((data, *self._pattern), shape=self.effective.shape)

    def _driven(self, data: Array, rho: Array) -> Array:
        """Return K rho for the elements of K."""
        self._matrix.data = np.ascontiguousarray(data.real) if self.real else data
        return np.asarray(self._matrix @ rho)

    @cached_property
    def _bands(self) -> list[tuple[tuple[int, int, int], list[tuple[Any, Any, Array]]]]:
        """Shapes, slices and weights that add L rho L^+ / 2, diagonal after diagonal of each L."""
        out = []
        for position, jump in self.jumps:
            left, d = math.prod(self.dims[:position]), self.dims[position]
            diagonals = [q for q in range(-d + 1, d) if np.any(np.diagonal(jump, q))]
            parts, every = [], slice(None)
            for q, p in product(diagonals, repeat=2):
                (rows, columns), (below, beside) = _band(d, q), _band(d, p)
                both = np.multiply.outer(np.diagonal(jump, q), np.diagonal(jump, p).conj()) / 2
                target = (every, rows, every, every, below)
                source = (every, columns, every, every, beside)
                parts.append((target, source, both[None, :, None, None, :, None]))
            out.append(((left, d, self.dimension // (left * d)), parts))
        return out

    def _recycle_in_fields(self, out: Array, rho: Array, values: Array) -> None:
        """Add half of what jumps across the edges recycle, for given means of the copies."""
        for value, field in zip(values, self.fields, strict=True):
            if field.recycling is not None:
                out += (value.real if self.real else value) / 2 * field.recycling(rho)

    def _recycle(self, out: Array, rho: Array, values: Array) -> None:
        """Add sum L rho L^+ / 2; both may have one more axis, at the end."""
        self._recycle_in_fields(out, rho, values)
        for recycling in self.recycled:
            out += recycling(rho) / 2
        for shape, parts in self._bands:
            target = out.reshape(shape * 2 + out.shape[2:])
            source = rho.reshape(shape * 2 + out.shape[2:])
            for rows, columns, weights in parts:
                weights = weights[..., None] if out.ndim > 2 else weights
                target[rows] += weights * source[columns]

    def frozen_rate(self, block: Array, fields: Array) -> Array:
        """Return d X/dt in given fields of any matrices, Hermitian or not, shape (d, d, count)."""
        d, shape = self.dimension, block.shape
        data = self.effective.data + self._field_data(fields)
        out = np.ascontiguousarray(self._driven(data, block.reshape(d, -1)).reshape(shape))
        turned = np.ascontiguousarray(block.transpose(1, 0, 2)).reshape(d, -1)
        out += self._driven(data.conj(), turned).reshape(shape).transpose(1, 0, 2)
        twice = np.zeros_like(out)
        self._recycle(twice, block, fields)
        return np.asarray(out + 2 * twice)

    def responses(self, rho: Array) -> tuple[Array, list[list[tuple[int, coo_array]]]]:
        """Return how fields move rho, and how small changes of the copies move the fields.

        Returns
        -------
        directions
            What each field multiplies: -i [O, rho] of an operator O, or what a jump across the
            edges does; shape (fields, d, d).
        changes
            For each field (distance, matrix M) whose Tr(M X) add up to its change, X the change of
            the copy at that distance.
        """
        directions, changes = [], []
        for field in self.fields:
            data = field.data.real if self.real else field.data
            operator = csr_array((data, *self._pattern), shape=self.effective.shape)
            left, right = operator @ rho, (operator.T @ rho.T).T
            if field.recycling is None:  # they add up to a Hermitian Hamiltonian times -i
                directions.append(left - right)
            else:
                directions.append(left + right + field.recycling(rho))
            here = [expectation(o, rho) for o in field.means]
            others = [math.prod(here[:j] + here[j + 1 :]) for j in range(len(here))]
            parts = zip(field.distances, field.means, others, strict=True)
            changes.append([(distance, coo_array(o * rest)) for distance, o, rest in parts])
        return np.array(directions).reshape(-1, *rho.shape), changes

    @property
    def _pattern(self) -> tuple[Array, Array]:
        return self.effective.indices, self.effective.indptr

    def frame(self) -> Array:
        """Return the diagonal u with rho_physical = u rho u^+, shape (d,)."""
        return frame(self.sites, self.angles)


def expectation(operator: coo_array, rho: Array) -> complex:
    """Return Tr(O rho) for a sparse O."""
    return complex((operator.data * rho[operator.col, operator.row]).sum())


def _band(d: int, q: int) -> tuple[slice, slice]:
    """Return the rows and columns of the q-th diagonal of a d by d matrix."""
    return slice(max(-q, 0), d - max(q, 0)), slice(max(q, 0), d - max(-q, 0))
