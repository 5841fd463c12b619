"""A small dense engine that truncates such that local density matrices are kept exactly.

White, Zaletel, Mong and Refael, Phys. Rev. B 97, 035127 (2018). It serves to compare truncations;
nothing here is made for speed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from impo.operators.basis import OperatorBasis

SMALLEST = 1e-11  # of the largest singular value: the update divides by them
Gate = Mapping[tuple[tuple[int, ...], tuple[int, ...]], NDArray]


@dataclass
class DenseChain:
    """An infinite chain with two sites per tile, its tensors dense and right-canonical.

    Attributes
    ----------
    bases
        Operator basis of either site.
    charges
        Charge of the operators of either site.
    tensors
        In a weighted operator basis; # vL p vR.
    singular_values, bond_charges
        Of the bond left of either site.
    infinite
        Always true; read by `impo.tensor.environment.TraceEnvironment`.
    """

    bases: Sequence[OperatorBasis]
    charges: Sequence[NDArray]
    tensors: list[NDArray]
    singular_values: list[NDArray]
    bond_charges: list[NDArray]
    infinite: bool = True

    @classmethod
    def mixed(cls, bases: Sequence[OperatorBasis], charges: Sequence[NDArray]) -> "DenseChain":
        """Return the fully mixed state."""
        tensors = [(basis.k == 0).astype(float)[None, :, None] for basis in bases]
        return cls(bases, charges, tensors, [np.ones(1)] * 2, [np.zeros(1, dtype=int)] * 2)

    def dense(self, site: int) -> NDArray:
        """Return the tensor of a site; # vL p vR."""
        return self.tensors[site]

    @property
    def legs(self) -> list[SimpleNamespace]:
        """The bonds left of the sites, with their charges."""
        return [SimpleNamespace(charges=charges) for charges in self.bond_charges]

    def gated(
        self, bond: int, blocks: Sequence[tuple[tuple[NDArray, NDArray], NDArray]]
    ) -> NDArray:
        """Return gate B B of sites bond, bond + 1; # vL p0 p1 vR.

        Parameters
        ----------
        bond
            0 or 1.
        blocks
            ((p0, p1), matrix): operators of one pair charge, and the gate between them.
        """
        pair = np.tensordot(self.tensors[bond], self.tensors[1 - bond], axes=(2, 0))
        pair = pair.transpose(1, 2, 0, 3)  # p0 p1 vL vR
        out = np.zeros_like(pair)
        for place, matrix in blocks:
            out[place] = np.tensordot(matrix, pair[place], axes=(1, 0))
        return out.transpose(2, 0, 1, 3)

    def update(
        self,
        bond: int,
        blocks: Sequence[tuple[tuple[NDArray, NDArray], NDArray]],
        chi: int,
        rank: int | None,
    ) -> None:
        """Apply a gate and truncate to chi states.

        All expectation values of A (x) B stay, where A is any operator of rank <= `rank` on site
        `bond` and B any operator on all that is right of it, and likewise with left and right
        exchanged. With rank None the truncation is the plain one, by singular values.
        """
        i, j = bond, 1 - bond
        joint = self.gated(bond, blocks)
        left, d0, d1, right = joint.shape
        rows = (self.bond_charges[i][:, None] + self.charges[i]).ravel()
        columns = (self.bond_charges[i] - self.charges[j][:, None]).ravel()
        theta = (self.singular_values[i][:, None, None, None] * joint).reshape(left * d0, -1)
        kept = self._functionals(bond, joint, rank) if rank is not None else ([], [])
        factors = truncated(theta, rows, columns, kept, chi)
        size = sum(len(values) for _, values, _ in factors.values())
        first, second = np.zeros((left * d0, size)), np.zeros((size, d1 * right))
        values, charges, start = np.empty(size), np.empty(size, dtype=int), 0
        for charge, (u, s, v) in factors.items():
            part = slice(start, start + len(s))
            first[rows == charge, part], second[part, columns == charge] = u * s, v
            values[part], charges[part] = s, charge
            start += len(s)
        norm = np.linalg.norm(values)
        if rank is None:  # no division by singular values
            first = joint.reshape(left * d0, -1) @ second.T
            tensor = first.reshape(left, d0, size)
        else:
            tensor = first.reshape(left, d0, size) / self.singular_values[i][:, None, None]
        self.tensors[i], self.tensors[j] = tensor / norm, second.reshape(size, d1, right)
        self.singular_values[j], self.bond_charges[j] = values / norm, charges

    def _functionals(
        self, bond: int, joint: NDArray, rank: int
    ) -> tuple[list[NDArray], list[NDArray]]:
        """Return the rows and columns that measure the kept operators; those of the trace first.

        Left and right of the two sites all is traced out: the dominant vectors of the transfer
        matrix, which neither a trace-preserving gate nor this truncation changes.
        """
        first, second = self.bases[bond], self.bases[1 - bond]
        transfer = np.einsum("apqb,p,q->ab", joint, first.trace, second.trace)
        neutral = np.flatnonzero(self.bond_charges[bond] == 0)
        found, lefts, rights = linalg.eig(transfer[np.ix_(neutral, neutral)], left=True)
        best = np.argmax(np.abs(found))
        left, right = np.zeros(len(transfer)), np.zeros(len(transfer))
        left[neutral], right[neutral] = lefts[:, best].real, rights[:, best].real
        left /= self.singular_values[bond]
        left /= np.linalg.norm(left)
        rows, columns = [], []
        for k in range(rank + 1):
            rows += [np.outer(left, one).ravel() for one in np.eye(len(first))[first.k == k]]
            columns += [np.outer(one, right).ravel() for one in np.eye(len(second))[second.k == k]]
        return rows, columns


