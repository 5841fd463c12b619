r"""What is known of the density matrix of a few neighbouring sites of an infinite chain.

The state of k neighbouring sites, the window, has trace one and no negative eigenvalues. Two kinds
of operators have no expectation value in it:

* 1 (x) Q - Q (x) 1, with the identity on one tile: the chain looks the same one tile further;
* L^+(B), with B on the inner sites: <B> does not change in time, and no term of the Liouvillian
  that acts on B leaves the window.

So for all real combinations of such operators A_i

    <O> = <O - sum_i y_i A_i>  >=  the lowest eigenvalue of O - sum_i y_i A_i.

Shorter windows say nothing new: their states are partial traces of this one.
"""

import math
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import TypeAlias

import numpy as np
from scipy import sparse

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.memory import product, refuse_larger
from impo.model import LindbladModel, Site
from impo.operators.basis import OperatorBasis
from impo.operators.liouvillian import Generator, infinite_chain
from impo.semidefinite.window import Window, block_sizes

LARGE = 1500
"""Number of constraints from which the matrices of an interior-point method are too large."""
_NUMBERS = 30  # that are kept of every element, for every site
_ENTRIES = 60  # of a constraint on average, at most
_ROUNDING = 1000 * 2.0**-53  # of a superoperator, relative to its norm, with much to spare
_PRUNED = 1e-13  # of the largest entry of all constraints: below is rounding

