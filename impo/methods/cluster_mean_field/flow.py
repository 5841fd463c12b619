r"""The non-linear master equation of a cluster in the mean field of its copies.

A chain is cut into equal clusters, rho = rho_C (x) rho_C (x) ... (Huber, Kirton and Rabl, Eq. B1).
A term inside a cluster is kept; of a term that reaches into other clusters, each cluster sees its
own factors times the expectation of the others. With K = -iH - sum_j rate_j L_j^+ L_j / 2,

    d rho/dt = K[rho] rho + (K[rho] rho)^+ + sum_j rate_j L_j rho L_j^+.

Density matrices are dense, operators sparse, superoperators never formed: cost d^2 times the few
operators, memory a few d^2. Where the phases of S+ can be chosen, equal in all clusters, such that
-iH is real, real density matrices stay real, and half of the memory and more of the time is saved.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array, kron

from impo.arguments import UnsupportedModelError, fail, positive_integer
from impo.arrays import Array
from impo.methods.advice import advice, local_jumps
from impo.model import LindbladModel, Site
from impo.operators.components import Component
from impo.operators.liouvillian import infinite_chain
from impo.operators.local import charge_parts, frame, local_operators, state_charges
from impo.operators.symmetry import solve_modulo_pi

_TINY = 1e-12


@dataclass(frozen=True)
class _Field:
    """-i coefficient * operator of the cluster, times expectations of operators of its copies."""

    data: Array  # aligned with the data of K
    means: tuple[coo_array, ...]
    distances: tuple[int, ...]  # of these copies, in clusters


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
    fields: tuple[_Field, ...]
    jumps: tuple[tuple[int, Array], ...]
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
        self._recycle(half, rho)
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

    def _recycle(self, out: Array, rho: Array) -> None:
        """Add sum L rho L^+ / 2; both may have one more axis, at the end."""
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
        self._recycle(twice, block)
        return np.asarray(out + 2 * twice)

    def responses(self, rho: Array) -> tuple[Array, list[list[tuple[int, coo_array]]]]:
        """Return how fields move rho, and how small changes of the copies move the fields.

        Returns
        -------
        directions
            -i [O, rho] of the operator O that each field multiplies, shape (fields, d, d).
        changes
            For each field (distance, matrix M) whose Tr(M X) add up to its change, X the change of
            the copy at that distance.
        """
        directions, changes = [], []
        for field in self.fields:
            data = field.data.real if self.real else field.data
            operator = csr_array((data, *self._pattern), shape=self.effective.shape)
            # the fields add up to a Hermitian Hamiltonian, so what acts from the right is -K
            directions.append(operator @ rho - (operator.T @ rho.T).T)
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


def cluster_flow(model: LindbladModel, sites: int, coupled: bool = True) -> ClusterFlow:
    """Return the master equation of a cluster (Eqs. B2 to B5, for any one-dimensional model).

    Parameters
    ----------
    model
        A one-dimensional description.
    sites
        Number of sites of the cluster, a whole number of unit cells.
    coupled
        Whether the cluster feels the mean field of its copies, or is isolated.

    Raises
    ------
    ArgumentError
        If `sites` is not a whole number of unit cells.
    UnsupportedModelError
        If the model is not one-dimensional.
    """
    unit = len(model.sites)
    positive_integer("sites", sites)
    if model.dimension != 1:
        raise UnsupportedModelError(
            f"ClusterMeanField treats one-dimensional models; {advice(model, 'ClusterMeanField')}."
        )
    if sites % unit:
        raise fail("sites", f"a multiple of {unit} (sites of the unit cell)", sites)
    placed = [
        replace(term, positions=tuple(p + cell * unit for p in term.positions))
        for term in _terms_of_a_cell(model)
        for cell in range(sites // unit)
    ]
    chosen = tuple(model.sites[j % unit] for j in range(sites))
    for period in (unit, sites):  # equal phases in all cells if possible
        angles = _angles(placed, period)
        if angles is not None:
            angles = np.tile(angles, sites // period)
            flow = _assemble(model, chosen, angles, placed, coupled)
            if flow is not None:
                return flow
    flow = _assemble(model, chosen, None, placed, coupled)
    assert flow is not None
    return flow


def _terms_of_a_cell(model: LindbladModel) -> list[Component]:
    """Return the Hamiltonian terms of one unit cell, charge-resolved, in the physical frame."""
    terms = infinite_chain(model).physical().components  # every one begins inside the tile
    return [term for term in terms if min(term.positions) < len(model.sites)]


def _angles(terms: list[Component], sites: int) -> Array | None:
    """Return phases of `sites` sites, periodic in them, that make -iH real, or None."""
    rows, targets = [], []
    for term in terms:
        row = [0] * sites
        for p, q in zip(term.positions, term.charges, strict=True):
            row[p % sites] += q
        rows.append(row)
        targets.append(math.pi / 2 - float(np.angle(term.coefficient)))
    return solve_modulo_pi(rows, targets, sites)


def _assemble(
    model: LindbladModel,
    sites: Sequence[Site],
    angles: Array | None,
    terms: Sequence[Component],
    coupled: bool,
) -> ClusterFlow | None:
    """Return the flow in the frame of the angles, or None if it is not real there."""
    real = angles is not None
    angles = np.zeros(len(sites)) if angles is None else angles
    dims = [site.dimension for site in sites]
    parts = [_product(dims, angles, term) for term in terms]
    if real and any(abs(value.imag) > _TINY * abs(value) for value, _ in parts):
        return None
    jumps = _jumps(model, sites, angles, real)
    if jumps is None:
        return None
    effective = csr_array((math.prod(dims),) * 2, dtype=complex)
    fields: list[tuple[csr_array, dict[int, csr_array]]] = []
    for value, operators in parts:
        if len(operators) == 1:
            effective = effective + value * next(iter(operators.values()))
        elif coupled:
            for here, operator in operators.items():
                others = {c - here: other for c, other in operators.items() if c != here}
                fields.append((value * operator, others))
    for position, matrix in jumps:
        effective = effective - _embed(dims, {position: matrix.conj().T @ matrix}) / 2
    charges = tuple(_charges(model, sites, terms))
    aligned = _aligned(effective, fields)
    return ClusterFlow(model, tuple(sites), angles, real, *aligned, tuple(jumps), charges)


def _product(
    dims: list[int], angles: Array, term: Component
) -> tuple[complex, dict[int, csr_array]]:
    """Return -i times the coefficient of a term, and its operators by the cluster they act on."""
    n = len(dims)
    angle = sum(q * angles[p % n] for p, q in zip(term.positions, term.charges, strict=True))
    by_cluster: dict[int, dict[int, Array]] = {}
    for p, matrix in zip(term.positions, term.matrices, strict=True):
        by_cluster.setdefault(p // n, {})[p % n] = matrix
    operators = {cluster: _embed(dims, factors) for cluster, factors in by_cluster.items()}
    return -1j * term.coefficient * np.exp(1j * angle), operators


def _aligned(
    effective: csr_array, fields: Sequence[tuple[csr_array, dict[int, csr_array]]]
) -> tuple[csr_array, tuple[_Field, ...]]:
    """Return K and the operators of the fields as elements of one common sparse pattern."""
    pattern = csr_array(sum((abs(operator) for operator, _ in fields), abs(effective)))
    pattern.sort_indices()
    coo = pattern.tocoo()

    def elements(operator: csr_array) -> Array:
        if not pattern.nnz:
            return np.zeros(0, dtype=complex)
        return np.asarray(operator[coo.row, coo.col]).reshape(-1)

    data = (elements(effective), pattern.indices, pattern.indptr)
    return csr_array(data, shape=effective.shape), tuple(
        _Field(elements(csr_array(operator)), tuple(map(coo_array, others.values())), tuple(others))
        for operator, others in fields
    )


def _embed(dims: list[int], factors: dict[int, Array]) -> csr_array:
    """Return a product of one-site matrices as a sparse matrix of the cluster."""
    out = eye_array(1, format="csr")
    for position, d in enumerate(dims):
        factor = csr_array(factors[position]) if position in factors else eye_array(d)
        out = kron(out, factor, format="csr")
    return csr_array(out)


def _active_jumps(
    model: LindbladModel, sites: Sequence[Site]
) -> Iterator[tuple[int, Site, float, Array]]:
    """Yield (position, site, rate, L) of the jumps with a rate."""
    for position, site in enumerate(sites):
        for rate, op, where in local_jumps(model, "ClusterMeanField"):
            if where == position % len(model.sites) and rate > 0:
                yield position, site, rate, local_operators(site)[op]


def _jumps(
    model: LindbladModel, sites: Sequence[Site], angles: Array, real: bool
) -> list[tuple[int, Array]] | None:
    """Return (position, sqrt(rate) L) in the frame of the angles, or None if not real there."""
    jumps = []
    for position, site, rate, jump in _active_jumps(model, sites):
        phase = np.exp(1j * angles[position] * state_charges(site))
        matrix = phase[:, None] * (jump * math.sqrt(rate)) * phase.conj()
        pivot = matrix.flat[np.argmax(np.abs(matrix))]
        matrix = matrix * (np.abs(pivot) / pivot)  # the phase of a jump operator is free
        if real and np.abs(matrix.imag).max() > _TINY * np.abs(matrix).max():
            return None
        matrix = matrix.real.copy() if np.abs(matrix.imag).max() == 0 or real else matrix
        jumps.append((position, matrix))
    return jumps


def _charges(
    model: LindbladModel, sites: Sequence[Site], terms: Sequence[Component]
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the rows of `ClusterFlow.charges`."""
    for term in terms:
        yield tuple(zip(term.positions, term.charges, strict=True))
    for position, site, _, jump in _active_jumps(model, sites):
        first, *others = charge_parts(site, jump)
        for q in others:
            yield ((position, q - first),)
