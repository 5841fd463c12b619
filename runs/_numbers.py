"""The numbers of a steady state that are compared with those of a better one, and known ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from impo.model import LindbladModel, Place, Spin
from impo.operators.local import local_operators
from impo.results.estimate import Estimate

ONE, VARIANCE, NEIGHBOUR, CONNECTED = "<S>", "Var Sz", "neighbours", "connected"
NEGATIVITY, DISTANT, PURITY = "negativity", "distant", "purity density"
STRUCTURE = "structure factor"
QUANTITIES = (ONE, VARIANCE, NEIGHBOUR, CONNECTED, NEGATIVITY, DISTANT, PURITY, STRUCTURE)
SPIN_PAIRS = (("Sz", "Sz"), ("S+", "S-"), ("S+", "S+"), ("Sx", "Sz"))
BOSON_PAIRS = (("N", "N"), ("Bd", "B"))
DISTANCES = (2, 6)  # in sites
WAVES = np.array([0.0, np.pi / 2, np.pi])
LARGEST_PAIR = 100  # states of two sites up to which their negativity is computed: it is a spectrum


class Answers(Protocol):
    """What is asked of a state; `impo.results.state.SteadyState` is one."""

    @property
    def model(self) -> LindbladModel:
        """What was solved."""

    @property
    def purity_density(self) -> Estimate | None:
        """-ln Tr rho^2 per cell."""

    def expect(self, op: str) -> Estimate | None:
        """Return <op> by site."""

    def variance(self, op: str) -> Estimate | None:
        """Return Var op by site."""

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate | None:
        """Return <A_0 B_r>."""

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return the sum over all r of the connected function."""


@dataclass(frozen=True)
class Number:
    """A number with its bar, scaled by S, or by S^2 where two operators are multiplied."""

    quantity: str
    label: str
    value: complex
    error: float


def numbers(state: Answers) -> list[Number]:
    """Return all numbers that a state can give, in a fixed order.

    <S> in three directions (of a boson <n>), the variance of Sz (n), correlations of neighbours and
    of site 0 with sites at distances from 2 to 6, both as such and, for neighbours, connected; the
    negativity of neighbours, the purity density per site, and the structure factor of site 0. Spins
    scale by S and S^2, bosons, negativity and purity do not.
    """
    return [*_local(state), *_farther(state)]


def local_numbers(state: Answers) -> list[Number]:
    """Return those that are cheap at every time of an evolution: up to neighbours."""
    return list(_local(state))


def _local(state: Answers) -> Iterator[Number]:
    """Yield what one site and two neighbours have."""
    size, low, pairs = _kind(state)
    count = len(state.model.sites)
    for op in ("Sx", "Sy", "Sz") if low == "Sz" else ("N",):
        yield from _scaled(ONE, op, state.expect(op), size)
    yield from _scaled(VARIANCE, low, state.variance(low), size**2)
    for (a, b), left in product(pairs, range(count)):
        right, cell = (left + 1) % count, (left + 1) // count
        for quantity, name in ((NEIGHBOUR, "correlation"), (CONNECTED, "connected")):
            ask = getattr(state, name, None)  # not every state has `connected`
            found = ask(a, b, (left, right), cell) if ask else None
            if found is not None:
                yield from _scaled(quantity, f"{a}{b} {left}", found[cell:], size**2)
    yield from _entangled(state)


def _entangled(state: Answers) -> Iterator[Number]:
    """Yield the negativity of all pairs of neighbours, of states that know it."""
    sites = state.model.sites
    ask = getattr(state, "negativity", None)
    for left in range(len(sites)):
        right, cell = (left + 1) % len(sites), (left + 1) // len(sites)
        if ask and sites[left].dimension * sites[right].dimension <= LARGEST_PAIR:
            yield from _scaled(NEGATIVITY, str(left), ask([(left, 0), (right, cell)]), 1.0)


