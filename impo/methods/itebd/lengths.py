"""Correlation lengths of an infinite chain: modes of the transfer matrix that are really there.

The spectrum alone misleads: its leading eigenvalue is often one that the operators do not see, or
noise of the truncation. A mode counts if it is found again, by what it gives to all low operators,
in every approximation that the state is compared with, and if its amplitude for the operators
exceeds its error. The length is that of the slowest such mode. Its error is what the length changes
between approximations; as that may be small by accident, it is at least in proportion to the root
of the error of the state. Where no mode counts, a fit to the function is taken, or else its slope
between two near distances: of the visible decay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.methods.itebd.correlations import (
    AHEAD,
    FEWEST,
    TURNS,
    fitted_length,
    signal_window,
    visible_slope,
)
from impo.methods.itebd.tracking import Ends, Spectrum, per_cell, spectrum, units_of
from impo.operators.charges import raised_m
from impo.operators.liouvillian import Generator
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import Approximation, Refinement
from impo.refinement.budget import total_error
from impo.refinement.error_bars import LEAST_SHARE
from impo.refinement.levels import SAFETY
from impo.results.estimate import Estimate
from impo.results.modes import ENDS, UNCORRELATED, Decay, Mode, no_decay

_ROUNDING = 1e-12  # of angles, and of what changes between approximations
_NOTHING = 1e-12  # size of a mode that low operators do not see
_LEAST = 0.5  # least relative error of a rate: see `Tracker.waves`
SAME = 0.5  # relative distance up to which two modes are one
_FORBIDDEN = 1e-9  # of the largest amplitude: rounding of one that symmetry makes zero
_UNCORRELATED = 1e-10  # correlations, over the operator norms, that are none
_NOT_FOUND = (
    "The modes that carry this function differ between the accuracies that are compared: take a "
    "smaller tol, or raise chi_max."
)
_SAME_CUT = (
    "The accuracies that are compared lack the same modes of this function: take a smaller tol, "
    "or raise chi_max."
)
_TOLD = 8  # modes that are told
_ROOT = 0.3  # share of the largest amplitude from which on another root of lambda is a mode too


class Waves(NamedTuple):
    """Exponentials A mu^r over unit cells with their errors, the slowest first; axes # mode.

    Attributes
    ----------
    rates, rate_errors
        -ln |mu|, and what it changes between approximations.
    angles, angle_errors
        arg mu, likewise.
    amplitudes, amplitude_errors
        A, likewise.
    sizes
        Norm of the mode over all low operators.
    charges
        By how much the operator at the left end raises the charges, packed.
    """

    rates: Array
    rate_errors: Array
    angles: Array
    angle_errors: Array
    amplitudes: Array
    amplitude_errors: Array
    sizes: Array
    charges: Array

    @property
    def found(self) -> Array:
        """Whether a mode is found again everywhere, and its decay told from none."""
        return np.asarray((self.sizes > _NOTHING) & (self.rate_errors < self.rates))

    @property
    def seen(self) -> Array:
        """Whether the operators see it: its amplitude exceeds its error."""
        least = _FORBIDDEN * np.max(self.near, initial=0.0)
        return np.asarray((self.amplitude_errors < np.abs(self.amplitudes)) & (self.near > least))

    @property
    def near(self) -> Array:
        """What a mode gives to the function in the next unit cell."""
        return np.asarray(np.abs(self.amplitudes) * np.exp(-self.rates))

    def estimates(self, count: int, amplitudes: bool) -> tuple[Mode, ...]:
        """Return the slowest modes as results, with packed charges."""
        out = []
        for n in range(min(count, len(self.rates))):
            rate, error = float(self.rates[n]), float(self.rate_errors[n])
            longest = 1 / (rate - error) if error < rate else np.inf
            length = Estimate(1 / rate, longest - 1 / rate)
            angle = Estimate(float(self.angles[n]), float(self.angle_errors[n]))
            size = Estimate(complex(self.amplitudes[n]), float(self.amplitude_errors[n]))
            out.append(Mode(length, angle, int(self.charges[n]), size if amplitudes else None))
        return tuple(out)

    def sorted(self) -> "Waves":
        """Return them by rising rate, then by falling amplitude, then by the size of the angle."""
        sizes = np.round(np.log(np.maximum(np.abs(self.amplitudes), 1e-300)), 6)
        order = np.lexsort((np.abs(self.angles), -sizes, np.round(self.rates, 9)))
        return Waves(*(part[order] for part in self))


def _factor(pair: Refinement) -> float:
    """Return what the changes of a mode are multiplied by.

    A factor beyond SAFETY says that expectation values changed by less than levels before let
    expect. A mode shares in this accident only in part: between all and nothing, the geometric mean
    is taken. What was expected is in the error of the state, and so in the least error.
    """
    return float(np.sqrt(SAFETY * pair.factor)) if pair.kind == "chi" else pair.factor


def joined(parts: Sequence[Waves]) -> Waves:
    """Return the modes of several sectors together."""
    return Waves(*(np.concatenate(columns) for columns in zip(*parts, strict=True))).sorted()


@dataclass(frozen=True)
class Tracker:
    """Follows the modes of a state through the approximations that it is compared with.

    Attributes
    ----------
    approx, refinements
        As of the state.
    cell
        Number of sites of the unit cell.
    """

    approx: Approximation
    refinements: Sequence[Refinement]
    cell: int
    _known: dict[tuple[Approximation, int], Spectrum | None] = field(default_factory=dict)

    def spectrum(self, approx: Approximation, charge: int) -> Spectrum | None:
        """Return the modes of an approximation in a charge sector, which are computed once."""
        if (approx, charge) not in self._known:
            units = units_of(self.approx.generator.sites)
            self._known[approx, charge] = spectrum(approx, charge, units)
        return self._known[approx, charge]

    def waves(self, charge: int, ends: Ends | None) -> Waves | None:
        """Return the modes of a sector, with their amplitudes for two operators if given.

        Without operators the amplitude is the norm over all low ones.

        The least relative error of a rate is half the root of the error of the state in units of
        the mode. Expectation values of neighbours err by squares of what is cut off the bond, rates
        by what is cut off: from tol = 1e-3 to 1e-6 they were off by 0.05 to 0.15 of that root in
        the median.
        """
        best = self.spectrum(self.approx, charge)
        if best is None:
            return None
        own = factors, amplitudes = self._resolved(best, ends)
        errors, apart = np.zeros((3, *factors.shape)), np.zeros(len(factors))
        for pair in self.refinements:
            one, two = (
                self._again(best, own, self.spectrum(side, charge), ends)
                for side in (pair.finer, pair.coarser)
            )
            ratio = np.log(one[0] / two[0])
            changes = np.abs([ratio.real, ratio.imag, one[1] - two[1]])
            if pair.unknown_of(charge):
                errors[[0, 2]] = np.inf
            else:
                errors += np.where(changes > _ROUNDING, _factor(pair) * changes, 0.0)
            apart = np.maximum(apart, np.maximum(one[2], two[2]))
        errors[:, ~(apart < SAME)] = np.inf  # not found again
        rates, angles = -np.log(np.abs(factors)), np.angle(factors)
        total = total_error(self.approx, self.refinements)
        unit = np.sqrt(np.maximum(best.sizes, _NOTHING))[:, None]  # each of its ends has that
        least = _LEAST * np.sqrt(total / unit) * rates
        if ends is not None:  # as the function in the next cell has
            errors[2] = np.maximum(errors[2], LEAST_SHARE * total * ends.largest * np.exp(rates))
        columns = (
            rates, np.maximum(errors[0], least),
            np.where(np.abs(angles) > _ROUNDING, angles, 0.0), errors[1], amplitudes, errors[2],
            best.sizes[:, None], np.array(-charge),
        )  # fmt: skip
        size = np.abs(amplitudes)
        kept = size >= _ROOT * size.max(axis=1, keepdims=True)
        if not self.approx.generator.blocks:  # there, modes have one root each
            kept |= size > errors[2]
        return Waves(*(np.broadcast_to(one, kept.shape)[kept] for one in columns)).sorted()

    def _resolved(self, found: Spectrum, ends: Ends | None) -> tuple[Array, Array]:
        """Return factors per unit cell and amplitudes; # mode root."""
        advance = found.approx.generator.phase_advance
        if ends is not None:
            levels = found.amplitudes(ends, self.cell)
            return per_cell(levels, found.values, ends.turn * advance)
        conserved = found.approx.generator.charges
        turn = raised_m(conserved, found.charge) * advance if advance else 0.0
        right = found.right.reshape(
            -1, self.cell, *found.right.shape[1:]
        )  # cell site operator mode
        factors, vectors = per_cell(right.transpose(3, 0, 1, 2), found.values, turn)
        left = np.linalg.norm(found.left, axis=(0, 1))
        return factors, left[:, None] * np.linalg.norm(vectors, axis=(2, 3))

    def _again(
        self, best: Spectrum, own: tuple[Array, Array], other: Spectrum | None, ends: Ends | None
    ) -> tuple[Array, Array, Array]:
        """Return factors and amplitudes of the same modes elsewhere, and how far apart they are.

        `own` are those of `best`.
        """
        factors, amplitudes = own
        if other is best:
            return factors, amplitudes, np.zeros(len(factors))
        if other is None:
            return factors, np.zeros(factors.shape), np.full(len(factors), np.inf)
        nearest, apart = best.followed(other)
        theirs, amplitudes = (part[nearest] for part in self._resolved(other, ends))
        # the branch of a root may be another where lambda crosses the negative axis
        root = np.argmin(np.abs(factors[:, :, None] - theirs[:, None, :]), axis=2)
        return (
            np.take_along_axis(theirs, root, axis=1),
            np.take_along_axis(amplitudes, root, axis=1),
            apart,
        )


