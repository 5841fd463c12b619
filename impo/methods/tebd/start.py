"""What an evolution of a finite chain starts from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from impo.arguments import ArgumentError
from impo.arrays import Array
from impo.operators.liouvillian import Generator
from impo.operators.product_state import density_matrices, rotated_states
from impo.refinement.approximation import (
    Approximation,
    adapted,
    compatible,
    density_matrix,
    product_approximation,
)
from impo.refinement.state import MatrixProductState
from impo.tensor.canonical import make_canonical
from impo.tensor.gates import bond_liouvillians, physical_legs
from impo.tensor.legs import TRIVIAL
from impo.tensor.matrix_product import MatrixProduct

_SAME_ANGLE = 1e-9


def first_approximation(
    generator: Generator, start: Any, k_max: int, weight: float
) -> Approximation:
    """Return what the evolution starts from, in the bases of the generator.

    A state of this chain is taken as it is, and sites are cut out of the infinite chain. Of a
    shorter or longer chain the one-site density matrices are kept, interpolated along the chain;
    what its sites have in common relaxes fast.

    Parameters
    ----------
    generator
        The master equation on the chain.
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
    if not isinstance(start, MatrixProductState):
        rotated = rotated_states(generator, density_matrices(generator.model, start), "TEBD")
        return product_approximation(generator, rotated, k_max, weight)
    if compatible(start.generator, generator):
        found = adapted(start.approximation, generator, k_max, weight)
        return replace(found, time=0.0, slowest_rate=None)
    if start.generator.infinite and (signs := _relative_signs(start.generator, generator)):
        return _cut_out(start.approximation, generator, signs, k_max, weight)
    rotated = rotated_states(generator, _interpolated(start, generator), "TEBD")
    return product_approximation(generator, rotated, k_max, weight)


def _interpolated(start: MatrixProductState, generator: Generator) -> list[Array]:
    """Return the one-site density matrices of another chain, stretched to the length of this one.

    Equal sites are compared: those of the same number in the unit cell, or all if none differ.
    """
    known, sites = start.generator.sites, generator.sites
    if start.model.sites == generator.model.sites:
        unit = len(start.model.sites)
    elif len({*known, *sites}) == 1:
        unit = 1
    else:
        raise ArgumentError(
            f"Argument `start` must have the sites of {generator.model.label}, but is a state of "
            f"{start.model.label}."
        )
    approx = start.approximation
    rows = []
    for position, basis in enumerate(approx.bases):
        rho = density_matrix(approx.environment.marginal(position, 1), (basis,))
        turn = start.generator.frame([position])
        rows.append(turn[:, None] * rho * turn.conj())
    before, cells = len(known) // unit, len(sites) // unit
    found = []
    for position in range(len(sites)):
        cell, site = divmod(position, unit)
        where = cell * (before - 1) / max(cells - 1, 1)
        first = min(int(where), max(before - 2, 0))
        second, share = min(first + 1, before - 1), where - first
        found.append((1 - share) * rows[first * unit + site] + share * rows[second * unit + site])
    return found


def _relative_signs(infinite: Generator, finite: Generator) -> list[int] | None:
    """Return the signs by which S+ differs in the frames of both; None if they differ otherwise.

    A rotation of all sites by angles in proportion to their charges changes no state.
    """
    count, tile = len(finite.sites), len(infinite.sites)
    alike = (infinite.hermitian_basis, infinite.real) == (finite.hermitian_basis, finite.real)
    if infinite.model.sites != finite.model.sites or not alike:
        return None
    charges = infinite.charges[:, np.arange(count) % tile]
    if not np.array_equal(charges, finite.charges):
        return None
    angles = np.array([infinite.phase(p) - finite.phase(p) for p in range(count)])
    if len(charges):
        apart = [int(np.flatnonzero(row)[-1]) for row in charges]  # each has one charge alone
        angles = angles - np.linalg.solve(charges[:, apart].T, angles[apart]) @ charges
    if np.any(np.abs(np.sin(angles)) > _SAME_ANGLE):
        return None
    return [round(value) for value in np.cos(angles).tolist()]


def _cut_out(
    approx: Approximation, generator: Generator, signs: Sequence[int], k_max: int, weight: float
) -> Approximation:
    """Return the reduced state of as many sites of the infinite chain as this one has."""
    known = adapted(approx, approx.generator, k_max, weight)
    product, environment = known.matrix_product, known.environment
    count, tile, bases = len(generator.sites), len(known.bases), generator.bases(k_max)
    legs = [TRIVIAL, *(product.legs[p % tile] for p in range(1, count)), TRIVIAL]
    values = [np.ones(leg.size) for leg in legs]
    found = MatrixProduct(physical_legs(generator, bases), legs, [], values, False, product.mirror)
    for position, basis in enumerate(bases):
        dense = product.dense(position % tile) * (signs[position] ** np.abs(basis.q))[:, None]
        if position == 0:
            dense = np.tensordot(environment.left[0][None, :], dense, 1)  # [vL], [vL] p vR
        if position == count - 1:
            dense = dense @ environment.right[position % tile][:, None]  # vL p [vR], [vR]
        flat = found.layout(position).from_dense(dense)
        found.tensors.append(flat / np.linalg.norm(flat))
    bonds = bond_liouvillians(generator, bases, weight, mirror=generator.mirror)
    make_canonical(found, bonds, product.bond_dimension)
    return Approximation(generator, found, k_max, weight, chi=approx.chi, dt=approx.dt)
