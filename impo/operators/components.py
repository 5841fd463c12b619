"""Terms and jumps on numbered sites, split into components of definite charge."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.model import Cell, Jump, LindbladModel, Site, Term
from impo.operators.local import charge_parts, local_operators

_TINY = 1e-13

PlacedJump: TypeAlias = tuple[int, float, Array]
"""(position, rate, matrix) of a dissipator on one site."""

_Key: TypeAlias = tuple[tuple[int, int, bytes], ...]
_Entry: TypeAlias = list[Any]  # the fields of a `Component`


@dataclass(frozen=True)
class Component:
    """coefficient * product of one-site matrices; matrix number i raises its site by charges[i]."""

    coefficient: complex
    positions: tuple[int, ...]
    matrices: tuple[Array, ...]
    charges: tuple[int, ...]

    def moved(self, by: int) -> "Component":
        """Return the component on other sites."""
        return replace(self, positions=tuple(p + by for p in self.positions))


class JumpPair(NamedTuple):
    """Two products L_i and L_j of a jump operator.

    Attributes
    ----------
    first, second
        Their numbers i and j in the sum.
    coefficient
        The rate times the coefficient of L_i times the conjugate one of L_j.
    factors
        Position to the one-site matrices of L_i and of L_j^+ there.
    """

    first: int
    second: int
    coefficient: complex
    factors: dict[int, tuple[Array, Array]]


@dataclass(frozen=True)
class JointJump:
    """rate * (L rho L^+ - {L^+ L, rho} / 2), L a sum of products on several sites."""

    rate: float
    parts: tuple[Component, ...]

    @property
    def positions(self) -> tuple[int, ...]:
        """All sites on which L acts, in rising order."""
        return tuple(sorted({p for part in self.parts for p in part.positions}))

    def moved(self, by: int) -> "JointJump":
        """Return the jump on other sites."""
        return replace(self, parts=tuple(part.moved(by) for part in self.parts))

    def pairs(self) -> Iterator[JumpPair]:
        """Yield all pairs of products: rho -> L rho L^+ is the sum of rate L_i rho L_j^+."""
        for (i, left), (j, right) in product(enumerate(self.parts), repeat=2):
            here, there = (dict(zip(x.positions, x.matrices, strict=True)) for x in (left, right))
            factors = {}
            for p in sorted({*here, *there}):
                one = np.eye(len(here[p] if p in here else there[p]))
                factors[p] = (here.get(p, one), there.get(p, one).conj().T)
            value = self.rate * left.coefficient * right.coefficient.conjugate()
            yield JumpPair(i, j, value, factors)

    def matrix(self) -> Array:
        """Return L on all its sites, the last of which runs fastest."""
        dims = {p: len(m) for x in self.parts for p, m in zip(x.positions, x.matrices, strict=True)}
        total: Array = np.zeros((math.prod(dims.values()),) * 2, dtype=complex)
        for part in self.parts:
            here = dict(zip(part.positions, part.matrices, strict=True))
            factors = [here.get(p, np.eye(dims[p])) for p in self.positions]
            total += part.coefficient * reduce(np.kron, factors)
        return total if np.any(total.imag) else np.ascontiguousarray(total.real)


@dataclass(frozen=True)
class Placed:
    """What a description says of numbered sites.

    Attributes
    ----------
    components
        The Hamiltonian.
    jumps
        Dissipators whose jump operator acts on one site.
    joint_jumps
        All others, each with at least one copy per tile.
    """

    components: tuple[Component, ...]
    jumps: tuple[PlacedJump, ...]
    joint_jumps: tuple[JointJump, ...]


def charge_resolved(
    model: LindbladModel, cells: Sequence[Cell], origins: Sequence[Cell],
    locate: Callable[[int, Cell], int | None], infinite: bool,
) -> Placed:  # fmt: skip
    """Place terms and jumps on numbered sites and split them into components of definite charge.

    Equal operator products are merged, so that SxSx + SySy has no S+S+ component left. On an open
    cluster a jump of which one product leaves it is left out.

    Parameters
    ----------
    cells
        Unit cell of every numbered site.
    origins
        The cells that hold a copy of every term.
    locate
        Number of a (site of the unit cell, cell), None if it is outside the cluster.
    infinite
        Whether the sites are a tile of an infinite chain.

    Raises
    ------
    ArgumentError
        If a term or jump is longer than a periodic cluster.
    """
    n = len(cells)
    operators = [local_operators(site) for site in model.sites]
    merged: dict[_Key, _Entry] = {}
    for origin, term in product(origins, model.hamiltonian):
        matrices = _matrices(operators, [term], origin, locate)
        if matrices is not None:
            _merge(merged, model.sites, term.coefficient, matrices[0], n if infinite else 0)
    jumps = [
        (position, jump.rate, operators[jump.site][jump.op])
        for position in range(n)
        for jump in model.jumps
        if jump.op is not None and position % len(model.sites) == jump.site
    ]
    joint = []
    for origin, jump in product(origins, model.jumps):
        if jump.terms and jump.strength > 0:
            products = _matrices(operators, jump.terms, origin, locate)
            for found in [] if products is None else _placed_jump(model, jump, products):
                shift = found.positions[0] // n * n
                found = found.moved(-shift) if infinite else found
                if len(found.positions) == 1:
                    position = found.positions[0]
                    jumps.append((position, found.rate, found.matrix()))
                else:
                    joint.append(found)
    components = tuple(part for part in _sizeable(merged) if part.positions)  # constants commute
    return Placed(components, tuple(jumps), tuple(joint))


def _matrices(
    operators: Sequence[Mapping[str, Array]], terms: Sequence[Term], origin: Cell,
    locate: Callable[[int, Cell], int | None],
) -> list[dict[int, Array]] | None:  # fmt: skip
    """Return the one-site matrices of some products by position; None if they leave the cluster."""
    owner: dict[int, tuple[int, Cell]] = {}
    out = []
    for term in terms:
        matrices: dict[int, Array] = {}
        for name, site, offset in term.factors:
            cell = tuple(o + x for o, x in zip(origin, offset, strict=True))
            position = locate(site, cell)
            if position is None:
                return None
            if owner.setdefault(position, (site, cell)) != (site, cell):
                raise ArgumentError(
                    f"A periodic cluster must be larger than its terms, but {term} meets itself."
                )
            matrix = operators[site][name]
            matrices[position] = matrices[position] @ matrix if position in matrices else matrix
        out.append(matrices)
    return out


def _placed_jump(
    model: LindbladModel, jump: Jump, products: Sequence[Mapping[int, Array]]
) -> Iterator[JointJump]:
    """Yield a jump as components of definite charge, unless it is zero or a constant."""
    merged: dict[_Key, _Entry] = {}
    for term, matrices in zip(jump.terms, products, strict=True):
        _merge(merged, model.sites, term.coefficient, matrices, 0)
    found = JointJump(jump.rate, tuple(_sizeable(merged)))
    if found.positions:
        yield found


def _sizeable(merged: Mapping[_Key, _Entry]) -> Iterator[Component]:
    """Yield the components that do not cancel."""
    scale = max((abs(value[0]) for value in merged.values()), default=0.0)
    for value in merged.values():
        if abs(value[0]) > _TINY * scale:
            yield Component(*value)


def _merge(
    merged: dict[_Key, _Entry], sites: Sequence[Site], coefficient: complex,
    matrices: Mapping[int, Array], tile: int,
) -> None:  # fmt: skip
    """Add coefficient * product of matrices to `merged`, split by charge and normalised.

    Of an infinite chain (`tile` > 0) every component begins inside the tile. It is moved there
    after its identity factors are dropped, because they are no part of its support.
    """
    positions = sorted(matrices)
    parts = [charge_parts(sites[p % len(sites)], matrices[p]).items() for p in positions]
    for choice in product(*parts):
        total, kept = complex(coefficient), []
        for position, (q, matrix) in zip(positions, choice, strict=True):
            pivot = matrix.flat[np.argmax(np.abs(matrix))]
            unit = matrix / pivot
            if np.abs(unit.imag).max() < _TINY:
                unit = np.ascontiguousarray(unit.real)
            if q == 0 and np.allclose(unit, np.eye(len(unit)), atol=_TINY):
                total *= pivot  # an identity factor acts nowhere
                continue
            size = np.abs(unit).max()  # the norm of a matrix with one diagonal
            total *= pivot * size
            kept.append((position, unit, size, q))
        shift = kept[0][0] // tile * tile if tile and kept else 0
        key = tuple((p - shift, q, np.round(unit, 10).tobytes()) for p, unit, _, q in kept)
        factors = [(p - shift, unit / size, q) for p, unit, size, q in kept]
        columns = tuple(zip(*factors, strict=True)) or ((), (), ())
        merged.setdefault(key, [0j, *columns])[0] += total
