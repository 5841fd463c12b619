"""The two-site update, compiled: products, moves and decompositions as the plans say.

All compiled functions are in this file, because a cached one does not notice that another file has
changed.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

from impo.tensor.tables import FACTORS

# Below this size a complete decomposition is as fast as finding its leading part.
SMALL = 24
# A choice of states is kept while its discarded weight is below this multiple of the smallest.
STICKY = 1.05

_compiled = njit(nogil=True, cache=True, error_model="numpy")


def _adjoint(a):
    """Return the conjugate transpose."""


@overload(_adjoint)
def _adjoint_of(a):
    if isinstance(a.dtype, types.Complex):
        return lambda a: np.conj(a).T
    return lambda a: a.T


@_compiled
def _gather(elements, source, factor, start, out):
    """Fill `out` with selected elements, from `start` on in the lists, and return it."""
    for n in range(len(out)):
        out[n] = elements[source[start + n]] * FACTORS[factor[start + n]]
    return out


@_compiled
def two_site(first, second, gate, plan, weights, probe, chi, cutoff):
    """Contract two sites, apply a gate, decompose the result and choose the states kept.

    Parameters
    ----------
    first, second
        Flat tensors.
    gate
        Flat gate, its blocks where the plan expects them; it is applied in its precision.
    plan
        `impo.tensor.tables.Tables`.
    weights
        Singular values left of the first site.
    probe
        Pseudo-random numbers.
    chi, cutoff
        As in `impo.tensor.matrix_product.Truncation`.

    Returns
    -------
    matrices
        C = gate B B of all sectors, one after the other # (vL p0) (p1 vR).
    vectors
        Right singular vectors of S C as rows, room for `room` per sector.
    values, room
        Singular values, room for `room` per sector.
    kept
        Number of states kept per sector.
    discarded, norm
        Relative discarded weight, and norm of what is kept.
    """
    regrouped = second[plan.regroup]
    gated = _gated(first, regrouped, gate, plan)
    sectors = plan.sectors
    count = len(sectors)
    room = np.empty(count, np.int64)
    starts = np.zeros((count + 1, 5), np.int64)  # of matrices, rows, guesses, vectors, values
    for s in range(count):
        rows, columns, multiplicity, before = sectors[s, :4]
        room[s] = min(rows, columns, chi // multiplicity)
        starts[s + 1, 0] = starts[s, 0] + rows * columns
        starts[s + 1, 1] = starts[s, 1] + rows
        starts[s + 1, 2] = starts[s, 2] + before * columns
        starts[s + 1, 3] = starts[s, 3] + room[s] * columns
        starts[s + 1, 4] = starts[s, 4] + room[s]
    matrices = np.empty(starts[count, 0], first.dtype)
    _gather(gated, plan.pick_source, plan.pick_factor, 0, matrices)
    _add_mirror_images(matrices, gated, plan)
    vectors = np.empty(starts[count, 3], matrices.dtype)
    values = np.empty(starts[count, 4])
    found = np.zeros(count, np.int64)
    missed = np.empty(count)
    whole = np.zeros(count, np.bool_)
    for s in range(count):
        theta = _theta(matrices, weights, plan, s, starts)
        if sectors[s, 3] == 0:
            missed[s] = _square(theta)
        else:
            found[s], missed[s], whole[s] = _decompose(
                theta, _guess(regrouped, plan, probe, s, starts), room[s],
                values[starts[s, 4] :], vectors[starts[s, 3] :],
            )  # fmt: skip
    while True:
        kept, discarded, norm, threshold = _select(
            values, room, found, missed, sectors, chi, cutoff
        )
        complete = True
        for s in range(count):  # a sector that may hold more that deserves a place
            if not whole[s] and missed[s] > threshold**2:
                complete = False
                guess = _guess(regrouped, plan, probe, s, starts)
                used = len(guess) if found[s] == 0 else 0
                found[s], missed[s], whole[s] = _decompose(
                    _theta(matrices, weights, plan, s, starts), guess[:used], room[s],
                    values[starts[s, 4] :], vectors[starts[s, 3] :],
                )  # fmt: skip
        if complete:
            return matrices, vectors, values, room, kept, discarded, norm


@_compiled
def _gated(first, regrouped, gate, plan):
    """Return gate B B as matrices # (p0 p1) (vL vR) per pair charge."""
    theta = np.empty(plan.theta_size + 1, first.dtype)
    theta[-1] = 0
    out = 0
    for n in range(len(plan.products)):
        start, rows, inner, other, columns = plan.products[n]
        np.dot(
            first[start : start + rows * inner].reshape(rows, inner),
            regrouped[other : other + inner * columns].reshape(inner, columns),
            theta[out : out + rows * columns].reshape(rows, columns),
        )  # (vL p0) (p1 vR)
        out += rows * columns
    gated = np.empty(len(plan.gate_source), gate.dtype)
    out = 0
    for n in range(len(plan.gates)):
        start, order, columns = plan.gates[n]
        size = order * columns
        pairs = np.empty(size, gate.dtype)
        np.dot(
            gate[start : start + order * order].reshape(order, order),
            _gather(theta, plan.gate_source, plan.gate_factor, out, pairs).reshape(order, columns),
            gated[out : out + size].reshape(order, columns),
        )  # (p0 p1) (vL vR)
        out += size
    return gated


