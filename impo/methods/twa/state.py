"""Settings and results of the truncated Wigner approximation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from impo.arguments import ArgumentError, fail, non_negative_integer, positive_integer
from impo.arrays import Array
from impo.methods.measured import MeasuredState
from impo.methods.twa.hybrid import CAP, spin_lengths
from impo.methods.twa.jumps import ordering
from impo.methods.twa.moments import Moments
from impo.methods.twa.products import Forms, of_moments, of_snapshots, within_half
from impo.model import LindbladModel, Place
from impo.operators.local_products import linear_forms
from impo.results.estimate import Estimate
from impo.results.fields import stored, stored_array
from impo.results.files import malformed
from impo.results.modes import UNCORRELATED, Decay, no_decay
from impo.results.products import Operator, Product
from impo.results.progress import Follower
from impo.results.store import Arrays, Stored, Told
from impo.results.trajectory import Trajectory, joint_verdict
from impo.results.variable import Variable


def decay(
    model: LindbladModel, method: Any, moments: Moments, op_a: str, op_b: str,
    sites: tuple[int, int] = (0, 0),
) -> Decay:  # fmt: skip
    """Return how correlations decay that are known by moments; cells may not be coupled at all."""
    jumps = [jump for jump in model.jumps if jump.strength > 0]
    products = [*model.hamiltonian, *(term for jump in jumps for term in jump.terms)]
    if not any(term.coefficient and any(c) for term in products for _, _, c in term.factors):
        return no_decay(UNCORRELATED)
    return moments.decay(op_a, op_b, sites, method.periodic)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TWAState(MeasuredState):
    """Averages over trajectories of classical spins and over all cells of the lattice.

    The Wigner function is known by samples only: there is no density matrix and no purity.

    Attributes
    ----------
    moments
        First and second moments of the classical spins.
    snapshots
        Unit vectors, float32 of shape (snapshots, 3 spins, trajectories), spin = cell * sites +
        site; none if that is too much memory.
    """

    kind: ClassVar[str] = "twa"
    moments: Moments
    snapshots: Array

    def _expect(self, op: str) -> Estimate:
        """Return <op> on every site of the unit cell."""
        return self.moments.expect(op)

    def _variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site of the unit cell."""
        return self.moments.variance(op)

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate:
        """Return <A_{site a, cell 0} B_{site b, cell r}>, not connected, along the first direction.

        r = 0 ... max_cells, but at most half the number of cells.
        """
        return self.moments.correlation(op_a, op_b, sites, max_cells)

    def _total(self, products: Sequence[Product]) -> Estimate | None:
        """Return the expectation of a sum of products of spins, at most two operators on a site.

        More than two operators are averaged over the last snapshots alone.
        """
        total = np.zeros(len(self.moments.first), dtype=complex)
        for coefficient, factors in products:
            if (known := linear_forms(self.model, factors)) is None:
                return None
            if (found := self._product(known[1])) is None:
                return None
            total += coefficient * known[0] * found
        return self.moments.estimate(lambda mean: mean, total)

    def _product(self, forms: Forms) -> Array | None:
        """Return the average of a product by groups of trajectories; None if it is not known."""
        counts, periodic = [len(here) for here in forms.values()], self.method.periodic
        near = within_half(self.moments.shape, forms)
        if not forms:
            return np.ones(1)
        if sum(counts) <= 2 and near:
            return of_moments(self.moments, forms)
        if max(counts) > 2 or not len(self.snapshots) or (periodic and not near):
            return None
        scheme = self.method.scheme
        return of_snapshots(self.model, self.snapshots, self.moments, forms, periodic, scheme)

    def _string_correlation(
        self, ends: tuple[str, str], string: Sequence[Operator], sites: tuple[int, int],
        max_cells: int,
    ) -> Estimate | None:  # fmt: skip
        """Return <A (product of the string) B>, at most half the number of cells apart."""
        return super()._string_correlation(
            ends, string, sites, min(max_cells, self.moments.shape[0] // 2)
        )

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool, follower: Follower | None = None,
    ) -> Estimate | None:  # fmt: skip
        """Return the mean of both orders, whichever is asked for: see `two_time.py`."""
        from impo.methods.twa.two_time import two_time  # compiles, which reading a file need not

        return two_time(self, (op_a, op_b), times.tolist(), sites, max_cells, follower)

    def _response(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        follower: Follower | None = None,
    ) -> None:  # fmt: skip
        """Return None: the orders cannot be told apart."""

    def _decay(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Decay:
        """Return length and wavenumber: see `results.decay` and `lengths.py`."""
        return decay(self.model, self.method, self.moments, op_a, op_b, sites)

    def _structure_factor(self, op_a: str, op_b: str, k: Array, sites: tuple[int, int]) -> Estimate:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>), r up to half the lattice."""
        return self.moments.structure_factor(op_a, op_b, k, sites)

    def _distribution(self, places: Sequence[Place]) -> Array | None:
        """Return P(m_1, m_2, ...) on (site, cell) pairs, m = S ... -S, averaged over translations.

        s_z of the classical spin of length S + 1/2 is counted in bins of width one around each m.
        In the hybrid scheme, the average of 1/2 +- s_z gives the exact ones of every spin.
        """
        if not len(self.snapshots):
            return None
        shape = self.moments.shape
        sizes = [self.model.sites[site].dimension for site, _ in places]
        if math.prod(sizes) > 10**7:
            raise ArgumentError(f"Argument `places` asks for {math.prod(sizes)} probabilities.")
        vectors = self.snapshots.reshape(
            -1, *shape, len(self.model.sites), 3, self.snapshots.shape[2]
        )
        inside = np.ones(shape, dtype=bool)
        parts = []
        for site, cell in places:
            m_z = vectors[..., site, 2, :]
            offset = (cell,) if isinstance(cell, int) else cell
            for axis, step in enumerate(offset):
                m_z = np.roll(m_z, -step, axis + 1)
                moved = np.arange(shape[axis]) + step
                if not self.method.periodic:
                    place = [1] * len(shape)
                    place[axis] = -1
                    inside &= ((moved >= 0) & (moved < shape[axis])).reshape(place)
            parts.append(m_z)
        if not inside.any():
            raise fail("places", "inside the lattice", places)
        if self.method.scheme == "hybrid":
            return _joint([m_z[:, inside].ravel() / CAP for m_z in parts])
        indices = [np.clip((1 - m_z) * (size / 2), 0, size - 1).astype(np.int64)
                   for m_z, size in zip(parts, sizes, strict=True)]  # fmt: skip
        joint = np.ravel_multi_index(indices, sizes)[:, inside].reshape(len(vectors), -1)
        counts = [np.bincount(row, minlength=math.prod(sizes)) for row in joint]
        return np.reshape(np.sum(counts, axis=0) / joint.size, sizes)

    def transverse_histogram(self, site: int = 0, bins: int = 50) -> tuple[Array, Array] | None:
        """Return the density of S_perp = sqrt(s_x^2 + s_y^2) of one spin, and the bin edges."""
        if not len(self.snapshots):
            return None
        length = spin_lengths(self.model, self.method.scheme)[self._site(site)]
        sites = len(self.model.sites)
        vectors = self.snapshots.reshape(len(self.snapshots), -1, sites, 3, self.snapshots.shape[2])
        transverse = length * np.hypot(vectors[:, :, site, 0], vectors[:, :, site, 1])
        edges = np.linspace(0, length * (1 + 1e-6), positive_integer("bins", bins) + 1)
        return np.histogram(transverse, edges, density=True)[0], edges

    def _site(self, site: int) -> int:
        if non_negative_integer("site", site) >= len(self.model.sites):
            raise fail("site", f"below {len(self.model.sites)} (sites of the unit cell)", site)
        return site

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        moments = self.moments
        arrays = {"first": moments.first, "second": moments.second, "snapshots": self.snapshots}
        told = {"shape": list(moments.shape), "starts": moments.starts, "agree": moments.agree}
        return arrays, told

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        shape = tuple(stored({"shape": n}, "shape", int, "integers") for n in told["shape"])
        count, spins = len(model.sites), len(model.sites) * math.prod(shape)
        first = stored_array(arrays, "first", (None, count, 3), "f")
        distances = tuple(n if axis else n // 2 + 1 for axis, n in enumerate(shape))
        second = stored_array(arrays, "second", (len(first), *distances, 3 * count, 3 * count), "f")
        starts = stored(told, "starts", int, "an integer")
        if len(shape) != model.dimension or min(shape) < 1 or not 0 <= starts < len(first):
            raise malformed(f"`shape` {shape} or `starts` {starts} does not fit the arrays")
        moments = Moments(
            first,
            second,
            shape,
            starts,
            stored(told, "agree", bool, "true or false"),
            ordering(model),
        )
        kept = len(np.atleast_1d(arrays.get("snapshots", 0)))
        snapshots = stored_array(arrays, "snapshots", (kept, 3 * spins, None), "f")
        return {"moments": moments, "snapshots": snapshots}

    @classmethod
    def _from_file(
        cls, variables: dict[str, Variable], arrays: dict[str, Array], attributes: dict[str, Any]
    ) -> Stored:
        """Rebuild a state, or a trajectory up to schema 2, whose arrays have an axis of times."""
        if "times" not in arrays:
            return cls.from_arrays(arrays, attributes)
        states = []
        for n in range(len(arrays["times"])):
            here = {name: arrays[name][:, n] for name in ("first", "second")}
            here["snapshots"] = arrays["snapshots"][n : n + 1]
            states.append(cls.from_arrays(here, attributes))
        status, message = joint_verdict(states)
        return Trajectory(
            times=np.asarray(arrays["times"]), states=tuple(states), status=status, message=message
        )


def _joint(parts: Sequence[Array]) -> Array:
    """Return the mean of products of 1/2 +- s_z from 2 s_z of several spins, # first second ..."""
    total = np.ones(len(parts[0]))
    for part in parts:
        total = total[..., None, :] * np.stack([1 + part, 1 - part]) / 2
    return np.asarray(total.mean(axis=-1))
