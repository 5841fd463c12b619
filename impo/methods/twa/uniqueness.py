r"""Whether the equations of motion of classical spins conserve anything but the spins' lengths.

If they do, the start decides the steady state, and two starts that agree in what is conserved agree
for ever. Tried are all linear and quadratic functions of the spins of a few cells,

    Q = sum v_a m_a + sum M_ab m_a m_b,

against the deterministic motion and against the rotation that each noise drives, at configurations
at random: a function that does not change at more of them than it has coefficients never does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from impo.arrays import Array
from impo.methods.twa.equations import SpinEquations, spin_equations
from impo.methods.twa.moments import Moments
from impo.model import LindbladModel, Term

_EXACT = 1e-11  # relative size of a change that is rounding
_MOST_COEFFICIENTS = 700
_CELLS = {1: 4, 2: 2}  # fewest in a direction, so that signs may alternate


def conserved_quantity(
    model: LindbladModel, shape: Sequence[int], periodic: bool
) -> tuple[str, tuple[int, ...]] | None:
    """Return what the equations of a lattice conserve, and the sites of the cell where, or None.

    Parameters
    ----------
    model
        The description.
    shape, periodic
        The lattice; a smaller one of the same parity is examined.
    """
    equations, sites = _few_cells(model, shape, periodic), len(model.sites)
    quiet = _without_noise(equations)
    if len(quiet):
        return "everything without noise", tuple(sorted({int(i) % sites for i in quiet}))
    spins = len(equations.lengths)
    for pairs, name in (
        (np.zeros((0, 2), dtype=int), "a sum of spin components"),
        (_pairs(spins), "a sum of products of spin components"),
    ):
        if 3 * spins + len(pairs) > _MOST_COEFFICIENTS:
            break
        found = _null_vectors(equations, pairs)
        if len(found):
            weight = np.zeros(3 * spins)
            size = np.abs(found).max(axis=0)
            weight += size[: 3 * spins]
            for (a, b), value in zip(pairs, size[3 * spins :], strict=True):
                weight[a], weight[b] = max(weight[a], value), max(weight[b], value)
            which = np.flatnonzero(weight.reshape(-1, 3).max(axis=1) > 1e-6)
            return name, tuple(sorted({int(i) % sites for i in which}))
    return None


def turning_sites(model: LindbladModel, shape: Sequence[int], periodic: bool) -> tuple[int, ...]:
    """Return the sites of the cell that a symmetry of the equations turns about z."""
    equations = _few_cells(model, shape, periodic)
    spins, z_cross = len(equations.lengths), np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, 0]])
    matrix, covariance = equations.matrix.toarray(), equations.covariance.toarray()
    rows = []
    for i in range(spins):
        turn = np.zeros_like(matrix)
        turn[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] = z_cross
        rows.append(np.concatenate([(matrix @ turn - turn @ matrix).ravel(), turn @ equations.field,
                                    (covariance @ turn - turn @ covariance).ravel()]))  # fmt: skip
    vectors, values, _ = np.linalg.svd(np.array(rows), full_matrices=False)
    angles = vectors[:, values <= _EXACT * max(values[0], 1e-300)]
    turned = np.flatnonzero(np.abs(angles).max(axis=1, initial=0.0) > 1e-6)
    return tuple(sorted({int(i) % len(model.sites) for i in turned}))


def general_directions(count: int) -> Array:
    """Return unit vectors, shape (count, 3), that share no component and no plane."""
    j = np.arange(count)
    z = 0.35 + 0.25 * np.cos(1.7 * j)
    across = np.sqrt(1 - z**2)
    return np.stack([across * np.cos(0.9 + 2.4 * j), across * np.sin(0.9 + 2.4 * j), z], axis=-1)


def _few_cells(model: LindbladModel, shape: Sequence[int], periodic: bool) -> SpinEquations:
    """Return the equations of a small lattice of the same parity."""
    return spin_equations(model, few_cells(model, shape), periodic)


def few_cells(model: LindbladModel, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the number of cells, in each direction, of a small lattice of the same parity."""
    return tuple(
        _small(length, reach, model.dimension)
        for length, reach in zip(shape, _reach(model), strict=True)
    )


