r"""Conserved local densities: the proof that a steady state is not unique.

If X = sum over all cells of a local density x obeys L^+(X) = 0, its value per cell never changes.
States that differ in it never meet, so the lattice has at least one steady state for every value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from impo.arrays import Array
from impo.model import LindbladModel, Site, Spin
from impo.operators.basis import operator_basis
from impo.operators.liouvillian import Generator, infinite_chain
from impo.operators.local import local_operators

_TOP_RANK = 4  # of a density on one site
_REACH = 2  # largest distance of the two spins of a density
_ROUNDING = 1e-12  # of a rate of change, relative to what it is added up from
_ZERO = 1e-8  # coefficients below it are rounding
_SPARE = 20  # more equations than unknowns
_SHOWN = 4  # operators of a density that are named


@dataclass(frozen=True)
class ConservedDensities:
    """All conserved sums of densities on one site, or bilinear in two spins.

    Attributes
    ----------
    names
        Text of every operator that was looked at, such as "Sx[site 0]".
    vectors
        Orthogonal coefficients over these operators, shape (conserved, operators).
    """

    names: tuple[str, ...]
    vectors: Array

    def __len__(self) -> int:
        return len(self.vectors)

    def __str__(self) -> str:
        """Return the conserved density that needs the fewest operators."""
        shortest = min(_echelon(self.vectors), key=np.count_nonzero)
        sizes = np.round(np.abs(shortest), 6)  # equal ones stay in their order
        largest = np.argsort(-sizes, kind="stable")[: np.count_nonzero(shortest)]
        shown = [f"{shortest[i]:.3g} {self.names[i]}" for i in largest[:_SHOWN]]
        text = " + ".join([*shown, "..."] if len(largest) > _SHOWN else shown)
        return re.sub(r"\b1 (?=[ST])", "", text).replace("+ -", "- ")


def _echelon(vectors: Array) -> Array:
    """Return the reduced row echelon form, which does not depend on the basis that is given."""
    rows, done = vectors.copy(), 0
    for column in range(rows.shape[1]):
        if done == len(rows):
            break
        pivot = done + int(np.argmax(np.abs(rows[done:, column])))
        if abs(rows[pivot, column]) < _ZERO:
            continue
        rows[[done, pivot]] = rows[[pivot, done]]
        rows[done] /= rows[done, column]
        others = np.arange(len(rows)) != done
        rows[others] -= np.outer(rows[others, column], rows[done])
        done += 1
    rows[np.abs(rows) < _ZERO] = 0
    return rows


@dataclass(frozen=True)
class _Block:
    """Densities on the same sites: a one-site basis per position; # (operators of each)."""

    positions: tuple[int, ...]
    operators: tuple[Array, ...]
    names: tuple[str, ...]


def conserved_densities(model: LindbladModel) -> ConservedDensities:
    """Find the local densities of a chain whose sum over the lattice is conserved.

    Looked for are all one-site densities up to rank 4 and all S_i^a S_j^b up to the second
    neighbour, not necessarily equal in all cells but with the period of the tile. The equation
    d<X>/dt = 0 is linear in the coefficients of X. It is imposed in random product states of a ring
    more than twice as long as the support of L^+(x), on which no two local operators coincide;
    product states determine them all.

    Parameters
    ----------
    model
        A one-dimensional description.
    """
    generator = infinite_chain(model, charges=False)
    n = len(generator.sites)
    reach = generator.reach
    blocks = list(_blocks(generator))
    names = tuple(name for block in blocks for name in block.names)
    ring = _Ring(generator, n * ceil((2 * (reach + _REACH) + 1) / n), len(names) + _SPARE)
    rates, sizes = zip(*[ring.rate_of_change(block) for block in blocks], strict=True)
    matrix, size = np.hstack(rates), np.concatenate(sizes)
    _, values, vectors = np.linalg.svd(matrix / np.where(size > 0, size, 1.0))
    found = vectors[values < _ROUNDING * np.sqrt(len(names))]
    found = found / np.where(size > 0, size, 1.0)
    return ConservedDensities(names, np.linalg.qr(found.T)[0].T)


def _blocks(generator: Generator) -> Iterator[_Block]:
    n, unit = len(generator.sites), len(generator.model.sites)

    def where(position: int) -> str:
        cell = position // unit
        return f"[site {position % unit}{f', cell {cell}' if cell else ''}]"

    for position, site in enumerate(generator.sites):
        labels, matrices = _one_site(site)
        names = tuple(label + where(position) for label in labels)
        yield _Block((position,), (matrices,), names)
    for first in range(n):
        for second in range(first + 1, first + 1 + _REACH):
            pair = generator.sites[first], generator.sites[second % n]
            if all(isinstance(site, Spin) for site in pair):
                one, two = (_spin_vector(site) for site in pair)
                names = tuple(
                    f"S{a}{where(first)} S{b}{where(second)}" for a in "xyz" for b in "xyz"
                )
                yield _Block((first, second), (one, two), names)


def _spin_vector(site: Site) -> Array:
    """Return Sx, Sy, Sz of unit Hilbert-Schmidt norm; # operator row column."""
    known = local_operators(site)
    matrices = np.array([known[name] for name in ("Sx", "Sy", "Sz")], dtype=complex)
    matrices /= np.linalg.norm(matrices, axis=(1, 2))[:, None, None]
    return matrices