def _farther(state: Answers) -> Iterator[Number]:
    """Yield what many sites have."""
    size, _, pairs = _kind(state)
    count = len(state.model.sites)
    for (a, b), right in product(pairs, range(count)):
        first, last = -((right - DISTANCES[0]) // count), (DISTANCES[1] - right) // count
        found = state.correlation(a, b, (0, right), last)
        if found is not None:
            label = f"{a}{b} 0 {right} from cell {first}"
            yield from _scaled(DISTANT, label, found[first:], size**2)
    yield from _scaled(PURITY, "", state.purity_density, count)
    for a, b in pairs[:2]:
        found = state.structure_factor(a, b, WAVES)
        yield from _scaled(STRUCTURE, f"{a}{b}", found, size**2)


def _kind(state: Answers) -> tuple[float, str, Sequence[tuple[str, str]]]:
    """Return the scale of spins, the operator whose variance is looked at, and the pairs."""
    site = state.model.sites[0]
    return (float(site.S), "Sz", SPIN_PAIRS) if isinstance(site, Spin) else (1.0, "N", BOSON_PAIRS)


def _scaled(quantity: str, label: str, found: Estimate | None, scale: float) -> Iterator[Number]:
    if found is None:
        return
    values, errors = np.ravel(found.value) / scale, np.ravel(found.error) / scale
    for place, (value, error) in enumerate(zip(values, errors, strict=True)):
        yield Number(quantity, f"{label} [{place}]", complex(value), float(error))


@dataclass(frozen=True)
class Clusters:
    """Copies of a cluster on a chain, without a coupling between them: all from its density matrix.

    Attributes
    ----------
    model
        The chain.
    rho
        Density matrix of one cluster, its last site fastest.
    shift
        Position of its first site in the unit cell of the chain.
    """

    model: LindbladModel
    rho: NDArray
    shift: int = 0

    @property
    def purity_density(self) -> Estimate:
        """-ln Tr rho^2: a cell holds as many sites as a cluster."""
        return _exact(-np.log(np.real(np.trace(self.rho @ self.rho))))

    def expect(self, op: str) -> Estimate:
        """Return <op> by site; real if its operator is Hermitian."""
        hermitian = self.model.sites[0].is_hermitian(op)
        found = np.array([self._mean((i, op)) for i in range(self._count)])
        return _exact(found.real if hermitian else found)

    def variance(self, op: str) -> Estimate:
        """Return Var op by site, of a Hermitian operator."""
        square = [self._mean((i, op), (i, op)) for i in range(self._count)]
        return _exact(np.real(square) - self.expect(op).value ** 2)

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_0 B_r> for r = 0 ... max_cells."""
        i, j = sites
        places = [j + r * self._count for r in range(max_cells + 1)]
        return _exact(np.array([self._mean((i, op_a), (place, op_b)) for place in places]))

    def connected(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_0 B_r> - <A><B>."""
        means = self._mean((sites[0], op_a)) * self._mean((sites[1], op_b))
        return _exact(self.correlation(op_a, op_b, sites, max_cells).value - means)

    def negativity(self, places: Sequence[Place]) -> Estimate:
        """Return (||rho^T||_1 - 1)/2 of two sites of a cluster; those of two clusters have none."""
        positions = [site + cell * self._count for site, cell in places]
        (copy, a), (other, b) = (divmod(p - self.shift, self._count) for p in positions)
        if copy != other:
            return _exact(0.0)
        n, d = self._count, self.model.sites[0].dimension
        columns = [n + site if site in (a, b) else site for site in range(n)]
        turned = [a, n + b, n + a, b]  # rows and columns of the second site exchanged
        pair = np.einsum(self.rho.reshape([d] * 2 * n), [*range(n), *columns], turned)
        return _exact((np.abs(np.linalg.eigvalsh(pair.reshape(d**2, d**2))).sum() - 1) / 2)

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate:
        """Return its sum over the cells that the cluster reaches."""
        i, j = sites
        cells = np.arange(-1, 2)
        means = self._mean((i, op_a)) * self._mean((j, op_b))
        values = [self._mean((i, op_a), (j + r * self._count, op_b)) - means for r in cells]
        return _exact(np.exp(1j * np.multiply.outer(np.asarray(k), cells)) @ values)

    @property
    def _count(self) -> int:
        return len(self.model.sites)

    def _mean(self, *factors: tuple[int, str]) -> complex:
        """Return the mean of a product of operators at positions on the chain."""
        inside: dict[int, list[tuple[int, str]]] = {}
        for position, op in factors:
            copy, site = divmod(position - self.shift, self._count)
            inside.setdefault(copy, []).append((site, op))
        means = [np.trace(self.rho @ self._product(one)) for one in inside.values()]
        return complex(np.prod(means))

    def _product(self, factors: Sequence[tuple[int, str]]) -> Any:
        """Return the matrix of a product on one cluster, whose sites are all alike."""
        known = local_operators(self.model.sites[0])
        alone = [np.eye(self.model.sites[0].dimension)] * self._count
        matrices = []
        for site, op in factors:
            matrices.append(reduce(np.kron, [*alone[:site], known[op], *alone[site + 1 :]]))
        return reduce(np.matmul, matrices)


def _exact(values: Any) -> Estimate:
    return Estimate(values, np.zeros(np.shape(values)))
