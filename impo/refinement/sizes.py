"""What a matrix product needs, estimated before anything large is allocated."""

from collections import Counter
from collections.abc import Mapping
from functools import reduce
from itertools import product as pairs_of

from impo.model import LindbladModel
from impo.operators.liouvillian import Generator
from impo.operators.local import operator_charges
from impo.refinement.relaxation import first_rank
from impo.refinement.verdict import RANK

_DENSE = 12  # matrices of one site that are in memory at the same time
_PAIRS = 4  # density matrices of two sites, the same
_BASES = 3  # operator bases of a site, the same


def site_bytes(model: LindbladModel, k_max: int | None) -> float:
    """Return the bytes of matrices and operator bases of the largest sites of a chain."""
    states = float(max(site.dimension for site in model.sites))
    chosen = first_rank(int(states) - 1) if k_max is None else min(float(k_max), states - 1)
    rank = max(RANK, chosen + 1)
    neighbours = zip(model.sites, [*model.sites[1:], model.sites[0]], strict=True)
    pairs = max(float(a.dimension) * float(b.dimension) for a, b in neighbours)
    size = 16 * _DENSE * states**2 + 8 * _PAIRS * pairs**2
    return size + 8 * _BASES * min(rank + 1, states) ** 2 * states**2


def rows_of_gates(generator: Generator, rank: int) -> list[int]:
    """Return the number of rows of one gate for every bond, charge by charge, at a cut-off."""
    sites = [_operators(generator, position, rank) for position in range(len(generator.sites))]
    counts = [reduce(_together, [sites[p] for p in span]) for span in generator.spans]
    return [
        rows
        for first, second in generator.bonds
        for charge, rows in _together(counts[first], counts[second]).items()
        if charge >= 0 or not generator.mirror
    ]


def _together(one: Mapping[int, int], two: Mapping[int, int]) -> Counter[int]:
    """Return how many products of two sets of operators have which charge."""
    pairs: Counter[int] = Counter()
    for (p, many), (q, others) in pairs_of(one.items(), two.items()):
        pairs[p + q] += many * others
    return pairs


def _operators(generator: Generator, position: int, rank: int) -> dict[int, int]:
    """Return how many operators of a site up to a rank have which charge."""
    site = generator.sites[position]
    if not len(generator.charges):
        return {0: (min(rank, site.dimension - 1) + 1) ** 2}
    weight, counts = int(generator.weights[position]), Counter[int]()
    for q, many in operator_charges(site, rank).items():
        counts[weight * q] += many
    return counts
