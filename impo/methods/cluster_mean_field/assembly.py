"""The motion of a cluster in the mean field of its copies, from a description."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

import numpy as np
from scipy.sparse import coo_array, csr_array

from impo.arguments import UnsupportedModelError, fail, positive_integer
from impo.arrays import Array
from impo.methods.advice import advice
from impo.methods.cluster_mean_field.flow import ClusterFlow, Field
from impo.methods.cluster_mean_field.recycling import (
    Piece,
    by_cluster,
    embed,
    jump_in_frame,
    jump_pieces,
    turned,
)
from impo.model import LindbladModel, Site
from impo.operators.components import Component, JointJump
from impo.operators.liouvillian import Generator, infinite_chain
from impo.operators.local import charge_parts, state_charges
from impo.operators.symmetry import differences, equation, solve_modulo_pi

_TINY = 1e-12

_Part = TypeVar("_Part", Component, JointJump)


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
    cell = infinite_chain(model).physical()
    chosen = tuple(model.sites[j % unit] for j in range(sites))
    for period in (unit, sites):  # equal phases in all cells if possible
        angles = _angles(cell, period)
        if angles is not None:
            flow = _assemble(cell, chosen, np.tile(angles, sites // period), True, coupled)
            if flow is not None:
                return flow
    flow = _assemble(cell, chosen, np.zeros(sites), False, coupled)
    assert flow is not None
    return flow


def _copies(cell: Generator, parts: Iterable[_Part], sites: int) -> list[_Part]:
    """Return terms or jumps of all cells of a cluster; each begins inside the tile."""
    unit = len(cell.model.sites)
    return [
        part.moved(shift)
        for part in parts
        if part.positions[0] < unit
        for shift in range(0, sites, unit)
    ]


def _angles(cell: Generator, sites: int) -> Array | None:
    """Return phases of `sites` sites, periodic in them, that make the motion real, or None.

    The equations of one cell hold in all cells of the period.
    """
    conditions = [
        (
            equation(sites, term.positions, term.charges),
            math.pi / 2 - float(np.angle(term.coefficient)),
        )
        for term in _copies(cell, cell.components, sites)
    ]
    for jump in _copies(cell, cell.joint_jumps, sites):
        conditions += differences(sites, jump)
    # without the advance per tile
    return solve_modulo_pi(
        [row[:sites] for row, _ in conditions], [a for _, a in conditions], sites
    )


def _assemble(
    cell: Generator, sites: Sequence[Site], angles: Array, real: bool, coupled: bool
) -> ClusterFlow | None:
    """Return the flow in the frame of the angles, or None if it should be real there and is not."""
    dims = [site.dimension for site in sites]
    terms = _copies(cell, cell.components, len(sites))
    parts = [_product(dims, angles, term) for term in terms]
    if real and not all(map(_is_real, terms, (value for value, _ in parts))):
        return None
    jumps = _jumps(cell, sites, angles, real)
    joint = [
        jump_in_frame(jump, angles, real) for jump in _copies(cell, cell.joint_jumps, len(sites))
    ]
    if jumps is None or None in joint:
        return None
    effective = csr_array((math.prod(dims),) * 2, dtype=complex)
    for position, matrix in jumps:
        effective = effective - embed(dims, {position: matrix.conj().T @ matrix}) / 2
    inside: list[Piece] = []
    fields: list[Piece] = []
    for operators in chain(_term_pieces(parts), *(jump_pieces(j, dims) for j in joint if j)):
        for piece in operators if coupled or len(operators) == 1 else ():
            (fields if piece.others else inside).append(piece)
    effective = sum((piece.effective for piece in inside), effective)
    recycled = tuple(piece.recycling for piece in inside if piece.recycling is not None)
    return ClusterFlow(
        cell.model, tuple(sites), angles, real, *_aligned(effective, fields), tuple(jumps),
        recycled, tuple(_charges(cell, sites)),
    )  # fmt: skip


def _is_real(term: Component, value: complex) -> bool:
    """Return whether -i times a term is real in a frame, where it has this coefficient."""
    matrices = not any(map(np.iscomplexobj, term.matrices))
    return matrices and abs(value.imag) <= _TINY * abs(value)


def _term_pieces(parts: Iterable[tuple[complex, dict[int, csr_array]]]) -> Iterator[list[Piece]]:
    """Yield what each Hamiltonian term does to one cluster, for all clusters that may be it."""
    for value, operators in parts:
        yield [
            Piece(
                csr_array(value * operator), None,
                {c - here: other for c, other in operators.items() if c != here},
            )
            for here, operator in operators.items()
        ]  # fmt: skip


def _product(
    dims: list[int], angles: Array, term: Component
) -> tuple[complex, dict[int, csr_array]]:
    """Return -i times the coefficient of a term, and its operators by the cluster they act on."""
    factors = by_cluster(term, len(dims))
    operators = {cluster: embed(dims, found) for cluster, found in factors.items()}
    return -1j * turned(term, angles).coefficient, operators


def _aligned(effective: csr_array, fields: Sequence[Piece]) -> tuple[csr_array, tuple[Field, ...]]:
    """Return K and the operators of the fields as elements of one common sparse pattern."""
    pattern = csr_array(sum((abs(field.effective) for field in fields), abs(effective)))
    pattern.sort_indices()
    coo = pattern.tocoo()

    def elements(operator: csr_array) -> Array:
        if not pattern.nnz:
            return np.zeros(0, dtype=complex)
        return np.asarray(operator[coo.row, coo.col]).reshape(-1)

    data = (elements(effective), pattern.indices, pattern.indptr)
    return csr_array(data, shape=effective.shape), tuple(
        Field(
            elements(field.effective), tuple(map(coo_array, field.others.values())),
            tuple(field.others), field.recycling,
        )
        for field in fields
    )  # fmt: skip


def _active_jumps(
    cell: Generator, sites: Sequence[Site]
) -> Iterator[tuple[int, Site, float, Array]]:
    """Yield (position, site, rate, L) of the jumps on one site with a rate."""
    unit = len(cell.model.sites)
    for position, site in enumerate(sites):
        for where, rate, matrix in cell.jumps:
            if where == position % unit and rate > 0:
                yield position, site, rate, matrix


def _jumps(
    cell: Generator, sites: Sequence[Site], angles: Array, real: bool
) -> list[tuple[int, Array]] | None:
    """Return (position, sqrt(rate) L) in the frame of the angles, or None if not real there."""
    jumps = []
    for position, site, rate, jump in _active_jumps(cell, sites):
        phase = np.exp(1j * angles[position] * state_charges(site))
        matrix = phase[:, None] * (jump * math.sqrt(rate)) * phase.conj()
        pivot = matrix.flat[np.argmax(np.abs(matrix))]
        matrix = matrix * (np.abs(pivot) / pivot)  # the phase of a jump operator is free
        if real and np.abs(matrix.imag).max() > _TINY * np.abs(matrix).max():
            return None
        matrix = matrix.real.copy() if np.abs(matrix.imag).max() == 0 or real else matrix
        jumps.append((position, matrix))
    return jumps


def _charges(cell: Generator, sites: Sequence[Site]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the rows of `ClusterFlow.charges`."""
    for term in _copies(cell, cell.components, len(sites)):
        yield tuple(zip(term.positions, term.charges, strict=True))
    for position, site, _, jump in _active_jumps(cell, sites):
        first, *others = charge_parts(site, jump)
        for q in others:
            yield ((position, q - first),)
    for joint in _copies(cell, cell.joint_jumps, len(sites)):
        start, *parts = [tuple(zip(x.positions, x.charges, strict=True)) for x in joint.parts]
        for part in parts:
            yield (*part, *((position, -q) for position, q in start))
