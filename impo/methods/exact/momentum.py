"""The operators of a ring of unit cells with a wave number.

A product x of one-site operators and its translates T^m x, by m cells, give

    X_k = L^(-1/2) sum_{m<L} e^{ikm} T^m x,    T X_k = e^{-ik} X_k,

where L is the number of different translates. The Liouvillian of a ring commutes with T and is
block diagonal in these vectors. X_k vanishes unless e^{ikL} = 1.
"""

import numpy as np
from scipy import sparse

from impo.arguments import ArgumentError
from impo.methods.exact.sector import Sector
from impo.operators.liouvillian import Generator, kept_charges

_SAME = 1e-9  # distance of a wave number from a multiple of 2 pi / cells that is rounding


def ring_number(k: float, cells: int) -> int:
    """Return the integer m of the wave number k = 2 pi m / cells, modulo the number of cells.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    number = k * cells / (2 * np.pi)
    if abs(number - round(number)) > _SAME * cells:
        raise ArgumentError(
            f"Argument `k` must be a multiple of 2 pi / {cells} on a ring of {cells} cells, "
            f"but is {k:g}."
        )
    return round(number) % cells


def one_frame(generator: Generator) -> Generator:
    """Return the generator of a ring in one frame for all cells, with its kept charges."""
    return kept_charges(generator.physical())


def refuse_alternating(generator: Generator, charge: tuple[int, ...]) -> None:
    """Raise `ArgumentError` if a charge counts operators of different cells differently."""
    turned = np.roll(generator.charges, len(generator.model.sites), axis=1)
    if any(charge) and np.any(generator.charges != turned):
        raise ArgumentError(
            "Argument `k` must be None, as the charge of this model alternates from cell to cell; "
            "describe two cells as one."
        )


def momentum_isometry(sector: Sector, number: int) -> sparse.csr_array:
    """Return the isometry from operators with a wave number to all operators of a sector.

    Parameters
    ----------
    sector
        Of a ring, in a frame that is the same in all cells.
    number
        The integer m of k = 2 pi m / cells.

    Returns
    -------
    scipy.sparse.csr_array
        Shape (products of the sector, orbits), complex.
    """
    unit = len(sector.generator.model.sites)
    cells = len(sector.bases) // unit
    here = np.arange(len(sector))
    moved = sector.locate(np.roll(sector.index, unit, axis=1) @ sector.strides)
    places = [here]  # of the translates by 0, 1, 2 ... cells
    for _ in range(cells - 1):
        places.append(moved[places[-1]])
    orbits = np.array(places)
    first = orbits.min(axis=0) == here
    length = np.full(len(sector), cells)
    for m in range(cells - 1, 0, -1):
        length[orbits[m] == here] = m
    chosen = here[first & (number * length % cells == 0)]
    rows, columns, values = [], [], []
    for m in range(cells):
        kept = np.flatnonzero(length[chosen] > m)
        rows.append(orbits[m][chosen[kept]])
        columns.append(kept)
        turn = np.exp(2j * np.pi * number * m / cells)
        values.append(turn / np.sqrt(length[chosen[kept]]))
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_array(entries, shape=(len(sector), len(chosen)))


def momentum_block(matrix: sparse.csr_array, isometry: sparse.csr_array) -> sparse.csr_array:
    """Return the Liouvillian of the operators with a wave number, a sparse matrix."""
    block = sparse.csr_array(isometry.conj().T @ (matrix @ isometry))
    block.sum_duplicates()
    return block
