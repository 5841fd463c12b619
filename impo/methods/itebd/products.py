"""Sums of products of local operators on an infinite chain, matrices, and strings between two."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from impo.arrays import Array
from impo.methods.measured import real_if
from impo.model import Place
from impo.operators.local import charge_parts
from impo.operators.local_products import (
    Factors,
    bound,
    fitted,
    is_hermitian,
    matrices_of,
    matrix_of,
)
from impo.refinement.approximation import Approximation
from impo.refinement.error_bars import LEAST_SHARE
from impo.results.estimate import Estimate
from impo.results.products import Operator, Product, string_product

if TYPE_CHECKING:
    from impo.methods.itebd.state import ItebdState

_LARGEST = 1e100  # norm of a string that errors are relative to


def total(state: "ItebdState", products: Sequence[Product]) -> Estimate:
    """Return the expectation of a sum of products, one number."""
    sites = state.model.sites
    scale = sum(abs(product.coefficient) * bound(sites, product.factors) for product in products)

    def observable(approx: Approximation) -> Array:
        values = [
            coefficient * _product(state, approx, factors) for coefficient, factors in products
        ]
        return np.asarray(np.sum(values, axis=0))

    single = all(len(product.factors) == 1 for product in products)
    return state.estimate(observable, scale, 1.0 if single else LEAST_SHARE)


def _product(state: "ItebdState", approx: Approximation, factors: Factors) -> Array:
    matrices = matrices_of(approx.generator.model.sites, factors)
    positions = state._positions(list(matrices))
    placed = dict(zip(positions, matrices.values(), strict=True))
    return approx.environment.chain_of(
        [(p, state._vector(approx, p, placed[p])) for p in sorted(placed)]
    )


def expect_matrix(state: "ItebdState", matrix: Array, places: Sequence[Place]) -> Estimate | None:
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


def string_correlation(
    state: "ItebdState", ends: tuple[str, str], string: Sequence[Operator],
    sites: tuple[int, int], max_cells: int,
) -> Estimate:  # fmt: skip
    """Return <A (product of the string) B> for r = 0 ... max_cells.

    The string is inserted into the transfer matrix of every site, so that the cost grows with the
    distance.
    """
    unit, (a, b) = len(state.model.sites), sites
    pairs = string_product(state.model, ends, string, sites, 0)

    def observable(approx: Approximation) -> Array:
        known, made = approx.generator.model.sites, dict[tuple[str, int], dict[int, Array]]()

        def matrix(name: str, op: Operator, position: int) -> Array:
            """Return a transfer matrix; parts with a charge turn with the frame."""
            site, tile = position % unit, position % len(approx.bases)
            if (name, tile) not in made:
                parts = charge_parts(known[site], matrix_of(known[site], (op,)))
                measure = approx.bases[tile].measure
                made[name, tile] = {
                    q: approx.environment.transfer_with(tile, measure(part))
                    for q, part in parts.items()
                }
            turn, here = 1j * approx.generator.phase(position), made[name, tile]
            if list(here) == [0]:
                return here[0]
            none = np.zeros_like(approx.environment.transfer[tile])
            return sum((np.exp(q * turn) * part for q, part in here.items()), none)

        out = np.zeros(max_cells + 1, dtype=complex)
        first = 0 if a < b else 1
        if first:
            out[0] = _product(state, approx, pairs.factors)
        out[first:] = approx.environment.string(
            a, matrix("A", ends[0], a), lambda p: matrix("string", string[p % unit], p),
            [b + r * unit for r in range(first, max_cells + 1)],
            lambda p: matrix("B", ends[1], p),
        )  # fmt: skip
        return out

    return state.estimate(observable, _sizes(state, ends, string, sites, max_cells))


def _sizes(
    state: "ItebdState", ends: tuple[str, str], string: Sequence[Operator],
    sites: tuple[int, int], max_cells: int,
) -> Array:  # fmt: skip
    """Return the products of the operator norms at all distances."""
    model = state.model
    both = (bound(model.sites, {(site, 0): (op,)}) for op, site in zip(ends, sites, strict=True))
    norms = [bound(model.sites, {(site, 0): (op,)}) for site, op in enumerate(string)]
    with np.errstate(over="ignore"):
        powers = np.float_power(float(np.prod(norms)), np.arange(max_cells + 1))
    powers = np.minimum(powers, _LARGEST)
    inner = np.ones(max_cells + 1)
    for r in (0, 1):
        places = string_product(model, ends, string, sites, r).factors
        ones = [
            norms[site]
            for site, cell in places
            if (site, cell) not in {(sites[0], 0), (sites[1], r)}
        ]
        inner[r:] = np.prod(ones) * (powers[: max_cells + 1 - r] if r else 1.0)
    return np.prod(list(both)) * inner
