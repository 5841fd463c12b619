"""Moves to a matrix of blocks, against NumPy's `block` of the same blocks."""

from itertools import product

import numpy as np
import pytest

from impo.tensor.gathering import gathered
from impo.tensor.kernel import FACTORS

SHAPES = [(2, 3), (1, 2)], [(2, 1), (3, 2), (1, 4)]  # of block rows, and of block columns


@pytest.mark.parametrize("image", [False, True])
def test_a_matrix_is_put_together_from_blocks(image):
    rows, columns = SHAPES
    elements = np.random.default_rng(3).standard_normal(500)
    blocks, dense, first = [], [], 0
    for (i, j), (k, m) in product(rows, columns):
        shape = j, k, i, m  # blocks lie in another order of their indices
        positions = first + np.arange(i * j * k * m).reshape(shape).transpose(2, 0, 1, 3)
        steps = [stride // positions.itemsize for stride in positions.strides]
        blocks.append((first, *steps, image))
        block = elements[positions]
        if image:  # the last state of the first index of rows is odd, and the last of the columns
            block[-1] *= -1
            block[..., -1] *= -1
        dense.append(block.reshape(i * j, k * m))
        first += positions.size
    many = len(columns)
    found = gathered(blocks, [(i, 1, j, 0) for i, j in rows], [(k, 0, m, 1) for k, m in columns])
    expected = np.block([dense[:many], dense[many:]])
    np.testing.assert_array_equal(elements[found["source"]] * FACTORS[found["factor"]], expected)
