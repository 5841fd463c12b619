"""Stability of collinear configurations: growth rates, finite clusters, quench spectra."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize

from impo.arguments import UnsupportedModelError, fail, positive_integer
from impo.arrays import Array
from impo.memory import product as numbers
from impo.memory import refuse_larger
from impo.methods.advice import MOST_CONFIGURED
from impo.methods.holstein_primakoff.gaussian import log_purity, negativity
from impo.methods.holstein_primakoff.method import configuration_name
from impo.methods.holstein_primakoff.quadratic import QuadraticBosons, quadratic_bosons
from impo.model import LindbladModel

_MARGINAL = 1e-11
_SEARCH_GRID = {1: 256, 2: 48}
_COARSE_GRID = {1: 64, 2: 16}
_MOST_MAPPED = 4  # spins of a cell, all of whose configurations are tried at every point of a map


def marginal_rate(bosons: QuadraticBosons) -> float:
    """Return the growth rate below which rounding cannot tell a fluctuation from a constant one."""
    return _MARGINAL * bosons.rate


def wave_vectors(points: int, dimension: int) -> Array:
    """Return the wave vectors of a periodic lattice, shape (points, [points,] dimension)."""
    axis = 2 * np.pi * np.arange(points) / points
    return np.stack(np.meshgrid(*[axis] * dimension, indexing="ij"), axis=-1)


def largest_growth(bosons: QuadraticBosons) -> tuple[float, Array]:
    """Return max Re mu over all wave vectors, mu the eigenvalues of X_k, and the k that has it.

    The configuration is stable if this is negative. A grid finds the largest values, and a local
    search refines them.
    """
    dimension = len(next(iter(bosons.hoppings)))

    def growth(k: Array) -> Array:
        return np.asarray(bosons.spectrum(bosons.drift(k)).real.max(axis=-1))

    points = max(_SEARCH_GRID[dimension], 4 * bosons.reach)
    refuse_larger(
        f"HolsteinPrimakoff cannot treat {bosons.modes} spins in a cell",
        bosons.bytes_per_wave * float(points) ** dimension, "use a smaller unit cell",
    )  # fmt: skip
    grid = wave_vectors(points, dimension).reshape(-1, dimension)
    values = growth(grid)
    best = int(np.argmax(values))
    corners = np.vstack([np.zeros(dimension), np.eye(dimension) * np.pi / points])
    options = {"initial_simplex": grid[best] + corners, "xatol": 1e-9, "fatol": 1e-14 * bosons.rate}
    refined = minimize(lambda k: -growth(k), grid[best], method="Nelder-Mead", options=options)
    if -refined.fun > values[best]:
        return float(-refined.fun), np.mod(refined.x, 2 * np.pi)
    return float(values[best]), grid[best]


def stable_configurations(model: LindbladModel) -> list[tuple[tuple[int, ...], float, Array]]:
    """Return (configuration, largest growth rate, its k) of all configurations of the unit cell.

    Sorted by growth rate, the most stable first.

    Raises
    ------
    UnsupportedModelError
        If the model is outside the method's reach in every configuration, or there are too many.
    """
    if len(model.sites) > MOST_CONFIGURED:
        raise UnsupportedModelError(
            f"HolsteinPrimakoff tries all 2^{len(model.sites)} configurations of a cell, which may "
            f"have {MOST_CONFIGURED} spins; give a `configuration`."
        )
    pairs = _expanded(model)
    found = [(signs, *largest_growth(bosons)) for signs, bosons in pairs if bosons is not None]
    return sorted(found, key=lambda entry: entry[1])


def _expanded(
    model: LindbladModel,
) -> Iterator[tuple[tuple[int, ...], QuadraticBosons | None]]:
    """Yield the bosons about every configuration, None about one that is no stationary point.

    At the end `UnsupportedModelError` is raised if there are none about any.
    """
    refusal, any_found = None, False
    for configuration in product((1, -1), repeat=len(model.sites)):
        bosons = None
        try:
            bosons = quadratic_bosons(model, configuration)
            any_found = True
        except UnsupportedModelError as error:
            refusal = error
        yield configuration, bosons
    if refusal is not None and not any_found:
        raise refusal


def coarse_growth(model: LindbladModel) -> dict[str, float]:
    """Return the largest growth rate about every configuration, on a coarse grid of wave vectors.

    It is for maps of many models: some ten times faster than `stable_configurations`, from which it
    differs only where the fastest growth is between two wave vectors of the grid. What neither
    grows nor decays counts as growing. The rate is nan about what is no stationary point.

    Raises
    ------
    UnsupportedModelError
        If the model is outside the method's reach in every configuration, or its cell is large.
    """
    if len(model.sites) > _MOST_MAPPED:
        raise UnsupportedModelError(f"A map is of cells of up to {_MOST_MAPPED} spins.")
    return {
        configuration_name(signs): (
            np.nan if bosons is None else _coarse_rate(bosons, model.dimension)
        )
        for signs, bosons in _expanded(model)
    }


def _coarse_rate(bosons: QuadraticBosons, dimension: int) -> float:
    points = _COARSE_GRID[dimension]
    if 4 * bosons.reach > points:
        raise UnsupportedModelError("A map is of couplings between near cells.")
    waves = wave_vectors(points, dimension)
    return float(bosons.spectrum(bosons.drift(waves)).real.max()) + marginal_rate(bosons)


def candidates(
    model: LindbladModel, signs: tuple[int, ...] | None
) -> list[tuple[tuple[int, ...], float, Array]]:
    """Return what `stable_configurations` does, of one configuration alone if it is given."""
    if signs is None:
        return stable_configurations(model)
    return [(signs, *largest_growth(quadratic_bosons(model, signs)))]


@dataclass(frozen=True)
class ClusterFluctuations:
    """Fluctuations around a configuration of a finite cluster, and their Gaussian steady state.

    Attributes
    ----------
    bosons
        The quadratic master equation; its modes are the spins of the cluster in order.
    drift
        Matrix of d<Psi>/dt, shape (2n, 2n).
    spectrum
        Its 2n eigenvalues, the least stable first.
    covariance
        G = <{Psi, Psi^+}>/2, or None if a fluctuation does not decay.
    """

    bosons: QuadraticBosons
    drift: Array
    spectrum: Array
    covariance: Array | None

    @property
    def stable(self) -> bool:
        """Whether all fluctuations decay."""
        return self.covariance is not None

    @property
    def occupations(self) -> Array | None:
        """<c^+ c> of every spin."""
        if self.covariance is None:
            return None
        n = self.bosons.modes
        return np.diagonal(self.covariance)[n:].real - 0.5

    @property
    def log_purity(self) -> float | None:
        """Ln Tr rho^2 of the cluster (Eq. A22)."""
        return None if self.covariance is None else float(log_purity(self.covariance))

    def negativity(self, modes: Sequence[int]) -> float | None:
        """Return the negativity between some spins and all others (Eq. A25, max(0, .))."""
        return None if self.covariance is None else negativity(self.covariance, modes)


def cluster_fluctuations(
    model: LindbladModel, configuration: Sequence[int], shape: Sequence[int], periodic: bool = True
) -> ClusterFluctuations:
    """Expand a finite cluster around any collinear configuration of its spins.

    Parameters
    ----------
    model
        The description.
    configuration
        +1 or -1 for every spin of the cluster, cell after cell.
    shape
        Number of cells in each direction.
    periodic
        Whether couplings that leave the cluster re-enter on the other side, or are dropped.

    Raises
    ------
    ArgumentError, UnsupportedModelError
        As `quadratic_bosons`.
    """
    bosons = quadratic_bosons(model, configuration, shape, leaving=periodic)
    drift = bosons.cluster_drift(periodic)
    spectrum = bosons.spectrum(drift)
    spectrum = spectrum[np.lexsort((-spectrum.imag, -spectrum.real))]
    stable = spectrum[0].real < -marginal_rate(bosons)
    noise = bosons.cluster_noise(periodic)
    return ClusterFluctuations(
        bosons, drift, spectrum, bosons.covariance(drift, noise) if stable else None
    )


@dataclass(frozen=True)
class QuenchSpectra:
    """Least stable fluctuation of every collinear configuration of a ring (Fig. 8).

    Attributes
    ----------
    configurations
        One representative, +1 or -1, of each class of translated configurations, shape (K, n).
    multiplicity
        Number of configurations in each class, shape (K,); they add up to 2^n.
    eigenvalues
        The eigenvalue mu with the largest real part (and then Im mu >= 0), shape (K,).
    tolerance
        Growth rates that differ by no more are equal: rounding cannot tell them apart.
    """

    configurations: Array
    multiplicity: Array
    eigenvalues: Array
    tolerance: float

    def count(self, low: float, high: float) -> int:
        """Return the number of configurations with low < Re mu < high, neither end included.

        What is within `tolerance` of an end equals it: `equal` counts it, this does not.
        """
        real = self.eigenvalues.real
        inside = (real > low + self.tolerance) & (real < high - self.tolerance)
        return int(self.multiplicity[inside].sum())

    def equal(self, value: float) -> int:
        """Return the number of configurations whose Re mu is within `tolerance` of a value."""
        return int(self.multiplicity[np.abs(self.eigenvalues.real - value) <= self.tolerance].sum())

    @property
    def stable(self) -> int:
        """Number of configurations whose fluctuations all decay."""
        return self.count(-np.inf, 0.0)

    @property
    def marginal(self) -> int:
        """Number of configurations whose least stable fluctuation neither decays nor grows."""
        return self.equal(0.0)

    @property
    def unstable(self) -> int:
        """Number of configurations with a growing fluctuation."""
        return self.count(0.0, np.inf)


def quench_spectra(model: LindbladModel, cells: int) -> QuenchSpectra:
    """Return the least stable fluctuation of all collinear configurations of a ring.

    Translations by a cell leave the spectrum unchanged, so one configuration of each class is
    diagonalised. At an exceptional point eigenvalues are accurate to the square root of the working
    precision only, which sets the tolerance of the counts: 1e-7 of the sum of the norms of all
    couplings.

    Parameters
    ----------
    model
        A one-dimensional description.
    cells
        Number of unit cells of the ring; all 2^(cells * sites) configurations are visited.

    Raises
    ------
    ArgumentError
        If the model is not one-dimensional.
    """
    positive_integer("cells", cells)
    if model.dimension != 1:
        raise fail("model", "one-dimensional", model.label)
    n, sites = cells * len(model.sites), len(model.sites)
    refuse_larger(
        f"HolsteinPrimakoff cannot visit all 2^{n} configurations of a ring",
        8 * (n + 2 + cells) * numbers([2], n), "use fewer cells",
    )  # fmt: skip
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    places = 2 ** np.arange(n)
    smallest = np.min([np.roll(bits, sites * shift, axis=1) @ places for shift in range(cells)], 0)
    classes, multiplicity = np.unique(smallest, return_counts=True)
    configurations = 1 - 2 * bits[classes]
    eigenvalues, rate = np.empty(len(classes), dtype=complex), 0.0
    for i, configuration in enumerate(configurations):
        bosons = quadratic_bosons(model, configuration.tolist(), (cells,))
        spectrum = bosons.spectrum(bosons.cluster_drift(periodic=True))
        real = spectrum.real.max()
        rate = max(rate, bosons.rate)
        least = spectrum[spectrum.real > real - 1e-7 * bosons.rate]
        eigenvalues[i] = real + 1j * np.abs(least.imag).max()
    return QuenchSpectra(configurations, multiplicity, eigenvalues, 1e-7 * rate)