def _one_site(site: Site) -> tuple[list[str], Array]:
    """Return names and traceless orthonormal Hermitian matrices up to the top rank."""
    basis = operator_basis(site, _TOP_RANK, hermitian=True)
    higher = basis.k >= (2 if isinstance(site, Spin) else 1)
    labels = [f"T{k}" for k in basis.k[higher]]
    matrices = basis.matrices[higher].astype(complex)
    if isinstance(site, Spin):
        return ["Sx", "Sy", "Sz", *labels], np.concatenate([_spin_vector(site), matrices])
    return labels, matrices


class _Ring:
    """A ring of tiles in random product states.

    Parameters
    ----------
    generator
        The master equation on a tile, in the physical frame.
    length
        Number of sites, a multiple of those of a tile.
    samples
        Number of states.
    """

    def __init__(self, generator: Generator, length: int, samples: int):
        random = np.random.default_rng(11)
        self.length, self.tile = length, len(generator.sites)
        self.states = []  # rho of every site; # sample row column
        for position in range(length):
            d = generator.sites[position % self.tile].dimension
            vectors = random.normal(size=(samples, d, 2)) @ np.array([1, 1j])
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            self.states.append(np.einsum("si,sj->sij", vectors, vectors.conj()))
        self.terms = [
            (term.coefficient, {(p + shift) % length: m for p, m in
                                zip(term.positions, term.matrices, strict=True)})
            for shift in range(0, length, self.tile)
            for term in generator.components
        ]  # fmt: skip
        self.jumps: dict[int, list[tuple[float, Array]]] = {}
        for position, rate, matrix in generator.jumps:
            self.jumps.setdefault(position, []).append((rate, matrix))
        self.pairs = [
            (pair.coefficient, {(p + shift) % length: m for p, m in pair.factors.items()})
            for shift in range(0, length, self.tile)
            for jump in generator.joint_jumps
            for pair in jump.pairs()
        ]

    def rate_of_change(self, block: _Block) -> tuple[Array, Array]:
        """Return d<X>/dt, shape (samples, operators), and the size of what it is a sum of.

        X is the sum over the ring of each operator of a block.
        """
        pieces: list[Array] = []
        for shift in range(0, self.length, self.tile):
            positions = [(p + shift) % self.length for p in block.positions]
            here = dict(zip(positions, block.operators, strict=True))
            for coefficient, factors in self.terms:
                if not here.keys() & factors.keys():
                    continue
                ahead = self._product(here, factors, left=True)
                behind = self._product(here, factors, left=False)
                pieces.append(np.real(1j * coefficient * (ahead - behind)))
            for position, operators in here.items():
                for rate, jump in self.jumps.get(position % self.tile, ()):
                    turned = {**here, position: rate * _adjoint_dissipator(jump, operators)}
                    pieces.append(np.real(self._product(turned, {}, left=True)))
            pieces += self._joint(here)
        if not pieces:
            shape = (len(self.states[0]), len(block.names))
            return np.zeros(shape), np.zeros(shape[1])
        stacked = np.array(pieces)
        return stacked.sum(axis=0), np.linalg.norm(np.abs(stacked).sum(axis=0), axis=0)

    def _joint(self, here: dict[int, Array]) -> Iterator[Array]:
        """Yield the parts of d<X>/dt by jumps on several sites, X the products of `here`."""
        for coefficient, factors in self.pairs:
            if not here.keys() & factors.keys():
                continue
            loss = {p: b @ a for p, (a, b) in factors.items()}
            turned = dict(here)
            for p in here.keys() & factors.keys():
                a, b = factors[p]
                turned[p] = b @ here[p] @ a
            rest = {p: m for p, m in loss.items() if p not in here}
            recycled = self._product(turned, rest, left=True)
            ahead, behind = (self._product(here, loss, left) for left in (True, False))
            yield np.real(coefficient * (recycled - (ahead + behind) / 2))

    def _product(self, here: dict[int, Array], factors: dict[int, Array], left: bool) -> Array:
        """Return Tr(rho M X) of products over sites, or Tr(rho X M); # sample (operators)."""
        out = np.ones((len(self.states[0]), 1), dtype=complex)
        for position, operators in here.items():
            if (m := factors.get(position)) is not None:
                operators = m @ operators if left else operators @ m
            values = self._expectations(position, operators)
            out = (out[:, :, None] * values[:, None, :]).reshape(len(out), -1)
        for position in factors.keys() - here.keys():
            out = out * self._expectations(position, factors[position][None])
        return out

    def _expectations(self, position: int, operators: Array) -> Array:
        """Return Tr(rho X) of every operator; # sample operator."""
        states = self.states[position]
        turned = operators.transpose(2, 1, 0).reshape(-1, len(operators))  # (column row) operator
        return np.asarray(states.reshape(len(states), -1) @ turned)


def _adjoint_dissipator(jump: Array, operators: Array) -> Array:
    """Return L^+ X L - {L^+ L, X} / 2 for every X."""
    loss = jump.conj().T @ jump
    return np.asarray(jump.conj().T @ operators @ jump - (loss @ operators + operators @ loss) / 2)
