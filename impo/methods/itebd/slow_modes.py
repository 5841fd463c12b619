"""Slow modes of an infinite chain, from correlations of two times of several local operators.

    C_ij(k, t) = sum_r e^{ikr} (<A_i(t) B_j,r> - <A_i><B_j>),    A_i = B_i^+

The B_j are the lowest multipoles with the charge of the mode on the sites of the cell. Where a
charge is conserved and that of the mode is zero, they are also products of lowest multipoles on
neighbouring sites (S+ S-, S- S+, Sz Sz): pairs of excitations, of which one site sees little. Every
approximation of the state and of the A_i(t) has poles of its own; their differences are errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from impo.arrays import Array
from impo.methods.itebd.spectra import until_small
from impo.methods.itebd.two_time import Acting, Actions, Moment, action, stacked, two_time_of
from impo.operators.basis import operator_basis
from impo.operators.local import charge_parts, local_operators, operator_charges, stepwise
from impo.refinement.approximation import Approximation
from impo.results.slow_modes import Charge, SlowMode, slow_mode
from impo.signals.tracks import Track, found_again, judged, tracks, useful, windows
from impo.sites import Site, Spin

if TYPE_CHECKING:
    from impo.methods.itebd.dynamics import MovingState

_CELLS = 14  # to both sides
_RANKS = 2  # lowest multipoles of a site
_FINER = 0.1  # tolerance of A(t) over that of the state: a pole is less known than its function
_SMALL = 0.1  # share of that to which functions are followed
_SPACING = 1.0  # of the samples, in units of the time in which low multipoles change
_WAVES = [2 * np.pi * n / 8 for n in range(8)]  # samples are taken while one of these needs them


class Local(NamedTuple):
    """A product of operators on consecutive sites.

    Attributes
    ----------
    site
        The first, in the unit cell.
    factors
        Of every operator its charge, None where there is none, and its number among those with it.
    """

    site: int
    factors: tuple[tuple[int | None, int], ...]

    @property
    def place(self) -> tuple[int, int]:
        """First site, and number of sites."""
        return self.site, len(self.factors)

    def matrices(self, approx: Approximation) -> tuple[Array, ...]:
        """Return its matrices with the cut-offs of a state."""
        sites = approx.generator.model.sites
        return tuple(
            matrices(sites[n % len(sites)], charge)[label]
            for n, (charge, label) in enumerate(self.factors, self.site)
        )


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

    def mover(self, approx: Approximation) -> tuple[int, tuple[Array, ...]]:
        """Return the first site of A_i and its matrices."""
        return self.first.site, tuple(x.conj().T for x in self.first.matrices(approx))

    def _by_place(self, approx: Approximation) -> list[tuple[int, list[tuple[Array, ...]]]]:
        """Return first site and matrices of the B_j on the same sites; # B site."""
        return [
            (place[0], [one.matrices(approx) for one in here])
            for place, here in groupby(self.seconds, lambda one: one.place)
        ]

    def actions(self, approx: Approximation) -> Actions:
        """Return the matrices of rho to B_j rho: the B_j on the same sites, cell by cell."""
        unit, found = len(approx.generator.model.sites), []
        for site, named in self._by_place(approx):
            for cell in range(-_CELLS, _CELLS + 1):
                position = site + cell * unit
                acting = [
                    np.array([action(approx, p, x) for x in here])
                    for p, here in enumerate(zip(*named, strict=True), position)
                ]
                found.append(Acting(position, tuple(acting)))
        return found

    def means(self, approx: Approximation) -> Array:
        """Return <B_j> in the order of `actions`."""
        found = []
        for site, named in self._by_place(approx):
            means = [approx.environment.marginal(site, len(named[0]))] * len(named)
            for n in reversed(range(len(named[0]))):
                basis = approx.bases[(site + n) % len(approx.bases)]
                vectors = [basis.measure(approx.generator.rotated(site + n, x[n])) for x in named]
                means = [mean @ vector for mean, vector in zip(means, vectors, strict=True)]
            found.append(np.tile(means, 2 * _CELLS + 1))
        return np.concatenate(found)


