"""Linear combinations of density operators of one open chain."""

from collections.abc import Sequence

import numpy as np

from impo.arrays import Array
from impo.tensor.legs import TRIVIAL, Leg
from impo.tensor.matrix_product import MatrixProduct


def combined(products: Sequence[MatrixProduct], factors: Sequence[float]) -> MatrixProduct:
    """Return sum_j f_j rho_j, whose bonds hold the states of all products; in no canonical form.

    Parameters
    ----------
    products
        Matrix products of the same sites and operators.
    factors
        f_j, of the products as they are normalised.
    """
    one, count = products[0], len(products[0])
    inner = [_joined([product.legs[bond] for product in products]) for bond in range(1, count)]
    legs = [TRIVIAL, *(leg for leg, _ in inner), TRIVIAL]
    ends = [np.zeros(1, int)] * len(products)
    places = [ends, *(where for _, where in inner), ends]
    values = [np.ones(leg.size) for leg in legs]
    found = MatrixProduct(one.physical, legs, [], values, False, one.mirror)
    for site in range(count):
        shape = legs[site].size, one.physical[site].size, legs[site + 1].size
        tensor = np.zeros(shape, one.tensors[site].dtype)  # vL p vR
        for number, (product, factor) in enumerate(zip(products, factors, strict=True)):
            part = product.dense(site) * (factor if site == 0 else 1.0)
            rows, columns = places[site][number], places[site + 1][number]
            tensor[np.ix_(rows, np.arange(shape[1]), columns)] += part
        flat = found.layout(site).from_dense(tensor)
        found.tensors.append(flat / np.linalg.norm(flat))
    return found


def _joined(legs: Sequence[Leg]) -> tuple[Leg, list[Array]]:
    """Return the leg with the states of all legs, and where the states of each stand in it.

    Those of charge 0 are sorted even, then odd; of the others the order is that of the legs.
    """
    charges = sorted({charge for leg in legs for charge in leg.counts})
    counts = {q: sum(leg.counts.get(q, 0) for leg in legs) for q in charges}
    even = sum(leg.even for leg in legs)
    joined = Leg(tuple(counts.items()), even)
    filled = dict(joined.offsets)
    odd = joined.offsets.get(0, 0) + even
    places = []
    for leg in legs:
        where = []
        for charge, many in leg.sectors:
            first = leg.even if charge == 0 else many
            where.append(filled[charge] + np.arange(first))
            filled[charge] += first
            if charge == 0:
                where.append(odd + np.arange(many - first))
                odd += many - first
        places.append(np.concatenate(where))
    return joined, places
