"""Correlation lengths of a Gaussian chain: modes that two operators see."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from impo.arrays import Array
from impo.methods.holstein_primakoff.poles import Poles
from impo.model import LindbladModel, Spin
from impo.operators.liouvillian import infinite_chain, kept_charges
from impo.results.estimate import Estimate
from impo.results.modes import UNCORRELATED, Decay, Mode, no_decay

_TOLD = 8  # modes that are told
_PAIRED = 64  # poles whose products are looked at, the slowest
_DIGITS = 9  # of products, over the largest, that are one mode if they are equal
_NOTHING = 1e-12  # of the largest mode in the next cell, or of the operators: rounding


class Expansion(NamedTuple):
    """An operator of a site in bosons: ladder . (c, c^+) + number c^+ c, and a constant.

    Attributes
    ----------
    site
        Of the unit cell.
    ladder, number
        The coefficients.
    raises
        By how much c raises the charges of the model, packed; 0 in models without one.
    """

    site: int
    ladder: Array
    number: float
    raises: int


def charges(model: LindbladModel) -> Array:
    """Return by how much S+ raises the charges on every site, shape (charges, sites)."""
    # the symmetry is that of any spin, and a small one has small matrices
    small = replace(model, sites=tuple(Spin(1) for _ in model.sites))
    return kept_charges(infinite_chain(small)).charges[:, : len(model.sites)]


def decay_of(poles: Poles, one: Expansion, two: Expansion, values: Array, error: float) -> Decay:
    """Return how the connected correlation function of two operators decays.

    Parameters
    ----------
    poles
        Of the covariance.
    one, two
        The operators.
    values, error
        The function at r = 0, 1, ..., and the error of each value.
    """
    if not np.all(np.isfinite(values)):
        return no_decay("The correlations are no finite numbers.")
    modes = _seen(_linear(poles, one, two) + _quadratic(poles, one, two), abs(values[0]))
    if not modes:
        return no_decay(UNCORRELATED)
    first = modes[0]
    angle = Estimate(abs(first.wavenumber.value), first.wavenumber.error)
    visible = np.flatnonzero(np.abs(values[1:]) > error)
    window = (1, int(visible[-1]) + 1) if len(visible) else None
    return Decay(
        first.length, angle, "", tuple(modes[:_TOLD]), spectral=first.length, window=window
    )


class _Exponential(NamedTuple):
    """One amplitude * factor^r, its rounding errors, and what the left operator raises."""

    factor: complex
    error: float
    amplitude: complex
    rounding: float
    charge: int

    @property
    def order(self) -> tuple[float, float, float]:
        """What they are sorted by: decay, size, wavenumber."""
        size, rate = np.log(np.abs([self.amplitude, self.factor]))
        return -round(float(rate), 9), -round(float(size), 6), abs(float(np.angle(self.factor)))

    @property
    def mode(self) -> Mode:
        """The same as a result."""
        rate, off = -np.log(abs(self.factor)), self.error / abs(self.factor)
        angle = float(np.angle(self.factor))
        if abs(np.sin(angle)) <= off:
            angle = np.pi if np.cos(angle) < 0 else 0.0
        length = Estimate(float(1 / rate), float(off / rate**2))
        amplitude = Estimate(complex(self.amplitude), float(self.rounding))
        return Mode(length, Estimate(angle, float(off)), int(self.charge), amplitude)


def _linear(poles: Poles, one: Expansion, two: Expansion) -> list[_Exponential]:
    """Return the modes that the ladder operators see: those of the covariance."""
    seen = _between(poles, one, two) @ two.ladder  # pole component
    sizes = float(np.abs(two.ladder).sum()) * poles.rounding
    out = []
    parts = np.diag(one.ladder) if one.raises else one.ladder[None, :]
    for part, charge in zip(parts, (one.raises, -one.raises), strict=False):
        columns = poles.factors, poles.errors, seen @ part, np.abs(part).sum() * sizes
        out += [_Exponential(*row, charge) for row in zip(*columns, strict=True)]
    return out


def _quadratic(poles: Poles, one: Expansion, two: Expansion) -> list[_Exponential]:
    """Return the modes that numbers of bosons see, by Wick's theorem: products of two."""
    weight = one.number * two.number
    if weight == 0:
        return []
    slow = Poles(*(part[:_PAIRED] for part in poles))
    pair, size = _between(slow, one, two), np.abs(slow.amplitudes).max(axis=(1, 2), initial=0.0)
    first, second = np.triu_indices(len(pair))
    products = np.einsum("ix,jx->ij", pair[:, 1, :], pair[:, 0, ::-1])
    both = np.where(first == second, 1.0, 2.0) * (products + products.T)[first, second] / 2
    factors, errors, rounding = slow.factors, slow.errors, slow.rounding
    off = np.abs(factors[first]) * errors[second] + np.abs(factors[second]) * errors[first]
    unsure = 4 * (size[first] * rounding[second] + size[second] * rounding[first])
    made = factors[first] * factors[second]
    scaled = np.round(made / np.abs(made).max(initial=1e-300), _DIGITS)
    _, chosen, same = np.unique(scaled, return_index=True, return_inverse=True)
    total = np.zeros(len(chosen), dtype=complex)
    np.add.at(total, same, weight * both)
    columns = made[chosen], off[chosen], total, abs(weight) * np.bincount(same, unsure)
    return [_Exponential(*row, 0) for row in zip(*columns, strict=True)]


def _between(poles: Poles, one: Expansion, two: Expansion) -> Array:
    """Return the amplitudes of <Psi_a(0) Psi_b(r)> of two sites; # pole component component."""
    count = poles.amplitudes.shape[-1] // 2
    rows = [one.site, one.site + count]
    columns = [two.site + count, two.site]  # Psi is Psi^+ with c and c^+ exchanged
    return np.asarray(poles.amplitudes[:, rows, :][:, :, columns])


def _seen(found: list[_Exponential], scale: float) -> list[Mode]:
    """Return the modes with an amplitude above rounding, the slowest and then largest first."""
    near = [abs(one.factor * one.amplitude) for one in found]
    least = _NOTHING * max([scale, *near])
    kept = [
        one for one, size in zip(found, near, strict=True)
        if size > least and abs(one.amplitude) > one.rounding
    ]  # fmt: skip
    return [one.mode for one in sorted(kept, key=lambda one: one.order)]