def decay_of(
    waves: Waves | None, values: Array, errors: Array, largest: float, same_cut: bool = False
) -> Decay:
    """Return how a function decays whose modes are known.

    Parameters
    ----------
    waves
        Modes that the operators may see; None if there are none.
    values, errors
        The connected function at r = 0, 1, ... and its errors.
    largest
        Product of the operator norms.
    same_cut
        Whether the approximations that are compared lack the same modes.
    """
    for first, reason in enumerate((UNCORRELATED, ENDS), 1):
        if np.max(np.abs(values[first:])) <= _UNCORRELATED * largest:
            return no_decay(reason)
    if waves is None:
        return no_decay("The transfer matrix of the trace has no basis of modes.")
    end, fit = _visible(values, errors), _fit(values, errors)
    modes = waves.estimates(len(waves.rates), amplitudes=True)
    shown = np.flatnonzero(waves.near > _UNCORRELATED * np.max(waves.near, initial=0.0))[:_TOLD]
    window = (1, end) if end else None
    told = Decay(None, None, "", tuple(modes[n] for n in shown), fitted=fit, window=window)
    good = np.flatnonzero(waves.found & waves.seen)
    weights = np.abs(waves.amplitudes) * np.exp(-waves.rates * max(end, 1))
    if not len(good) or weights[: good[0]].sum() > weights[good[0]]:
        if fit is not None:  # beyond the window, nothing is known
            return replace(told, length=fit, wavenumber=Estimate(0.0, 0.0), crossover=float(end))
        return _visible_decay(told, values, errors, _SAME_CUT if same_cut else _NOT_FOUND)
    mode = modes[good[0]]
    angle = Estimate(abs(mode.wavenumber.value), mode.wavenumber.error)
    return replace(
        told, length=mode.length, wavenumber=angle, spectral=mode.length,
        crossover=_crossover(waves, int(good[0]), end),
    )  # fmt: skip