@_compiled
def _add_mirror_images(matrices, gated, plan):
    start = image = 0
    for s in range(len(plan.sectors)):
        size = plan.sectors[s, 0] * plan.sectors[s, 1]
        if plan.sectors[s, 4]:
            for n in range(size):
                factor = FACTORS[plan.mirror_factor[image + n]]
                matrices[start + n] += gated[plan.mirror_source[image + n]] * factor
            image += size
        start += size


@_compiled
def _theta(matrices, weights, plan, s, starts):
    """Return S C of a sector."""
    rows, columns = plan.sectors[s, 0], plan.sectors[s, 1]
    theta = np.empty((rows, columns), matrices.dtype)
    n = starts[s, 0]
    for i in range(rows):
        weight = weights[plan.row_state[starts[s, 1] + i]]
        for j in range(columns):
            theta[i, j] = weight * matrices[n]
            n += 1
    return theta


@_compiled
def _guess(regrouped, plan, probe, s, starts):
    """Return rows that nearly span the right vectors to be found, and some to find new ones."""
    columns, before = plan.sectors[s, 1], plan.sectors[s, 3]
    size = before * columns
    guess = np.empty((before + max(4, before // 2)) * columns, regrouped.dtype)
    _gather(regrouped, plan.old_source, plan.old_factor, starts[s, 2], guess[:size])
    for n in range(len(guess) - size):
        guess[size + n] = probe[n % len(probe)]
    return guess.reshape(len(guess) // columns, columns)


@_compiled
def _square(a):
    total = 0.0
    for x in a.flat:
        total += x.real**2 + x.imag**2
    return total


@_compiled
def _decompose(theta, guess, room, values, vectors):
    """Decompose a sector; return the number of states found, the weight missed, and if that is all.

    Large sectors are decomposed only as far as a guess reaches, unless it is empty.
    """
    rows, columns = theta.shape
    lead = len(guess) > 0 and min(rows, columns) > max(SMALL, 2 * len(guess))
    if lead:
        found, right, missed = leading(theta, guess)
    else:
        found, right = _svd(theta)
        missed = 0.0
    number = min(room, len(found))
    values[:number] = found[:number]
    for i in range(number):
        for j in range(columns):
            vectors[i * columns + j] = right[i, j]
    for i in range(number, len(found)):
        missed += found[i] ** 2
    return number, missed, not lead


@_compiled
def _svd(a):
    """Return all singular values and right singular vectors (as rows)."""
    try:
        _, values, vectors = np.linalg.svd(a, False)
    except Exception:  # divide and conquer fails on rare matrices, but not on both orientations
        left, values, _ = np.linalg.svd(_adjoint(a), False)
        vectors = np.ascontiguousarray(_adjoint(left))
    return values, vectors


@_compiled
def _orthonormal(a):
    return np.ascontiguousarray(np.linalg.qr(a)[0])


@_compiled
def leading(matrix, guess):
    """Return the leading part of a decomposition by two sweeps of subspace iteration.

    Parameters
    ----------
    matrix
        Shape (rows, columns).
    guess
        Rows that nearly span the wanted right singular vectors, and some more.

    Returns
    -------
    values, vectors
        As many singular values and right singular vectors (as rows) as rows were given.
    missed
        Squared norm of the rest.
    """
    basis = _orthonormal(matrix @ _adjoint(guess))
    basis = _orthonormal(_adjoint(matrix) @ basis)
    basis = _orthonormal(matrix @ basis)
    coefficients = _adjoint(basis) @ matrix
    rest = matrix - basis @ coefficients
    values, vectors = _svd(coefficients)
    return values, vectors, _square(rest)


@_compiled
def _select(values, room, found, missed, sectors, chi, cutoff):
    """Return the states kept per sector, the discarded weight, the norm, and what earns a place.

    A pair of charges q, -q is kept or cut as one. The numbers of states that the bond had before
    are kept where the best choice is hardly better: every new set of charges costs a new plan.
    """
    count = len(sectors)
    merged = np.empty(found.sum())
    owner = np.empty(len(merged), np.int64)
    n = start = 0
    for s in range(count):
        for m in range(found[s]):
            merged[n], owner[n] = values[start + m], s
            n += 1
        start += room[s]
    order = np.argsort(-merged, kind="mergesort")
    kept = np.zeros(count, np.int64)
    largest = merged[order[0]] if n else 0.0
    threshold, size, full = cutoff * largest, 0, False
    smallest = largest
    for at in order:
        if not merged[at] > threshold:
            break
        size += sectors[owner[at], 2]
        if size > chi:
            full = True
            break
        kept[owner[at]] += 1
        smallest = merged[at]
    if full:
        threshold = smallest
    before = sectors[:, 3]
    kept_size = old_size = 0
    possible = True
    for s in range(count):
        kept_size += kept[s] * sectors[s, 2]
        old_size += before[s] * sectors[s, 2]
        possible = possible and before[s] <= found[s]
    if full and possible and kept_size - 1 <= old_size <= chi:
        best = _lost(kept, values, room, found, missed, sectors)
        if _lost(before, values, room, found, missed, sectors) <= STICKY * best:
            kept = before.copy()
    discarded = _lost(kept, values, room, found, missed, sectors)
    total = _lost(np.zeros(count, np.int64), values, room, found, missed, sectors)
    return kept, discarded / total, np.sqrt(total - discarded), threshold


@_compiled
def _lost(kept, values, room, found, missed, sectors):
    """Return the weight lost if the first `kept` states of each sector are kept."""
    total = 0.0
    start = 0
    for s in range(len(sectors)):
        part = missed[s]
        for n in range(found[s] - 1, kept[s] - 1, -1):
            part += values[start + n] ** 2
        total += sectors[s, 2] * part
        start += room[s]
    return total


@_compiled
def rebuild(matrices, vectors, values, room, sectors, kept, norm, first, second, order):
    """Return the two tensors B = C V^+ and V, and the singular values, in the order of the plan.

    Parameters
    ----------
    matrices, vectors, values, room, kept, norm
        What `two_site` returns.
    sectors
        As in `impo.tensor.tables.Tables`.
    first, second, order
        The gathers of `impo.tensor.split.SplitPlan`.
    """
    left_size = right_size = number = 0
    for s in range(len(sectors)):
        left_size += sectors[s, 0] * kept[s]
        right_size += sectors[s, 1] * kept[s]
        number += kept[s]
    left = np.empty(left_size, matrices.dtype)
    right = np.empty(right_size, matrices.dtype)
    chosen = np.empty(number)
    start = place = at = a = b = c = 0
    for s in range(len(sectors)):
        rows, columns, n = sectors[s, 0], sectors[s, 1], kept[s]
        if n:
            v = vectors[place : place + n * columns]
            matrix = matrices[start : start + rows * columns].reshape(rows, columns)
            np.dot(matrix, _adjoint(v.reshape(n, columns)), left[a : a + rows * n].reshape(rows, n))
            right[b : b + n * columns] = v
            chosen[c : c + n] = values[at : at + n]
        start += rows * columns
        place += room[s] * columns
        at += room[s]
        a += rows * n
        b += n * columns
        c += n
    left /= norm
    chosen /= norm
    return (
        _gather(left, first.source, first.factor, 0, np.empty(len(first.source), left.dtype)),
        _gather(right, second.source, second.factor, 0, np.empty(len(second.source), right.dtype)),
        chosen[order],
    )
