"""The steady state (or a snapshot) of an infinite chain as a result: observables with error bars."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from impo.arguments import ArgumentError, non_negative_integer
from impo.basis import local_operators
from impo.liouvillian import Generator
from impo.model import LindbladModel
from impo.result import Estimate, Status, Stored
from impo.tensor.picture import Check, Picture, density_matrix


@dataclass(frozen=True)
class ItebdState(Stored):
    """State of an infinite chain; implements `impo.result.SteadyState`.

    Attributes
    ----------
    picture
        The matrix product on the highest rung of the ladder.
    checks
        Pairs of pictures that differ in one setting; their differences are the error bars.
    """

    kind: ClassVar[str] = "itebd"
    model: LindbladModel
    method: Any
    status: Status
    message: str
    residual: float
    seconds: float
    history: Sequence[Mapping[str, Any]]
    diagnostics: Mapping[str, Any]
    picture: Picture = field(repr=False)
    checks: tuple[Check, ...] = field(repr=False)
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def generator(self) -> Generator:
        """The master equation on a tile, in the rotated frame."""
        return self.picture.generator

    def estimate(self, observable: Callable[[Picture], NDArray], scale: float = 0.0) -> Estimate:
        """Return an observable with its error bar.

        Parameters
        ----------
        observable
            Function of a picture.
        scale
            Largest absolute value that it can have; the distance still to be relaxed counts relative
            to it.
        """
        value = np.asarray(observable(self.picture))
        error = np.full(value.shape, scale * self.picture.remaining + 1e-14 * max(scale, 1.0))
        for check in self.checks:
            error = error + check.error_of(observable)
        return Estimate(value[()], error[()])

    def _sites(self, op: str) -> list[int]:
        sites = [s for s, site in enumerate(self.model.sites) if op in site.operators]
        if not sites:
            known = sorted({name for site in self.model.sites for name in site.operators})
            raise ArgumentError(f"Argument `op` must be one of {', '.join(known)}, but is {op!r}.")
        return sites

    def _matrix(self, op: str, site: int) -> NDArray:
        if site >= len(self.model.sites) or op not in self.model.sites[site].operators:
            raise ArgumentError(f"Site {site} of {self.model.label} has no operator {op!r}.")
        return local_operators(self.model.sites[site])[op]

    def _vector(self, picture: Picture, position: int, matrix: NDArray) -> NDArray:
        """Return the vector over T_x that measures a physical operator at a position."""
        basis = picture.bases[position % len(picture.bases)]
        return basis.measure(self.generator.rotated(position, matrix))

    def _local(self, matrices: Mapping[int, NDArray]) -> Callable[[Picture], NDArray]:
        def observable(picture: Picture) -> NDArray:
            values = [
                picture.environment.marginal(site, 1) @ self._vector(picture, site, matrix)
                for site, matrix in matrices.items()
            ]
            return np.array(values)

        return observable

    def expect(self, op: str) -> Estimate:
        """Return <op> on every site of the unit cell that has it."""
        matrices = {site: self._matrix(op, site) for site in self._sites(op)}
        scale = max(np.linalg.norm(matrix, 2) for matrix in matrices.values())
        return _real_if_hermitian(self.estimate(self._local(matrices), scale), matrices.values())

    def variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2 on every site of the unit cell that has it."""
        matrices = {site: self._matrix(op, site) for site in self._sites(op)}
        squares = {site: matrix @ matrix for site, matrix in matrices.items()}
        first, second = self._local(matrices), self._local(squares)
        scale = max(np.linalg.norm(matrix, 2) ** 2 for matrix in matrices.values())
        return _real_if_hermitian(
            self.estimate(lambda picture: second(picture) - first(picture) ** 2, scale),
            matrices.values(),
        )

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_{site a, cell 0} B_{site b, cell r}> for r = 0 ... max_cells, not connected."""
        a, b = self._matrix(op_a, sites[0]), self._matrix(op_b, sites[1])
        non_negative_integer("max_cells", max_cells)
        scale = float(np.linalg.norm(a, 2) * np.linalg.norm(b, 2))
        return self.estimate(lambda p: self._correlation(p, a, b, sites, max_cells), scale)

    def _correlation(
        self, picture: Picture, a: NDArray, b: NDArray, sites: tuple[int, int], max_cells: int
    ) -> NDArray:
        cell = len(self.model.sites)
        out = np.zeros(max_cells + 1, dtype=complex)
        for r in range(max_cells + 1):
            i, j = sites[0], sites[1] + r * cell
            if i == j:
                vector = self._vector(picture, i, a @ b)
                out[r] = picture.environment.marginal(i, 1) @ vector
            else:
                ends = sorted([(i, a), (j, b)], key=lambda end: end[0])
                out[r] = picture.environment.chain_of(
                    [(position, self._vector(picture, position, m)) for position, m in ends]
                )
        return out

    def connected(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_0 B_r> - <A><B>; arguments as in `correlation`."""
        a, b = self._matrix(op_a, sites[0]), self._matrix(op_b, sites[1])
        scale = float(np.linalg.norm(a, 2) * np.linalg.norm(b, 2))
        mean = self._local({sites[0]: a}), self._local({sites[1]: b})

        def observable(picture: Picture) -> NDArray:
            product = mean[0](picture)[0] * mean[1](picture)[0]
            return self._correlation(picture, a, b, sites, max_cells) - product

        return self.estimate(observable, scale)

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> NDArray:
        """Return the reduced density matrix of (site, cell) pairs; states m = S ... -S."""
        return self._density_matrix(self.picture, places)

    def _density_matrix(self, picture: Picture, places: Sequence[tuple[int, int]]) -> NDArray:
        cell, n = len(self.model.sites), len(picture.bases)
        positions = [site + c * cell for site, c in places]
        if len(set(positions)) != len(positions) or not positions:
            raise ArgumentError("Argument `places` must name different (site, cell) pairs.")
        order = np.argsort(positions)
        bases = [picture.bases[p % n] for p in sorted(positions)]
        coefficients = picture.environment.chain_of([(p, None) for p in sorted(positions)])
        rho = density_matrix(coefficients, bases)
        dims = [basis.dimension for basis in bases]
        phases = [np.ones(1)]
        for position in sorted(positions):
            site = self.generator.sites[position % n]
            m = (
                np.arange(site.dimension)[::-1]
                if "Sz" in site.operators
                else np.arange(site.dimension)
            )
            phases.append(np.exp(-1j * self.generator.phase(position) * m))
        turn = phases[0]
        for phase in phases[1:]:
            turn = np.kron(turn, phase)
        rho = turn[:, None] * rho * turn.conj()[None, :]
        back = [*np.argsort(order), *(len(dims) + np.argsort(order))]
        size = rho.shape[0]
        return rho.reshape(dims + dims).transpose(back).reshape(size, size)

    def distribution(self, places: Sequence[tuple[int, int]]) -> NDArray:
        """Return the probabilities P(m_1, m_2, ...) on (site, cell) pairs."""
        dims = [self.model.sites[site].dimension for site, _ in places]
        return np.diag(self.density_matrix(places)).real.reshape(dims)


def _real_if_hermitian(estimate: Estimate, matrices: Any) -> Estimate:
    if all(np.allclose(m, np.conj(m.T)) for m in matrices):
        return Estimate(np.real(estimate.value), estimate.error)
    return estimate
