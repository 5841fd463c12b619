"""The result of mean-field theory, its settings, and its dynamics."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from impo.arrays import Array
from impo.methods.advice import advice
from impo.methods.mean_field.equations import pair_expectation
from impo.methods.measured import MeasuredState
from impo.model import LindbladModel
from impo.operators.local import spin_numbers, spin_vector
from impo.operators.local_products import Linear, bound, linear_forms
from impo.results.estimate import Estimate, Status
from impo.results.fields import stored_array, stored_number
from impo.results.products import Product
from impo.results.settings import settings_from
from impo.results.store import Arrays, Told, reads_kind
from impo.results.trajectory import Trajectory, trajectory_of
from impo.results.variable import Variable

LONGEST = 1 + 1e-6
"""Length of a spin in units of S beyond which it is no rounding of the integrator."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MeanFieldState(MeasuredState):
    """A fixed point of the mean-field equations, or the last part of an orbit that has none.

    Attributes
    ----------
    orbit
        <S_j> at times that sample the long-time motion, shape (T, n, 3); T = 1 for a fixed point.
        Expectations are averages over it.
    accuracy
        Estimated error of the components of a fixed point; nan if the start decides where it is.
    variance_accuracy
        The same of a variance; None stands for `accuracy`.
    """

    kind: ClassVar[str] = "mean_field"
    no_length: ClassVar[str] = "A product state has no correlations."
    orbit: Array
    accuracy: float
    variance_accuracy: float | None = None

    @property
    def vectors(self) -> Array:
        """<S_j> averaged over the orbit, shape (n, 3)."""
        return np.asarray(self.orbit.mean(axis=0))

    def _samples(self, op: str, site: int) -> Array:
        """Return <op> of one site along the orbit, shape (T,)."""
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

    def _estimate(self, samples: Sequence[Array], accuracy: float | None = None) -> Estimate:
        """Return averages over the orbit; the error of a limit cycle is half its range."""
        accuracy = self.accuracy if accuracy is None else accuracy
        value = np.array([s.mean() for s in samples])
        spread = [(np.abs(s - s.mean())).max() for s in samples]
        return Estimate(value, np.maximum(spread, accuracy))

    def _expect(self, op: str) -> Estimate:
        """Return <op> on every site."""
        return self._estimate([self._samples(op, j) for j in range(len(self.model.sites))])

    @property
    def transverse(self) -> Estimate:
        """Sqrt(<Sx>^2 + <Sy>^2) on every site (Eq. 10)."""
        lengths = np.hypot(self.orbit[..., 0], self.orbit[..., 1])
        return self._estimate(list(lengths.T))

    def _variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site: what the factorisation and the orbit leave."""
        samples = [
            self._pair(op, op, j) - self._samples(op, j).mean() ** 2
            for j in range(len(self.model.sites))
        ]
        samples = samples if op in ("S+", "S-") else [s.real for s in samples]
        return self._estimate(samples, self.variance_accuracy)

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate:
        """Return <A_{a, 0} B_{b, r}>, r = 0 ... max_cells: a product, but for r = 0 on one site."""
        apart = self._samples(op_a, sites[0]) * self._samples(op_b, sites[1])
        first = self._pair(op_a, op_b, sites[0]) if sites[0] == sites[1] else apart
        found = self._estimate([first, *[apart] * max_cells])
        return Estimate(found.value.astype(complex), found.error)

    def _total(self, products: Sequence[Product]) -> Estimate | None:
        """Return the expectation of a sum of products of spins, at most two operators on a site."""
        total, error = np.zeros(len(self.orbit), dtype=complex), 0.0
        for coefficient, factors in products:
            if (known := linear_forms(self.model, factors)) is None:
                return None
            number, forms = known
            if any(len(here) > 2 for here in forms.values()):
                return None
            samples = [self._local(site, here) for (site, _), here in forms.items()]
            total += coefficient * number * np.prod(samples, axis=0)
            size = max(1.0, bound(self.model.sites, factors))
            error += abs(coefficient) * len(forms) * size * self.accuracy
        return self._estimate([total], error)[0]

    def _local(self, site: int, forms: Sequence[Linear]) -> Array:
        """Return <product of one or two forms c + u.S> of a spin along the orbit, shape (T,)."""
        spins = self.orbit[:, site]
        (c, u), *others = forms
        if not others:
            return np.asarray(c + spins @ u)
        ((d, w),) = others
        spin = (self.model.sites[site].dimension - 1) / 2
        pair = pair_expectation(u, w, spin, spins)
        return np.asarray(pair + c * (spins @ w) + d * (spins @ u) + c * d)

    def _structure_factor(
        self, op_a: str, op_b: str, k: Array, sites: tuple[int, int]
    ) -> Estimate | None:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>): only r = 0 contributes."""
        shape = k.shape[: k.ndim - (self.model.dimension - 1)]
        found = self._correlation(op_a, op_b, sites, 0)
        mean = self._expect(op_a).value[sites[0]] * self._expect(op_b).value[sites[1]]
        return Estimate(
            np.full(shape, found.value[0] - mean), np.full(shape, float(found.error[0]))
        )

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the orbit and everything else as JSON types."""
        attributes = {
            "accuracy": self.accuracy if math.isfinite(self.accuracy) else None,
            "variance_accuracy": self.variance_accuracy,
        }
        return {"orbit": self.orbit}, attributes

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        accuracy = stored_number(told, "accuracy")
        later = {"variance_accuracy": None, **told}
        return {
            "orbit": stored_array(arrays, "orbit", (None, len(model.sites), 3), "f"),
            "accuracy": math.nan if accuracy is None else accuracy,
            "variance_accuracy": stored_number(later, "variance_accuracy"),
        }


def longest_spin(model: LindbladModel, vectors: Array) -> float:
    """Return the largest |<S_j>| / S of spins of shape (..., n, 3)."""
    return float((np.linalg.norm(vectors, axis=-1) / spin_numbers(model)).max())


def too_long(model: LindbladModel, vectors: Array) -> str | None:
    """Say that spins are longer than S, as those of no state are, or return None.

    The factorised product of two operators on one spin allows it (see `equations`).
    """
    longest = longest_spin(model, vectors)
    if longest <= LONGEST:
        return None
    return (
        f"A mean-field spin has the length {longest:.3g} S, that of no state: products of two "
        f"operators on one spin do not factorise here; {advice(model, 'MeanField')}."
    )


def mean_field_trajectory(
    model: LindbladModel, method: Any, times: Array, vectors: Array, accuracy: float,
    start: Array | None = None,
) -> Trajectory:  # fmt: skip
    """Return a trajectory of <S_j>, shape (T, n, 3), whose components have an error.

    `start` is that of time zero, shape (n, 3).
    """
    size = max(site.dimension for site in model.sites)
    state = partial(
        MeanFieldState, model=model, method=method, accuracy=accuracy,
        variance_accuracy=2 * size * accuracy,
    )  # fmt: skip
    fields = [{"orbit": spins[None]} for spins in vectors]
    begin = None if start is None else {"orbit": start[None]}
    if (message := too_long(model, vectors)) is not None:
        return trajectory_of(state, times, fields, begin, Status.UNPHYSICAL, message)
    return trajectory_of(state, times, fields, begin)


@reads_kind("mean_field_trajectory")
def _of_schema_2(
    variables: Mapping[str, Variable], arrays: dict[str, Array], attributes: dict[str, Any]
) -> Trajectory:
    return mean_field_trajectory(
        LindbladModel.from_json(attributes["model"]), settings_from(attributes["method"], "mf"),
        np.asarray(arrays["times"]), np.asarray(arrays["vectors"]), attributes["accuracy"],
    )  # fmt: skip
