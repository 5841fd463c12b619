"""What an infinite chain needs, estimated before anything large is allocated."""

import math

from impo.arguments import UnsupportedModelError
from impo.memory import amount, product, refuse_larger
from impo.methods.advice import advice
from impo.model import LindbladModel, Spin
from impo.operators.blocks import block_layout
from impo.operators.liouvillian import Generator
from impo.refinement.relaxation import SINGLE_TOL, first_rank
from impo.refinement.sizes import rows_of_gates, site_bytes
from impo.refinement.verdict import RANK

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
    unit = len(model.sites)
    largest = max(model.sites, key=lambda site: site.dimension)
    kind = f"spins S = {largest.S}" if isinstance(largest, Spin) else f"a {largest}"
    refuse_larger(
        f"ITEBD cannot treat {model.label} with {kind}", site_bytes(model, k_max),
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
    full = generator.full_rank
    rank = first_rank(full) if k_max is None else min(k_max, full)
    total = sum(float(rows) ** 2 for rows in rows_of_gates(generator, rank))
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
