"""States that can measure a sum of products of local operators, and what follows from that."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from impo.arguments import fail
from impo.arrays import Array
from impo.model import Place
from impo.operators.continuity import Flow, flows, home, moved
from impo.operators.local_products import is_hermitian, matrices_of
from impo.results.estimate import Estimate, real_if
from impo.results.products import Bond, Operator, Product, split, string_product
from impo.results.state import SteadyState

_FARTHEST_STRING = 1000  # cells: without a transfer matrix every distance begins anew


class MeasuredState(SteadyState):
    """A state of which a method tells the expectation of a sum of products: it has `_total`."""

    def _total(self, products: Sequence[Product]) -> Estimate | None:
        """Return the expectation of a sum of products, one number; None if there is none."""
        return None

    def _expect_product(self, product: Product) -> Estimate | None:
        """Return the expectation of a product, real if all its factors are Hermitian."""
        matrices = matrices_of(self.model.sites, product.factors).values()
        return real_if(all(map(is_hermitian, matrices)), self._total([product]))

    def _expect_matrix(self, matrix: Array, places: Sequence[Place]) -> Estimate | None:
        """Return the expectation of a matrix, as the sum of products that it is."""
        sizes = [self.model.sites[site].dimension for site, _ in places]
        return real_if(is_hermitian(matrix), self._total(split(matrix, places, sizes)))

    def _string_correlation(
        self, ends: tuple[str, str], string: Sequence[Operator], sites: tuple[int, int],
        max_cells: int,
    ) -> Estimate | None:  # fmt: skip
        """Return <A (product of the string) B> for r = 0 ... max_cells, as products."""
        if max_cells > _FARTHEST_STRING:
            raise fail("max_cells", f"at most {_FARTHEST_STRING} with a string", max_cells)
        found = []
        for r in range(max_cells + 1):
            product = string_product(self.model, ends, string, sites, r)
            if not all(map(self.holds, product.factors)):
                break
            if (measured := self._total([product])) is None:
                return None
            found.append((complex(measured.value), float(measured.error)))
        values, errors = np.array(found).T.reshape(2, -1)
        return Estimate(values, errors.real)

    def _origins(self) -> Sequence[Sequence[int]] | None:
        """Return the cells of an open lattice, which differ; None if all cells are alike."""
        return None

    def _copies(self, flow: Flow) -> Iterator[tuple[Bond, Product]]:
        """Yield the bonds of a flow that are not alike, with what flows there."""
        origins = self._origins()
        if origins is None:
            first, second = (moved(place, home(flow.bond)) for place in flow.bond)
            yield (first, second), _product(flow)
        for origin in origins or ():
            copy = flow.moved(origin)
            if all(map(self.holds, copy.support)):
                yield copy.bond, _product(copy)

    def _current(self, op: str) -> dict[Bond, Estimate] | None:
        """Return the current through every bond: see `impo.operators.continuity`."""
        through: dict[Bond, list[Product]] = {}
        for bond, product in chain.from_iterable(map(self._copies, flows(self.model, op))):
            through.setdefault(bond, []).append(product)
        out: dict[Bond, Estimate] = {}
        for bond in sorted(through, key=lambda bond: [(cell, site) for site, cell in bond]):
            if (found := real_if(True, self._total(through[bond]))) is None:
                return None
            out[bond] = found
        return out


def _product(flow: Flow) -> Product:
    return Product(flow.coefficient, {p: (matrix,) for p, matrix in flow.matrices.items()})
