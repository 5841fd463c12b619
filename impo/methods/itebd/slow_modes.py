"""Slow modes of an infinite chain, from correlations of two times of several local operators.

    C_ij(k, t) = sum_r e^{ikr} (<A_i(t) B_j,r> - <A_i><B_j>),    A_i = B_i^+

The B_j are the lowest multipoles with the charge of the mode on the sites of the cell. Every
approximation of the state and of the A_i(t) has poles of its own; their differences are errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from impo.arrays import Array
from impo.methods.itebd.spectra import until_small
from impo.methods.itebd.two_time import Actions, Moment, action, stacked, two_time_of
from impo.operators.basis import operator_basis
from impo.operators.local import charge_parts, local_operators, operator_charges, stepwise
from impo.refinement.approximation import Approximation
from impo.results.slow_modes import Charge, SlowMode, slow_mode
from impo.signals.tracks import Track, found_again, judged, tracks, windows
from impo.sites import Site, Spin

if TYPE_CHECKING:
    from impo.methods.itebd.dynamics import MovingState

_CELLS = 14  # to both sides
_RANKS = 2  # lowest multipoles of a site
_FINER = 0.1  # tolerance of A(t) over that of the state: a pole is less known than its function
_SMALL = 0.1  # share of that to which functions are followed
_SPACING = 1.0  # of the samples, in units of the time in which low multipoles change


class Local(NamedTuple):
    """An operator of a site of the unit cell: number `label` of those with its charge there."""

    site: int
    label: int


def charges(state: "MovingState") -> list[int]:
    """Return the packed charges of operators on one site, by how much they raise the model's."""
    found = {q for site in range(len(state.model.sites)) for q in _by_charge(state, site)}
    return sorted(found)


def _weight(state: "MovingState", site: int) -> int:
    """Return how the charges of the model, packed, count that of a site."""
    return int(state.generator.weights[site])


def _by_charge(state: "MovingState", site: int) -> dict[int, int]:
    """Return how many operators of a site have each charge of the model."""
    here, weight = state.model.sites[site], _weight(state, site)
    if not weight:
        return {0: len(matrices(here, None))}
    top = _RANKS if isinstance(here, Spin) else 1
    raised = range(-top, top + 1) if stepwise(here) else sorted(operator_charges(here))
    tried = {q: len(matrices(here, q)) for q in raised}
    return {weight * q: many for q, many in tried.items() if many}


def matrices(site: Site, charge: int | None) -> list[Array]:
    """Return the lowest operators of a site with a charge, without the identity.

    Parameters
    ----------
    site
        With the cut-off of a state.
    charge
        By how much they raise m, n or the charge of a level; None for Hermitian operators without
        a charge.
    """
    if isinstance(site, Spin):
        basis = operator_basis(site, _RANKS, hermitian=charge is None)
        chosen = (basis.k > 0) & (basis.q == (charge or 0))
        found = np.sqrt(site.dimension) * basis.matrices[chosen]
        return [np.asarray(one, dtype=complex) for one in found]
    named = {name: x for name, x in local_operators(site).items() if name != "Id"}
    parts: list[Array]
    if charge is None:
        parts = [(x + x.conj().T) / 2 for x in named.values()]
        parts += [(x - x.conj().T) / 2j for x in named.values()]
    else:
        split = [charge_parts(site, x) for x in named.values()]
        parts = [found[charge] for found in split if charge in found]
    return _independent(parts)


def _independent(found: Sequence[Array]) -> list[Array]:
    """Return operators, none of which is a combination of the identity and earlier ones."""
    kept: list[Array] = []
    for x in found:
        rows = np.array([np.eye(len(x)).ravel(), *(one.ravel() for one in kept), x.ravel()])
        if np.linalg.matrix_rank(rows) == len(rows):
            kept.append(x)
    return kept


@dataclass(frozen=True)
class _Probes:
    """One A_i that moves, and all B_j in all cells; see `two_time.Probes`."""

    first: Local
    seconds: tuple[Local, ...]
    charges: tuple[int | None, ...]

    def _matrix(self, approx: Approximation, one: Local) -> Array:
        site = approx.generator.model.sites[one.site]
        return matrices(site, self.charges[one.site])[one.label]

    def mover(self, approx: Approximation) -> tuple[int, Array]:
        """Return the site of A_i and its matrix."""
        return self.first.site, self._matrix(approx, self.first).conj().T

    def _named(self, approx: Approximation) -> dict[int, list[Array]]:
        """Return the matrices of the B_j by site."""
        found: dict[int, list[Array]] = {}
        for one in self.seconds:
            found.setdefault(one.site, []).append(self._matrix(approx, one))
        return found

    def actions(self, approx: Approximation) -> Actions:
        """Return the matrices of rho to B_j rho, by position: the B_j of a site, cell by cell."""
        unit, found = len(approx.generator.model.sites), {}
        for site, named in self._named(approx).items():
            for cell in range(-_CELLS, _CELLS + 1):
                position = site + cell * unit
                found[position] = np.array([action(approx, position, x) for x in named])
        return found

    def means(self, approx: Approximation) -> Array:
        """Return <B_j> in the order of `actions`."""
        found = []
        for site, named in self._named(approx).items():
            basis, marginal = approx.bases[site], approx.environment.marginal(site, 1)
            vectors = [basis.measure(approx.generator.rotated(site, x)) for x in named]
            found.append(np.tile([marginal @ vector for vector in vectors], 2 * _CELLS + 1))
        return np.concatenate(found)


