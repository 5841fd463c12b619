"""What an infinite chain needs, estimated before anything large is allocated."""

import math
from collections import Counter
from collections.abc import Mapping
from functools import reduce
from itertools import product as pairs_of

from impo.arguments import UnsupportedModelError
from impo.memory import amount, product, refuse_larger
from impo.methods.advice import advice
from impo.model import LindbladModel, Spin
from impo.operators.blocks import block_layout
from impo.operators.liouvillian import Generator
from impo.refinement.relaxation import SINGLE_TOL, first_rank
from impo.refinement.verdict import RANK

_DENSE = 12  # matrices of one site that are in memory at the same time
_PAIRS = 4  # density matrices of two sites, the same
_BASES = 3  # operator bases of a site, the same
_SOLVES = 4  # matrices of the search for conserved densities, the same
_GATES = 8  # different gates of a bond in a Trotter step
_STEPS = 2  # Trotter steps of different length that are kept
_PAIR_DENSITIES = 18  # densities on a site and one of its next two neighbours
_MOST_OPERATORS = 81  # of a block of several sites: with more, updates take minutes
_LONGEST = 2e13  # operations of the search for conserved densities


def refuse_large_sites(model: LindbladModel, k_max: int | None) -> None:
    """Raise `UnsupportedModelError` if the sites of a chain have too many states, or are too many.

    What is looked at takes no time, however large it is.
    """
    states = float(max(site.dimension for site in model.sites))
    unit = len(model.sites)
    chosen = first_rank(int(states) - 1) if k_max is None else min(float(k_max), states - 1)
    rank = max(RANK, chosen + 1)
    neighbours = zip(model.sites, [*model.sites[1:], model.sites[0]], strict=True)
    pairs = max(float(a.dimension) * float(b.dimension) for a, b in neighbours)
    size = 16 * _DENSE * states**2 + 8 * _PAIRS * pairs**2
    size += 8 * _BASES * min(rank + 1, states) ** 2 * states**2
    largest = max(model.sites, key=lambda site: site.dimension)
    kind = f"spins S = {largest.S}" if isinstance(largest, Spin) else f"a {largest}"
    refuse_larger(
        f"ITEBD cannot treat {model.label} with {kind}", size,
        advice(model, "ITEBD", *([] if isinstance(largest, Spin) else ["a smaller `cutoff`"])),
    )  # fmt: skip
    ranks = [min(RANK, site.dimension - 1) for site in model.sites]
    spins = sum(isinstance(site, Spin) for site in model.sites)
    densities = sum((rank + 1) ** 2 - 1 for rank in ranks) + _PAIR_DENSITIES * spins
    densities *= 1 + unit % 2  # the tile has an even number of sites
    name = f"ITEBD cannot treat {model.label} with {unit} sites in its unit cell"
    if 20 * float(densities) ** 3 > _LONGEST:
        raise UnsupportedModelError(
            f"{name}: the search for conserved quantities takes too long; "
            f"{advice(model, 'ITEBD', 'a smaller unit cell')}."
        )
    remedy = advice(model, "ITEBD", "a smaller unit cell")
    refuse_larger(name, 8 * _SOLVES * float(densities) ** 2, remedy)


def refuse_large_gates(generator: Generator, k_max: int | None, tol: float) -> None:
    """Raise `UnsupportedModelError` if the gates of a Trotter step are too large for the memory."""
    full = max(site.dimension for site in generator.sites) - 1
    rank = first_rank(full) if k_max is None else min(k_max, full)
    sites = [_operators(generator, position, rank) for position in range(len(generator.sites))]
    counts = [reduce(_together, [sites[p] for p in span]) for span in generator.spans]
    total = 0.0
    for one, two in zip(counts, [*counts[1:], counts[0]], strict=True):
        pairs = _together(one, two)
        kept = [rows for q, rows in pairs.items() if q >= 0 or not generator.mirror]
        total += sum(float(rows) ** 2 for rows in kept)
    single = tol >= SINGLE_TOL and rank > RANK
    size = total * (8 if single else 16) / (2 if generator.real else 1)
    model = generator.model
    refuse_larger(
        f"ITEBD cannot treat {model.label} with k_max = {rank}, whose gates have "
        f"{amount(math.sqrt(total))}^2 elements", _GATES * _STEPS * size,
        advice(model, "ITEBD", "a smaller `k_max`"),
    )  # fmt: skip


def refuse_large_blocks(model: LindbladModel, k_max: int | None) -> None:
    """Raise `UnsupportedModelError` if a chain reaches so far that its blocks have many operators.

    What is looked at takes no time. What charges save is not known yet.
    """
    layout, unit = block_layout(model), len(model.sites)
    most, first = 0.0, 0
    for size in layout.blocks:
        states = [model.sites[p % unit].dimension for p in range(first, first + size)]
        ranks = [first_rank(d - 1) if k_max is None else min(k_max, d - 1) for d in states]
        most, first = max(most, product([(rank + 1) ** 2 for rank in ranks])), first + size
    if most > _MOST_OPERATORS:
        settings = ["a smaller `k_max`"] if any(site.dimension > 2 for site in model.sites) else []
        raise UnsupportedModelError(
            f"ITEBD treats {model.label}, which reaches beyond neighbours, in blocks of "
            f"{max(layout.blocks)} sites with {amount(most)} operators, at most {_MOST_OPERATORS} "
            f"are allowed; {advice(model, 'ITEBD', *settings)}."
        )


def _together(one: Mapping[int, int], two: Mapping[int, int]) -> Counter[int]:
    """Return how many products of two sets of operators have which charge."""
    pairs: Counter[int] = Counter()
    for (p, many), (q, others) in pairs_of(one.items(), two.items()):
        pairs[p + q] += many * others
    return pairs


def _operators(generator: Generator, position: int, rank: int) -> dict[int, int]:
    """Return how many operators of a site up to a rank have which charge."""
    top = min(rank, generator.sites[position].dimension - 1)
    if not len(generator.charges):
        return {0: (top + 1) ** 2}
    weight = int(generator.charges[0, position])
    counts: Counter[int] = Counter()
    for q in range(-top, top + 1):
        counts[weight * q] += top + 1 - abs(q)
    return counts
