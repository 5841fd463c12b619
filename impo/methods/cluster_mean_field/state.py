"""The result of cluster mean field: a product of equal clusters, and its settings."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any, ClassVar

import numpy as np

from impo.arrays import Array
from impo.methods.measured import MeasuredState
from impo.model import LindbladModel, Place, Spin
from impo.operators.cluster_density import ClusterDensity
from impo.operators.liouvillian import finite_cluster
from impo.operators.local import local_operators, operator_norm
from impo.operators.local_products import Factors, bound, matrices_of
from impo.results.estimate import Estimate
from impo.results.fields import stored, stored_array, stored_number
from impo.results.products import Product
from impo.results.settings import settings_from
from impo.results.store import Arrays, Told, reads_kind
from impo.results.trajectory import Trajectory, trajectory_of
from impo.results.variable import Variable

MARGIN = 2.0  # on the change with the cut-off of bosons


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClusterMeanFieldState(MeasuredState):
    """A product of equal clusters.

    Values on a site of the unit cell are averages over the cells of the cluster, and correlations
    over the cell where they begin.

    Attributes
    ----------
    rho
        Density matrix of a cluster, shape (d, d), in the physical frame; the last site runs
        fastest.
    accuracy
        Bound on the error of an operator's expectation, in units of its norm.
    wider
        The same with a larger cut-off of the bosons, if there are any. Twice what it changes is
        part of the errors: all that follows, if changes halve from one cut-off to the next.
    """

    kind: ClassVar[str] = "cluster_mean_field"
    no_length: ClassVar[str] = "Copies of the cluster are not correlated with each other."
    rho: Array
    accuracy: float
    wider: "ClusterMeanFieldState | None" = None

    def _estimate(
        self, value: Any, error: Any, same: Callable[["ClusterMeanFieldState"], Estimate]
    ) -> Estimate:
        """Return a value with its error, and with its change in the state of larger cut-off."""
        error = np.full(np.shape(value), error)
        if self.wider is not None:
            error = error + MARGIN * np.abs(same(self.wider).value - value)
        return Estimate(value, error if error.ndim else float(error))

    @cached_property
    def density(self) -> ClusterDensity:
        """The cluster as a `ClusterDensity`, with all its observables."""
        generator = finite_cluster(self.model, self.cells, charges=False)
        return ClusterDensity.from_matrix(generator, self.rho)

    @property
    def cells(self) -> int:
        """Number of unit cells of the cluster."""
        return int(self.method.sites) // len(self.model.sites)

    def _expect(self, op: str) -> Estimate:
        """Return <op> on every site of the unit cell that has this operator."""
        value = self.density.expect(op)
        return self._estimate(value, self._bound(1, op), lambda state: state._expect(op))

    def _variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site of the unit cell that has this operator."""
        value = self.density.variance(op)
        error = 3 * operator_norm(self.model.sites, op) ** 2 * self.accuracy
        return self._estimate(value, error, lambda state: state._variance(op))

    @property
    def transverse(self) -> Estimate:
        """Sqrt(<Sx>^2 + <Sy>^2) on every site of the cluster (Eq. 10)."""
        value = np.array(
            [
                abs(self.density.measure({j: local_operators(site)["S+"]}))
                for j, site in enumerate(self.density.generator.sites)
                if isinstance(site, Spin)
            ]
        )
        return self._estimate(value, self._bound(1, "S+"), lambda state: state.transverse)

    def _bound(self, factor: float, *ops: str) -> float:
        """Return a factor times the norms of operators times the accuracy."""
        for op in ops:
            factor *= operator_norm(self.model.sites, op)
        return factor * self.accuracy

    def _measured(
        self, op_a: str, op_b: str, sites: tuple[int, int]
    ) -> tuple[Callable[[int, int], complex], Array]:
        """Return the function (c, e) -> <A_c B_e> of cells, and <A_c> and <B_c>, shape (2, C)."""
        chosen, matrices = [], []
        for op, site in zip((op_a, op_b), sites, strict=True):
            chosen.append(range(site, len(self.density.bases), len(self.model.sites)))
            matrices.append(local_operators(self.model.sites[site])[op])
        (first, second), (a, b), measure = chosen, matrices, self.density.measure

        def pair(c: int, e: int) -> complex:
            i, j = first[c], second[e]
            return measure({i: a @ b} if i == j else {i: a, j: b})

        means = [[measure({i: m}) for i in row] for row, m in zip(chosen, matrices, strict=True)]
        return pair, np.array(means)

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate:
        """Return <A_{a, 0} B_{b, r}>, r = 0 ... max_cells: a product between clusters."""
        cells, (pair, means) = self.cells, self._measured(op_a, op_b, sites)
        value = np.zeros(max_cells + 1, dtype=complex)
        for r in range(max_cells + 1):
            for c in range(cells):
                inside = c + r < cells
                value[r] += pair(c, c + r) if inside else means[0, c] * means[1, (c + r) % cells]
        error = self._bound(3, op_a, op_b)
        return self._estimate(
            value / cells, error, lambda state: state._correlation(op_a, op_b, sites, max_cells)
        )

    def _total(self, products: Sequence[Product]) -> Estimate:
        """Return the expectation of a sum of products: within a cluster exact, else a product."""
        sites, value, error = self.model.sites, 0j, 0.0
        for coefficient, factors in products:
            means = [self._product(factors, first) for first in range(self.cells)]
            value += coefficient * complex(np.mean(means))
            size = abs(coefficient) * bound(sites, factors)
            error += (2 * len(factors) - 1) * size * self.accuracy
        return self._estimate(value, error, lambda state: state._total(products))

    def _product(self, factors: Factors, first: int) -> complex:
        """Return the expectation of a product whose cell 0 is one of the cluster."""
        clusters: dict[int, dict[int, Array]] = {}
        matrices = matrices_of(self.density.generator.model.sites, factors)
        for (site, offset), matrix in matrices.items():
            assert isinstance(offset, int)  # clusters are chains
            number, cell = divmod(first + offset, self.cells)
            position = cell * len(self.model.sites) + site
            clusters.setdefault(number, {})[position] = matrix
        return math.prod(self.density.measure(inside) for inside in clusters.values())

    def _density_matrix(self, places: Sequence[Place]) -> Array:
        """Return the reduced density matrix of (site, cell) pairs of the cluster."""
        return self.density.density_matrix(places)

    def _distribution(self, places: Sequence[Place]) -> Array:
        """Return the probabilities P(m_1, m_2, ...) on (site, cell) pairs of the cluster."""
        return self.density.distribution(places)

    @property
    def purity_density(self) -> Estimate:
        """-ln Tr rho^2 per unit cell."""
        purity = self.density.purity
        return self._estimate(
            -np.log(purity) / self.cells, 2 * self.accuracy / purity / self.cells,
            lambda state: state.purity_density,
        )  # fmt: skip

    def _structure_factor(self, op_a: str, op_b: str, k: Array, sites: tuple[int, int]) -> Estimate:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>): only pairs in one cluster contribute."""
        cells, (pair, means) = self.cells, self._measured(op_a, op_b, sites)
        value = np.zeros(k.shape, dtype=complex)
        for c, e in product(range(cells), repeat=2):
            value += np.exp(1j * k * (e - c)) * (pair(c, e) - means[0, c] * means[1, e])
        error = self._bound(3 * cells, op_a, op_b)
        return self._estimate(
            value / cells, error, lambda state: state._structure_factor(op_a, op_b, k, sites)
        )

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the density matrix and everything else as JSON types."""
        attributes = {"accuracy": self.accuracy if math.isfinite(self.accuracy) else None}
        if self.wider is None:
            return {"rho": self.rho}, attributes
        arrays, told = self.wider.to_arrays()
        return {"rho": self.rho, "wider.rho": arrays["rho"]}, {**attributes, "wider": told}

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        accuracy, wider = stored_number(told, "accuracy"), None
        if "wider" in told:
            told_wider = stored(told, "wider", dict, "an object")
            wider = cls.from_arrays(
                {"rho": stored_array(arrays, "wider.rho", (None,) * 2, "fc")}, told_wider
            )
        rho = stored_array(arrays, "rho", (None, None), "fc")
        cells = method.sites // len(model.sites)
        # as many sites must not be listed before their number is known to be small
        few = 0 < cells <= len(rho)
        size = math.prod(site.dimension for site in model.sites) ** cells if few else 0
        return {
            "rho": stored_array(arrays, "rho", (size, size), "fc"),
            "accuracy": math.nan if accuracy is None else accuracy,
            "wider": wider,
        }


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClusterSites(MeasuredState):
    """The sites of a cluster at one time of its motion.

    Attributes
    ----------
    local
        Density matrix of every site of the cluster, shape (d, d), in the physical frame.
    accuracy
        Error of an operator's expectation, in units of its norm.
    rho
        Density matrix of the cluster, shape (d, d); kept at time zero only.
    """

    kind: ClassVar[str] = "cluster_sites"
    local: tuple[Array, ...]
    accuracy: float
    rho: Array | None = None

    def _moments(self, op: str, power: int) -> Array:
        """Return <op^power> on the sites that have it, averaged over cells."""
        unit, out = self.model.sites, []
        for number, site in enumerate(unit):
            if op in site.operators:
                matrix = np.linalg.matrix_power(local_operators(site)[op], power)
                values = [
                    np.einsum("ij,ji", matrix, rho) for rho in self.local[number :: len(unit)]
                ]
                out.append(np.mean(values))
        found = np.array(out)
        return found if op in ("S+", "S-", "B", "Bd") else found.real

    def _expect(self, op: str) -> Estimate:
        """Return <op> on the sites of the unit cell that have this operator."""
        value = self._moments(op, 1)
        return Estimate(
            value, np.full(value.shape, self.accuracy * operator_norm(self.model.sites, op))
        )

    def _total(self, products: Sequence[Product]) -> Estimate | None:
        """Return the expectation of a sum of operators on one site each, else None."""
        if any(len(factors) > 1 for _, factors in products):
            return None
        sites, value, error = self.model.sites, 0j, 0.0
        for coefficient, factors in products:
            for (site, _), matrix in matrices_of(sites, factors).items():
                states = self.local[site :: len(sites)]
                value += coefficient * complex(np.mean([np.sum(matrix.T * rho) for rho in states]))
            error += abs(coefficient) * bound(sites, factors) * self.accuracy
        return Estimate(value, error)

    def _variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on the sites of the unit cell that have this operator."""
        value = self._moments(op, 2) - self._moments(op, 1) ** 2
        error = 3 * self.accuracy * operator_norm(self.model.sites, op) ** 2
        return Estimate(value, np.full(value.shape, error))

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        arrays = {f"local_{j}": rho for j, rho in enumerate(self.local)}
        arrays |= {} if self.rho is None else {"rho": self.rho}
        return arrays, {"accuracy": self.accuracy}

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        local = []
        for j in range(method.sites):
            size = model.sites[j % len(model.sites)].dimension
            local.append(stored_array(arrays, f"local_{j}", (size, size), "fc"))
        size = math.prod(map(len, local))
        return {
            "local": tuple(local),
            "accuracy": stored(told, "accuracy", int | float, "a number"),
            "rho": stored_array(arrays, "rho", (size, size), "fc") if "rho" in arrays else None,
        }


@reads_kind("cluster_trajectory")
def _of_schema_2(
    variables: Mapping[str, Variable], arrays: dict[str, Array], attributes: dict[str, Any]
) -> Trajectory:
    method, times = settings_from(attributes["method"], "cmf"), np.asarray(arrays["times"])
    local = [np.asarray(arrays[f"local_{j}"]) for j in range(method.sites)]
    state = partial(
        ClusterSites, model=LindbladModel.from_json(attributes["model"]), method=method,
        accuracy=attributes["accuracy"],
    )  # fmt: skip
    return trajectory_of(state, times, [{"local": here} for here in zip(*local, strict=True)])
