"""The result of mean-field theory, its settings, and its dynamics."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import non_negative_integer, one_of
from impo.arrays import Array
from impo.methods.mean_field.equations import pair_expectation
from impo.methods.mean_field.method import MeanField
from impo.model import LindbladModel
from impo.operators.local import spin_vector
from impo.results.estimate import Estimate, Status
from impo.results.state import Stored, method_settings, shared_attributes, shared_fields


@dataclass(frozen=True)
class MeanFieldState(Stored):
    """A fixed point of the mean-field equations, or the last part of an orbit that has none.

    Attributes
    ----------
    orbit
        <S_j> at times that sample the long-time motion, shape (T, n, 3); T = 1 for a fixed point.
        Expectations are averages over it.
    accuracy
        Estimated error of the components of a fixed point; nan if the start decides where it is.
    """

    kind: ClassVar[str] = "mean_field"
    model: LindbladModel
    method: MeanField
    status: Status
    message: str
    residual: float | None
    seconds: float
    orbit: Array
    accuracy: float
    history: Sequence[Mapping[str, Any]] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def vectors(self) -> Array:
        """<S_j> averaged over the orbit, shape (n, 3)."""
        return self.orbit.mean(axis=0)

    def _samples(self, op: str, site: int) -> Array:
        """Return <op> of one site along the orbit, shape (T,)."""
        self.model.check_operator(op, site)
        if op == "Id":
            return np.ones(len(self.orbit))
        values = self.orbit[:, site] @ spin_vector(op)
        return values if op in ("S+", "S-") else values.real

    def _pair(self, op_a: str, op_b: str, site: int) -> Array:
        """Return <A B> of two operators on one spin along the orbit, shape (T,)."""
        if "Id" in (op_a, op_b):
            return self._samples(op_a, site) * self._samples(op_b, site)
        spin = (self.model.sites[site].dimension - 1) / 2
        return pair_expectation(spin_vector(op_a), spin_vector(op_b), spin, self.orbit[:, site])

    def _estimate(self, samples: Sequence[Array]) -> Estimate:
        """Return averages over the orbit; the error of a limit cycle is half its range."""
        value = np.array([s.mean() for s in samples])
        spread = [(np.abs(s - s.mean())).max() for s in samples]
        return Estimate(value, np.maximum(spread, self.accuracy))

    def expect(self, op: str) -> Estimate:
        """Return <op> on every site."""
        return self._estimate([self._samples(op, j) for j in range(len(self.model.sites))])

    @property
    def transverse(self) -> Estimate:
        """Sqrt(<Sx>^2 + <Sy>^2) on every site (Eq. 10)."""
        lengths = np.hypot(self.orbit[..., 0], self.orbit[..., 1])
        return self._estimate(list(lengths.T))

    def variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site: what the factorisation and the orbit leave."""
        samples = [
            self._pair(op, op, j) - self._samples(op, j).mean() ** 2
            for j in range(len(self.model.sites))
        ]
        return self._estimate(samples if op in ("S+", "S-") else [s.real for s in samples])

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_{a, 0} B_{b, r}>, r = 0 ... max_cells: a product, but for r = 0 on one site."""
        non_negative_integer("max_cells", max_cells)
        apart = self._samples(op_a, sites[0]) * self._samples(op_b, sites[1])
        first = self._pair(op_a, op_b, sites[0]) if sites[0] == sites[1] else apart
        found = self._estimate([first, *[apart] * max_cells])
        return Estimate(found.value.astype(complex), found.error)

    def correlation_length(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return None: a product state has no connected correlations."""
        return None

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> Array | None:
        """Return None: the equations are for expectations; `ClusterMeanField(1)` has a state."""
        return None

    def distribution(self, places: Sequence[tuple[int, int]]) -> Array | None:
        """Return None, see `density_matrix`."""
        return None

    @property
    def purity_density(self) -> Estimate | None:
        """None, see `density_matrix`."""
        return None

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>): only r = 0 contributes."""
        shape = np.shape(k)[: np.ndim(k) - (self.model.dimension - 1)]
        found = self.correlation(op_a, op_b, sites, 0)
        mean = self.expect(op_a).value[sites[0]] * self.expect(op_b).value[sites[1]]
        return Estimate(
            np.full(shape, found.value[0] - mean), np.full(shape, float(found.error[0]))
        )

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the orbit and everything else as JSON types."""
        attributes = {
            **shared_attributes(self),
            "method": method_settings(self.method),
            "accuracy": self.accuracy if math.isfinite(self.accuracy) else None,
        }
        return {"orbit": self.orbit}, attributes

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Array], attributes: Mapping[str, Any]
    ) -> "MeanFieldState":
        """Rebuild the state from what `to_arrays` returned."""
        return cls(
            method=MeanField(attributes["method"]["t_max"]),
            orbit=np.asarray(arrays["orbit"]),
            accuracy=math.nan if attributes["accuracy"] is None else attributes["accuracy"],
            **shared_fields(attributes),
        )


@dataclass(frozen=True)
class MeanFieldTrajectory(Stored):
    """Mean-field dynamics.

    Attributes
    ----------
    times
        Shape (T,).
    vectors
        <S_j> at these times, shape (T, n, 3).
    accuracy
        Error of their components, from the tolerance of the integrator.
    """

    kind: ClassVar[str] = "mean_field_trajectory"
    model: LindbladModel
    method: MeanField
    times: Array
    vectors: Array
    accuracy: float

    def expect(self, op: str) -> Estimate:
        """Return <op>, shape (T, n)."""
        for site in self.model.sites:
            one_of("op", op, site.operators)
        vector = np.zeros(3) if op == "Id" else spin_vector(op)
        value = self.vectors @ vector + (op == "Id")
        value = value if op in ("S+", "S-") else value.real
        return Estimate(value, np.full(value.shape, self.accuracy))

    def variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 as the factorisation has it, shape (T, n)."""
        value = -(self.expect(op).value ** 2)
        for j, site in enumerate(self.model.sites):
            spin, vector = (site.dimension - 1) / 2, spin_vector(op)
            pair = pair_expectation(vector, vector, spin, self.vectors[:, j])
            value[:, j] += pair if np.iscomplexobj(value) else pair.real
        size = max(site.dimension for site in self.model.sites)
        return Estimate(value, np.full(value.shape, 2 * size * self.accuracy))

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return times and vectors, and everything else as JSON types."""
        attributes = {
            "model": self.model.to_json(),
            "method": method_settings(self.method),
            "accuracy": self.accuracy,
        }
        return {"times": self.times, "vectors": self.vectors}, attributes

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Array], attributes: Mapping[str, Any]
    ) -> "MeanFieldTrajectory":
        """Rebuild the trajectory from what `to_arrays` returned."""
        return cls(
            LindbladModel.from_json(attributes["model"]),
            MeanField(attributes["method"]["t_max"]),
            np.asarray(arrays["times"]),
            np.asarray(arrays["vectors"]),
            attributes["accuracy"],
        )
