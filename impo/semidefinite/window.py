"""The density matrix of a few neighbouring sites: its elements, by blocks of equal charge."""

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from impo.arrays import Array
from impo.model import Site
from impo.operators.local import state_charges


class Window:
    """The elements <I|rho|J> of neighbouring sites between states of equal charges.

    Elements are numbered block by block, those of a block row by row.

    Parameters
    ----------
    sites
        The sites from left to right; the last runs fastest in the number of a state.
    charges
        Integers c, shape (charges, sites): sum_j c_j m_j is the same for I and J.

    Attributes
    ----------
    dimensions
        Dimension of every site.
    digits
        State of every site in every state of the window, shape (states, sites).
    blocks
        The states of every block.
    bra, ket
        The states I and J of every element.
    """

    def __init__(self, sites: Sequence[Site], charges: Array):
        self.dimensions = [site.dimension for site in sites]
        states = np.arange(prod(self.dimensions))
        self.digits = np.stack(np.unravel_index(states, self.dimensions), axis=1)
        raised = [_integer_charges(site)[n] for site, n in zip(sites, self.digits.T, strict=True)]
        total = np.stack(raised, axis=1) @ charges.T
        _, block = np.unique(total, axis=0, return_inverse=True)
        self._block = block.ravel()
        self.blocks = [np.flatnonzero(self._block == b) for b in range(self._block.max() + 1)]
        self._place = np.concatenate([np.arange(len(b)) for b in self.blocks])
        self._place[np.concatenate(self.blocks)] = self._place.copy()
        pairs = [np.meshgrid(block, block, indexing="ij") for block in self.blocks]
        self.bra = np.concatenate([left.ravel() for left, _ in pairs])
        self.ket = np.concatenate([right.ravel() for _, right in pairs])

    def __len__(self) -> int:
        return len(self.bra)

    @cached_property
    def starts(self) -> Array:
        """The number of the first element of every block, and the number of all elements."""
        return np.cumsum([0, *(len(block) ** 2 for block in self.blocks)])

    @cached_property
    def strides(self) -> Array:
        """What one step of every site adds to the number of a state."""
        return np.array([prod(self.dimensions[n + 1 :]) for n in range(len(self.dimensions))])

    @cached_property
    def transposed(self) -> Array:
        """The number of <J|rho|I> for every element <I|rho|J>."""
        return self.number(self.ket, self.bra)

    def number(self, bra: Array, ket: Array) -> Array:
        """Return the numbers of elements between states of equal charges."""
        block, size = self._block[bra], np.array([len(block) for block in self.blocks])
        found = self.starts[block] + self._place[bra] * size[block] + self._place[ket]
        return np.asarray(found)

    def allowed(self, bra: Array, ket: Array) -> Array:
        """Return whether states have equal charges."""
        return np.asarray(self._block[bra] == self._block[ket])

    def split(self, elements: Array) -> list[Array]:
        """Return the matrices of all blocks of numbers that are given for every element."""
        sizes = [len(block) for block in self.blocks]
        parts = np.split(elements, self.starts[1:-1])
        return [part.reshape(size, size) for part, size in zip(parts, sizes, strict=True)]

    def with_identity(self, rows: sparse.csr_array) -> sparse.csr_array:
        """Return rows over the elements, and that of the identity as the last one."""
        identity = sparse.csr_array((self.bra == self.ket)[None, :].astype(float))
        return sparse.csr_array(sparse.vstack([rows, identity]))

    def reduction(self, part: "Window", first: int) -> sparse.csr_array:
        """Return the partial trace onto the sites of `part`, which begin at site `first`.

        Shape (elements of the part, elements): a matrix of zeros and ones.
        """
        kept = np.arange(first, first + len(part.dimensions))
        others = np.setdiff1d(np.arange(len(self.dimensions)), kept)
        left, right = self.digits[self.bra], self.digits[self.ket]
        columns = np.flatnonzero(np.all(left[:, others] == right[:, others], axis=1))
        bra, ket = (digits[columns][:, kept] @ part.strides for digits in (left, right))
        entries = (np.ones(len(columns)), (part.number(bra, ket), columns))
        return sparse.csr_array(entries, shape=(len(part), len(self)))

    def superoperator(self, positions: Sequence[int], matrix: Any) -> sparse.csr_array:
        """Return the matrix, on all elements, of one that acts on a few sites.

        Parameters
        ----------
        positions
            Sites of the window.
        matrix
            Dense or sparse, shape (D, D), D the product of d^2 of these sites: on their elements
            <i|rho|j>, with i, j of the first site before those of the next.
        """
        local: Array = np.zeros(len(self), dtype=int)
        bra = ket = np.zeros(1, dtype=int)
        for p in positions:
            d, stride = self.dimensions[p], self.strides[p]
            i, j = np.divmod(np.arange(d * d), d)
            local = local * d * d + self.digits[self.bra, p] * d + self.digits[self.ket, p]
            bra = np.add.outer(bra, i * stride).ravel()
            ket = np.add.outer(ket, j * stride).ravel()
        columns = sparse.csc_array(matrix)
        columns.sort_indices()
        count = np.diff(columns.indptr)[local]
        element = np.repeat(np.arange(len(self)), count)
        within = np.arange(len(element)) - np.repeat(np.cumsum(count) - count, count)
        entry = columns.indptr[local[element]] + within
        row, column = columns.indices[entry], local[element]
        to_bra = self.bra[element] + bra[row] - bra[column]
        to_ket = self.ket[element] + ket[row] - ket[column]
        kept = self.allowed(to_bra, to_ket)
        rows = self.number(to_bra[kept], to_ket[kept])
        entries = (columns.data[entry][kept], (rows, element[kept]))
        return sparse.csr_array(entries, shape=(len(self), len(self)))


def _integer_charges(site: Site) -> Array:
    """Return m or n of the states of a site, less that of the first."""
    charges = state_charges(site)
    return np.asarray(np.rint(charges - charges[0]), dtype=int)


def block_sizes(sites: Sequence[Site], charges: Array) -> list[int]:
    """Return the dimensions of the blocks that a `Window` of these sites would have."""
    counts = {(0,) * len(charges): 1}
    for n, site in enumerate(sites):
        grown: dict[tuple[int, ...], int] = {}
        for total, count in counts.items():
            for m in _integer_charges(site):
                key = tuple(int(t + c * m) for t, c in zip(total, charges[:, n], strict=True))
                grown[key] = grown.get(key, 0) + count
        counts = grown
    return list(counts.values())
