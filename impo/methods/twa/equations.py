r"""Stochastic equations of motion of classical spins, from the description of a model.

In the truncated Wigner approximation with positive diffusion (the method of Huber, Kirton and Rabl,
Sec. IV A, written in spins instead of Schwinger bosons) every spin S is a classical vector
s = (S + 1/2) m with |m| = 1 that rotates,

    dm_i = (Omega_i dt + dB_i) o x m_i                              (Stratonovich),
    Omega_i = dH/ds_i + sum_L sigma_L rate_L (s_iy, -s_ix, 0),      sigma = +1 for S+, -1 for S-,
    <dB_ix^2> = <dB_iy^2> = rate_L dt,   dB_iz = 0.

H is bilinear, so Omega = A m + b with a sparse matrix A: the only thing that the integrator knows
of the model.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import csr_array

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.arrays import Array
from impo.methods.advice import TRANSVERSE, advice, local_jumps, refuse_own_operators
from impo.model import LindbladModel, Spin, Term
from impo.operators.local import spin_vector

Factor = tuple[int, tuple[int, ...], Array]  # site, cell, vector u of u.S


@dataclass(frozen=True)
class SpinEquations:
    """Equations of motion of n spins: Omega = A m + b, and the noise of every spin.

    Attributes
    ----------
    lengths
        S + 1/2 of every spin, shape (n,).
    row_starts, columns, values
        A as compressed rows; row and column 3 i + alpha belong to component alpha of spin i.
    field
        b, shape (3 n,).
    diffusion
        Rates of <dB_x^2> and <dB_y^2>, shape (n, 2).
    """

    lengths: Array
    row_starts: Array
    columns: Array
    values: Array
    field: Array
    diffusion: Array

    @property
    def matrix(self) -> csr_array:
        """A, shape (3 n, 3 n)."""
        return csr_array((self.values, self.columns, self.row_starts), shape=(len(self.field),) * 2)

    @property
    def rate(self) -> float:
        """Bound of the rotation frequency |Omega| of any spin."""
        rows = np.add.reduceat(np.append(np.abs(self.values), 0.0), self.row_starts[:-1])
        rows = np.where(np.diff(self.row_starts) > 0, rows, 0.0) + np.abs(self.field)
        return float(np.linalg.norm(rows.reshape(-1, 3), axis=1).max())


def _refusal(model: LindbladModel, term: Term, why: str) -> UnsupportedModelError:
    names = " ".join(f"{name}[site {site}, cell {cell}]" for name, site, cell in term.factors)
    return UnsupportedModelError(
        f"TWA cannot treat the term {names}: {why}; {advice(model, 'TWA')}."
    )


def _linear_factors(model: LindbladModel, term: Term) -> list[Factor]:
    """Return (site, cell, vector u) of a product of at most two u.S on different spins."""
    factors = [factor for factor in term.factors if factor[0] != "Id"]
    if len(factors) > 2:
        raise _refusal(model, term, "it has more than two spin operators")
    if len(factors) == 2 and factors[0][1:] == factors[1][1:]:
        raise _refusal(model, term, "it is not linear in the operators of one spin")
    return [(site, cell, spin_vector(name)) for name, site, cell in factors]


def spin_equations(
    model: LindbladModel, shape: tuple[int, ...], periodic: bool = True
) -> SpinEquations:
    """Return the stochastic equations of a finite lattice of cells.

    Parameters
    ----------
    model
        Spins of any S, Hamiltonian terms linear or bilinear in operators of different spins, jumps
        S+, S-, Sx and Sy.
    shape
        Number of cells in each direction; spin i = cell * sites per cell + site.
    periodic
        Whether terms that leave the lattice re-enter on the other side, or are dropped.

    Raises
    ------
    UnsupportedModelError
        If the model has bosons or other terms or jumps; the message names the first of them.
    """
    _check(model)
    size, cells = len(model.sites), math.prod(shape)
    n = size * cells
    lengths = np.tile([site.dimension / 2 for site in model.sites], cells)
    blocks: defaultdict[tuple[int, int], Array] = defaultdict(lambda: np.zeros((3, 3)))
    field = np.zeros(3 * n, dtype=complex)
    for term in model.hamiltonian:
        factors = _linear_factors(model, term)
        vectors = [vector for _, _, vector in factors]
        for spins in _placements(factors, shape, periodic, size):
            if len(set(spins)) < len(spins):
                raise ArgumentError(
                    f"A periodic cluster must be larger than its terms, but {term} meets itself."
                )
            if len(spins) == 1:
                field[3 * spins[0] : 3 * spins[0] + 3] += term.coefficient * vectors[0]
            elif len(spins) == 2:  # imaginary parts cancel in a Hermitian Hamiltonian
                block = np.real(term.coefficient * np.outer(vectors[0], vectors[1]))
                blocks[spins[0], spins[1]] += block
                blocks[spins[1], spins[0]] += block.T
    diffusion = np.zeros((n, 2))
    for rate, op, site in local_jumps(model, "TWA"):
        pull = {"S+": rate, "S-": -rate}.get(op, 0.0)
        for spin in range(site, n, size):
            blocks[spin, spin] += np.array([[0, pull, 0], [-pull, 0, 0], [0, 0, 0]])
        diffusion[site::size] += rate * np.abs(spin_vector(op)[:2])
    matrix = _sparse(blocks, n)
    matrix.data *= np.repeat(lengths, 3)[matrix.indices]
    rows, columns = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    static = np.ascontiguousarray(field.real)
    return SpinEquations(lengths, rows, columns, matrix.data, static, diffusion)


def _sparse(blocks: Mapping[tuple[int, int], Array], n: int) -> csr_array:
    """Return the matrix of 3 x 3 blocks (i, j) of n spins, with sorted rows and without zeros."""
    places = np.array(list(blocks), dtype=int).reshape(-1, 2, 1, 1)
    rows, columns = (3 * places[:, axis] + np.indices((3, 3))[axis] for axis in (0, 1))
    values = np.array(list(blocks.values()))
    matrix = csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=(3 * n, 3 * n))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def _check(model: LindbladModel) -> None:
    """Refuse sites and jumps that are outside the method's reach."""
    refuse_own_operators(model, "TWA")
    for number, site in enumerate(model.sites):
        if not isinstance(site, Spin):
            raise UnsupportedModelError(
                f"TWA treats spins only, but site {number} is {site}; {advice(model, 'TWA')}."
            )
    for _, op, where in local_jumps(model, "TWA"):
        if op not in TRANSVERSE:
            raise UnsupportedModelError(
                f"TWA cannot treat the jump {op}[site {where}]: it is not linear in S+ "
                f"and S-; {advice(model, 'TWA')}."
            )


def _placements(
    factors: Sequence[Factor], shape: tuple[int, ...], periodic: bool, size: int
) -> Iterator[list[int]]:
    """Yield the numbers of the spins on which a term acts, for each of its copies."""
    for origin in product(*[range(length) for length in shape]):
        spins = []
        for site, offset, _ in factors:
            cell = [o + x for o, x in zip(origin, offset, strict=True)]
            inside = [c % length for c, length in zip(cell, shape, strict=True)]
            if inside != cell and not periodic:
                break
            spins.append(int(np.ravel_multi_index(inside, shape)) * size + site)
        else:
            yield spins
