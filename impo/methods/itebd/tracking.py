"""Modes of correlation functions, followed from one approximation to the next.

Approximations have bonds of their own, so that their eigenvectors cannot be compared. What a mode
gives to the correlation functions of all low operators can: with the vectors a_j and b_j over
operators (`impo.tensor.transfer`) the product of two modes is

    (i, j) = sum_t sum_AB conj(a_iA b_iB lambda_i^t) a_jA b_jB lambda_j^t
           = conj(a_i).a_j conj(b_i).b_j / (1 - conj(lambda_i) lambda_j).

A mode is followed to that at the least distance in this product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from impo.arrays import Array
from impo.model import Level, Site, Spin
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import Approximation
from impo.tensor.transfer import TransferModes, transfer_modes

_ALIKE = 0.15  # relative difference of lambda up to which modes may be mixed by the truncation
_UNSEEN = 1e-6  # relative size of what operators do not tell of a mode
_OVER = 1e-14  # |lambda| of a mode that is over within a tile


@dataclass(frozen=True)
class Ends:
    """Two operators whose correlations are resolved into modes.

    Attributes
    ----------
    sites
        Sites of the unit cell on which they act.
    names
        What they are called.
    largest
        Product of their norms.
    raised
        By how much each raises S_z or n, if of an operator only that part is meant, else None.
    """

    sites: tuple[int, int]
    names: tuple[str, str]
    largest: float
    raised: tuple[int | None, int | None] = (None, None)

    @property
    def turn(self) -> int:
        """By how much the right one raises: it turns with the frame from tile to tile."""
        return self.raised[1] or 0

    def matrix(self, approx: Approximation, end: int) -> Array:
        """Return the physical matrix of the left (0) or right (1) operator, with its cut-off."""
        site = approx.generator.model.sites[self.sites[end]]
        found, part = local_operators(site)[self.names[end]], self.raised[end]
        return found if part is None else charge_parts(site, found)[part]


@dataclass(frozen=True)
class Spectrum:
    """The modes of an approximation in one charge sector, the slowest first.

    Attributes
    ----------
    approx
        The approximation.
    charge
        Of the sector.
    modes
        Of the transfer matrix of a tile.
    left, right
        a_j and b_j of all low operators, in units of S and S^2; # site operator mode.
    """

    approx: Approximation
    charge: int
    modes: TransferModes
    left: Array
    right: Array

    @property
    def values(self) -> Array:
        """lambda_j of a tile; # mode."""
        return np.where(np.abs(self.modes.values) > _OVER, self.modes.values, _OVER)

    @property
    def lasting(self) -> Array:
        """Whether a mode is not over within a tile; # mode."""
        return np.asarray(np.abs(self.modes.values) > _OVER)

    @cached_property
    def sizes(self) -> Array:
        """Norms of the modes: what they give to all correlation functions; # mode."""
        ends = np.linalg.norm(self.left, axis=(0, 1)) * np.linalg.norm(self.right, axis=(0, 1))
        return np.asarray(self.lasting * ends / np.sqrt(1 - np.abs(self.values) ** 2))

    def followed(self, other: "Spectrum") -> tuple[Array, Array]:
        """Return the nearest mode of another approximation, and its relative distance; # mode."""
        ends = _overlaps(self.left, other.left) * _overlaps(self.right, other.right)
        ends = ends * other.lasting  # one that is over has no size, so nothing is shared with it
        shared = np.real(ends / (1 - np.outer(self.values.conj(), other.values)))
        own = self.sizes[:, None] ** 2
        apart = own + other.sizes**2 - 2 * shared
        nearest = np.argmin(apart, axis=1)
        least = np.maximum(apart[np.arange(len(apart)), nearest], 0.0)
        return nearest, np.sqrt(least / np.maximum(own[:, 0], 1e-300))

    def amplitudes(self, ends: Ends, cell: int) -> Array:
        """Return a_j b_j / lambda_j with the right operator in every cell of a tile; # mode cell.

        `cell` is the number of sites of a unit cell.
        """
        first, second = (ends.matrix(self.approx, end) for end in (0, 1))
        left = self.modes.opened(ends.sites[0], _measured(self.approx, ends.sites[0], first))
        positions = range(ends.sites[1], len(self.approx.bases), cell)
        right = [self.modes.closed(p, _measured(self.approx, p, second))[0] for p in positions]
        return np.asarray((left[0] * right / self.values).T)


