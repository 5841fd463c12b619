"""Observables in words, and their elements on a window."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.model import LindbladModel, Term
from impo.operators.local import local_operators
from impo.semidefinite.relaxation import Relaxation

Observable: TypeAlias = str | Term | Iterable[Term]
"""The name of a local operator, a product of such, or a sum of products."""

_HERMITIAN = 1e-12
_ROUNDING = 32 * 2.0**-53  # of a product of a few matrix elements, with much to spare


@dataclass(frozen=True, eq=False)
class Elements:
    """The elements <I|O|J> of an observable on a window, and a bound of their rounding's norm."""

    values: Array
    uncertainty: float


def terms_of(model: LindbladModel, observable: Any, site: int) -> tuple[Term, ...]:
    """Return an observable as a sum of products, Hermitian conjugates written out.

    Parameters
    ----------
    model
        The description.
    observable
        See `Observable`.
    site
        Site of the unit cell that a name belongs to.

    Raises
    ------
    ArgumentError
        If it is none, or if the model does not have its operators.
    """
    if isinstance(observable, str):
        model.check_operator(observable, site)
        return (Term(1.0, (observable, int(site), (0,) * model.dimension)),)
    found = (observable,) if isinstance(observable, Term) else observable
    allowed = "the name of an operator, a `Term`, or a non-empty tuple of them"
    if not isinstance(found, Iterable):
        raise fail("observable", allowed, observable)
    terms = tuple(found)
    if not terms or not all(isinstance(term, Term) for term in terms):
        raise fail("observable", allowed, observable)
    for term in terms:
        for name, where, cell in term.factors:
            model.check_operator(name, where)
            if len(cell) != model.dimension:
                raise fail("cell", f"of length {model.dimension} (the lattice dimension)", cell)
    plain = [Term(term.coefficient, *term.factors) for term in terms]
    return (*plain, *(term.adjoint() for term in terms if term.plus_hc))


def elements(relaxation: Relaxation, terms: Iterable[Term], label: str) -> Elements:
    """Return a sum of products on a window; each product may stand anywhere in it.

    Parts that change a charge have no expectation value and are left out.

    Raises
    ------
    ArgumentError
        If the sum is not Hermitian, or a product is longer than the window.
    """
    window, generator = relaxation.window, relaxation.generator
    placed = [(term, _place(relaxation, term, label)) for term in terms]
    size = len(window.digits)
    total, largest = sparse.csr_array((size, size), dtype=complex), 0.0
    for term, shift in placed:
        factors: list[Array] = [np.eye(d) for d in window.dimensions]
        for name, site, (cell,) in term.factors:
            p = cell * len(generator.model.sites) + site + shift
            matrix = local_operators(generator.model.sites[site])[name]
            factors[p] = factors[p] @ generator.rotated(p + relaxation.first, matrix)
        product = reduce(lambda a, b: sparse.csr_array(sparse.kron(a, b)), factors)
        total = total + term.coefficient * sparse.csr_array(product)
        norms = [np.linalg.norm(matrix, 2) for matrix in factors]
        largest += abs(term.coefficient) * float(np.prod(norms))
    if abs(total - total.conj().T).max() > _HERMITIAN * largest:
        raise ArgumentError(
            f"Argument `observable` must be Hermitian, but {label} is not; use plus_hc=True."
        )
    values = np.asarray(total[window.bra, window.ket]).ravel()
    values = values.real if generator.real else values
    return Elements(np.ascontiguousarray(values), _ROUNDING * largest)


def _place(relaxation: Relaxation, term: Term, label: str) -> int:
    """Return by how much to shift a term for it to stand near the middle of the window."""
    count, unit = len(relaxation.window.dimensions), len(relaxation.generator.model.sites)
    positions = [cell[0] * unit + site for _, site, cell in term.factors]
    left, right = min(positions), max(positions)
    fitting = [
        shift
        for shift in range(-left, count - right)
        if (shift + relaxation.first) % unit == 0
    ]  # fmt: skip
    if not fitting:
        raise ArgumentError(
            f"Argument `sites` must be larger for {label}, which spans {right - left + 1} sites in "
            f"cells of {unit}, but is {count}."
        )
    return min(fitting, key=lambda shift: abs(left + right + 2 * shift - count + 1))
