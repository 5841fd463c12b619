"""Product states that a user writes down: the starts of searches and of evolutions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, fail, finite
from impo.arrays import Array
from impo.model import LindbladModel, Site, Spin
from impo.operators.liouvillian import Generator
from impo.operators.local import charge_parts, state_charges

_ROUNDING = 1e-10
_SMALLEST, _LARGEST = 1e-100, 1e100


@dataclass(frozen=True)
class Coherent:
    """A spin coherent state, which every method takes as the start of a spin.

    As an array it is its direction (x, y, z).

    Attributes
    ----------
    theta
        Angle to the z axis: 0 is up (m = S), pi is down.
    phi
        Angle about the z axis, from x to y.

    Raises
    ------
    ArgumentError
        If an angle is no finite real number.

    Examples
    --------
    >>> import numpy as np
    >>> np.asarray(Coherent(np.pi / 2))  # along x
    array([1., 0., 0.])
    """

    theta: float
    phi: float = 0.0

    def __post_init__(self) -> None:
        for name in ("theta", "phi"):
            object.__setattr__(self, name, finite(name, getattr(self, name)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        across = math.sin(self.theta)
        x, y = across * math.cos(self.phi), across * math.sin(self.phi)
        parts = (x, y, math.cos(self.theta))
        return np.array([part if abs(part) > 1e-15 else 0.0 for part in parts], dtype)


def coherent_state(site: Site, direction: Array) -> Array:
    """Return the spin coherent state along a direction (x, y, z), states m = S ... -S.

    A boson gets the (truncated) coherent state of amplitude x + iy.
    """
    from scipy.special import gammaln  # the command loads this module before it needs scipy

    x, y, z = direction
    if not isinstance(site, Spin):
        n, size = np.arange(site.dimension), min(math.hypot(x, y), 1e300)
        if size == 0:
            return np.where(n == 0, 1.0 + 0j, 0)
        weights = n * math.log(size) - gammaln(n + 1) / 2
        return np.asarray(np.exp(weights - weights.max() + 1j * n * math.atan2(y, x)))
    twice = site.dimension - 1
    theta, phi = math.atan2(math.hypot(x, y), z), math.atan2(y, x)
    up = np.arange(twice, -1, -1)
    weights = np.exp((gammaln(twice + 1) - gammaln(up + 1) - gammaln(twice - up + 1)) / 2)
    polar = math.cos(theta / 2) ** up * math.sin(theta / 2) ** (twice - up)
    return np.asarray(weights * polar * np.exp(-1j * phi * state_charges(site)))


def density_matrices(model: LindbladModel, start: Any) -> list[Array]:
    """Return one density matrix per site of the unit cell, of trace one.

    Parameters
    ----------
    model
        The description.
    start
        One entry per site: a state vector, shape (d,), or a density matrix, shape (d, d), of any
        positive norm or trace; for spins also a `Coherent` state. States are m = S ... -S for
        spins, n = 0 ... cutoff for bosons.

    Raises
    ------
    ArgumentError
        If an entry has another shape, is not finite, Hermitian and positive, or one is missing.
    """
    allowed = "a state by this method, or one state vector or density matrix per site of the cell"
    if not hasattr(start, "__len__") or len(start) != len(model.sites):
        raise fail("start", allowed, start)
    states = []
    for site, given in zip(model.sites, start, strict=True):
        d = site.dimension
        if isinstance(given, Coherent):
            if not isinstance(site, Spin):
                raise fail("start", "a state vector or density matrix for a boson", given)
            given = coherent_state(site, np.asarray(given))
        try:
            array = np.asarray(given, dtype=complex)
        except (TypeError, ValueError):
            raise fail("start", allowed, given) from None
        if not array.size or not np.all(np.isfinite(array)):
            raise fail("start", allowed, given)
        array = _scaled(array)
        rho = np.outer(array, array.conj()) if array.shape == (d,) else array
        if rho.shape != (d, d) or not np.allclose(rho, rho.conj().T):
            raise fail("start", allowed, given)
        trace = float(np.trace(rho).real)
        if not trace > 0 or np.linalg.eigvalsh(rho)[0] < -_ROUNDING * trace:
            raise fail("start", "density matrices without negative eigenvalues", given)
        rho = rho / trace
        states.append(rho if np.any(rho.imag) else np.ascontiguousarray(rho.real))
    return states


def directions(start: Any, counts: tuple[int, ...], kind: str) -> Array:
    """Return unit vectors, shape (n, 3), of a start that gives directions of any length.

    Parameters
    ----------
    start
        Directions (x, y, z) of coherent states, shape (n, 3), or `Coherent` states.
    counts
        The n that are allowed.
    kind
        What else the start may be, for the message.

    Raises
    ------
    ArgumentError
        If the directions have another shape, or a vanishing or infinite length.
    """
    shapes = " or ".join(f"({n}, 3)" for n in counts)
    allowed = f"{kind} or finite directions {shapes}"
    try:
        vectors = np.asarray(start, dtype=float)
    except (TypeError, ValueError):
        raise fail("start", allowed, start) from None
    if vectors.shape not in [(n, 3) for n in counts] or not np.all(np.isfinite(vectors)):
        raise fail("start", allowed, start)
    vectors = np.stack([_scaled(vector) for vector in vectors])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if np.any(lengths == 0):
        raise fail("start", "directions of non-zero length", start)
    return np.asarray(vectors / lengths)


def _scaled(array: Array) -> Array:
    """Return a multiple of an array whose squares are finite, and not all zero unless it is."""
    largest = float(np.abs(array).max())
    return array if _SMALLEST < largest < _LARGEST or largest == 0 else array / largest


def rotated_states(generator: Generator, states: Sequence[Array], method: str) -> list[Array]:
    """Return density matrices of all sites in the rotated frame of a generator.

    Parameters
    ----------
    generator
        Master equation on a tile or on a finite chain.
    states
        In the physical frame: of all sites, or of a cell, which is repeated.
    method
        Name of the method that has the setting `charges`.

    Raises
    ------
    ArgumentError
        If charges are used and a state has some.
    """
    rotated = []
    for position, site in enumerate(generator.sites):
        rho = generator.rotated(position, states[position % len(states)])
        if len(generator.charges) and any(q != 0 for q in charge_parts(site, rho)):
            raise ArgumentError(
                "Argument `start` must be symmetric under rotations about z when charges are used; "
                f"use {method}(charges=False) for a symmetry-broken start."
            )
        rotated.append(rho)
    return rotated
