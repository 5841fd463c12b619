r"""Stochastic equations of motion of classical spins, from the description of a model.

In the truncated Wigner approximation with positive diffusion (the method of Huber, Kirton and Rabl,
Sec. IV A, written in spins instead of Schwinger bosons, and for any jumps linear in spins) every
spin S is a classical vector s = (S + 1/2) m with |m| = 1 that rotates,

    dm_i = (Omega_i dt + dB_i) o x m_i                              (Stratonovich),
    Omega_i = dH/ds_i + sum_L rate_L Im[u_Li^* (sum_j u_Lj . s_j + c_L)],
    <dB_i dB_j> = sum_L rate_L Re(u_Li^* u_Lj) dt,      L = sum_j u_Lj . S_j + c_L,

as `jumps.py` derives. H is quadratic, so Omega = A m + b with a sparse matrix A. The Wigner symbol
of (u . S)(v . S) on one spin is (u . s)(v . s) + (i/2) (u x v) . s and a number. For S = 1/2 the
symmetric product is a number itself, so only the second part is kept.

The scheme "hybrid" is for S = 1/2: |s| is sqrt(S (S + 1)), and S+ and S- of one spin are not turned
into noise and drift but kept as rates of gain and loss, as `hybrid.py` describes.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import csr_array, diags_array

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.arrays import Array
from impo.methods.advice import advice, refuse_own_operators
from impo.methods.twa.hybrid import known_squares, pump_rates, refuse_not_half, spin_lengths
from impo.methods.twa.jumps import LinearJump, is_spin_half, linear_jumps
from impo.model import Cell, LindbladModel, Spin, Term
from impo.operators.lattice import place_in_cluster
from impo.operators.local import spin_vector

_Blocks = defaultdict[tuple[int, int], Array]


@dataclass(frozen=True)
class SharedNoise:
    """Real white noises, each of which turns one or several spins about axes of their own.

    Attributes
    ----------
    starts
        First entry of every noise, and the number of entries at the end, shape (noises + 1,).
    spins
        Number of the spin of every entry.
    turns
        Turn of this spin per root of time, shape (entries, 3).
    """

    starts: Array
    spins: Array
    turns: Array

    def matrix(self, spins: int) -> csr_array:
        """Return the turns as a matrix, shape (3 spins, noises)."""
        count = len(self.starts) - 1
        noise = np.repeat(np.arange(count), np.diff(self.starts))
        rows = 3 * self.spins[:, None] + np.arange(3)
        columns = np.broadcast_to(noise[:, None], rows.shape)
        places = rows.ravel(), columns.ravel()
        return csr_array((self.turns.ravel(), places), shape=(3 * spins, count))


@dataclass(frozen=True)
class SpinEquations:
    """Equations of motion of n spins: Omega = A m + b, and the noise of every spin.

    Attributes
    ----------
    lengths
        |s| of every spin, shape (n,).
    row_starts, columns, values
        A as compressed rows; row and column 3 i + alpha belong to component alpha of spin i.
    field
        b, shape (3 n,).
    diffusion
        Rates of <dB_x^2> and <dB_y^2> of the noise that a spin has for itself, shape (n, 2).
    shared
        All other noise: about other axes, or of several spins.
    pumps
        Rates of the jumps S+ and S- of spins 1/2 in the scheme "hybrid", shape (n, 2); zero in the
        other scheme.
    squares
        <s_a s_b> of one spin of the cell where it is known, shape (sites, 3, 3), or None.
    """

    lengths: Array
    row_starts: Array
    columns: Array
    values: Array
    field: Array
    diffusion: Array
    shared: SharedNoise
    pumps: Array
    squares: Array | None = None

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

    @property
    def covariance(self) -> csr_array:
        """Rates of <dB_i dB_j>, shape (3 n, 3 n)."""
        shared = self.shared.matrix(len(self.lengths))
        own = np.pad(self.diffusion, ((0, 0), (0, 1))).ravel()
        return csr_array(shared @ shared.T + diags_array(own))

    @property
    def noise_rate(self) -> float:
        """Largest rate of <dB_x^2>, <dB_y^2>, <dB_z^2>, or of gain and loss, of any spin."""
        return float(max(self.covariance.diagonal().max(), self.pumps.sum(axis=1).max(), 0.0))

    @property
    def fastest(self) -> float:
        """The larger of `rate` and `noise_rate`."""
        return max(self.rate, self.noise_rate)


def _refusal(model: LindbladModel, term: Term, why: str) -> UnsupportedModelError:
    names = " ".join(f"{name}[site {site}, cell {cell}]" for name, site, cell in term.factors)
    return UnsupportedModelError(
        f"TWA cannot treat the term {names}: {why}; {advice(model, 'TWA')}."
    )


def _linear_factors(model: LindbladModel, term: Term) -> tuple[list[tuple[int, Cell]], list[Array]]:
    """Return the places (site, cell) and vectors u of a product of at most two u.S."""
    factors = [factor for factor in term.factors if factor[0] != "Id"]
    if len(factors) > 2:
        raise _refusal(model, term, "it has more than two spin operators")
    return [factor[1:] for factor in factors], [spin_vector(name) for name, _, _ in factors]


def spin_equations(
    model: LindbladModel, shape: tuple[int, ...], periodic: bool = True, scheme: str = "wigner"
) -> SpinEquations:
    """Return the stochastic equations of a finite lattice of cells.

    Parameters
    ----------
    model
        Spins of any S on any graph, Hamiltonian terms with at most two spin operators, jumps linear
        in the components of one or several spins.
    shape
        Number of cells in each direction; spin i = cell * sites per cell + site.
    periodic
        Whether terms that leave the lattice re-enter on the other side, or are dropped.
    scheme
        "wigner" or "hybrid"; see `TWA`.

    Raises
    ------
    UnsupportedModelError
        If the model has bosons or other terms or jumps; the message names the first of them.
    ArgumentError
        If a term or jump is longer than a periodic lattice.
    """
    _check_sites(model)
    size, cells = len(model.sites), math.prod(shape)
    n = size * cells
    hybrid = scheme == "hybrid"
    if hybrid:
        refuse_not_half(model)
    lengths = np.tile(spin_lengths(model, scheme), cells)
    blocks: _Blocks = defaultdict(lambda: np.zeros((3, 3)))
    field = np.zeros(3 * n, dtype=complex)
    for term in model.hamiltonian:
        places, vectors = _linear_factors(model, term)
        half = bool(places) and is_spin_half(model, places[0][0])
        for spins in _placements(places, str(term), shape, periodic, size):
            _add_term(term.coefficient, vectors, half, spins, blocks, field)
    diffusion, pumps, noises = np.zeros((n, 2)), np.zeros((n, 2)), []
    for jump in linear_jumps(model):
        own = _own_noise(jump)
        rates = pump_rates(model, jump) if hybrid else None
        for spins in _placements(jump.spins, "a jump", shape, periodic, size):
            _add_drift(jump, spins, blocks if rates is None else None, field)
            if rates is not None:
                pumps[spins[0]] += rates
            elif own is None:
                noises += [(spins, turns) for turns in jump.noises()]
            else:
                diffusion[spins[0]] += own
    matrix = _sparse(blocks, n)
    matrix.data *= np.repeat(lengths, 3)[matrix.indices]
    rows, columns = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    static = np.ascontiguousarray(field.real)
    return SpinEquations(
        lengths, rows, columns, matrix.data, static, diffusion, _shared(noises), pumps,
        known_squares(model) if hybrid else None,
    )  # fmt: skip


def _add_term(
    value: complex, vectors: Sequence[Array], half: bool, spins: Sequence[int],
    blocks: _Blocks, field: Array,
) -> None:  # fmt: skip
    """Add the gradient of a term of the Hamiltonian; imaginary parts cancel in their sum."""
    if len(spins) == 1:
        field[3 * spins[0] : 3 * spins[0] + 3] += value * vectors[0]
    elif len(spins) == 2:
        (one, two), same = spins, spins[0] == spins[1]
        if same:
            field[3 * one : 3 * one + 3] += 0.5j * value * np.cross(vectors[0], vectors[1])
        if not (same and half):
            block = np.real(value * np.outer(*vectors))
            blocks[one, two] += block
            blocks[two, one] += block.T


def _add_drift(
    jump: LinearJump, spins: Sequence[int], blocks: _Blocks | None, field: Array
) -> None:
    """Add rate Im[u_i^* (sum_j u_j . s_j + c)], see `jumps.py`; Hermitian operators have none.

    Without blocks, the part of the number c alone is added.
    """
    vectors = jump.vectors
    for i, left in zip(spins, vectors.conj(), strict=True):
        field[3 * i : 3 * i + 3] += jump.rate * np.imag(left * jump.constant)
        if blocks is None:
            continue
        for j, right in zip(spins, vectors, strict=True):
            block = jump.rate * np.imag(np.outer(left, right))
            if np.any(block):
                blocks[i, j] += block


def _own_noise(jump: LinearJump) -> Array | None:
    """Return the rates of <dB_x^2> and <dB_y^2> if the noise of a jump is that and of one spin."""
    if len(jump.spins) > 1:
        return None
    (vector,) = jump.vectors
    rates = jump.rate * np.real(np.outer(vector.conj(), vector))
    if np.abs(rates - np.diag([rates[0, 0], rates[1, 1], 0])).max() > 1e-15 * np.abs(rates).max():
        return None
    return np.diag(rates)[:2]


def _shared(noises: Sequence[tuple[Sequence[int], Array]]) -> SharedNoise:
    """Return noises, each given by its spins and their turns, one after the other."""
    kept = [(np.array(spins)[moved], turns[moved]) for spins, turns in noises
            for moved in [np.any(turns, axis=1)]]  # fmt: skip
    starts = np.cumsum([0, *(len(spins) for spins, _ in kept)], dtype=np.int64)
    spins = np.concatenate([np.zeros(0, dtype=np.int64), *(spins for spins, _ in kept)])
    turns = np.concatenate([np.zeros((0, 3)), *(turns for _, turns in kept)])
    return SharedNoise(starts, spins.astype(np.int64), turns)


def _sparse(blocks: Mapping[tuple[int, int], Array], n: int) -> csr_array:
    """Return the matrix of 3 x 3 blocks (i, j) of n spins, with sorted rows and without zeros."""
    places = np.array(list(blocks), dtype=int).reshape(-1, 2, 1, 1)
    rows, columns = (3 * places[:, axis] + np.indices((3, 3))[axis] for axis in (0, 1))
    values = np.array(list(blocks.values()))
    matrix = csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=(3 * n, 3 * n))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def _check_sites(model: LindbladModel) -> None:
    """Refuse sites that are outside the method's reach."""
    refuse_own_operators(model, "TWA")
    for number, site in enumerate(model.sites):
        if not isinstance(site, Spin):
            raise UnsupportedModelError(
                f"TWA treats spins only, but site {number} is {site}; {advice(model, 'TWA')}."
            )


def _placements(
    places: Sequence[tuple[int, Cell]], name: str, shape: tuple[int, ...], periodic: bool, size: int
) -> Iterator[list[int]]:
    """Yield the numbers of the spins on which a term or jump acts, for each of its copies."""
    different = len(set(places))
    for origin in product(*[range(length) for length in shape]):
        spins = []
        for site, offset in places:
            cell = tuple(o + x for o, x in zip(origin, offset, strict=True))
            spin = place_in_cluster(shape, periodic, size, site, cell)
            if spin is None:
                break
            spins.append(spin)
        else:
            if len(set(spins)) < different:
                raise ArgumentError(
                    f"A periodic cluster must be larger than its terms, but {name} meets itself."
                )
            yield spins