@dataclass(frozen=True)
class Correlations:
    """C_ij(r, t) of all operators with a charge.

    Attributes
    ----------
    moments
        For every A_i, by every approximation; # time (place cell j).
    spacing
        Distance of two times.
    many
        Numbers of the B_j on the same sites.
    """

    moments: Sequence[Moment]
    spacing: float
    many: Sequence[int]

    def _by_cell(self, function: Array) -> list[Array]:
        """Return the functions of an A_i with the B_j on the same sites; # time cell j."""
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
        """Return C_ij(k, t) with A_i(t) of other settings, and what their distance counts."""
        return [
            (weight, self.at(k, [one.coarser[n][1] for one in self.moments]))
            for n, (weight, _) in enumerate(self.moments[0].coarser)
        ]

    def noise(self, state: "MovingState", k: float) -> Array:
        """Return the error of C_ij(k, t); # time i j."""
        best = self.by(k, state.approximation)
        total = state.estimate(partial(self.by, k)).error + self.beyond(state.approximation)
        for weight, other in self.coarser(k):
            total = total + weight * np.abs(other - best)
        return np.asarray(total)


def correlations(state: "MovingState", charge: int) -> Correlations:
    """Return the correlations of all operators with a packed charge while they are of use."""
    operators = _operators(state, charge)
    many = [len(list(here)) for _, here in groupby(operators, lambda one: one.place)]
    functions, spacing = [], 0.0
    for first in _moving(operators):
        probes = _Probes(first, operators)
        asked = two_time_of(state, probes)
        asked = replace(asked, tol=_FINER * asked.tol)
        spacing = _SPACING * asked.time_unit
        functions.append(until_small(asked, probes.means, spacing, small=_SMALL))
    found, waves = [], _WAVES
    for now in zip(*functions, strict=False):  # until one of them has decayed
        found.append(now)
        here = Correlations([stacked([one]) for one in now], spacing, many)
        waves = [k for k in waves if useful(here.by(k, state.approximation), here.noise(state, k))]
        if not waves:
            break
    return Correlations([stacked(one) for one in zip(*found, strict=True)], spacing, many)


def _moving(operators: Sequence[Local]) -> list[Local]:
    """Return the A_i: the lowest of the operators on the same sites.

    All B_j see what these become. With all operators as A_i it takes twice as long, and poles that
    coincide are known better: pairs of decoupled dimers to 3 %, against 11 % (S = 1/2, tol 1e-3).
    """
    return [next(here) for _, here in groupby(operators, lambda one: one.place)]


def _operators(state: "MovingState", charge: int) -> tuple[Local, ...]:
    """Return the operators with a packed charge, those on the same sites together."""
    weights = [_weight(state, site) for site in range(len(state.model.sites))]
    found = []
    for site, weight in enumerate(weights):
        own = charge // weight if weight else None
        many = _by_charge(state, site).get(charge, 0)
        found += [Local(site, ((own, label),)) for label in range(many)]
    return (*found, *(() if charge else _neighbours(state, weights)))


def _neighbours(state: "MovingState", weights: Sequence[int]) -> list[Local]:
    """Return products on neighbouring sites that together have no charge."""
    sites, found = state.model.sites, []
    for site, weight in enumerate(weights):
        following = (site + 1) % len(sites)
        if not weight or not weights[following]:
            continue  # everything is neutral: nine products, for what one site sees as well
        for pair in product((-1, 0, 1), repeat=2):
            raised = pair[0] * weight + pair[1] * weights[following]
            here = [matrices(sites[n], q) for n, q in zip((site, following), pair, strict=True)]
            if not raised and all(here):
                found.append(Local(site, tuple((q, 0) for q in pair)))
    return found


def slow_modes(
    state: "MovingState", known: Correlations, charge: Charge, k: float, count: int
) -> tuple[SlowMode, ...]:
    """Return the slowest poles of the correlations of a charge at a wave number."""
    best, spacing = known.by(k, state.approximation), known.spacing
    found = tracks(best, spacing, windows(best, known.noise(state, k)))
    if not found:
        return ()
    again = partial(_again, known, found, k)
    error = state.estimate(again).error
    mine = found_again(found, best, spacing)
    for weight, other in known.coarser(k):
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
