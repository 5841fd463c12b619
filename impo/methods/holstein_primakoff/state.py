"""Gaussian steady state of the fluctuations of an ordered phase."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import expm

from impo.arrays import Array
from impo.methods.holstein_primakoff.gaussian import log_purity
from impo.methods.holstein_primakoff.lengths import Expansion, charges, decay_of
from impo.methods.holstein_primakoff.poles import LARGEST, Poles, poles, rows
from impo.methods.holstein_primakoff.quadratic import (
    QuadraticBosons,
    ladder_vector,
    longitudinal,
    quadratic_bosons,
)
from impo.methods.holstein_primakoff.slow_modes import slow_modes
from impo.methods.holstein_primakoff.spectra import Boson, half_line
from impo.methods.measured import MeasuredState
from impo.model import LindbladModel, Place
from impo.operators.charges import charges_to_try, named, packed, packed_charge
from impo.operators.local_products import Linear, linear_forms
from impo.results.estimate import Estimate
from impo.results.fields import stored, stored_array
from impo.results.files import malformed
from impo.results.modes import Decay, no_decay
from impo.results.products import Product
from impo.results.progress import Follower, tell
from impo.results.slow_modes import Charge, SlowMode
from impo.results.store import Arrays, Told


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HolsteinPrimakoffState(MeasuredState):
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
    configuration: tuple[int, ...] | None
    covariance: Array | None
    quadrature_error: float

    @cached_property
    def _moments(self) -> Array:
        """<Psi_a(0) Psi_b(r)> in this order of the operators, shape (points, [points,] 2n, 2n)."""
        assert self.covariance is not None
        return self._in_space(self.covariance + self._half_commutator)

    @property
    def _half_commutator(self) -> Array:
        """[Psi, Psi^+]/2 of a cell, which is the same for all k."""
        return np.kron(np.diag([0.5, -0.5]), np.eye(len(self.model.sites)))

    def _in_space(self, products: Array) -> Array:
        """Return <Psi_a(0) Psi_b(r)> from <Psi_k Psi_k^+>."""
        axes = tuple(range(self.model.dimension))
        moments = np.fft.fftn(products, axes=axes, norm="forward")
        # Psi is Psi^+ with c and c^+ exchanged
        return np.roll(moments, len(self.model.sites), axis=-1)

    @property
    def occupations(self) -> Estimate | None:
        """Number of bosons <c^+ c> on every site of the unit cell."""
        if self.covariance is None:
            return None
        n = len(self.model.sites)
        local = self._moments[(0,) * self.model.dimension]
        value = np.diagonal(local, offset=-n).real
        return Estimate(value, np.full(n, self.quadrature_error))

    def _expansion(self, op: str | Linear, site: int) -> tuple[Array, complex, complex]:
        """Return (coefficients of c and c^+, constant, coefficient of c^+ c) of an operator."""
        assert self.configuration is not None
        spin = (self.model.sites[site].dimension - 1) / 2
        up = self.configuration[site] > 0
        if not isinstance(op, str):  # c + u.S
            parts = zip((op[0], *op[1]), ("Id", "Sx", "Sy", "Sz"), strict=True)
            found = [(size, *self._expansion(name, site)) for size, name in parts]
            sums = [sum(size * part[k] for size, *part in found) for k in range(3)]
            return np.asarray(sums[0]), complex(sums[1]), complex(sums[2])
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

    def _connected(
        self, op_a: str | Linear, op_b: str | Linear, sites: tuple[int, int],
        moments: Array | None = None,
    ) -> Estimate:  # fmt: skip
        """Return <A_0 B_r> - <A><B> for all r of the grid, by Wick's theorem.

        `moments` are those of other times, or in another order, as `_moments` are.
        """
        (a, b), n = sites, len(self.model.sites)
        (vector_a, _, number_a), (vector_b, _, number_b) = (
            self._expansion(op, site) for op, site in ((op_a, a), (op_b, b))
        )
        moments = self._moments if moments is None else moments
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

    def _total(self, products: Sequence[Product]) -> Estimate | None:
        """Return the expectation of a sum of products of at most two spin operators, by Wick."""
        if self.occupations is None:
            return None
        value, error = 0j, 0.0
        for coefficient, factors in products:
            if (known := linear_forms(self.model, factors)) is None:
                return None
            number, forms = known
            ops = [(place, form) for place, here in forms.items() for form in here]
            if len(ops) > 2:
                return None
            found = self._pair(ops) if ops else Estimate(1.0, 0.0)
            value += coefficient * number * found.value
            error += abs(coefficient * number) * float(found.error)
        return Estimate(value, error)

    def _pair(self, ops: Sequence[tuple[Place, Linear]]) -> Estimate:
        """Return the expectation of one or two operators c + u.S, in this order on one site."""
        assert self.occupations is not None
        means = []
        for (site, _), form in ops:
            _, constant, number = self._expansion(form, site)
            mean = constant + number * self.occupations.value[site]
            means.append(Estimate(mean, abs(number) * self.quadrature_error))
        if len(means) == 1:
            return means[0]
        ((a, start), one), ((b, end), two) = ops
        cells = np.atleast_1d(end) - np.atleast_1d(start)
        value, error = 0j, self.quadrature_error  # beyond half the grid, as in `_correlation`
        if np.all(np.abs(cells) < len(self._moments) // 2):
            found = self._connected(one, two, (a, b))
            value, error = found.value[tuple(cells)], float(found.error[tuple(cells)])
        error += abs(means[0].value) * means[1].error + abs(means[1].value) * means[0].error
        return Estimate(value + means[0].value * means[1].value, error)

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool, follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return <A_0(t) B_r> of a chain: dPsi_k/dt = X_k Psi_k, whatever stands beside Psi_k."""
        if self.covariance is None or self.model.dimension != 1:
            return None
        assert self.configuration is not None
        points = len(self.covariance)
        waves = 2 * np.pi * np.arange(points)[:, None] / points
        drift = quadratic_bosons(self.model, self.configuration).drift(waves)
        sign = -1 if reverse else 1
        begin = self.covariance + sign * self._half_commutator
        cells = np.arange(-max_cells, max_cells + 1)
        known = np.abs(cells) < points // 2  # beyond, correlations are below their error
        value = np.zeros((len(times), len(cells)), dtype=complex)
        error = np.full(value.shape, self.quadrature_error)
        for n, moment in enumerate(times):
            tell(follower, "evolving", time=float(moment), time_limit=float(times[-1]))
            moved = self._in_space(expm(drift * moment) @ begin)
            found = self._connected(op_a, op_b, sites, moved)
            value[n, known] = found.value[cells[known]]
            error[n, known] = found.error[cells[known]]
        mean_a, mean_b = self._expect(op_a), self._expect(op_b)
        assert mean_a is not None
        assert mean_b is not None
        return Estimate(value + mean_a.value[sites[0]] * mean_b.value[sites[1]], error)

    def _spectral_function(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return its Fourier transform: see `impo.methods.holstein_primakoff.spectra`."""
        tell(follower, "inverting")

        def spectrum(bosons: QuadraticBosons, pair: Sequence[Boson], points: int) -> Array:
            back = [one.adjoint for one in pair[::-1]]  # at times before zero
            ahead = half_line(bosons, pair, k, omega, points, 1)
            return ahead + half_line(bosons, back, k, omega, points, 1).conj()

        return self._transformed(op_a, op_b, sites, spectrum)

    def _susceptibility(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int],
        follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return the Fourier transform of `response`."""
        tell(follower, "inverting")

        def spectrum(bosons: QuadraticBosons, pair: Sequence[Boson], points: int) -> Array:
            both = [half_line(bosons, pair, k, omega, points, sign) for sign in (1, -1)]
            return -1j * (both[0] - both[1])

        return self._transformed(op_a, op_b, sites, spectrum)

    def _transformed(
        self, op_a: str, op_b: str, sites: tuple[int, int],
        spectrum: Callable[[QuadraticBosons, Sequence[Boson], int], Array],
    ) -> Estimate | None:  # fmt: skip
        """Return a function with the change when half of the wave numbers are left out."""
        if self.covariance is None or self.configuration is None:
            return None
        bosons, points = quadratic_bosons(self.model, self.configuration), len(self.covariance)
        pair = []
        for op, site in ((op_a, sites[0]), (op_b, sites[1])):
            ladder, _, number = self._expansion(op, site)
            pair.append(Boson(site, ladder, number.real))
        value = spectrum(bosons, pair, points)
        error = np.abs(value - spectrum(bosons, pair, points // 2))
        return Estimate(value, error + self.quadrature_error * np.abs(value))

    def _slow_modes(self, charge: Charge, k: float, count: int) -> tuple[SlowMode, ...] | None:
        """Return the dispersion of one boson, and the edge of the continuum of two."""
        if self.covariance is None or self.model.dimension != 1:
            return None
        assert self.configuration is not None
        bosons = quadratic_bosons(self.model, self.configuration)
        several = len(self._charges)
        signs = np.array(self.configuration) * packed(self._charges)
        found = slow_modes(bosons, signs, packed_charge(charge, several), k, count)
        return named(found, several)

    def _known_charges(self) -> Sequence[Charge]:
        return charges_to_try(len(self._charges))

    def _decay(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Decay:
        """Return the modes from the poles of the covariance, see `poles.py`."""
        if self.covariance is None:
            return no_decay("No configuration is stable.")
        if self.model.dimension != 1:
            return no_decay("In two dimensions the function is no sum of exponentials.")
        if self._poles is None:
            return no_decay("The unit cell has too many spins to compute its modes.")
        found = self._connected(op_a, op_b, sites)
        one, two = (self._in_bosons(op, site) for op, site in zip((op_a, op_b), sites, strict=True))
        half = slice(len(found.value) // 2)
        decay = decay_of(self._poles, one, two, found.value[half], self.quadrature_error)
        return replace(decay, modes=named(decay.modes, len(self._charges)))

    @cached_property
    def _poles(self) -> Poles | None:
        """Poles of the covariance of a chain; None if they would take too long."""
        assert self.configuration is not None
        bosons = quadratic_bosons(self.model, self.configuration)
        return poles(bosons) if rows(bosons) <= LARGEST else None

    @cached_property
    def _charges(self) -> Array:
        return charges(self.model)

    def _in_bosons(self, op: str, site: int) -> Expansion:
        assert self.configuration is not None
        ladder, _, number = self._expansion(op, site)
        raises = int(self.configuration[site] * packed(self._charges)[site])
        return Expansion(site, ladder, number.real, raises)

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