@dataclass(frozen=True)
class Correlations:
    """C_ij(r, t) of all operators with a charge.

    Attributes
    ----------
    moments
        For every A_i, by every approximation; # time (site cell j).
    spacing
        Distance of two times.
    many
        Number of the B_j on every site that has some.
    """

    moments: Sequence[Moment]
    spacing: float
    many: Sequence[int]

    def _by_cell(self, function: Array) -> list[Array]:
        """Return the functions of an A_i with the B_j of every site; # time cell j."""
        cells = 2 * _CELLS + 1
        ends = np.cumsum([many * cells for many in self.many])[:-1]
        return [part.reshape(len(part), cells, -1) for part in np.split(function, ends, axis=1)]

    def at(self, k: float, functions: Sequence[Array]) -> Array:
        """Return C_ij(k, t); # time i j."""
        waves = np.exp(1j * k * np.arange(-_CELLS, _CELLS + 1))
        rows = [
            np.concatenate([np.einsum("c,tcj->tj", waves, x) for x in self._by_cell(one)], axis=1)
            for one in functions
        ]
        return np.stack(rows, axis=1)

    def beyond(self, approx: Approximation) -> Array:
        """Return about what the sum over cells lacks: its last terms; # time i j."""
        rows = []
        for one in self.moments:
            parts = [x[:, [0, 1, -2, -1]] for x in self._by_cell(one.values[approx])]
            rows.append(np.concatenate([np.abs(x).sum(axis=1) for x in parts], axis=1))
        return np.stack(rows, axis=1)

    def by(self, k: float, approx: Approximation) -> Array:
        """Return C_ij(k, t) by an approximation of the state; # time i j."""
        return self.at(k, [one.values[approx] for one in self.moments])

    def coarser(self, k: float) -> list[tuple[float, Array]]:
        """Return C_ij(k, t) with less accurate A_i(t), and what their distance counts."""
        return [
            (weight, self.at(k, [one.coarser[n][1] for one in self.moments]))
            for n, (weight, _) in enumerate(self.moments[0].coarser)
        ]


def correlations(state: "MovingState", charge: int) -> Correlations:
    """Return the correlations of all operators with a packed charge until they have decayed."""
    signs = [_weight(state, site) for site in range(len(state.model.sites))]
    here = tuple(charge // sign if sign else None for sign in signs)
    numbers = [_by_charge(state, site).get(charge, 0) for site in range(len(signs))]
    operators = tuple(
        Local(site, label) for site, many in enumerate(numbers) for label in range(many)
    )
    found, spacing = [], 0.0
    for first in operators:
        probes = _Probes(first, operators, here)
        asked = two_time_of(state, probes)
        asked = replace(asked, tol=_FINER * asked.tol)
        spacing = _SPACING * asked.time_unit
        found.append(list(until_small(asked, probes.means, spacing, small=_SMALL)))
    shortest = min(map(len, found))
    moments = [stacked(one[:shortest]) for one in found]
    return Correlations(moments, spacing, [many for many in numbers if many])


def slow_modes(
    state: "MovingState", known: Correlations, charge: Charge, k: float, count: int
) -> tuple[SlowMode, ...]:
    """Return the slowest poles of the correlations of a charge at a wave number."""
    best, spacing = known.by(k, state.approximation), known.spacing
    coarser = known.coarser(k)
    noise = state.estimate(partial(known.by, k)).error + known.beyond(state.approximation)
    noise = noise + sum(weight * np.abs(other - best) for weight, other in coarser)
    found = tracks(best, spacing, windows(best, noise))
    if not found:
        return ()
    again = partial(_again, known, found, k)
    error = state.estimate(again).error
    mine = found_again(found, best, spacing)
    for weight, other in coarser:
        error = error + weight * np.abs(found_again(found, other, spacing) - mine)
    modes, first = [], 0
    for track in found:
        last = first + len(track.poles)
        pole, size, kind = judged(track, error[first:last])
        first = last
        if np.isfinite(size):
            modes.append(slow_mode(pole, size, charge, k, kind))
    return tuple(sorted(modes, key=lambda mode: float(mode.rate.value))[:count])


def _again(known: Correlations, found: Sequence[Track], k: float, approx: Approximation) -> Array:
    return found_again(found, known.by(k, approx), known.spacing)
