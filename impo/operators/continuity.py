r"""Currents of a local charge, from the continuity equation.

A charge Q_j is a diagonal operator of a site. Terms and jump operators are split into products X
that raise Q_j by definite amounts q_j, [Q_j, X] = q_j X. Then

    d<Q_j>/dt = sum_X -i q_j <X>                                     (X of the Hamiltonian)
              + sum_AB rate (q_j + q'_j)/2 <B^+ A>                   (A, B of a jump operator).

A part whose amounts are opposite on two sites moves the charge between them; one whose amounts have
the same sign everywhere is gained or lost by these sites themselves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.model import Jump, LindbladModel, Place, Term
from impo.operators.local import local_operators

_TINY = 1e-12
_DECIMALS = 9  # to which two amounts of charge are the same

_Amounts = dict[Place, float]


class Flow(NamedTuple):
    """coefficient * <product of matrices> flows from the first to the second place of a bond.

    Attributes
    ----------
    bond
        The two places, in the direction of the chain.
    support
        All places on which the term or jump acts, the first of them in cell 0.
    coefficient, matrices
        The product, its matrices by place.
    """

    bond: tuple[Place, Place]
    support: tuple[Place, ...]
    coefficient: complex
    matrices: Mapping[Place, Array]

    def moved(self, cells: Sequence[int]) -> "Flow":
        """Return the copy in another cell."""
        first, second = (moved(place, cells) for place in self.bond)
        support = tuple(moved(place, cells) for place in self.support)
        matrices = {moved(place, cells): matrix for place, matrix in self.matrices.items()}
        return Flow((first, second), support, self.coefficient, matrices)


class _Part(NamedTuple):
    """coefficient * product of matrices, each of which raises the charge of its site."""

    coefficient: complex
    matrices: dict[Place, Array]
    amounts: _Amounts


def flows(model: LindbladModel, op: str) -> list[Flow]:
    """Return all that moves a charge between two sites, of one unit cell.

    Raises
    ------
    ArgumentError
        If the operator is not diagonal, nothing moves it, or a term or jump moves it between more
        than two sites, or creates it as well.
    """
    levels = [_levels(site, op) for site in model.sites]
    found = list(_coherent(model, op, levels))
    for jump in model.jumps:
        if jump.terms and jump.strength > 0:
            found += _dissipative(model, op, levels, jump)
    if not found:
        raise fail("op", "a charge that some term or jump moves between two sites", op)
    return found


def moved(place: Place, cells: Sequence[int]) -> Place:
    """Return the place so many cells further on."""
    site, cell = place
    if isinstance(cell, int):
        return site, cell + cells[0]
    return site, tuple(x + step for x, step in zip(cell, cells, strict=True))


def home(places: Iterable[Place]) -> tuple[int, ...]:
    """Return the steps that bring the first of the places to cell 0 in every direction."""
    cells = [(cell,) if isinstance(cell, int) else cell for _, cell in places]
    return tuple(-min(column) for column in zip(*cells, strict=True))


def _levels(site: object, op: str) -> Array:
    """Return the charge of every state of a site; zeros if it has none."""
    known = local_operators(site)  # type: ignore[arg-type]
    if op not in known:
        return np.zeros(len(known["Id"]))
    matrix = known[op]
    if np.any(matrix - np.diag(np.diag(matrix))) or np.any(np.imag(matrix)):
        raise fail("op", "a charge: a real diagonal operator such as Sz or N", op)
    return np.real(np.diag(matrix))


def _coherent(model: LindbladModel, op: str, levels: Sequence[Array]) -> Iterator[Flow]:
    for part in _parts(model, model.hamiltonian, levels):
        if (end := _moves(part.amounts, op)) is not None:
            bond, amount = end
            yield Flow(bond, tuple(part.matrices), -1j * amount * part.coefficient, part.matrices)


def _dissipative(
    model: LindbladModel, op: str, levels: Sequence[Array], jump: Jump
) -> Iterator[Flow]:
    parts = list(_parts(model, jump.terms, levels, together=True))
    support = tuple({place: None for part in parts for place in part.matrices})
    for one, two in product(parts, repeat=2):
        both = {place: None for part in (one, two) for place in part.matrices}
        amounts = {p: (one.amounts.get(p, 0.0) + two.amounts.get(p, 0.0)) / 2 for p in both}
        if (end := _moves(amounts, op)) is not None:
            bond, amount = end
            ones = {place: np.eye(model.sites[place[0]].dimension) for place in both}
            matrices = {
                p: two.matrices.get(p, ones[p]).conj().T @ one.matrices.get(p, ones[p])
                for p in both
            }
            size = jump.rate * one.coefficient * two.coefficient.conjugate()
            yield Flow(bond, support, amount * size, matrices)


def _moves(amounts: _Amounts, op: str) -> tuple[tuple[Place, Place], float] | None:
    """Return the bond through which a part moves a charge, and how much; None if it moves none.

    Raises
    ------
    ArgumentError
        If no current is unique.
    """
    charged = {place: q for place, q in amounts.items() if abs(q) > _TINY}
    signs = {q > 0 for q in charged.values()}
    if len(signs) < 2:
        return None
    places = sorted(charged, key=lambda place: (place[1], place[0]))
    if len(places) > 2 or abs(sum(charged.values())) > 10.0**-_DECIMALS:
        told = ", ".join(f"{charged[place]:+g} on {place}" for place in places)
        raise ArgumentError(
            f"Argument `op` must be a charge that moves between two sites at a time, but {op} "
            f"changes by {told} (site, cell) at once: no current is unique."
        )
    return (places[0], places[1]), charged[places[1]]


def _parts(
    model: LindbladModel, terms: Iterable[Term], levels: Sequence[Array], together: bool = False
) -> Iterator[_Part]:
    """Yield terms as products that raise the charge of every site by definite amounts.

    Equal products are merged, so that nothing is left of what cancels. Each term begins in cell 0,
    or all of them `together`.
    """
    merged: dict[tuple[object, ...], _Part] = {}
    shared = home(place for term in terms for place in _places(term)) if together else None
    for term in terms:
        matrices: dict[Place, Array] = {}
        steps = shared or home(_places(term))
        for (name, site, _), place in zip(term.factors, _places(term), strict=True):
            matrix, here = local_operators(model.sites[site])[name], moved(place, steps)
            matrices[here] = matrices[here] @ matrix if here in matrices else matrix
        pieces = [_pieces(matrix, levels[place[0]]) for place, matrix in matrices.items()]
        for choice in product(*pieces):
            value, kept, amounts = term.coefficient, {}, {}
            for place, (q, matrix) in zip(matrices, choice, strict=True):
                pivot = matrix.flat[np.argmax(np.abs(matrix))]
                value, kept[place], amounts[place] = value * pivot, matrix / pivot, q
            key = tuple((p, _name(kept[p])) for p in sorted(kept))
            before = merged[key].coefficient if key in merged else 0j
            merged[key] = _Part(before + value, kept, amounts)
    scale = max((abs(part.coefficient) for part in merged.values()), default=0.0)
    yield from (part for part in merged.values() if abs(part.coefficient) > _TINY * scale)


def _name(matrix: Array) -> bytes:
    """Return the elements to rounding, with one zero, real or not."""
    return (np.round(matrix.astype(complex), _DECIMALS) + 0.0).tobytes()


def _places(term: Term) -> list[Place]:
    return [(site, cell[0] if len(cell) == 1 else cell) for _, site, cell in term.factors]


def _pieces(matrix: Array, levels: Array) -> list[tuple[float, Array]]:
    """Return the parts of a one-site matrix that raise its charge by definite amounts."""
    raised = np.round(levels[:, None] - levels[None, :], _DECIMALS)
    found = np.unique(raised[matrix != 0])
    return [(float(q), np.where(raised == q, matrix, 0)) for q in found]
