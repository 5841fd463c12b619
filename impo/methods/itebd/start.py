"""What an evolution of the infinite chain starts from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, fail
from impo.arrays import Array
from impo.methods.itebd.state import ItebdState
from impo.model import LindbladModel
from impo.operators.liouvillian import Generator
from impo.operators.local import charge_parts, local_operators
from impo.refinement.approximation import Approximation, adapted, compatible, product_approximation


def first_approximation(
    generator: Generator, start: Any, k_max: int, weight: float
) -> Approximation:
    """Return what the evolution starts from, in the bases of the generator.

    Parameters
    ----------
    generator
        The master equation on a tile.
    start
        As in `steady_state`.
    k_max, weight
        Of the approximation that is returned.

    Raises
    ------
    ArgumentError
        If the start is no state of the model, or breaks a symmetry that is used.
    """
    if start is None:
        return product_approximation(generator, None, k_max, weight)
    if isinstance(start, ItebdState):
        if compatible(start.generator, generator):
            found = adapted(start.approximation, generator, k_max, weight)
            return replace(found, time=0.0, slowest_rate=None)
        if start.model.sites != generator.model.sites:
            raise ArgumentError(
                f"Argument `start` must have the charges or the spins of {generator.model.label}, "
                f"but is a state of {start.model.label}."
            )
        states = [start.density_matrix([(s, 0)]) for s in range(len(generator.model.sites))]
    else:
        states = product_states(generator.model, start)
    rotated = []
    for position in range(len(generator.sites)):
        rho = generator.rotated(position, states[position % len(states)])
        charged = charge_parts(generator.sites[position], rho)
        if len(generator.weights) and any(q != 0 for q in charged):
            raise ArgumentError(
                "Argument `start` must be symmetric under rotations about z when charges are used; "
                "use ITEBD(charges=False) for a symmetry-broken start."
            )
        rotated.append(rho)
    return product_approximation(generator, rotated, k_max, weight)


def product_states(model: LindbladModel, start: Sequence[Any]) -> list[Array]:
    """Return one density matrix, (d, d) of trace one, per site of the unit cell.

    Raises
    ------
    ArgumentError
        If a site is not given as a state vector (d,) or a positive density matrix (d, d).
    """
    allowed = "a steady state, or one state vector or density matrix per site of the unit cell"
    if not isinstance(start, Sequence | np.ndarray) or len(start) != len(model.sites):
        raise fail("start", allowed, start)
    states = []
    for site, given in zip(model.sites, start, strict=True):
        array = np.asarray(given)
        d = len(local_operators(site)["Id"])
        rho = np.outer(array, array.conj()) if array.shape == (d,) else array
        if rho.shape != (d, d) or not np.allclose(rho, rho.conj().T) or np.trace(rho).real <= 0:
            raise fail("start", allowed, given)
        if np.linalg.eigvalsh(rho)[0] < -1e-10 * np.trace(rho).real:
            raise fail("start", "density matrices without negative eigenvalues", given)
        states.append(rho / np.trace(rho).real)
    return states
