"""Properties of the whole density operator: purity, operator entropy, entanglement, information."""

from functools import reduce

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigs

from impo.arrays import Array
from impo.refinement.approximation import Approximation
from impo.tensor.tenpy_bridge import MPS, operator_sites, to_mps


def purity_density(approx: Approximation) -> float:
    """Return -ln Tr rho^2 per tile, from the transfer matrices of <rho|rho> and of the trace."""
    environment = approx.environment
    chi = len(environment.charges[0])
    dtype = environment.tensors[0].dtype

    def apply(vector: Array) -> Array:
        block = vector.reshape(chi, chi)
        for tensor in reversed(environment.tensors):
            block = np.tensordot(tensor, block, axes=(2, 0))  # vL p vR*
            block = np.tensordot(block, tensor.conj(), axes=([1, 2], [1, 2]))  # vL vL*
        return block.ravel()

    if chi <= 4:  # too small for an iterative solver
        size = chi * chi
        matrix = np.stack([apply(column) for column in np.eye(size, dtype=dtype)], axis=1)
        largest = np.max(np.abs(np.linalg.eigvals(matrix)))
    else:
        operator = LinearOperator((chi * chi, chi * chi), matvec=apply, dtype=dtype)
        start = np.eye(chi, dtype=dtype).ravel()
        largest = np.abs(eigs(operator, k=1, v0=start, return_eigenvectors=False)[0])
    trace = environment.left[0] @ environment.tile @ environment.right[-1]
    trace = trace / (environment.left[0] @ environment.right[-1])
    return float(-np.log(largest / np.abs(trace) ** 2))


def normalised_mps(approx: Approximation) -> MPS:
    """Return the unweighted state as a canonical TeNPy MPS, in the rotated frame."""
    generator = approx.generator
    return to_mps(
        operator_sites(generator, approx.bases),
        approx.environment.tensors,
        approx.environment.charges,
        None,
        "infinite",
    )


def operator_entropy(approx: Approximation) -> Array:
    """Return -sum s^2 ln s^2 over the singular values of rho, for the bond left of every site."""
    mps = normalised_mps(approx)
    out = []
    for bond in range(len(approx.bases)):
        weights = mps.get_SL(bond) ** 2
        weights = weights[weights > 0]
        out.append(-np.sum(weights * np.log(weights)))
    return np.array(out)


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
    entropies = [_entropy(part) for part in parts]
    return entropies[0] + entropies[1] - entropies[2]


def _entropy(rho: Array) -> float:
    values = np.linalg.eigvalsh((rho + rho.conj().T) / 2)
    values = values[values > 0]
    return float(-np.sum(values * np.log(values)))


def site_phases(approx: Approximation, positions: list[int]) -> Array:
    """Return the diagonal of the unitary that turns a density matrix to the physical frame."""
    generator, n = approx.generator, len(approx.bases)
    phases = []
    for position in positions:
        d = generator.sites[position % n].dimension
        spin = "Sz" in generator.sites[position % n].operators
        charge = -np.arange(d) if spin else np.arange(d)  # m or n, up to a constant
        phases.append(np.exp(-1j * generator.phase(position) * charge))
    return reduce(np.kron, phases)