_Terms: TypeAlias = dict[tuple[int, ...], sparse.csc_array]
"""Positions in the chain, first in the tile, and the superoperator on the elements there."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """A window of an infinite chain and the operators whose expectation value vanishes in it.

    Attributes
    ----------
    generator
        The master equation in the frame in which all matrices are written.
    window
        Elements of the density matrix.
    first
        Position of the first site of the window.
    constraints
        The A_i: sparse, shape (m, elements), row i holds <I|A_i|J>. They are Hermitian, and real
        symmetric if the generator is real.
    uncertainty
        Bounds of the Hilbert-Schmidt norms of what the A_i lack by rounding: if the A_i are
        multiplied by y_i, their sum lacks at most sum_i |y_i| uncertainty_i.
    """

    generator: Generator
    window: Window
    first: int
    constraints: sparse.csr_array
    uncertainty: Array


def relaxation(model: LindbladModel, sites: int) -> Relaxation:
    """Return the relaxation on a window of so many sites.

    The window begins where the couplings across the ends of its inner part are weakest.

    Raises
    ------
    ArgumentError
        If the window is too short for the terms of the model, or the lattice two-dimensional.
    UnsupportedModelError
        If it needs more memory than there is.
    """
    _refuse_states(model, sites)
    generator = _plain(infinite_chain(model, even=False))
    _refuse_constraints(generator, sites)
    terms, tile = _terms(generator), len(generator.sites)
    place = min(
        (_Place.of(terms, tile, sites, first) for first in range(tile)),
        key=lambda place: (-place.inner_sites, place.cut, place.first),
    )
    if place.inner_sites < 1:
        raise ArgumentError(
            f"Argument `sites` must be larger for {model.label}, whose terms are too long for a "
            f"window of {sites} sites."
        )
    window = _window(generator, place.first, sites)
    if generator.phase_advance:
        raised = window.digits.sum(axis=1)
        if np.any(raised[window.bra] != raised[window.ket]):  # tiles differ in this frame
            generator = generator.physical()
            terms = _terms(generator)
    return _on(generator, window, place, terms)


def _plain(generator: Generator) -> Generator:
    """Return a generator whose superoperators may be asked for in a basis of matrix units."""
    if generator.hermitian_basis:
        return replace(generator, hermitian_basis=False, real=False)
    return generator


def _terms(generator: Generator) -> _Terms:
    """Return the Liouvillian of one tile, added up for equal positions, its largest part one."""
    bases = [_matrix_units(site) for site in generator.sites]
    out: _Terms = {}
    for positions, matrices in generator.superoperators(bases):
        found = reduce(_product, map(sparse.csc_array, matrices))
        out[positions] = out[positions] + found if positions in out else found
    largest = max(map(_norm, out.values()), default=1.0)
    return {positions: matrix / largest for positions, matrix in out.items()}


def _product(left: sparse.csc_array, right: sparse.csc_array) -> sparse.csc_array:
    return sparse.csc_array(sparse.kron(left, right))


def _norm(matrix: sparse.csc_array) -> float:
    """Return the Hilbert-Schmidt norm."""
    return float(np.linalg.norm(matrix.data))


def _matrix_units(site: Site) -> OperatorBasis:
    """Return the operators |i><j| of a site, in which superoperators are sparse."""
    d = site.dimension
    none = np.zeros(d * d, dtype=int)
    return OperatorBasis(np.eye(d * d).reshape(d * d, d, d), none, none)


@dataclass(frozen=True)
class _Place:
    """Where a window begins, and which of its sites are inner ones: start ... stop - 1.

    `cut` is the size of the terms between inner sites and others.
    """

    sites: int
    first: int
    start: int
    stop: int
    cut: float

    @property
    def inner_sites(self) -> int:
        return self.stop - self.start

    @classmethod
    def of(cls, terms: _Terms, tile: int, sites: int, first: int) -> "_Place":
        placed = [
            (place, _norm(matrix))
            for positions, matrix in terms.items()
            for place in _copies(positions, tile, first, sites)
        ]
        start = max((p[-1] + 1 for p, _ in placed if p[0] < 0), default=0)
        stop = min((p[0] for p, _ in placed if p[-1] >= sites), default=sites)
        across = [size for p, size in placed for end in (start, stop) if p[0] < end <= p[-1]]
        return cls(sites, first, start, stop, round(sum(across), 9))


def _copies(positions: tuple[int, ...], tile: int, first: int, sites: int) -> list[tuple[int, ...]]:
    """Return the places, in a window, of all copies of a term that touch it."""
    reach = positions[-1] // tile + 1
    shifts = range(first // tile - reach, (first + sites) // tile + 1)
    moved = [tuple(p + shift * tile - first for p in positions) for shift in shifts]
    return [place for place in moved if any(0 <= p < sites for p in place)]


def _sites(generator: Generator, first: int, count: int) -> tuple[list[Site], Array]:
    """Return sites of the chain from a position on, and their charges."""
    tile = [p % len(generator.sites) for p in range(first, first + count)]
    return [generator.sites[p] for p in tile], generator.charges[:, tile]


def _window(generator: Generator, first: int, count: int) -> Window:
    return Window(*_sites(generator, first, count))


def _on(generator: Generator, window: Window, place: _Place, terms: _Terms) -> Relaxation:
    """Return the relaxation on a window with its inner sites."""
    tile, sites = len(generator.sites), place.sites
    rows = []
    if sites > tile:
        part = _window(generator, place.first, sites - tile)
        moved = window.reduction(part, tile) - window.reduction(part, 0)
        one = (part.bra == 0) & (part.ket == 0)  # the identity moves to itself
        rows.append(_hermitian(moved, part, ~one, generator.real))
    inner = _window(generator, place.first + place.start, place.inner_sites)
    generated, strength = _liouvillian(terms, tile, window, place)
    change = sparse.csr_array(window.reduction(inner, place.start) @ generated)
    rest = prod(inner.dimensions[tile:]) if place.inner_sites > tile else 1
    # 1 (x) B says what B (x) 1 says: a B for which the first tile is not in its first state
    new = (inner.bra // rest != 0) | (inner.ket // rest != 0)
    rows.append(_hermitian(change, inner, new, generator.real))
    functionals = sparse.csr_array(sparse.vstack(rows))
    # Tr(A rho) = sum_IJ f_IJ rho_IJ, so that A_IJ = f_JI, the conjugate of f_IJ
    constraints, pruned = _pruned((functionals.conj() + functionals[:, window.transposed]) / 2)
    ends = prod(window.dimensions) / prod(inner.dimensions)
    rounding = _ROUNDING * strength * math.sqrt(ends)  # of L^+(B), B of norm one on inner sites
    stationary = np.arange(len(pruned)) >= len(pruned) - rows[-1].shape[0]
    return Relaxation(
        generator, window, place.first, constraints, pruned + rounding * stationary
    )  # fmt: skip


def _pruned(constraints: sparse.csr_array) -> tuple[sparse.csr_array, Array]:
    """Return constraints without what rounding made, and the norms of what was left out."""
    kept = constraints.copy()
    size = np.abs(kept.data)
    kept.data[size <= _PRUNED * size.max(initial=0.0)] = 0
    kept.eliminate_zeros()
    left_out = abs(constraints - kept)
    return kept, np.sqrt(np.asarray(left_out.multiply(left_out).sum(axis=1)).ravel())


def _hermitian(
    change: sparse.csr_array, part: Window, wanted: Array, real: bool
) -> sparse.csr_array:
    """Return functionals Tr(B change(rho)) for a basis of the Hermitian B on a part of the window.

    Parameters
    ----------
    change
        A map from the elements of the window to those of the part.
    wanted
        For which elements (I, J) of the part to take |I><J| + |J><I|.
    real
        Whether real symmetric B suffice.
    """
    upper = np.flatnonzero((part.bra <= part.ket) & wanted)
    one, other = change[upper], change[part.transposed[upper]]
    found = [(one + other) / 2]
    if not real:
        off = np.flatnonzero(part.bra[upper] != part.ket[upper])
        found.append((one[off] - other[off]) * 0.5j)
    return sparse.csr_array(sparse.vstack(found))


def _liouvillian(
    terms: _Terms, tile: int, window: Window, place: _Place
) -> tuple[sparse.csr_array, float]:
    """Return all of the Liouvillian that acts on inner sites, and a bound of its norm."""
    total, strength = sparse.csr_array((len(window), len(window))), 0.0
    for positions, matrix in terms.items():
        for copy in _copies(positions, tile, place.first, place.sites):
            if any(place.start <= p < place.stop for p in copy):
                total = total + window.superoperator(copy, matrix)
                strength += _norm(matrix)
    return sparse.csr_array(total), strength


def _refuse_states(model: LindbladModel, sites: int) -> None:
    """Refuse a window whose states alone, or operators of one site, take too much memory."""
    dimensions = [site.dimension for site in model.sites]
    whole, rest = divmod(sites, len(dimensions))
    states = product(dimensions, whole) * min(dimensions) ** min(rest, 1)
    _refuse(model, sites, 16.0 * states * sites + 100.0 * float(max(dimensions)) ** 4)


def _refuse_constraints(generator: Generator, sites: int) -> None:
    """Refuse a window whose constraints take too much memory, before they are built."""
    many = 1 if generator.real else 2  # bytes of a number, over 8

    def pairs(count: int) -> float:
        """Return the number of Hermitian operators on so many sites."""
        sizes = [float(n) for n in block_sizes(*_sites(generator, 0, max(count, 0)))]
        return sum(n * (n + 1) / 2 if generator.real else n * n for n in sizes)

    elements = sum(float(n) ** 2 for n in block_sizes(*_sites(generator, 0, sites)))
    constraints = pairs(sites - len(generator.sites)) + pairs(sites - 2)
    dense = 3 * constraints**2 if constraints <= 1.5 * LARGE else 0.0
    size = 8 * dense + 8 * many * (_NUMBERS * sites * elements + 3 * _ENTRIES * constraints)
    _refuse(generator.model, sites, size)


def _refuse(model: LindbladModel, sites: int, size: float) -> None:
    what = f"`bounds` cannot treat a window of {sites} sites of {model.label}"
    refuse_larger(what, size, "use fewer sites" if sites > 1 else "use a smaller spin or cutoff")
