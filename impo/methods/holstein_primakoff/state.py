"""Gaussian steady state of the fluctuations of an ordered phase."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from impo.arrays import Array
from impo.methods.holstein_primakoff.gaussian import log_purity
from impo.methods.holstein_primakoff.quadratic import ladder_vector, longitudinal
from impo.model import LindbladModel
from impo.results.estimate import Estimate
from impo.results.fields import stored, stored_array
from impo.results.files import malformed
from impo.results.modes import Decay, decay_with
from impo.results.state import SteadyState
from impo.results.store import Arrays, Told
from impo.signals import slowest_decay


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HolsteinPrimakoffState(SteadyState):
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
    no_length: ClassVar[str] = (
        "No configuration is stable, this is no chain, or nothing is correlated beyond a cell."
    )
    configuration: tuple[int, ...] | None
    covariance: Array | None
    quadrature_error: float

    @cached_property
    def _moments(self) -> Array:
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

    def _expansion(self, op: str, site: int) -> tuple[Array, float, float]:
        """Return (coefficients of c and c^+, constant, coefficient of c^+ c) of an operator."""
        assert self.configuration is not None
        spin = (self.model.sites[site].dimension - 1) / 2
        up = self.configuration[site] > 0
        return ladder_vector(op, spin, up), *longitudinal(op, spin, up)

    def _expect(self, op: str) -> Estimate | None:
        """Return <op> on every site: Sz = S - <c^+ c> for a spin up (Eqs. A11 to A14)."""
        if self.occupations is None:
            return None
        expansions = [self._expansion(op, site) for site in range(len(self.model.sites))]
        number = np.array([w for _, _, w in expansions])
        value = np.array([c for _, c, _ in expansions]) + number * self.occupations.value
        return Estimate(value, np.abs(number) * self.quadrature_error)

    def _variance(self, op: str) -> Estimate | None:
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

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate | None:
        """Return <A_{a, 0} B_{b, r}>, r = 0 ... max_cells along the first lattice direction."""
        if self.covariance is None:
            return None
        line = (slice(None), *[0] * (self.model.dimension - 1))
        found = self._connected(op_a, op_b, sites)
        half = len(found.value) // 2  # beyond half the grid, correlations are below its error
        value = np.zeros(max_cells + 1, dtype=complex)
        error = np.full(max_cells + 1, self.quadrature_error)
        kept = min(max_cells + 1, half)
        value[:kept], error[:kept] = found.value[line][:kept], found.error[line][:kept]
        mean_a, mean_b = self._expect(op_a), self._expect(op_b)
        assert mean_a is not None
        assert mean_b is not None
        return Estimate(value + mean_a.value[sites[0]] * mean_b.value[sites[1]], error)

    def _decay(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Decay:
        return decay_with(self._length(op_a, op_b, sites), self.no_length)

    def _length(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Estimate | None:
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
        lengths = [-1 / np.log(slowest_decay(part)) for part in (tail, tail[: 3 * len(tail) // 4])]
        if not np.isfinite(lengths[0]) or lengths[0] <= 0:
            return None
        return Estimate(float(lengths[0]), float(abs(lengths[0] - lengths[1])))

    def _structure_factor(
        self, op_a: str, op_b: str, k: Array, sites: tuple[int, int]
    ) -> Estimate | None:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>); in 2D, k has shape (..., 2)."""
        if self.covariance is None:
            return None
        k = k[..., None] if self.model.dimension == 1 else k
        found = self._connected(op_a, op_b, sites)
        value = found.value
        for axis in range(self.model.dimension):  # one direction after the other
            points = len(self.covariance)
            cells = np.fft.fftfreq(points, 1 / points)
            phases = np.exp(1j * k[..., axis, None] * cells)
            value = phases @ value if axis == 0 else np.einsum("...r,...r->...", phases, value)
        return Estimate(value, np.full(value.shape, float(np.max(found.error))))

    @property
    def purity_density(self) -> Estimate | None:
        """-ln Tr rho^2 per unit cell: the mean over k of ln det(2 G_k)/2 (Eq. A22)."""
        if self.covariance is None:
            return None
        value = -log_purity(self.covariance).mean()
        inverse = np.linalg.norm(np.linalg.inv(self.covariance), axis=(-1, -2)).mean()
        return Estimate(float(value), float(inverse * self.quadrature_error))

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the covariances and everything else as JSON types."""
        arrays = {} if self.covariance is None else {"covariance": self.covariance}
        told = {"configuration": self.configuration, "quadrature_error": self.quadrature_error}
        return arrays, told

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        configuration, covariance, count = told["configuration"], None, len(model.sites)
        if "covariance" in arrays:
            points = (None,) * model.dimension
            covariance = stored_array(arrays, "covariance", (*points, 2 * count, 2 * count), "fc")
        if (configuration is None) != (covariance is None):
            raise malformed("a configuration must come with its covariances")
        if configuration is not None:
            signs = [sign for sign in configuration if sign in (1, -1)]
            if not len(signs) == len(configuration) == count:
                raise malformed(f"`configuration` must be {count} signs, but is {configuration}")
        return {
            "configuration": None if configuration is None else tuple(configuration),
            "covariance": covariance,
            "quadrature_error": stored(told, "quadrature_error", int | float, "a number"),
        }
