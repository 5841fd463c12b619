"""The tensors of sites and that of their block."""

import numpy as np
import pytest

from impo.tensor.site_tensors import site_tensors


@pytest.mark.parametrize("sizes", [(3,), (2, 3), (3, 2, 4), (2, 3, 2, 3)])
def test_the_product_of_the_sites_is_the_block(sizes):
    random = np.random.default_rng(4)
    left, right = random.integers(-2, 3, 5), random.integers(-2, 3, 4)
    operators = [random.integers(-1, 2, size) for size in sizes]
    rows = left
    for charges in operators:
        rows = np.add.outer(rows, charges)
    block = random.normal(size=(*rows.shape, 4))
    block[rows[..., None] != right] = 0
    found = site_tensors(block.reshape(5, -1, 4), left, right, operators)
    whole = np.eye(5)
    for tensor in found.tensors:
        whole = np.tensordot(whole, tensor, axes=(-1, 0))
    np.testing.assert_array_equal(whole, block)
    assert len(found.charges) == len(found.tensors) == len(sizes)
    for n, tensor in enumerate(found.tensors):
        after = found.charges[n + 1] if n + 1 < len(sizes) else right
        assert tensor.shape == (len(found.charges[n]), sizes[n], len(after))
        broken = np.add.outer(found.charges[n], operators[n])[..., None] != after
        assert not np.any(tensor[broken])