def truncated(
    theta: NDArray,
    rows: NDArray,
    columns: NDArray,
    kept: tuple[Sequence[NDArray], Sequence[NDArray]],
    chi: int,
) -> dict[int, tuple[NDArray, NDArray, NDArray]]:
    """Return (u, s, v) per charge of theta truncated to at most chi states.

    Parameters
    ----------
    theta
        Matrix that is decomposed.
    rows, columns
        Charges of its rows and columns.
    kept
        Rows f and columns g such that f theta and theta g stay exactly; the first of each is the
        trace. In an orthonormal basis whose first vectors are these, all but the lower right block
        stays, and of this the part that is not connected, theta g0 f0 theta / (f0 theta g0).
    chi
        Number of states; the kept ones count first.
    """
    parts, reserved = {}, 0
    for charge in np.intersect1d(rows, columns).tolist():
        r, c = rows == charge, columns == charge
        turns, counts = [], []
        for place, vectors in zip((r, c), kept, strict=True):
            chosen = [vector[place] for vector in vectors if np.any(vector[place])]
            square = np.linalg.qr(np.array(chosen).T, mode="complete")[0] if chosen else None
            turns.append(np.eye(int(place.sum())) if square is None else square)
            counts.append(min(len(chosen), int(place.sum())))
        matrix = turns[0].T @ theta[np.ix_(r, c)] @ turns[1]
        traced = charge == 0 and min(counts) > 0
        base = np.outer(matrix[:, 0], matrix[0]) / matrix[0, 0] if traced else 0 * matrix
        corner = (slice(counts[0], None), slice(counts[1], None))
        rest = np.linalg.svd((matrix - base)[corner], full_matrices=False)
        matrix[corner] = base[corner]
        least = min(sum(counts) - traced, *matrix.shape)
        reserved += least
        parts[charge] = (matrix, corner, rest, turns, least)
    room = chi - reserved
    if room < 0:
        raise ValueError(f"chi must be at least {reserved} to keep the density matrices.")
    found = np.sort(np.concatenate([rest[1] for *_, rest, _, _ in parts.values()]))[::-1]
    # mirror images q, -q have equal values: both are cut
    threshold = found[room] * (1 + 1e-9) if room < len(found) else 0.0
    out = {}
    for charge, (matrix, corner, (u, s, v), turns, least) in parts.items():
        number = int(np.sum(s > threshold))
        matrix[corner] += (u[:, :number] * s[:number]) @ v[:number]
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        number = min(least + number, len(s))
        out[charge] = (turns[0] @ u[:, :number], s[:number], v[:number] @ turns[1].T)
    largest = max(s.max(initial=0) for _, s, _ in out.values())
    return {
        charge: (u[:, s > SMALLEST * largest], s[s > SMALLEST * largest], v[s > SMALLEST * largest])
        for charge, (u, s, v) in out.items()
    }
