"""Sums of products of local operators, and matrices, in a matrix product state."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from impo.arrays import Array
from impo.model import Place
from impo.operators.local_products import Factors, bound, fitted, is_hermitian, matrices_of
from impo.refinement.approximation import Approximation
from impo.refinement.error_bars import LEAST_SHARE
from impo.results.estimate import Estimate, real_if
from impo.results.products import Product

if TYPE_CHECKING:
    from impo.refinement.state import MatrixProductState


def total(state: "MatrixProductState", products: Sequence[Product]) -> Estimate:
    """Return the expectation of a sum of products, one number."""
    sites = state.model.sites
    scale = sum(abs(product.coefficient) * bound(sites, product.factors) for product in products)

    def observable(approx: Approximation) -> Array:
        values = [
            coefficient * expectation(state, approx, factors) for coefficient, factors in products
        ]
        return np.asarray(np.sum(values, axis=0))

    single = all(len(product.factors) == 1 for product in products)
    return state.estimate(observable, scale, 1.0 if single else LEAST_SHARE)


def expectation(state: "MatrixProductState", approx: Approximation, factors: Factors) -> Array:
    """Return the expectation of a product of factors in one approximation."""
    matrices = matrices_of(approx.generator.model.sites, factors)
    positions = state._positions(list(matrices))
    placed = dict(zip(positions, matrices.values(), strict=True))
    return approx.environment.chain_of(
        [(p, state._vector(approx, p, placed[p])) for p in sorted(placed)]
    )


def expect_matrix(
    state: "MatrixProductState", matrix: Array, places: Sequence[Place]
) -> Estimate | None:
    """Return Tr(rho M) of a matrix on some places."""
    sizes = [state.model.sites[site].dimension for site, _ in places]
    positions = state._positions(places)

    def observable(approx: Approximation) -> Array:
        here = [approx.generator.model.sites[site].dimension for site, _ in places]
        rho = state._density_matrix_of(approx, positions)
        return np.asarray(np.sum(fitted(matrix, sizes, here).T * rho))

    least = 1.0 if len(places) == 1 else LEAST_SHARE
    found = state.estimate(observable, float(np.linalg.norm(matrix, 2)), least)
    return real_if(is_hermitian(matrix), found)
