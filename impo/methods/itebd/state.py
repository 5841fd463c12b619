"""The state of an infinite chain as a result: observables with error bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from impo.arguments import ArgumentError, fail, one_of, positive_integer
from impo.arrays import Array
from impo.memory import product, shortage
from impo.methods.itebd import entropies
from impo.methods.itebd.correlations import AHEAD, connected_scales
from impo.methods.itebd.lengths import Tracker, decay_of, joined, shared_charges
from impo.methods.itebd.slow_modes import Correlations, correlations, slow_modes
from impo.methods.itebd.spectra import spectral_function
from impo.methods.itebd.two_time import Pair, two_time
from impo.model import LindbladModel, Place
from impo.operators.liouvillian import Generator, infinite_chain, one_charge
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import Approximation, Refinement, density_matrix
from impo.refinement.error_bars import LEAST_SHARE, estimate
from impo.refinement.storage import check_operators, pack, unpack
from impo.results.estimate import Estimate
from impo.results.modes import Decay, Mode, no_decay
from impo.results.questions import known_distance, known_pair, matrix_places
from impo.results.slow_modes import SlowMode
from impo.results.state import SteadyState
from impo.results.store import Arrays, Told
from impo.tensor.liouvillian_variance import MeanAndVariance, liouvillian_variance
from impo.tensor.tenpy_bridge import MPS, liouvillian_model

FARTHEST = 60  # cells to which a correlation function is looked at for its decay
FARTHEST_SUM = 4096  # and to which it is summed
_COPIES = 3  # arrays of all coefficients on some sites that are in memory at the same time


def _product(approx: Approximation, site: int, *ops: str) -> Array:
    """Return a product of operators of a site of the unit cell, with its cut-off there."""
    known = local_operators(approx.generator.model.sites[site])
    return reduce(np.matmul, [known[op] for op in ops])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ItebdState(SteadyState):
    """State of an infinite chain.

    Attributes
    ----------
    approximation
        The matrix product at the finest settings.
    refinements
        Pairs of approximations that differ in one setting; their differences are the error bars.
    """

    kind: ClassVar[str] = "itebd"
    approximation: Approximation = field(repr=False)
    refinements: tuple[Refinement, ...] = field(repr=False)

    @property
    def generator(self) -> Generator:
        """The master equation on a tile, in the rotated frame."""
        return self.approximation.generator

    def estimate(
        self,
        observable: Callable[[Approximation], Array],
        scale: ArrayLike = 0.0,
        least: float = LEAST_SHARE,
    ) -> Estimate:
        """Return an observable with its error bar: `impo.refinement.error_bars.estimate`."""
        return estimate(self.approximation, self.refinements, observable, scale, least)

    def _local_estimate(
        self, observable: Callable[[Approximation], Array], op: str, sites: list[int], power: int
    ) -> Estimate:
        """Return a one-site observable; real if its operator is Hermitian."""
        matrices = [self._matrix(op, site) for site in sites]
        scale = max(float(np.linalg.norm(matrix, 2)) ** power for matrix in matrices)
        found = self.estimate(observable, scale, least=1.0)
        hermitian = self.model.sites[sites[0]].is_hermitian(op)
        return Estimate(np.real(found.value) if hermitian else found.value, found.error)

    def _sites(self, op: str) -> list[int]:
        return [s for s, site in enumerate(self.model.sites) if op in site.operators]

    def _matrix(self, op: str, site: int) -> Array:
        return local_operators(self.model.sites[site])[op]

    def _positions(self, places: Sequence[Place]) -> list[int]:
        """Return the positions on the chain of (site, cell) pairs."""
        cells = [cell if isinstance(cell, int) else cell[0] for _, cell in places]
        unit = len(self.model.sites)
        return [site + cell * unit for (site, _), cell in zip(places, cells, strict=True)]

    def _vector(self, approx: Approximation, position: int, matrix: Array) -> Array:
        """Return the vector over T_x that measures a physical operator at a position."""
        basis = approx.bases[position % len(approx.bases)]
        return basis.measure(approx.generator.rotated(position, matrix))

    def _local(self, sites: Sequence[int], *ops: str) -> Callable[[Approximation], Array]:
        """Return the observable <product of the operators> on every one of some sites."""

        def observable(approx: Approximation) -> Array:
            vectors = [self._vector(approx, s, _product(approx, s, *ops)) for s in sites]
            marginals = [approx.environment.marginal(s, 1) for s in sites]
            return np.array([m @ v for m, v in zip(marginals, vectors, strict=True)])

        return observable

    def _expect(self, op: str) -> Estimate:
        """Return <op> on every site of the unit cell that has it."""
        sites = self._sites(op)
        return self._local_estimate(self._local(sites, op), op, sites, 1)

    def _variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site of the unit cell that has it."""
        sites = self._sites(op)
        first, second = self._local(sites, op), self._local(sites, op, op)
        return self._local_estimate(lambda p: second(p) - first(p) ** 2, op, sites, 2)

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate:
        """Return <A_{site a, cell 0} B_{site b, cell r}> for r = 0 ... max_cells, not connected."""
        scale = self._largest(op_a, op_b, sites)
        return self.estimate(lambda p: self._correlation_of(p, op_a, op_b, sites, max_cells), scale)

    def _largest(self, op_a: str, op_b: str, sites: tuple[int, int]) -> float:
        """Return the product of the operator norms, which no correlation exceeds."""
        both = ((op_a, sites[0]), (op_b, sites[1]))
        return float(np.prod([np.linalg.norm(self._matrix(*one), 2) for one in both]))

    def _correlation_of(
        self, approx: Approximation, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Array:
        cell, tile = len(self.model.sites), len(approx.bases)
        i, j = sites
        a, b = _product(approx, i, op_a), _product(approx, j, op_b)
        first = self._vector(approx, i, a)
        out = np.zeros(max_cells + 1, dtype=complex)
        if i == j:
            out[0] = approx.environment.marginal(i, 1) @ self._vector(approx, i, a @ b)
        elif i > j:
            out[0] = approx.environment.chain_of([(j, self._vector(approx, j, b)), (i, first)])
        start = 1 if j <= i else 0
        for offset in range(start, min(start + tile // cell, max_cells + 1)):
            position = j + offset * cell
            count = (max_cells - offset) * cell // tile + 1
            for q, part in charge_parts(approx.generator.model.sites[j], b).items():
                # the frame turns by a constant angle from tile to tile
                turns = np.exp(1j * q * self.generator.phase_advance * np.arange(count))
                second = self._vector(approx, position, part)
                values = approx.environment.sequence(i, first, position, second, count)
                out[offset :: tile // cell] += turns * values
        return out

    def connected(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_0 B_r> - <A><B>; arguments as in `correlation`.

        Its least error falls with the distance as the function does: see `connected_scales`.
        """
        known_pair(self.model, op_a, op_b, sites)
        known_distance(max_cells)
        scales = self._connected_scales(op_a, op_b, sites, max_cells)
        return self.estimate(
            partial(self._connected_of, op_a=op_a, op_b=op_b, sites=sites, max_cells=max_cells),
            scales,
        )

    def _connected_scales(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Array:
        far = max(max_cells, 1) + AHEAD
        values = self._connected_of(self.approximation, op_a, op_b, sites, far)
        apart = np.abs(sites[1] - sites[0] + len(self.model.sites) * np.arange(far + 1))
        return connected_scales(values, apart, self._largest(op_a, op_b, sites))[: max_cells + 1]

    def _connected_of(
        self, approx: Approximation, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Array:
        mean_a = self._local(sites[:1], op_a)(approx)
        mean_b = self._local(sites[1:], op_b)(approx)
        means: Array = mean_a[0] * mean_b[0]
        return self._correlation_of(approx, op_a, op_b, sites, max_cells) - means

    def _two_time(
        self, op_a: str, op_b: str, times: Array, sites: tuple[int, int], max_cells: int,
        reverse: bool,
    ) -> Estimate:  # fmt: skip
        """Return <A_0(t) B_r>: see `impo.methods.itebd.two_time`."""
        pair = Pair((op_a, op_b), sites, range(-max_cells, max_cells + 1), reverse)
        return two_time(self, pair, times, self._largest(op_a, op_b, sites))

    def _spectral_function(
        self, op_a: str, op_b: str, k: Array, omega: Array, sites: tuple[int, int]
    ) -> Estimate:
        """Return its Fourier transform: see `impo.methods.itebd.spectra`."""
        return spectral_function(self, (op_a, op_b), k, omega, sites)

    def _slow_modes(self, charge: int, k: float, count: int) -> tuple[SlowMode, ...]:
        if charge not in self._correlations:
            self._correlations[charge] = correlations(self, charge)
        return slow_modes(self, self._correlations[charge], charge, k, count)

    @cached_property
    def _correlations(self) -> dict[int, Correlations]:
        return {}  # of two times, by charge: one serves all wave numbers

    def _known_charges(self) -> tuple[int, ...]:
        return (0, 1) if len(self.generator.charges) else (0,)

    def _density_matrix(self, places: Sequence[Place]) -> Array:
        """Return the reduced density matrix of (site, cell) pairs; states m = S ... -S."""
        return self._density_matrix_of(self.approximation, self._positions(places))

    def _density_matrix_of(self, approx: Approximation, positions: list[int]) -> Array:
        order = np.argsort(positions)
        rising = [positions[i] for i in order]
        bases = [approx.bases[p % len(approx.bases)] for p in rising]
        rows = product([len(basis) for basis in bases])
        bond = approx.matrix_product.bond_dimension
        if (short := shortage(_COPIES * 8 * rows * bond)) is not None:
            raise ArgumentError(
                f"Argument `places` must have fewer than {len(rising)} sites: {short}."
            )
        coefficients = approx.environment.chain_of([(p, None) for p in rising])
        turn = approx.generator.frame(rising)
        rho = turn[:, None] * density_matrix(coefficients, bases) * turn.conj()
        dims = [basis.dimension for basis in bases]
        back = [*np.argsort(order), *(len(dims) + np.argsort(order))]
        return rho.reshape(dims + dims).transpose(back).reshape(rho.shape)

    def _distribution(self, places: Sequence[Place]) -> Array:
        """Return the probabilities P(m_1, m_2, ...) on (site, cell) pairs."""
        rho = self._density_matrix(matrix_places(self.model, places))
        return np.diag(rho).real.reshape([self.model.sites[site].dimension for site, _ in places])

    def _decay(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Decay:
        """Return modes and length: see `impo.methods.itebd.lengths`."""
        if self.approximation.diverged:
            return no_decay("The evolution has run away.")
        # a least error would hide the decay: levels differ by the amplitude more than by the length
        connected = self.estimate(lambda p: self._connected_of(p, op_a, op_b, sites, FARTHEST))
        largest = self._largest(op_a, op_b, sites)
        sectors = shared_charges(self.generator, (op_a, op_b), sites, largest)
        found = [self._tracker.waves(charge, ends) for charge, ends in sectors]
        known = [one for one in found if one is not None]
        waves = joined(known) if known else None
        return decay_of(waves, connected.value, connected.error, largest)

    def transfer_spectrum(self, charge: int | None = None, count: int = 8) -> tuple[Mode, ...]:
        """Return the slowest modes of all correlation functions, with errors.

        They are eigenvalues of the transfer matrix of the trace. Errors are infinite for a mode
        that is not found again in every approximation that the state is compared with.

        Parameters
        ----------
        charge
            By how much the operator at the left end of a correlation function raises the charge of
            the model: 1 for S+, 0 for Sz; None for all charges.
        count
            Largest number of modes.

        Raises
        ------
        ArgumentError
            If an argument is no integer, or the model has no such charge.
        """
        count = positive_integer("count", count)
        sectors = sorted({-int(q) for q in self.approximation.environment.charges[0]})
        if charge is not None:
            sectors = [one_of("charge", charge, sectors)]
        found = [self._tracker.waves(-one, None) for one in sectors]
        known = [one for one in found if one is not None]
        return joined(known).estimates(count, amplitudes=False) if known else ()

    @cached_property
    def _tracker(self) -> Tracker:
        """Modes of all approximations, which are computed once."""
        cell = len(self.model.sites)
        return Tracker(self.approximation, self.refinements, cell)

    @property
    def purity_density(self) -> Estimate:
        """Return -ln Tr rho^2 per unit cell."""
        cells = len(self.generator.sites) // len(self.model.sites)
        most = np.sum([np.log(site.dimension) for site in self.model.sites])
        return self.estimate(lambda p: np.asarray(entropies.purity_density(p) / cells), most)

    @property
    def operator_entropy(self) -> Estimate:
        """Return -sum s^2 ln s^2 of the operator-Schmidt values of the bond left of each site."""
        most = np.log([leg.size for leg in self.approximation.matrix_product.legs])
        return self.estimate(entropies.operator_entropy, most)

    def negativity(self, places: Sequence[Place] | None = None) -> Estimate:
        """Return the entanglement negativity of two (site, cell) places; None: the first two."""
        return self._of_pair(entropies.negativity, lambda d: (d - 1) / 2, places)

    def mutual_information(self, places: Sequence[Place] | None = None) -> Estimate:
        """Return the mutual information of two (site, cell) places in nats; None: the first two."""
        return self._of_pair(entropies.mutual_information, lambda d: 2 * np.log(d), places)

    def _of_pair(
        self, measure: Callable[..., float], largest: Callable[[int], float],
        places: Sequence[Place] | None,
    ) -> Estimate:  # fmt: skip
        """Return a measure of two places; `largest` is its bound for the smaller dimension."""
        if places is None:
            places = [(0, 0), (1, 0)] if len(self.model.sites) > 1 else [(0, 0), (0, 1)]
        places = matrix_places(self.model, places)
        if len(places) != 2:
            raise fail("places", "two different (site, cell) pairs", places)
        positions = self._positions(places)

        def observable(approx: Approximation) -> Array:
            sites = approx.generator.model.sites
            dims = tuple(sites[site].dimension for site, _ in places)
            return np.asarray(measure(self._density_matrix_of(approx, positions), dims))

        smaller = min(self.model.sites[site].dimension for site, _ in places)
        return self.estimate(observable, largest(smaller))

    def _structure_factor(self, op_a: str, op_b: str, k: Array, sites: tuple[int, int]) -> Estimate:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>) over all distances r in unit cells.

        The sum runs to the distance at which the connected correlations fall below rounding.
        """
        a, b = self._matrix(op_a, sites[0]), self._matrix(op_b, sites[1])
        reach = 32
        while reach < FARTHEST_SUM:
            tail = self._connected_of(self.approximation, op_a, op_b, sites, reach)[-2:]
            if np.max(np.abs(tail)) < 1e-13 * np.linalg.norm(a, 2) * np.linalg.norm(b, 2):
                break
            reach *= 2
        r = np.arange(-reach, reach + 1)
        phases = np.exp(1j * np.multiply.outer(k, r))

        def observable(approx: Approximation) -> Array:
            ahead = self._connected_of(approx, op_a, op_b, sites, reach)
            behind = self._connected_of(approx, op_b, op_a, sites[::-1], reach)
            return np.asarray(phases @ np.concatenate([behind[:0:-1], ahead]))

        ahead = self._connected_scales(op_a, op_b, sites, reach)
        behind = self._connected_scales(op_b, op_a, sites[::-1], reach)
        most = float(np.linalg.norm([*ahead, *behind[1:]]))  # the errors have no common phase
        return self.estimate(observable, np.full(np.shape(k), most))

    @cached_property
    def mps(self) -> MPS:
        """The state as a canonical TeNPy MPS of the unweighted coefficients, in the rotated frame.

        Its charges are those of `generator.charges`; the frame is turned by `generator.phases` and
        `generator.phase_advance`. Expectation values by TeNPy are those of <rho|rho>, not traces.
        """
        return entropies.normalised_mps(self.approximation)

    @property
    def liouvillian_variance(self) -> MeanAndVariance:
        """Mean <L>/N and variance (<L^+ L> - |<L>|^2)/N per site, as averages <rho| |rho>."""
        model = liouvillian_model(self.generator, self.approximation.bases)
        return liouvillian_variance(self.mps, model.H_MPO)

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the tensors of all approximations, and everything else as JSON types."""
        arrays, pictures, checks = pack(self.approximation, self.refinements)
        return arrays, {
            "phases": self.generator.phases.tolist(),
            "phase_advance": self.generator.phase_advance,
            "pictures": pictures, "checks": checks,
        }  # fmt: skip

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        check_operators(model, told["pictures"])
        generator = one_charge(infinite_chain(model, charges=method.charges))
        approx, refinements = unpack(generator, arrays, told["pictures"], told["checks"])
        return {"approximation": approx, "refinements": refinements}
