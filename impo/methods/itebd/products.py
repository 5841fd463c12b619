"""Strings of operators between two others on an infinite chain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from impo.arrays import Array
from impo.operators.local import charge_parts
from impo.operators.local_products import bound, matrix_of
from impo.refinement.approximation import Approximation
from impo.refinement.products import expectation
from impo.results.estimate import Estimate
from impo.results.products import Operator, string_product

if TYPE_CHECKING:
    from impo.methods.itebd.state import ItebdState

_LARGEST = 1e100  # norm of a string that errors are relative to


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
            out[0] = expectation(state, approx, pairs.factors)
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
