"""Properties of the whole density operator: purity, operator entropy, entanglement, information."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigs

from impo.arrays import Array
from impo.operators.charges import unpacked
from impo.refinement.approximation import Approximation

if TYPE_CHECKING:
    from impo.tensor.tenpy_bridge import MPS


def purity_density(approx: Approximation) -> float:
    """Return -ln Tr rho^2 of a finite chain, or per tile of an infinite one."""
    return _of_tile(approx) if approx.generator.infinite else _of_chain(approx)


def _of_chain(approx: Approximation) -> float:
    """Return -ln Tr rho^2 of all sites, from contractions that are kept of norm one."""
    environment = approx.environment
    block, trace = np.ones((1, 1)), np.ones(1)
    total = 0.0
    for tensor, transfer in zip(environment.tensors, environment.transfer, strict=True):
        block = np.tensordot(block, tensor, axes=(1, 0))  # vL* [vL], [vL] p vR
        block = np.tensordot(tensor.conj(), block, axes=((0, 1), (0, 1)))  # vR* vR
        trace = trace @ transfer
        sizes = np.linalg.norm(block), np.linalg.norm(trace)
        block, trace = block / sizes[0], trace / sizes[1]
        total += 2 * np.log(sizes[1]) - np.log(sizes[0])
    return float(total - np.log(np.abs(block[0, 0])) + 2 * np.log(np.abs(trace[0])))


def _of_tile(approx: Approximation) -> float:
    """Return it from the transfer matrices of <rho|rho> and of the trace."""
    environment = approx.environment
    chi, dtype = len(environment.charges[0]), environment.tensors[0].dtype

    def apply(vector: Array) -> Array:
        block = vector.reshape(chi, chi)
        for tensor in reversed(environment.tensors):
            block = np.tensordot(tensor, block, axes=(2, 0))  # vL p vR*
            block = np.tensordot(block, tensor.conj(), axes=([1, 2], [1, 2]))  # vL vL*
        return block.ravel()

    if chi <= 4:  # too small for an iterative solver
        matrix = np.stack([apply(column) for column in np.eye(chi * chi, dtype=dtype)], axis=1)
        largest = np.max(np.abs(np.linalg.eigvals(matrix)))
    else:
        operator = LinearOperator((chi * chi, chi * chi), matvec=apply, dtype=dtype)
        start = np.eye(chi, dtype=dtype).ravel()
        largest = np.abs(eigs(operator, k=1, v0=start, return_eigenvectors=False)[0])
    trace = environment.left[0] @ environment.tile @ environment.right[-1]
    trace = trace / (environment.left[0] @ environment.right[-1])
    return float(-np.log(largest / np.abs(trace) ** 2))


def normalised_mps(approx: Approximation) -> "MPS":
    """Return the unweighted state as a canonical TeNPy MPS, in the rotated frame."""
    from impo.tensor.tenpy_bridge import operator_sites, to_mps  # TeNPy takes a second to import

    sites, environment = operator_sites(approx.generator, approx.bases), approx.environment
    boundary = "infinite" if approx.generator.infinite else "finite"
    count = len(approx.generator.charges)
    charges = [unpacked(bond, count).T for bond in environment.charges[: len(sites)]]
    return to_mps(sites, environment.tensors, charges, None, boundary)


def operator_entropy(approx: Approximation) -> Array:
    """Return -sum s^2 ln s^2 over the singular values of rho, for every bond.

    Of a finite chain these are the bonds right of all sites but the last, else left of every site.
    """
    mps, sites = normalised_mps(approx), len(approx.bases)
    bonds = range(0 if approx.generator.infinite else 1, sites)
    return np.array([_shannon(mps.get_SL(bond) ** 2) for bond in bonds])


def negativity(rho: Array, dims: tuple[int, int]) -> float:
    """Return the sum of the negative eigenvalues of the partial transpose, as a positive number."""
    a, b = dims
    turned = rho.reshape(a, b, a, b).transpose(2, 1, 0, 3).reshape(a * b, a * b)
    values = np.linalg.eigvalsh((turned + turned.conj().T) / 2)
    return float(-values[values < 0].sum())


def mutual_information(rho: Array, dims: tuple[int, int]) -> float:
    """Return S(A) + S(B) - S(AB) in nats; negative eigenvalues of a truncated state count as 0."""
    a, b = dims
    whole = rho.reshape(a, b, a, b)
    parts = (np.einsum("ijkj->ik", whole), np.einsum("ijik->jk", whole), rho)
    first, second, both = (
        _shannon(np.linalg.eigvalsh((part + part.conj().T) / 2)) for part in parts
    )
    return first + second - both


def _shannon(weights: Array) -> float:
    """Return -sum w ln w over the positive weights."""
    weights = weights[weights > 0]
    return float(-np.sum(weights * np.log(weights)))
