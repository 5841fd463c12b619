"""What a finite chain needs, estimated before anything large is allocated."""

import math

from impo.arguments import UnsupportedModelError, fail
from impo.memory import amount, refuse_larger
from impo.methods.advice import advice
from impo.model import LindbladModel
from impo.operators.liouvillian import Generator
from impo.refinement.levels import FIRST_CHI
from impo.refinement.relaxation import SINGLE_TOL, first_rank
from impo.refinement.sizes import rows_of_gates, site_bytes
from impo.refinement.verdict import RANK

_MOST_SITES = 2000
_GATES = 8  # different gates of a bond in a Trotter step
_STEPS = 2  # Trotter steps of different length that are kept
_PRODUCTS = 12  # matrix products that are in memory at the same time


def refuse_lengths(model: LindbladModel, cells: int, k_max: int | None) -> None:
    """Refuse chains of one site or of too many, and sites of too many states.

    Raises
    ------
    ArgumentError
        If the chain has only one site.
    UnsupportedModelError
        If it is too long, or its sites have too many states for the memory.
    """
    count = cells * len(model.sites)
    if count < 2:
        raise fail("cells", "at least 2 for a unit cell of one site", cells)
    if count > _MOST_SITES:
        raise UnsupportedModelError(
            f"TEBD treats chains of up to {_MOST_SITES} sites, but {cells} cells of {model.label} "
            f"have {count}; {advice(model, 'TEBD', 'fewer cells')}."
        )
    largest = max(site.dimension for site in model.sites)
    refuse_larger(
        f"TEBD cannot treat {model.label} with sites of {largest} states",
        site_bytes(model, k_max), advice(model, "TEBD", "a smaller site"),
    )  # fmt: skip


def refuse_large_gates(generator: Generator, k_max: int | None, tol: float) -> None:
    """Raise `UnsupportedModelError` if gates and tensors are too large for the memory."""
    full = generator.full_rank
    rank = first_rank(full) if k_max is None else min(k_max, full)
    total = sum(float(rows) ** 2 for rows in rows_of_gates(generator, rank))
    single = tol >= SINGLE_TOL and rank > RANK
    each = (8 if single else 16) / (2 if generator.real else 1)
    tensors = 8 * _PRODUCTS * len(generator.sites) * FIRST_CHI**2 * float(rank + 1) ** 2
    model = generator.model
    refuse_larger(
        f"TEBD cannot treat {model.label} with k_max = {rank}, whose gates have "
        f"{amount(math.sqrt(total))}^2 elements", _GATES * _STEPS * each * total + tensors,
        advice(model, "TEBD", "fewer cells", "a smaller `k_max`"),
    )  # fmt: skip
