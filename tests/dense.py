"""A method for tests of the house: one unit cell, density matrix by plain dense linear algebra.

It shares no code with `impo.operators.liouvillian`, so it also checks it.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from impo.arguments import UnsupportedModelError, positive
from impo.methods.base import Method
from impo.operators.local import local_operators, state_charges
from impo.results.estimate import Estimate, Status
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory


@dataclass(frozen=True)
class Dense(Method):
    """Dense null vector of the Liouvillian of one cell; `accuracy` pretends an error bar."""

    name: ClassVar[str] = "dense"
    accuracy: float = 1e-10
    tol: float = 1e-6

    def __post_init__(self):
        positive("accuracy", self.accuracy)
        if self.tol < 0:  # unchecked type: other methods may be careless, too
            raise ValueError("negative")

    def steady_state(self, model, start=None, progress=None):
        return steady_state(model, self, start)

    def evolve(self, model, start, times, progress=None):
        return evolve(model, self, start, times)


def embed(matrices, place, matrix):
    """Return a one-site matrix on a site of the cell."""
    factors = [matrix if i == place else np.eye(len(m)) for i, m in enumerate(matrices)]
    return reduce(np.kron, factors)


def cell_liouvillian(model):
    """Return L with d vec(rho)/dt = L vec(rho), rows of rho stacked, and the local matrices."""
    ops = [local_operators(site) for site in model.sites]
    identity = [op["Id"] for op in ops]
    one = reduce(np.kron, identity)

    def matrix(terms):
        total = np.zeros_like(one, dtype=complex)
        for term in terms:
            if any(any(cell) for _, _, cell in term.factors):
                raise UnsupportedModelError(
                    f"Method `dense` cannot treat {term}: it leaves the cell."
                )
            factors = [embed(identity, site, ops[site][name]) for name, site, _ in term.factors]
            total += term.coefficient * reduce(np.matmul, factors)
        return total

    hamiltonian = matrix(model.hamiltonian)
    liouvillian = -1j * (np.kron(hamiltonian, one) - np.kron(one, hamiltonian.T))
    for jump in model.jumps:
        c = matrix(jump.products(model.dimension))
        n = c.conj().T @ c
        liouvillian += jump.rate * (
            np.kron(c, c.conj()) - (np.kron(n, one) + np.kron(one, n.T)) / 2
        )
    return liouvillian, ops


def steady_state(model, method, start=None):
    """Return the steady state of decoupled cells."""
    liouvillian, _ = cell_liouvillian(model)
    size = round(len(liouvillian) ** 0.5)
    trace = np.eye(size).ravel()
    rho = np.linalg.lstsq(np.vstack([liouvillian, trace]), [0.0] * size**2 + [1.0], rcond=None)[0]
    status = Status.CONVERGED if method.accuracy < method.tol else Status.NOT_CONVERGED
    residual = float(np.abs(liouvillian @ rho).max())
    return DenseState(
        model=model, method=method, status=status, residual=residual, start=start,
        rho=rho.reshape(size, size),
    )  # fmt: skip


def evolve(model, method, start, times):
    """Return the density matrices at the times, from the maximally mixed state."""
    liouvillian, _ = cell_liouvillian(model)
    size = round(len(liouvillian) ** 0.5)
    mixed = np.eye(size).ravel() / size
    states = []
    for t in times:
        rho = (scipy.linalg.expm(liouvillian * t) @ mixed).reshape(size, size)
        states.append(DenseState(model=model, method=method, status=Status.CONVERGED, rho=rho))
    return Trajectory(
        times=np.asarray(times), states=tuple(states), status=Status.CONVERGED, message=""
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseState(SteadyState):
    """Cells are uncorrelated."""

    kind: ClassVar[str] = "dense"
    rho: Any
    message: str = "Dense null vector."
    start: Any = None

    def __post_init__(self):
        extras = {"purity": float(np.sum(np.abs(self.rho) ** 2))}
        object.__setattr__(self, "extras", extras)

    def _moments(self, op, power):
        identity = [local_operators(site)["Id"] for site in self.model.sites]
        return np.array(
            [
                np.trace(
                    np.linalg.matrix_power(embed(identity, i, local_operators(site)[op]), power)
                    @ self.rho
                )
                for i, site in enumerate(self.model.sites)
                if op in site.operators
            ]
        )

    def _expect(self, op):
        value = self._moments(op, 1)
        return Estimate(value, np.full(value.shape, self.method.accuracy))

    def _variance(self, op):
        value = np.real(self._moments(op, 2) - self._moments(op, 1) ** 2)
        return Estimate(value, np.full(value.shape, self.method.accuracy))

    def _correlation(self, op_a, op_b, sites, max_cells):
        a, b = sites
        identity = [local_operators(site)["Id"] for site in self.model.sites]
        one = embed(identity, a, local_operators(self.model.sites[a])[op_a])
        two = embed(identity, b, local_operators(self.model.sites[b])[op_b])
        value = np.full(max_cells + 1, np.trace(one @ self.rho) * np.trace(two @ self.rho))
        value[0] = np.trace(one @ two @ self.rho)
        return Estimate(value, np.full(value.shape, self.method.accuracy))

    def _density_matrix(self, places):
        return self.rho

    def _distribution(self, places):
        """Only of sites of one cell, in rising order."""
        sizes = [len(state_charges(site)) for site in self.model.sites]
        asked = [site for site, _ in places]
        others = tuple(site for site in range(len(sizes)) if site not in asked)
        return np.real(np.diag(self.rho)).reshape(sizes).sum(others)

    @property
    def purity_density(self):
        return Estimate(-np.log(self.extras["purity"]), 0.0)

    def _arrays(self):
        return {"rho": self.rho}, {}

    @classmethod
    def _fields(cls, model, method, arrays, attributes):
        return {"rho": arrays["rho"]}
