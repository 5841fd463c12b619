"""Products of local operators as matrices, or as linear forms of spins."""

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np

from impo.arrays import Array
from impo.model import LindbladModel, Place, Site, Spin
from impo.operators.local import SPIN_VECTORS, local_operators, spin_operators, spin_vector

Linear = tuple[complex, Array]
"""c and u of an operator c + u.S."""
Factors = Mapping[Place, tuple[str | Array, ...]]
_ROUNDING = 1e-12


def matrix_of(site: Site, ops: Sequence[str | Array]) -> Array:
    """Return the product of operators of one site.

    A matrix for another cut-off of a boson is cut, or is zero beyond its own.
    """
    known = local_operators(site)
    return reduce(np.matmul, [known[x] if isinstance(x, str) else _fitted(x, site) for x in ops])


def matrices_of(sites: Sequence[Site], factors: Factors) -> dict[Place, Array]:
    """Return the matrices of a product of local operators by their places."""
    return {place: matrix_of(sites[place[0]], ops) for place, ops in factors.items()}


def bound(sites: Sequence[Site], factors: Factors) -> float:
    """Return the product of the operator norms, which no expectation of the product exceeds."""
    norms = [np.linalg.norm(matrix, 2) for matrix in matrices_of(sites, factors).values()]
    return float(np.prod(norms))


def is_hermitian(matrix: Array) -> bool:
    """Return whether a matrix is Hermitian to rounding."""
    size = np.abs(matrix).max(initial=0.0)
    return bool(np.abs(matrix - matrix.conj().T).max(initial=0.0) <= _ROUNDING * size)


def fitted(matrix: Array, old: Sequence[int], new: Sequence[int]) -> Array:
    """Return a matrix on places of other dimensions: cut, or zero beyond.

    Parameters
    ----------
    matrix
        The last place runs fastest.
    old, new
        Dimensions of the places.
    """
    if tuple(old) == tuple(new):
        return matrix
    tensor = matrix.reshape(*old, *old)
    common = tuple(slice(min(pair)) for pair in zip(old, new, strict=True))
    out = np.zeros((*new, *new), dtype=matrix.dtype)
    out[common + common] = tensor[common + common]
    return out.reshape((int(np.prod(new)),) * 2)


def _fitted(matrix: Array, site: Site) -> Array:
    return fitted(matrix, (len(matrix),), (site.dimension,))


def linear_form(site: Site, op: str | Array) -> Linear | None:
    """Return c and u of an operator c + u.S of a spin, or None if it is none."""
    if not isinstance(site, Spin):
        return None
    if isinstance(op, str) and (op in SPIN_VECTORS or op == "Id"):
        return (1.0, np.zeros(3)) if op == "Id" else (0.0, spin_vector(op))
    matrix, known = matrix_of(site, (op,)), spin_operators(float(site.S))
    constant = complex(np.trace(matrix)) / len(matrix)
    axes = [known[name] for name in ("Sx", "Sy", "Sz")]
    vector = np.array([np.trace(matrix @ axis) / np.trace(axis @ axis) for axis in axes])
    form = constant * known["Id"] + sum(u * axis for u, axis in zip(vector, axes, strict=True))
    small = np.abs(matrix - form).max() <= _ROUNDING * np.abs(matrix).max(initial=1e-300)
    return (constant, vector) if small else None


def linear_forms(
    model: LindbladModel, factors: Factors
) -> tuple[complex, dict[Place, list[Linear]]] | None:
    """Return a product as a number times forms c + u.S of spins; None if it is no such product."""
    number, out = 1.0 + 0j, dict[Place, list[Linear]]()
    for place, ops in factors.items():
        for op in ops:
            if (form := linear_form(model.sites[place[0]], op)) is None:
                return None
            if np.any(form[1]):
                out.setdefault(place, []).append(form)
            else:
                number *= form[0]
    return number, out
