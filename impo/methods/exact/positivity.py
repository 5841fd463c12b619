"""The lowest eigenvalue of the density matrix of a cluster."""

import numpy as np

from impo.arrays import Array
from impo.model import Place
from impo.operators.cluster_density import ClusterDensity
from impo.operators.local import state_charges

LARGEST_MATRIX = 1500  # states of which a density matrix is diagonalised


def places(density: ClusterDensity) -> list[Place]:
    """Return all (site, cell) pairs of a cluster."""
    unit = len(density.generator.model.sites)
    return [(p % unit, cell) for p, cell in enumerate(density.generator.cells)]


def groups(density: ClusterDensity) -> list[list[Place]]:
    """Return the first two sites of a cluster together, and every site alone."""
    every = places(density)
    return [every[:2], *[[place] for place in every]]


def lowest_eigenvalue(density: ClusterDensity) -> tuple[float, bool]:
    """Return the lowest eigenvalue of a density matrix, and whether of that of the whole cluster.

    Larger clusters than 1500 states are judged by the density matrices of single sites and of the
    first two, where these are small enough.
    """
    if density.dimension <= LARGEST_MATRIX:
        return _lowest(density.density_matrix(places(density)), _charges(density)), True
    lowest = [
        _lowest(density.density_matrix(group), None)
        for group in groups(density)
        if np.prod([density.bases[density.position(p)].dimension for p in group]) <= LARGEST_MATRIX
    ]
    return min(lowest, default=0.0), False


def _charges(density: ClusterDensity) -> Array | None:
    """Return the charges (n, charges) of all product states, the last site running fastest."""
    generator = density.generator
    if len(generator.charges) == 0:
        return None
    total = np.zeros((1, len(generator.charges)), dtype=int)
    for position, site in enumerate(generator.sites):
        m = state_charges(site)
        steps = np.round(np.multiply.outer(m - m[0], generator.charges[:, position])).astype(int)
        total = (total[:, None] + steps[None]).reshape(-1, total.shape[1])
    return total


def _lowest(rho: Array, charges: Array | None) -> float:
    """Return the lowest eigenvalue; blocks of different charges are not coupled."""
    rho = (rho + rho.conj().T) / 2
    if charges is None:
        return float(np.linalg.eigvalsh(rho)[0])
    _, label = np.unique(charges, axis=0, return_inverse=True)
    blocks = [np.flatnonzero(label.ravel() == block) for block in range(label.max() + 1)]
    return min(float(np.linalg.eigvalsh(rho[np.ix_(rows, rows)])[0]) for rows in blocks)