def _reach(model: LindbladModel) -> list[int]:
    """Return how many cells a term or a jump spans, in each direction."""
    acting: list[tuple[Term, ...]] = [(term,) for term in model.terms]
    acting += [jump.products(model.dimension) for jump in model.jumps]
    spans = [
        np.ptp([cell for term in terms for _, _, cell in term.factors], axis=0) for terms in acting
    ]
    return [int(x) for x in np.max([[0] * model.dimension, *spans], axis=0)]


def _small(length: int, reach: int, dimension: int) -> int:
    fewest = 1 if reach == 0 else max(_CELLS[dimension], 2 * reach + 1)
    return min(length, fewest + (length - fewest) % 2)


def _without_noise(equations: SpinEquations) -> Array:
    """Return the spins whose whole connected part of the lattice has no noise."""
    spins = len(equations.lengths)
    ones = np.ones(len(equations.columns))
    row_starts = np.ascontiguousarray(equations.row_starts[::3])
    couplings = csr_array((ones, equations.columns // 3, row_starts), shape=(spins, spins))
    _, part = connected_components(couplings, directed=False)
    strength = equations.covariance.diagonal().reshape(-1, 3).sum(axis=1)
    noisy = np.bincount(part, strength) > 0
    return np.flatnonzero(~noisy[part])


def _pairs(spins: int) -> Array:
    """Return the products m_a m_b, without one m_z^2 per spin: the lengths are no news."""
    rows, columns = np.triu_indices(3 * spins)
    same = (rows == columns) & (rows % 3 == 2)
    return np.stack([rows[~same], columns[~same]], axis=1)


def _null_vectors(equations: SpinEquations, pairs: Array) -> Array:
    """Return the coefficients of conserved functions in rows, each of unit length."""
    spins = len(equations.lengths)
    matrix = equations.matrix
    unknown = 3 * spins + len(pairs)
    rng, rows = np.random.default_rng(17), []
    strength = np.zeros((spins, 3))
    strength[:, :2] = equations.diffusion > 0
    shared = equations.shared.matrix(spins)
    shared = csr_array(shared / max(np.abs(shared.data).max(initial=0.0), 1e-300))
    for _ in range(unknown + 20):
        m = rng.normal(size=(spins, 3))
        m /= np.linalg.norm(m, axis=1, keepdims=True)
        flat, field = m.ravel(), (matrix @ m.ravel() + equations.field).reshape(-1, 3)
        kick = strength * rng.normal(size=(spins, 3))  # all noises at once
        if shared.shape[1]:
            kick += (shared @ rng.normal(size=shared.shape[1])).reshape(-1, 3)
        for omega in (field / max(equations.rate, 1e-300), kick):
            v = np.cross(omega, m).ravel()
            products = v[pairs[:, 0]] * flat[pairs[:, 1]] + flat[pairs[:, 0]] * v[pairs[:, 1]]
            rows.append(np.concatenate([v, products]))
    _, values, vectors = np.linalg.svd(np.array(rows), full_matrices=False)
    return np.asarray(vectors[values <= _EXACT * values[0]])


def compared(moments: Moments, charged: Sequence[int]) -> Array:
    """Return what starts are compared by, shape (groups, observables), in units of S + 1/2.

    All <s_a> of a site, and all <s_a s_b> on the sites of a cell and its neighbour; on sites that a
    rotation about z may turn freely, only what does not depend on the angle.
    """
    first = moments.first.reshape(len(moments.first), -1)
    free = np.ones(first.shape[1], dtype=bool)
    for site in charged:
        free[3 * site : 3 * site + 2] = False
    parts = [first[:, free]]
    for distance in range(min(2, moments.second.shape[1])):
        place: Any = (slice(None), distance, *[0] * (len(moments.shape) - 1))
        block = moments.second[place]
        chosen = block[:, free][:, :, free]
        parts.append(np.real(chosen).reshape(len(first), -1))
    return np.concatenate(parts, axis=1)
