"""Operators of one site: matrices by name, their charges, and orthonormal operator bases."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from impo.arrays import Array
from impo.model import Site
from impo.operators.local import (
    multipole_basis,
    multipole_diagonals,
    rising,
    state_charges,
    stepwise,
)


@dataclass(frozen=True)
class OperatorBasis:
    """Orthonormal operators T_x of a site: matrices (D, d, d), ranks k (D,), charges q (D,)."""

    matrices: Array
    k: Array
    q: Array

    def __len__(self) -> int:
        return len(self.k)

    @property
    def dimension(self) -> int:
        """Dimension d of the Hilbert space."""
        return int(self.matrices.shape[1])

    @cached_property
    def trace(self) -> Array:
        """Tr T_x: sqrt(d) for the identity, zero for all others."""
        return np.where(self.k == 0, math.sqrt(self.dimension), 0.0)

    @cached_property
    def size(self) -> Array:
        """Operator norm of every T_x: the largest absolute value of its expectation."""
        return np.asarray(np.linalg.norm(self.matrices, ord=2, axis=(1, 2)))

    def expand(self, operator: Array) -> Array:
        """Return the coefficients Tr(T_x^+ O) of an operator O."""
        return np.asarray(np.einsum("xij,ij->x", self.matrices.conj(), operator))

    def measure(self, operator: Array) -> Array:
        """Return Tr(O T_x); this vector times the coefficients of rho is the expectation of O."""
        return np.asarray(np.einsum("ij,xji->x", operator, self.matrices))

    def _expand_all(self, operators: Array) -> Array:
        """Return Tr(T_x^+ O_y); # x y."""
        overlap = np.einsum("xij,yij->xy", self.matrices.conj(), operators, optimize=True)
        return np.asarray(overlap)

    def left(self, operator: Array, rows: "OperatorBasis | None" = None) -> Array:
        """Return the matrix Tr(T_x^+ O T_y) of rho -> O rho; rows x from another basis if given."""
        return (rows or self)._expand_all(operator @ self.matrices)

    def right(self, operator: Array, rows: "OperatorBasis | None" = None) -> Array:
        """Return the matrix Tr(T_x^+ T_y O) of rho -> rho O; rows x from another basis if given."""
        return (rows or self)._expand_all(self.matrices @ operator)

    def sandwich(self, left: Array, right: Array, rows: "OperatorBasis | None" = None) -> Array:
        """Return the matrix Tr(T_x^+ A T_y B) of rho -> A rho B; rows x from another basis."""
        return (rows or self)._expand_all(left @ self.matrices @ right)

    def dissipator(self, jump: Array, rows: "OperatorBasis | None" = None) -> Array:
        """Return the matrix of rho -> L rho L^+ - {L^+ L, rho}/2."""
        recycling = self.sandwich(jump, jump.conj().T, rows)
        loss = jump.conj().T @ jump
        return recycling - (self.left(loss, rows) + self.right(loss, rows)) / 2


@lru_cache(maxsize=8)
def operator_basis(site: Site, k_max: int | None = None, hermitian: bool = False) -> OperatorBasis:
    """Return the multipole basis of a site, or its Hermitian combinations.

    Parameters
    ----------
    site
        Any site.
    k_max
        Largest rank; None (or anything beyond d - 1) keeps all. A level whose charges do not rise
        or fall by one has no multipoles of definite charge: all its operators are kept.
    hermitian
        Combine T_kq and T_{k,-q} to Hermitian operators. They carry no charge (q = 0 throughout).
    """
    d = site.dimension
    if not hermitian and not stepwise(site):
        return _level_basis(state_charges(site))
    matrices, k, q = multipole_basis(d, d - 1 if k_max is None else min(k_max, d - 1))
    if rising(site):
        matrices = matrices[:, ::-1, ::-1].copy()  # T_kq raises the charge, as of a boson, by q
    if not hermitian:
        return OperatorBasis(matrices, k, q)
    adjoint = matrices.transpose(0, 2, 1)
    sign = q[:, None, None]
    mixed = np.where(sign > 0, matrices + adjoint, 1j * (matrices - adjoint)) / math.sqrt(2)
    mixed = np.where(sign == 0, matrices, mixed)
    order = np.lexsort((q, k))
    return OperatorBasis(mixed[order], k[order], np.zeros_like(k))


def _level_basis(charges: Array) -> OperatorBasis:
    """Return a basis of operators of definite charge between states of any charges, shape (d,).

    They are diagonal ones, and |a><b| of states of different charges, whose rank is |a - b|; of
    states of equal charge the symmetric and the antisymmetric combination. Operators of the charges
    q and -q follow each other in the same order, as their transposes.
    """
    d = len(charges)
    unit = np.eye(d * d).reshape(d, d, d, d)  # a b row column
    found = [(np.diag(multipole_diagonals(d, d - 1)[k, 0]), k, 0) for k in range(d)]
    above, below = [], []
    for distance in range(1, d):
        for a in range(d - distance):
            b, q = a + distance, round(float(charges[a] - charges[a + distance]))
            one, other = unit[a, b], unit[b, a]
            if q == 0:
                pair = (one + other) / math.sqrt(2), (one - other) / math.sqrt(2)
                found += [(matrix, distance, 0) for matrix in pair]
            else:
                one, other = (one, other) if q > 0 else (other, one)
                above.append((one, distance, abs(q)))
                below.append((other, distance, -abs(q)))
    columns = zip(*below, *found, *above, strict=True)
    return OperatorBasis(*(np.array(column) for column in columns))
