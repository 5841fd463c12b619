"""Blocks of neighbouring sites, which let a chain reach beyond neighbours.

An update of a matrix product acts on two neighbours. Where a model reaches farther, sites are
joined to blocks such that every term and jump lies in one block or in two that follow each other. A
block has the product of the operator bases of its sites, the last of which runs fastest. All
expectation values are those of the sites.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from math import ceil

import numpy as np

from impo.arrays import Array
from impo.memory import product
from impo.model import LindbladModel
from impo.operators.liouvillian import Generator, finite_cluster, infinite_chain, kept_charges
from impo.operators.local import changed_cutoffs

_CELLS = 13  # of a tile, up to which all are looked at


@dataclass(frozen=True)
class Layout:
    """How the sites of a tile are joined.

    Attributes
    ----------
    cells
        Unit cells of the tile.
    blocks
        Sizes of its blocks, an even number of them; empty if nothing reaches beyond neighbours.
    states
        Number of states of every block.
    """

    cells: int
    blocks: tuple[int, ...] = ()
    states: tuple[float, ...] = ()

    @property
    def cost(self) -> tuple[float, int]:
        """What is to be small: states of two neighbouring blocks, then the length of the tile."""
        pairs = pairwise([*self.states, self.states[0]])
        return max(one * two for one, two in pairs), self.cells


def block_layout(model: LindbladModel) -> Layout:
    """Return the blocks of a chain in which two neighbouring ones have the fewest states.

    A tile of a uniform chain of range r has two blocks of r sites.
    """
    generator = infinite_chain(model, charges=False, even=False, repeats=(1,))
    if generator.reach <= 1:
        return Layout(1)
    last = _last_sites(generator)
    enough = ceil(2 * generator.reach / len(model.sites))
    tiles = [_tile(model, last, cells) for cells in (*range(1, _CELLS), enough)]
    return min((tile for tile in tiles if tile is not None), key=lambda found: found.cost)


def _last_sites(generator: Generator) -> list[int]:
    """Return for every site of the cell how far a term reaches that begins left of it.

    It is the largest distance from the site to the last one of such a term.
    """
    n = len(generator.sites)
    found = [0] * n
    for first, *_, last in generator.supports:
        for position in range(first + 1, last + 1):
            found[position % n] = max(found[position % n], last - position)
    return found


def _tile(model: LindbladModel, last: Sequence[int], cells: int) -> Layout | None:
    """Return the shortest blocks, from the first site of a cell on, of a tile of some cells.

    No term may begin left of a block and end right of it. A last block that is too short is joined
    to the one before it, and a tile with an odd number of blocks is doubled. None if the tile is
    shorter than a block.
    """
    unit = len(model.sites)
    starts, end = [0], cells * unit
    while (following := starts[-1] + last[starts[-1] % unit] + 1) < end:
        starts.append(following)
    if following > end:
        if len(starts) == 1:
            return None
        starts.pop()
    sizes = tuple(b - a for a, b in pairwise([*starts, end]))
    states = tuple(
        product([model.sites[p % unit].dimension for p in range(a, b)])
        for a, b in pairwise([*starts, end])
    )
    if len(starts) % 2:
        return Layout(2 * cells, 2 * sizes, 2 * states)
    return Layout(cells, sizes, states)


def chain_of_blocks(model: LindbladModel, charges: bool = True) -> Generator:
    """Return the generator of an infinite chain and its tensors, in blocks if need be.

    Parameters
    ----------
    model
        A one-dimensional description.
    charges
        Whether to use the U(1) symmetries.
    """
    layout = block_layout(model)
    if not layout.blocks:
        return kept_charges(infinite_chain(model, charges))
    repeats = layout.cells, 2 * layout.cells  # two if only a staggered charge exists
    generator = kept_charges(infinite_chain(model, charges, repeats=repeats))
    times = len(generator.sites) // sum(layout.blocks)
    return replace(generator, blocks=times * layout.blocks)


def joined(generator: Generator, parts: Sequence[Array]) -> list[Array]:
    """Return the Kronecker products of vectors or matrices of the sites, one for every block."""
    return [reduce(np.kron, [parts[site] for site in span]) for span in generator.spans]


def block_of(generator: Generator, position: int) -> int:
    """Return the number of the block of any position of the chain, also outside the tile."""
    tile, site = divmod(position, len(generator.sites))
    (inside,) = (number for number, span in enumerate(generator.spans) if site in span)
    return tile * len(generator.spans) + inside


def with_cutoffs(generator: Generator, cutoffs: Sequence[int | None]) -> Generator:
    """Return the generator of a chain with other cut-offs of its bosons; None keeps a site.

    Parameters
    ----------
    generator
        On a tile, with the charges of its tensors.
    cutoffs
        One per site of the unit cell.
    """
    model = replace(generator.model, sites=changed_cutoffs(generator.model.sites, cutoffs))
    charges, tile = not generator.hermitian_basis, len(generator.sites) // len(model.sites)
    if generator.infinite:
        found = kept_charges(infinite_chain(model, charges, repeats=(tile,)))
    else:
        found = kept_charges(finite_cluster(model, tile, charges=charges))
    return replace(found, blocks=generator.blocks)