def spectrum(approx: Approximation, charge: int, units: Sequence[float]) -> Spectrum | None:
    """Return the modes of an approximation; None if there are none, or they are no basis.

    `units` are what low operators of each site of the tile are measured in: S, or the cut-off of n.
    """
    modes = transfer_modes(approx.environment, charge)
    if modes is None:
        return None
    sites = range(len(approx.bases))
    low = [_low_operators(approx, site, units[site]) for site in sites]
    right = np.array([modes.closed(site, low[site]) for site in sites])
    cells = len(approx.bases) // len(approx.generator.model.sites)
    if approx.generator.blocks and cells > 1:
        mixing = _by_wavenumber(modes.values, right.reshape(cells, -1, right.shape[-1]))
        modes, right = modes.mixed(mixing), right @ mixing
    left = np.array([modes.opened(site, low[site]) for site in sites])
    return Spectrum(approx, charge, modes, left, right)


def _by_wavenumber(values: Array, right: Array) -> Array:
    """Return what mixes modes of almost equal lambda to such of one wavenumber each; # old new.

    Over a tile of several cells, modes differ in lambda only by mu to the power of the cells. From
    one cell to the next, what modes give to the operators is multiplied by one matrix, which is
    diagonal for modes of definite mu.

    Parameters
    ----------
    values
        lambda, the slowest first.
    right
        b_j of the operators of every cell; # cell operator mode.
    """
    mixing, free = np.eye(len(values), dtype=complex), np.ones(len(values), dtype=bool)
    for first in range(len(values)):
        alike = np.flatnonzero(
            free & (np.abs(values - values[first]) < _ALIKE * abs(values[first]))
        )
        free[alike] = False
        if len(alike) < 2:
            continue
        here, there = (
            part.reshape(-1, len(alike)) for part in (right[:-1, :, alike], right[1:, :, alike])
        )
        step, _, rank, _ = np.linalg.lstsq(here, there, rcond=_UNSEEN)
        own = np.linalg.eig(step)[1]
        if rank == len(alike) and np.linalg.cond(own) < 1 / _UNSEEN:
            mixing[np.ix_(alike, alike)] = own
    return mixing


def per_cell(levels: Array, values: Array, turn: float) -> tuple[Array, Array]:
    """Return factors per unit cell and amplitudes, one for each root of lambda.

    Parameters
    ----------
    levels
        Amplitudes in the cells of a tile; # mode cell (...).
    values
        lambda of a tile; # mode.
    turn
        Angle by which the frame turns from tile to tile.

    Returns
    -------
    factors, amplitudes
        mu with mu^cells = lambda, and A in sum A mu^r over the distance r in cells. Axes: # mode
        root, # mode root (...).
    """
    count = levels.shape[1]
    first = np.exp(np.log(values * np.exp(1j * turn)) / count)  # mode
    roots = np.exp(2j * np.pi * np.arange(count) / count)
    factors = first[:, None] * roots  # mode root
    powers = factors[:, :, None] ** -np.arange(count)  # mode root cell
    return factors, np.einsum("jrc,jc...->jr...", powers, levels) / count


def _overlaps(one: Array, two: Array) -> Array:
    """Return the products of the vectors of all modes; # mode mode."""
    return np.tensordot(one.conj(), two, axes=((0, 1), (0, 1)))


def _low_operators(approx: Approximation, site: int, unit: float) -> Array:
    """Return what measures low operators and their products; # operator x."""
    kind = approx.generator.sites[site]
    known, root = local_operators(kind), unit**0.5
    scales = {"N": unit, "B": root, "Bd": root}
    if isinstance(kind, Level):
        scales = {"N": unit} | dict.fromkeys(kind.own_matrices, 1.0)
    if isinstance(kind, Spin):
        scales = dict.fromkeys(("Sz", "S+", "S-"), unit)
    low: list[Array] = [known[name] / scale for name, scale in scales.items()]
    return _measured(approx, site, *low, *(a @ b for a, b in product(low, repeat=2)))


def units_of(sites: Sequence[Site]) -> tuple[float, ...]:
    """Return S of every spin, and the cut-off of every boson."""
    return tuple(float(s.S) if isinstance(s, Spin) else float(s.cutoff) for s in sites)


def _measured(approx: Approximation, position: int, *matrices: Array) -> Array:
    """Return Tr(O T_x) of physical operators at a position; # operator x."""
    basis = approx.bases[position % len(approx.bases)]
    return np.array([basis.measure(approx.generator.rotated(position, m)) for m in matrices])
