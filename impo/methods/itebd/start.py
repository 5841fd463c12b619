"""What an evolution of the infinite chain starts from."""

from dataclasses import replace
from typing import Any

import numpy as np

from impo.arguments import ArgumentError
from impo.methods.itebd.state import ItebdState
from impo.operators.liouvillian import Generator
from impo.operators.product_state import density_matrices, rotated_states
from impo.refinement.approximation import Approximation, adapted, compatible, product_approximation


def first_approximation(
    generator: Generator, start: Any, k_max: int, weight: float, backend: str = "kernel"
) -> Approximation:
    """Return what the evolution starts from, in the bases of the generator.

    A state whose charges q and -q are not mirror images, though the kernel would keep them so, is
    replaced by the product of its one-site density matrices.

    Parameters
    ----------
    generator
        The master equation on a tile.
    start
        As in `steady_state`.
    k_max, weight
        Of the approximation that is returned.
    backend
        What it is evolved with, as in `ITEBD`.

    Raises
    ------
    ArgumentError
        If the start is no state of the model, or breaks a symmetry that is used.
    """
    if start is None:
        return product_approximation(generator, None, k_max, weight)
    if isinstance(start, ItebdState):
        mirrored = start.method.backend == "kernel" or backend == "tenpy" or not generator.mirror
        if mirrored and compatible(start.generator, generator):
            found = adapted(start.approximation, generator, k_max, weight)
            return replace(found, time=0.0, slowest_rate=None)
        if start.model.sites != generator.model.sites:
            raise ArgumentError(
                f"Argument `start` must have the charges or the spins of {generator.model.label}, "
                f"but is a state of {start.model.label}."
            )
        states = [
            np.asarray(start.density_matrix([(s, 0)])) for s in range(len(generator.model.sites))
        ]
    else:
        states = density_matrices(generator.model, start)
    rotated = rotated_states(generator, states, "ITEBD")
    return product_approximation(generator, rotated, k_max, weight)