def _visible(values: Array, errors: Array) -> int:
    """Return the last distance up to which the function stands above its error; zeros aside."""
    ahead = np.lib.stride_tricks.sliding_window_view(np.pad(np.abs(values), (0, AHEAD)), AHEAD + 1)
    above = ahead.max(axis=-1)[1:] > errors[1:]
    return int(np.argmin(above)) if not above.all() else len(above)


def _fit(values: Array, errors: Array) -> Estimate | None:
    """Return the length by a fit, of a function of one sign at enough distances."""
    last = signal_window(values, errors)
    ratios = values[2 : last + 1] / values[1:last]
    if last < FEWEST or np.any(np.abs(np.angle(ratios)) > TURNS):
        return None
    length, error = fitted_length(values, errors, last)
    return Estimate(length, error) if error < length else None


def _visible_decay(told: Decay, values: Array, errors: Array, reason: str) -> Decay:
    """Return the decay between two near distances, beyond which nothing is known, or the reason."""
    slope = visible_slope(values, errors)
    if slope is None:
        return replace(told, reason=reason)
    length = Estimate(1 / slope.rate, 1 / (slope.rate - slope.error) - 1 / slope.rate)
    wavenumber = Estimate(np.pi if slope.staggered else 0.0, 0.0)
    crossover = float(max(told.window[1] if told.window else 0, slope.first + 1))
    return replace(told, length=length, wavenumber=wavenumber, fitted=length, crossover=crossover)


def _crossover(waves: Waves, carrier: int, end: int) -> float | None:
    """Return where a slower mode may take over: beyond the distances at which none has."""
    sizes, errors = np.abs(waves.amplitudes), waves.amplitude_errors
    most = sizes + np.where(np.isfinite(errors), errors, 0.0)
    least = max(sizes[carrier] - errors[carrier], 0.0)
    apart = waves.rates[carrier] - waves.rates[:carrier]
    near = most[:carrier] * np.exp(-waves.rates[:carrier])
    rivals = (apart > 0) & (near > _FORBIDDEN * np.max(waves.near, initial=0.0))
    if not rivals.any():
        return None
    where = np.log(np.maximum(least / most[:carrier][rivals], 1.0)) / apart[rivals]
    return float(max(where.min(), end, 1.0))


def shared_charges(
    generator: Generator, names: tuple[str, str], sites: tuple[int, int], largest: float
) -> Iterator[tuple[int, Ends]]:
    """Yield the charge sectors that two operators share, with their parts there.

    Parameters
    ----------
    generator
        Of the chain.
    names, sites
        The operators.
    largest
        Product of their norms.
    """
    model = generator.model
    known = [local_operators(model.sites[site]) for site in sites]
    falling, rising = (
        sorted(charge_parts(model.sites[site], named[name]))
        for site, named, name in zip(sites, known, names, strict=True)
    )
    if not len(generator.charges):
        yield 0, Ends(sites, names, largest)
        return
    charges = generator.weights
    signs = set(charges[sites[1] :: len(model.sites)].tolist())
    for q in falling:
        # Tr(O T_kq) needs T_kq to lower what O raises
        sector = int(-q * charges[sites[0]])
        for other in rising:
            if any(other * sign == sector for sign in signs):
                yield sector, Ends(sites, names, largest, (q, other))
