"""Trace observables of a matrix product: all other sites are contracted with the trace.

The transfer matrix of a site, E = sqrt(d) A^{00}, is the slice of its tensor at the identity; its
dominant left and right eigenvectors stand for the rest of an infinite chain.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, reduce

import numpy as np
from scipy import linalg

from impo.arrays import Array
from impo.operators.basis import OperatorBasis
from impo.tensor.gates import rank_scale
from impo.tensor.matrix_product import MatrixProduct
from impo.tensor.site_tensors import SiteTensors, site_tensors


class TraceEnvironment:
    """The tensors of a density operator, unweighted, with the trace over everything else.

    Parameters
    ----------
    product
        The matrix product, in the weighted basis (2k + 1)^-weight T_kq.
    bases
        Operator basis of every site.
    weight
        The alpha of the weighted basis.
    blocks
        Where tensors of the product are those of several sites: the charges of the operators of
        every site of every tensor.

    Attributes
    ----------
    tensors
        Of every site, unweighted; # vL p vR.
    charges
        Of the states on the bond left of every site.
    transfer
        Transfer matrix of every site; # vL vR.
    spectrum_ratio
        Second largest over largest modulus of the eigenvalues of the transfer matrix of a tile, in
        the sector of the identity. One means that the trace does not fix the state.
    """

    def __init__(
        self, product: MatrixProduct, bases: Sequence[OperatorBasis], weight: float,
        blocks: Sequence[Sequence[Array]] = (),
    ):  # fmt: skip
        self.bases = bases
        found = list(_in_sites(product, len(bases), blocks))
        tensors = [tensor for part in found for tensor in part.tensors]
        self.charges = [charges for part in found for charges in part.charges]
        self.tensors = [
            tensor / rank_scale(basis.k, weight)[:, None]
            for tensor, basis in zip(tensors, bases, strict=True)
        ]
        self.transfer = [
            np.tensordot(a, basis.trace, axes=(1, 0))
            for a, basis in zip(self.tensors, bases, strict=True)
        ]
        left, right, self.spectrum_ratio = np.ones(1), np.ones(1), 0.0
        if product.infinite:
            left, right, self.spectrum_ratio = self._fixed_points()
        self.left: list[Array] = [left]
        rights: list[Array] = [right]
        for transfer in self.transfer[:-1]:
            self.left.append(_unit(self.left[-1] @ transfer))
        for transfer in self.transfer[:0:-1]:
            rights.append(_unit(transfer @ rights[-1]))
        self.right = rights[::-1]

    def _fixed_points(self) -> tuple[Array, Array, float]:
        """Return the dominant left and right vectors on the bond left of site 0."""
        neutral = np.flatnonzero(self.charges[0] == 0)
        tile = self.tile[np.ix_(neutral, neutral)]
        if not tile.size or not np.all(np.isfinite(tile)):  # of an evolution that has run away
            unknown = np.full(len(self.charges[0]), np.nan)
            return unknown, unknown, np.nan
        values, lefts, rights = linalg.eig(tile, left=True)
        order = np.argsort(-np.abs(values))
        ratio = abs(values[order[1]] / values[order[0]]) if len(values) > 1 else 0.0
        found = []
        for vector in (lefts[:, order[0]].conj(), rights[:, order[0]]):
            full = np.zeros(len(self.charges[0]), dtype=complex)
            full[neutral] = vector / vector[np.argmax(np.abs(vector))]
            found.append(full if np.iscomplexobj(self.tile) else full.real)
        return found[0], found[1], float(ratio)

    @cached_property
    def tile(self) -> Array:
        """Transfer matrix of one tile; # vL vR."""
        return reduce(np.matmul, self.transfer)

    def marginal(self, first: int, length: int) -> Array:
        """Return the coefficients of the reduced density operator of neighbouring sites.

        Parameters
        ----------
        first
            First site (of the tile).
        length
            Number of neighbouring sites; of an infinite chain they may run into the next tiles.
        """
        n = len(self.bases)
        block = self.left[first % n]  # (p ...) v
        shape: tuple[int, ...] = ()
        for site in range(first, first + length):
            block = np.tensordot(block, self.tensors[site % n], axes=(-1, 0))  # (p ...) p vR
            block = block.reshape(-1, block.shape[-1])
            shape = (*shape, len(self.bases[site % n]))
        coefficients = (block @ self.right[(first + length - 1) % n]).reshape(shape)
        trace = coefficients
        for site in reversed(range(first, first + length)):
            trace = trace @ self.bases[site % n].trace
        return np.asarray(coefficients / trace)

    def pair(self, first: int, last: int) -> Array:
        """Return the coefficients of the reduced density operator of two sites; # p p."""
        if last == first + 1:
            return self.marginal(first, 2)
        return self.chain_of([(first, None), (last, None)])

    def chain_of(self, factors: Sequence[tuple[int, Array | None]]) -> Array:
        """Return a contraction over consecutive sites, normalised by the trace.

        Parameters
        ----------
        factors
            (position, vector over T_x) in rising order of position. A vector of None leaves the
            operator index open. Sites between them are traced out.

        Returns
        -------
        array
            One axis for every open operator index.
        """
        n = len(self.bases)
        first, last = factors[0][0], factors[-1][0]
        given = dict(factors)
        block = self.left[first % n][None, :]
        norm = self.left[first % n]
        shape = []
        for position in range(first, last + 1):
            site = position % n
            norm = norm @ self.transfer[site]
            scale = np.linalg.norm(norm)
            norm = norm / scale
            if position not in given:
                block = block @ self.transfer[site] / scale
                continue
            vector = given[position]
            if vector is None:
                block = np.tensordot(block, self.tensors[site], axes=(1, 0))  # (p ...) p vR
                block = block.reshape(-1, block.shape[-1])
                shape.append(len(self.bases[site]))
            else:
                block = block @ np.tensordot(self.tensors[site], vector, axes=(1, 0))
            block = block / scale
        right = self.right[last % n]
        out: Array = (block @ right).reshape(shape) / (norm @ right)
        return out

    def sequence(
        self, first: int, op_first: Array, second: int, op_second: Array, count: int
    ) -> Array:
        """Return <A_first B_second>, <A_first B_{second + n}>, ... with n sites per tile."""
        n = len(self.bases)
        tensor = self.tensors[first % n]
        block = self.left[first % n] @ np.tensordot(tensor, op_first, axes=(1, 0))
        norm = self.left[first % n] @ self.transfer[first % n]
        target = np.tensordot(self.tensors[second % n], op_second, axes=(1, 0))
        right = self.right[second % n]
        out = []
        for position in range(first + 1, second + (count - 1) * n + 1):
            site = position % n
            if site == second % n and position >= second:
                out.append((block @ target @ right) / (norm @ self.transfer[site] @ right))
            scale = np.linalg.norm(norm)
            block = block @ self.transfer[site] / scale
            norm = norm @ self.transfer[site] / scale
        return np.array(out)

    def transfer_with(self, position: int, vector: Array) -> Array:
        """Return the transfer matrix of a site with an operator; # vL vR."""
        return np.asarray(np.tensordot(self.tensors[position % len(self.bases)], vector, (1, 0)))

    def string(
        self, first: int, matrix: Array, between: Callable[[int], Array],
        ends: Sequence[int], last: Callable[[int], Array],
    ) -> Array:  # fmt: skip
        """Return <A (product of operators on all sites between) B> for every place of B.

        Parameters
        ----------
        first, matrix
            Position of A, and the transfer matrix with A there; # vL vR.
        between, last
            Position to the transfer matrix with the operator of the string, and with B.
        ends
            Positions of B, beyond that of A, in rising order.
        """
        n, position = len(self.bases), first
        block = self.left[position % n] @ matrix
        norm = self.left[position % n] @ self.transfer[position % n]
        out = []
        for end in ends:
            for p in range(position + 1, end):
                scale = np.linalg.norm(norm)
                block = block @ between(p) / scale
                norm = norm @ self.transfer[p % n] / scale
            right, position = self.right[end % n], end - 1
            out.append((block @ last(end) @ right) / (norm @ self.transfer[end % n] @ right))
        return np.array(out)


def _in_sites(
    product: MatrixProduct, count: int, blocks: Sequence[Sequence[Array]]
) -> Iterator[SiteTensors]:
    """Yield the tensors of a product, those of blocks as products of the tensors of their sites."""
    if not blocks:
        for site in range(count):
            yield SiteTensors([product.dense(site)], [product.legs[site].charges])
    for number, operators in enumerate(blocks):
        left, right = product.legs[number].charges, product.right_leg(number).charges
        yield site_tensors(product.dense(number), left, right, operators)


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))
