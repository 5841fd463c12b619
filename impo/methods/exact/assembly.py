"""The Liouvillian of a finite cluster in one charge sector, as a sparse matrix.

It is assembled on the products of one-site operators by index arithmetic.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from scipy import sparse

from impo.arrays import Array
from impo.methods.exact.sector import Sector, operator_positions
from impo.operators.liouvillian import Generator
from impo.operators.sparse_basis import SparseBasis, joint_dissipator

_ROUNDING = 1e-14
_FEW_STATES = 64  # a superoperator on sites with so few states in all is one sparse matrix

_BATCH = 2**16  # entries that are added at once

_Entries = tuple[Array, Array, Array]
_Products = Iterator[list[tuple[tuple[int, ...], sparse.csc_array]]]
"""Superoperators as products; a factor is (positions, matrix on the sites there)."""


def _coherent(
    generator: Generator, columns: Sequence[SparseBasis], rows: Sequence[SparseBasis]
) -> _Products:
    """Yield -i[H, .] as products of sparse one-site superoperators."""
    for term in generator.components:
        pairs = list(zip(term.positions, term.matrices, strict=True))
        for factor in (-1j, 1j):
            matrices = [
                columns[p].left(m, rows[p]) if factor == -1j else columns[p].right(m, rows[p])
                for p, m in pairs
            ]
            yield _product(generator, term.positions, factor * term.coefficient, matrices)


def _product(
    generator: Generator, positions: Sequence[int], value: complex,
    matrices: Sequence[sparse.csc_array],
) -> list[tuple[tuple[int, ...], sparse.csc_array]]:  # fmt: skip
    """Return value * product of one-site superoperators; the value is real in a real frame."""
    matrices = [(value.real if generator.mirror else value) * matrices[0], *matrices[1:]]
    return [((p,), matrix) for p, matrix in zip(positions, matrices, strict=True)]


def _dissipative(
    generator: Generator, columns: Sequence[SparseBasis], rows: Sequence[SparseBasis]
) -> _Products:
    """Yield the dissipators: of a jump on one site or on few states as one superoperator."""
    for position, rate, matrix in generator.jumps:
        if rate > 0:
            loss = rate * columns[position].dissipator(matrix, rows[position])
            yield [((position,), loss)]
    for jump in generator.joint_jumps:
        where = jump.positions
        if math.prod(columns[p].dimension for p in where) <= _FEW_STATES:
            bases = [[basis[p] for p in where] for basis in (columns, rows)]
            yield [(where, jump.rate * joint_dissipator(jump.matrix(), *bases))]
            continue
        for pair in jump.pairs():
            if not pair.factors:
                continue  # a constant
            matrices = [
                (columns[p].sandwich(a, b, rows[p]), columns[p].left(b @ a, rows[p]),
                 columns[p].right(b @ a, rows[p]))
                for p, (a, b) in pair.factors.items()
            ]  # fmt: skip
            for size, chosen in zip((1, -0.5, -0.5), zip(*matrices, strict=True), strict=True):
                yield _product(generator, list(pair.factors), size * pair.coefficient, chosen)


def liouvillian(sector: Sector, rows: Sector | None = None) -> sparse.csr_array:
    """Return the Liouvillian of a sector as a sparse matrix.

    Parameters
    ----------
    sector
        The products that the state is expanded in.
    rows
        A sector with larger bases that takes the result: the Liouvillian is then not projected.

    Returns
    -------
    scipy.sparse.csr_array
        Real if the generator has a gauge that makes it so, else complex.
    """
    rows = rows or sector
    coherent, dissipative = (
        _sum(sector, rows, terms(sector.generator, sector.bases, rows.bases))
        for terms in (_coherent, _dissipative)
    )
    return sparse.csr_array((coherent + dissipative).tocsc().tocsr())


def _sum(sector: Sector, rows: Sector, products: _Products) -> sparse.csr_array:
    """Return a sum of products, without what only rounding leaves where they cancel.

    The Hamiltonian and the dissipators are added up apart: where the fast rotation of a field
    cancels, a slow decay beside it is no rounding.
    """
    shape = (len(rows), len(sector))
    total, magnitude = sparse.csr_array(shape), sparse.csr_array(shape)
    for value, row, column in _batches(_entries(sector, rows, products)):
        places = (rows.locate(row), column)
        total = total + sparse.csr_array((value, places), shape=shape)
        magnitude = magnitude + sparse.csr_array((np.abs(value), places), shape=shape)
    return sparse.csr_array(total.multiply(abs(total) > _ROUNDING * magnitude))


def _entries(sector: Sector, rows: Sector, products: _Products) -> Iterator[_Entries]:
    """Yield the matrix of every product as (values, numbers of the rows, columns)."""
    base = rows.keys[sector.embedding(rows)] if rows is not sector else sector.keys
    for factors in products:
        column = np.arange(len(sector))
        key, value = base, np.ones(len(sector))
        for positions, matrix in factors:
            sizes = [len(sector.bases[p]) for p in positions]
            old = np.ravel_multi_index([sector.index[column, p] for p in positions], sizes)
            many = np.diff(matrix.indptr)[old]
            offset = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
            entry = np.repeat(matrix.indptr[old], many) + offset
            before, after = _shares(sector, rows, positions)
            key = np.repeat(key - before[old], many) + after[matrix.indices[entry]]
            value = np.repeat(value, many) * matrix.data[entry]
            column = np.repeat(column, many)
        yield value, key, column


def _batches(entries: Iterator[_Entries]) -> Iterator[_Entries]:
    """Join entries up to `_BATCH`: to add two small sparse matrices takes as long as large ones."""
    batch: list[_Entries] = []
    size = 0
    for each in entries:
        if batch and size + len(each[0]) > _BATCH:
            yield _joined(batch)
            batch, size = [], 0
        batch.append(each)
        size += len(each[0])
    if batch:
        yield _joined(batch)


def _joined(batch: list[_Entries]) -> _Entries:
    if len(batch) == 1:  # of a large cluster: no copy
        return batch[0]
    value, row, column = (np.concatenate(parts) for parts in zip(*batch, strict=True))
    return value, row, column


def _shares(sector: Sector, rows: Sector, positions: Sequence[int]) -> tuple[Array, Array]:
    """Return what the products on some sites add to the number of a product of all sites.

    First for the operators of the sector, then for those of the rows.
    """
    before, after = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    for p in positions:
        home = operator_positions(sector.bases[p], rows.bases[p]) * rows.strides[p]
        before = np.add.outer(before, home).ravel()
        there = np.arange(len(rows.bases[p])) * rows.strides[p]
        after = np.add.outer(after, there).ravel()
    return before, after


def assembly_bytes(generator: Generator, bases: Sequence[SparseBasis], rows: int) -> float:
    """Return the memory that the matrix of a sector of so many products takes to assemble."""
    per_row, largest = 0.0, 0.0
    terms = chain(*(kind(generator, bases, bases) for kind in (_coherent, _dissipative)))
    for factors in terms:
        share = math.prod(matrix.nnz / matrix.shape[1] for _, matrix in factors)
        per_row += share
        largest = max(largest, share)
    halves = (len(bases) + 1) // 2
    listed = math.prod(float(len(basis)) for basis in bases[:halves]) * 8 * (halves + 2)
    entry = 12 if generator.real else 20
    return listed + rows * (2 * per_row * entry + 8 * (len(bases) + 6 * largest + 70))
