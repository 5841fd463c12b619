"""Where the elements of a matrix of two-site blocks lie, compiled.

A plan tells it of every element of large matrices. In Python it would take longer to make the plan
than to use it.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Sequence

import numpy as np
from numba import njit

from impo.arrays import Array
from impo.tensor.tables import MOVE, moves

BLOCK = np.dtype([(name, np.int64) for name in ("first", "i", "j", "k", "l", "image")])
"""A block # i j k l: where its first element lies, what a step of each index adds to the position,
and whether it is the mirror image of the block that is asked for."""

SIDE = np.dtype([(name, np.int64) for name in ("outer", "odd", "inner", "inner_odd")])
"""Lengths of the two indices of the rows (or columns) of a block, and how many of their values, the
last, are states whose sign a mirror image changes."""

_PLUS, _MINUS = (int(moves(np.zeros(1), np.array([sign]))["factor"][0]) for sign in (1.0, -1.0))


def gathered(
    blocks: Sequence[tuple[int, ...]], rows: Sequence[tuple[int, ...]],
    columns: Sequence[tuple[int, ...]],
) -> Array:  # fmt: skip
    """Return the moves of the elements of a matrix of blocks; # (block i j) (block k l).

    Parameters
    ----------
    blocks
        Records `BLOCK`, row by row.
    rows, columns
        Records `SIDE` of the rows and of the columns of blocks.
    """
    down, across = np.array(rows, SIDE), np.array(columns, SIDE)
    table = np.array(blocks, BLOCK).reshape(len(rows), len(columns))
    height, width = (sum(side[0] * side[2] for side in sides) for sides in (rows, columns))
    out = np.empty((height, width), MOVE)
    _gather(table, down, across, _PLUS, _MINUS, out.reshape(-1))
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _gather(blocks, rows, columns, plus, minus, out):
    n = 0
    for a in range(len(rows)):
        row = rows[a]
        for i in range(row.outer):
            for j in range(row.inner):
                odd = (i >= row.outer - row.odd) != (j >= row.inner - row.inner_odd)
                for b in range(len(columns)):
                    block, column = blocks[a, b], columns[b]
                    for k in range(column.outer):
                        start = block.first + i * block.i + j * block.j + k * block.k
                        turned = odd != (k >= column.outer - column.odd)
                        for m in range(column.inner):
                            sign = turned != (m >= column.inner - column.inner_odd)
                            out[n].source = start + m * block.l
                            out[n].factor = minus if sign and block.image else plus
                            n += 1
