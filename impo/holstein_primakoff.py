r"""Holstein-Primakoff approximation of ordered phases: Gaussian state of an infinite lattice.

Spins are expanded around a collinear configuration (`impo.quadratic`); if all fluctuations decay,
their steady state is Gaussian and follows from one Lyapunov equation per wave vector. What is left
out are corrections of relative order n/(2S), n the number of bosons per site: `diagnostics` has
this expansion parameter, and error bars are those of the quadrature over k alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from impo.arguments import fail, non_negative_integer
from impo.gaussian import log_purity, neighbour_negativity
from impo.model import LindbladModel
from impo.quadratic import QuadraticBosons, ladder_vector, longitudinal, quadratic_bosons
from impo.result import (
    Estimate,
    Status,
    Stored,
    method_settings,
    shared_attributes,
    shared_fields,
)
from impo.stability import (
    largest_growth,
    marginal_rate,
    stable_configurations,
    wave_vectors,
)

_SIGNS = {"+": 1, "-": -1, 1: 1, -1: -1}
_QUADRATURE = 1e-13
_LARGEST_GRID = {1: 2**16, 2: 2**9}


@dataclass(frozen=True)
class HolsteinPrimakoff:
    """Settings of the Holstein-Primakoff approximation.

    Parameters
    ----------
    configuration
        "+" (up) or "-" (down) for every spin of the unit cell, as "+-", or the numbers +1 and -1;
        None takes the stable configuration.
    """

    name: ClassVar[str] = "hpa"
    configuration: str | tuple[int, ...] | None = None

    def __post_init__(self):
        value = self.configuration
        if value is None:
            return
        if not isinstance(value, str | tuple | list) or not all(map(_is_sign, value)):
            raise fail("configuration", 'a string of "+" and "-", or None', value)
        if isinstance(value, list):
            object.__setattr__(self, "configuration", tuple(value))

    @property
    def signs(self) -> tuple[int, ...] | None:
        """The configuration as numbers +1 and -1."""
        return None if self.configuration is None else tuple(_SIGNS[s] for s in self.configuration)


def _is_sign(value: Any) -> bool:
    return isinstance(value, str | Integral) and value in _SIGNS


def configuration_name(configuration: Sequence[int]) -> str:
    """Return a configuration as a string of "+" and "-"."""
    return "".join("+" if s > 0 else "-" for s in configuration)


@dataclass(frozen=True)
class HolsteinPrimakoffState(Stored):
    """Gaussian steady state of the spin fluctuations of an infinite lattice.

    Without a stable configuration `status` is failed, `covariance` and every quantity None.

    Attributes
    ----------
    configuration
        +1 or -1 of every site of the unit cell, or None if no configuration is stable.
    covariance
        G_k = <{Psi_k, Psi_k^+}>/2 on a regular grid of k, shape (points, [points,] 2n, 2n).
    quadrature_error
        Change of the covariances of one cell when the grid was last refined.
    """

    kind: ClassVar[str] = "holstein_primakoff"
    model: LindbladModel
    method: HolsteinPrimakoff
    status: Status
    message: str
    residual: float | None
    seconds: float
    configuration: tuple[int, ...] | None
    covariance: NDArray | None
    quadrature_error: float
    history: Sequence[Mapping[str, Any]] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _moments(self) -> NDArray:
        """<Psi_a(0) Psi_b(r)> in this order of the operators, shape (points, [points,] 2n, 2n)."""
        assert self.covariance is not None
        n, axes = len(self.model.sites), tuple(range(self.model.dimension))
        moments = np.fft.fftn(self.covariance, axes=axes, norm="forward")
        moments = np.roll(moments, n, axis=-1)  # Psi is Psi^+ with c and c^+ exchanged
        moments[(0,) * self.model.dimension] += np.kron([[0, 1], [-1, 0]], np.eye(n)) / 2
        return moments

    @property
    def occupations(self) -> Estimate | None:
        """Number of bosons <c^+ c> on every site of the unit cell."""
        if self.covariance is None:
            return None
        n = len(self.model.sites)
        local = self._moments[(0,) * self.model.dimension]
        value = np.diagonal(local, offset=-n).real
        return Estimate(value, np.full(n, self.quadrature_error))

    def _expansion(self, op: str, site: int) -> tuple[NDArray, float, float]:
        """Return (coefficients of c and c^+, constant, coefficient of c^+ c) of an operator."""
        self.model.check_operator(op, site)
        assert self.configuration is not None
        spin = (self.model.sites[site].dimension - 1) / 2
        up = self.configuration[site] > 0
        return ladder_vector(op, spin, up), *longitudinal(op, spin, up)

    def expect(self, op: str) -> Estimate | None:
        """Return <op> on every site: Sz = S - <c^+ c> for a spin up (Eqs. A11 to A14)."""
        if self.occupations is None:
            return None
        expansions = [self._expansion(op, site) for site in range(len(self.model.sites))]
        number = np.array([w for _, _, w in expansions])
        value = np.array([c for _, c, _ in expansions]) + number * self.occupations.value
        return Estimate(value, np.abs(number) * self.quadrature_error)

    def variance(self, op: str) -> Estimate | None:
        """Return <op^2> - <op>^2 on every site, in the Gaussian state."""
        if self.covariance is None:
            return None
        origin = (0,) * self.model.dimension
        both = [self._connected(op, op, (j, j)) for j in range(len(self.model.sites))]
        value = np.array([v.value[origin] for v in both])
        if op not in ("S+", "S-"):
            value = value.real
        return Estimate(value, np.array([v.error[origin] for v in both]))

    def _connected(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Estimate:
        """Return <A_0 B_r> - <A><B> for all r of the grid, by Wick's theorem."""
        (a, b), n = sites, len(self.model.sites)
        (vector_a, _, number_a), (vector_b, _, number_b) = (
            self._expansion(op, site) for op, site in ((op_a, a), (op_b, b))
        )
        moments = self._moments
        rows, columns = [a, a + n], [b, b + n]
        pair = moments[..., rows, :][..., columns]
        linear = np.einsum("i,...ij,j", vector_a, pair, vector_b)
        density = pair[..., 1, 0] * pair[..., 0, 1] + pair[..., 1, 1] * pair[..., 0, 0]
        slope = np.abs(vector_a).sum() * np.abs(vector_b).sum()
        slope = slope + abs(number_a * number_b) * np.abs(pair).sum(axis=(-1, -2))
        return Estimate(linear + number_a * number_b * density, slope * self.quadrature_error)

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate | None:
        """Return <A_{a, 0} B_{b, r}>, r = 0 ... max_cells along the first lattice direction."""
        if self.covariance is None:
            return None
        non_negative_integer("max_cells", max_cells)
        line = (slice(None), *[0] * (self.model.dimension - 1))
        found = self._connected(op_a, op_b, sites)
        half = len(found.value) // 2  # beyond half the grid, correlations are below its error
        value = np.zeros(max_cells + 1, dtype=complex)
        error = np.full(max_cells + 1, self.quadrature_error)
        kept = min(max_cells + 1, half)
        value[:kept], error[:kept] = found.value[line][:kept], found.error[line][:kept]
        mean_a, mean_b = self.expect(op_a), self.expect(op_b)
        assert mean_a is not None
        assert mean_b is not None
        return Estimate(value + mean_a.value[sites[0]] * mean_b.value[sites[1]], error)

    def correlation_length(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return the decay length, in cells, of the connected correlations of a chain.

        They are sums of exponentials lambda^r; the slowest is read off by a matrix pencil, and
        xi = -1/log|lambda| (below Eq. A18). None in two dimensions, where they are not exponential,
        and for correlations that vanish beyond one cell.
        """
        if self.covariance is None or self.model.dimension != 1:
            return None
        values = self._connected(op_a, op_b, sites).value
        tail = values[1 : len(values) // 4]
        largest = np.abs(tail).max()
        if not largest >= 1e-12 * max(np.abs(values[0]), 1e-300):
            return None
        reached = np.flatnonzero(np.abs(tail) > 1e-8 * largest)
        tail = tail[: min(int(reached[-1]) + 1, 200)]
        if len(tail) < 3:
            return None
        lengths = [-1 / np.log(_slowest_decay(part)) for part in (tail, tail[: 3 * len(tail) // 4])]
        if not np.isfinite(lengths[0]) or lengths[0] <= 0:
            return None
        return Estimate(float(lengths[0]), float(abs(lengths[0] - lengths[1])))

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>); in 2D, k has shape (..., 2)."""
        if self.covariance is None:
            return None
        k = np.asarray(k, dtype=float)
        k = k[..., None] if self.model.dimension == 1 else k
        found = self._connected(op_a, op_b, sites)
        value = found.value
        for axis in range(self.model.dimension):  # one direction after the other
            points = len(self.covariance)
            cells = np.fft.fftfreq(points, 1 / points)
            phases = np.exp(1j * k[..., axis, None] * cells)
            value = phases @ value if axis == 0 else np.einsum("...r,...r->...", phases, value)
        return Estimate(value, np.full(value.shape, float(np.max(found.error))))

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> NDArray | None:
        """Return None: bosons have no state of spins of finite S."""
        return None

    def distribution(self, places: Sequence[tuple[int, int]]) -> NDArray | None:
        """Return None: bosons have no distribution of m."""
        return None

    @property
    def purity_density(self) -> Estimate | None:
        """-ln Tr rho^2 per unit cell: the mean over k of ln det(2 G_k)/2 (Eq. A22)."""
        if self.covariance is None:
            return None
        value = -log_purity(self.covariance).mean()
        inverse = np.linalg.norm(np.linalg.inv(self.covariance), axis=(-1, -2)).mean()
        return Estimate(float(value), float(inverse * self.quadrature_error))

    def to_arrays(self) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Return the covariances and everything else as JSON types."""
        arrays = {} if self.covariance is None else {"covariance": self.covariance}
        attributes = {
            **shared_attributes(self),
            "method": method_settings(self.method),
            "configuration": self.configuration,
            "quadrature_error": self.quadrature_error,
        }
        return arrays, attributes

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray], attributes: Mapping[str, Any]
    ) -> "HolsteinPrimakoffState":
        """Rebuild the state from what `to_arrays` returned."""
        setting = attributes["method"]["configuration"]
        setting = tuple(setting) if isinstance(setting, list) else setting
        configuration = attributes["configuration"]
        return cls(
            method=HolsteinPrimakoff(setting),
            configuration=None if configuration is None else tuple(configuration),
            covariance=np.asarray(arrays["covariance"]) if "covariance" in arrays else None,
            quadrature_error=attributes["quadrature_error"],
            **shared_fields(attributes),
        )


def _slowest_decay(series: NDArray) -> float:
    """Return the largest |lambda| < 1 of a sum of exponentials lambda^r, by a matrix pencil."""
    length = len(series)
    window = length // 2
    hankel = np.array([series[i : i + window + 1] for i in range(length - window)])
    _, sizes, right = np.linalg.svd(hankel)
    rank = int(np.sum(sizes > 1e-9 * sizes[0]))
    rank = min(rank, window)
    basis = right[:rank].conj().T
    decays = np.abs(np.linalg.eigvals(np.linalg.pinv(basis[:-1]) @ basis[1:]))
    return float(decays[decays < 1].max(initial=0.0)) or np.nan


def _solve_on_grids(bosons: QuadraticBosons, dimension: int) -> tuple[NDArray, float, list]:
    """Refine the grid of k until the covariances of one cell stop changing.

    The trapezoidal rule on a periodic analytic function converges like exp(-points/xi).
    """
    points, previous, history = 32, None, []
    while True:
        covariance = bosons.covariance(bosons.drift(wave_vectors(points, dimension)))
        local = covariance.mean(axis=tuple(range(dimension)))
        if previous is not None:
            change = float(np.abs(local - previous).max())
            history.append({"points": points, "change": change})
            small = change <= _QUADRATURE * float(np.abs(local).max())
            if small or points >= _LARGEST_GRID[dimension]:
                return covariance, change, history
        points, previous = 2 * points, local


def _others(model: LindbladModel) -> str:
    """Return the methods that treat the model where this one does not."""
    if any(len(term.support) > 2 for term in model.terms):
        return "Exact or ClusterMeanField" if model.dimension == 1 else "Exact"
    return "ITEBD, Exact or TWA" if model.dimension == 1 else "TWA or Exact"


def lyapunov_residual(bosons: QuadraticBosons, covariance: NDArray) -> float:
    """Return max |X_k G_k + G_k X_k^+ + D| over the grid of k."""
    flow = bosons.drift(wave_vectors(len(covariance), covariance.ndim - 2)) @ covariance
    return float(np.abs(flow + np.swapaxes(flow.conj(), -1, -2) + bosons.diffusion).max())


def steady_state(
    model: LindbladModel, method: HolsteinPrimakoff, start: Any = None
) -> HolsteinPrimakoffState:
    """Return the Gaussian steady state around a stable collinear configuration.

    Parameters
    ----------
    model
        Spins on an infinite lattice in one or two dimensions, see `impo.quadratic`.
    method
        The configuration, or None for the stable one.
    start
        Not used: the Gaussian steady state is unique.

    Raises
    ------
    UnsupportedModelError
        If a term of the model is outside the method's reach, or tilts the spins.
    """
    began = time.perf_counter()
    if method.signs is None:
        candidates = stable_configurations(model)
    else:
        candidates = [
            (method.signs, *largest_growth(quadratic_bosons(model, method.signs))),
        ]
    configuration, growth, k = candidates[0]
    bosons = quadratic_bosons(model, configuration)
    marginal, label = marginal_rate(bosons), configuration_name(configuration)
    stable = [configuration_name(c) for c, rate, _ in candidates if rate < -marginal]
    diagnostics: dict[str, Any] = {
        "largest_growth_rate": growth,
        "growth_wave_vector": k.tolist(),
        "stable_configurations": stable,
    }
    if not stable:
        which = f"The configuration {label} is not stable"
        if method.signs is None:
            which = f"No collinear configuration is stable (the least unstable is {label})"
        rate = f"grows at the rate {growth:.3g}" if growth > marginal else "does not decay"
        return HolsteinPrimakoffState(
            model, method, Status.FAILED,
            f"{which}: the fluctuation with k = {np.round(k, 4).tolist()} {rate}, so there is no "
            f"Gaussian steady state. Use {_others(model)} here.",
            None, time.perf_counter() - began, None, None, np.nan, (), diagnostics,
            {"purity_density": None, "negativity": None, "stable": False},
        )  # fmt: skip
    covariance, change, history = _solve_on_grids(bosons, model.dimension)
    local = covariance.mean(axis=tuple(range(model.dimension)))
    occupations = np.diagonal(local)[bosons.modes :].real - 0.5
    doubled_spins = np.array([site.dimension - 1 for site in model.sites])
    parameter = float((occupations / doubled_spins).max())
    diagnostics["bosons_per_2S"] = parameter
    status = Status.CONVERGED
    message = (
        f"The configuration {label} is stable; corrections are of relative order n/(2S) = "
        f"{parameter:.2g}."
    )
    if not parameter <= 0.1:
        message += f" This is not small: use {_others(model)} as well."
    if not change <= 1e-8 * (1 + occupations.max()):
        status = Status.NOT_CONVERGED
        message += " The correlation length is too large for the grid of wave vectors."
    residual = lyapunov_residual(bosons, covariance)
    if not residual <= 1e-8 * bosons.rate * np.abs(covariance).max():
        status = Status.NOT_CONVERGED
        message += f" The equations of the fluctuations are solved to {residual:.1e} only."
    if len(stable) > 1:
        message += f" Also stable: {', '.join(stable[1:])}."
    extras = {
        "purity_density": float(-log_purity(covariance).mean()),
        "negativity": neighbour_negativity(covariance, bosons.modes),
        "stable": True,
    }
    return HolsteinPrimakoffState(
        model, method, status, message, residual,
        time.perf_counter() - began, configuration, covariance, max(change, 1e-15), history,
        diagnostics, extras,
    )  # fmt: skip
