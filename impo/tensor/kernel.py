"""The two-site update, compiled: products, moves and decompositions as the plans say.

All that the compiled functions freeze is in this file or in `impo.tensor.linear_algebra`: constants
and the order of the plain tuples that go in and out (a call takes microseconds longer for every
named tuple). Loops stand for assignments to slices, which take seconds to compile.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections import namedtuple
from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from impo.arrays import Array
from impo.tensor.linear_algebra import (
    AS_IT_IS,
    TRANSPOSED,
    compiled,
    conjugate,
    gemm,
    leading,
    square,
    svd,
)

# Of the other file. A cached function notices a change only of its own: this line has to change.
LINEAR_ALGEBRA = "1ddda381c41e2002"

# Elements move with one of these factors; plans hold its number, a byte.
FACTORS = np.array([-sqrt(2), -1.0, -sqrt(0.5), 0.0, sqrt(0.5), 1.0, sqrt(2)])
# Below this size a complete decomposition is as fast as finding its leading part.
SMALL = 24
# A choice of states is kept while its discarded weight is below this multiple of the smallest.
STICKY = 1.05

# Fields of `Tables` and `Decomposed` of `impo.tensor.tables`, which say what they are.
Plan = namedtuple(
    "Plan", "regroup products theta_size gates gate_input sectors pick image row_state old"
)
Found = namedtuple("Found", "matrices vectors values kept discarded norm")

_cached = njit(nogil=True, cache=True, error_model="numpy")

SPECTRUM = np.dtype(
    [
        ("room", np.int64), ("found", np.int64), ("missed", np.float64), ("whole", np.bool_),
        ("first_value", np.int64), ("first_vector", np.int64),
    ],
    align=True,
)  # fmt: skip
"""How far a sector is decomposed: how many states there is room for and how many are found, the
weight missed, whether that is all, and where its part of `Spectra` starts."""


class Spectra(NamedTuple):
    """Singular values and right singular vectors (as rows), those of a sector side by side.

    The arrays are flat, with room for more than is found; `sectors` are records `SPECTRUM`.
    """

    values: Array
    vectors: Array
    sectors: Array


@compiled
def _moved(elements, moves, out):
    """Fill `out` with the elements that the records `MOVE` select, and return it."""
    for n in range(len(out)):
        move = moves[n]
        out[n] = elements[move.source] * FACTORS[move.factor]
    return out


@_cached
def two_site(first, second, gate, tables, schmidt_values, probe, chi, cutoff):
    """Contract two sites, apply a gate, decompose the result and choose the states kept.

    Parameters
    ----------
    first, second
        Flat tensors B; `impo.tensor.legs.TensorLayout` is the order of their elements.
    gate
        Flat gate, its blocks where the plan expects them; it is applied in its precision.
    tables
        `impo.tensor.tables.Tables` as a plain tuple.
    schmidt_values
        Singular values S left of the first site.
    probe
        Pseudo-random numbers.
    chi, cutoff
        As in `impo.tensor.matrix_product.Truncation`.

    Returns
    -------
    tuple
        `Decomposed` as a plain tuple.
    """
    plan = Plan(*tables)
    regrouped = second[plan.regroup]
    matrices = _matrices(first, regrouped, gate, plan)
    spectra = _empty_spectra(plan.sectors, chi, matrices)
    for s in range(len(plan.sectors)):
        theta = _theta(matrices, schmidt_values, plan, s)
        if plan.sectors[s].before == 0:
            spectra.sectors[s].missed = square(theta)
        else:
            _decompose(theta, _guess(regrouped, plan, probe, s), spectra, s)
    while True:
        kept, discarded, norm, threshold = _select(spectra, plan.sectors, chi, cutoff)
        complete = True
        for s in range(len(plan.sectors)):  # one may hold more that deserves a place
            spectrum = spectra.sectors[s]
            if not spectrum.whole and spectrum.missed > threshold**2:
                complete = False
                guess = _guess(regrouped, plan, probe, s)
                used = len(guess) if spectrum.found == 0 else 0
                _decompose(_theta(matrices, schmidt_values, plan, s), guess[:used], spectra, s)
        if complete:
            vectors, values = _chosen(spectra, plan.sectors, kept)
            return matrices, vectors, values, kept, discarded, norm


@compiled
def _matrices(first, regrouped, gate, plan):
    """Return C = gate B B of all sectors # (vL p0) (p1 vR)."""
    gated = _gated(first, regrouped, gate, plan)
    matrices = _moved(gated, plan.pick, np.empty(len(plan.pick), first.dtype))
    for sector in plan.sectors:
        if sector.mirrored:
            start, image = sector.first_element, sector.first_image
            for n in range(sector.rows * sector.columns):
                move = plan.image[image + n]
                matrices[start + n] += gated[move.source] * FACTORS[move.factor]
    return matrices


@compiled
def _gated(first, regrouped, gate, plan):
    """Return gate B B as matrices # (p0 p1) (vL vR) per pair charge."""
    theta = np.empty(plan.theta_size + 1, first.dtype)
    theta[-1] = 0
    out = 0
    for product in plan.products:
        rows, inner, columns = product.rows, product.inner, product.columns
        gemm(
            first[product.first : product.first + rows * inner].reshape(rows, inner), AS_IT_IS,
            regrouped[product.second : product.second + inner * columns].reshape(inner, columns),
            AS_IT_IS, theta[out : out + rows * columns].reshape(rows, columns), 1,
        )  # (vL p0) [vM], [vM] (p1 vR)  # fmt: skip
        out += rows * columns
    gated = np.empty(len(plan.gate_input), gate.dtype)
    out = 0
    for block in plan.gates:
        start, order, columns = block.start, block.order, block.columns
        size = order * columns
        pairs = np.empty(size, gate.dtype)
        _moved(theta, plan.gate_input[out : out + size], pairs)
        gemm(
            gate[start : start + order * order].reshape(order, order), AS_IT_IS,
            pairs.reshape(order, columns), AS_IT_IS,
            gated[out : out + size].reshape(order, columns), 1,
        )  # (p0 p1) [p0' p1'], [p0' p1'] (vL vR)  # fmt: skip
        out += size
    return gated


@compiled
def _empty_spectra(sectors, chi, matrices):
    """Return room for what the decompositions will find."""
    spectra = np.zeros(len(sectors), SPECTRUM)
    values = vectors = 0
    for s in range(len(sectors)):
        sector, spectrum = sectors[s], spectra[s]
        spectrum.room = min(sector.rows, sector.columns, chi // sector.multiplicity)
        spectrum.first_value, spectrum.first_vector = values, vectors
        values += spectrum.room
        vectors += spectrum.room * sector.columns
    return Spectra(np.empty(values), np.empty(vectors, matrices.dtype), spectra)


@compiled
def _theta(matrices, schmidt_values, plan, s):
    """Return S C of a sector # (vL p0) (p1 vR)."""
    sector = plan.sectors[s]
    rows, columns = sector.rows, sector.columns
    theta = np.empty((rows, columns), matrices.dtype)
    n = sector.first_element
    for i in range(rows):
        value = schmidt_values[plan.row_state[sector.first_row + i]]
        for j in range(columns):
            theta[i, j] = value * matrices[n]
            n += 1
    return theta


@compiled
def _guess(regrouped, plan, probe, s):
    """Return rows that nearly span the right vectors to be found, and some to find new ones."""
    sector = plan.sectors[s]
    columns, before = sector.columns, sector.before
    size = before * columns
    guess = np.empty((before + max(4, before // 2)) * columns, regrouped.dtype)
    _moved(regrouped, plan.old[sector.first_old : sector.first_old + size], guess[:size])
    for n in range(len(guess) - size):
        guess[size + n] = probe[n % len(probe)]
    return guess.reshape(len(guess) // columns, columns)


@compiled
def _decompose(theta, guess, spectra, s):
    """Decompose a sector and note its values, its vectors and the weight missed.

    Large sectors are decomposed only as far as a guess reaches, unless it is empty.
    """
    rows, columns = theta.shape
    lead = len(guess) > 0 and min(rows, columns) > max(SMALL, 2 * len(guess))
    if lead:
        found, right, missed = leading(theta, guess)
    else:
        found, right = svd(theta)
        missed = 0.0
    spectrum = spectra.sectors[s]
    number = min(spectrum.room, len(found))
    for i in range(number):
        spectra.values[spectrum.first_value + i] = found[i]
        start = spectrum.first_vector + i * columns
        for j in range(columns):
            spectra.vectors[start + j] = right[i, j]
    for i in range(number, len(found)):
        missed += found[i] ** 2
    spectrum.found, spectrum.missed, spectrum.whole = number, missed, not lead


@compiled
def _select(spectra, sectors, chi, cutoff):
    """Return the states kept per sector, the discarded weight, the norm, and what earns a place.

    A pair of charges q, -q is kept or cut as one.
    """
    values, owners = _merged(spectra)
    kept = np.zeros(len(sectors), np.int64)
    largest = values[0] if len(values) else 0.0
    threshold, size, full = cutoff * largest, 0, False
    smallest = largest
    for n in range(len(values)):
        if not values[n] > threshold:
            break
        size += sectors[owners[n]].multiplicity
        if size > chi:
            full = True
            break
        kept[owners[n]] += 1
        smallest = values[n]
    if full:
        threshold = smallest
        kept = _as_before(kept, spectra, sectors, chi)
    discarded = _lost(kept, spectra, sectors)
    total = _lost(np.zeros(len(sectors), np.int64), spectra, sectors)
    return kept, discarded / total, np.sqrt(total - discarded), threshold


@compiled
def _merged(spectra):
    """Return the singular values of all sectors in falling order, and whose they are."""
    number, sectors = 0, len(spectra.sectors)
    for s in range(sectors):
        number += spectra.sectors[s].found
    values, owners = np.empty(number), np.empty(number, np.int64)
    used = np.zeros(sectors, np.int64)
    for n in range(number):
        largest, owner = 0.0, -1
        for s in range(sectors):  # those of a sector fall
            spectrum = spectra.sectors[s]
            if used[s] < spectrum.found:
                value = spectra.values[spectrum.first_value + used[s]]
                if owner < 0 or value > largest:
                    largest, owner = value, s
        values[n], owners[n] = largest, owner
        used[owner] += 1
    return values, owners


@compiled
def _as_before(kept, spectra, sectors, chi):
    """Return the numbers of states that the bond had before where `kept` is hardly better.

    Every new set of charges costs a new plan.
    """
    before = np.empty(len(sectors), np.int64)
    kept_size = old_size = 0
    possible = True
    for s in range(len(sectors)):
        sector = sectors[s]
        before[s] = sector.before
        kept_size += kept[s] * sector.multiplicity
        old_size += sector.before * sector.multiplicity
        possible = possible and sector.before <= spectra.sectors[s].found
    if not possible or not kept_size - 1 <= old_size <= chi:
        return kept
    as_good = _lost(before, spectra, sectors) <= STICKY * _lost(kept, spectra, sectors)
    return before if as_good else kept


@compiled
def _lost(kept, spectra, sectors):
    """Return the weight lost if the first `kept` states of each sector are kept."""
    total = 0.0
    for s in range(len(sectors)):
        spectrum = spectra.sectors[s]
        part = spectrum.missed
        for n in range(spectrum.found - 1, kept[s] - 1, -1):
            part += spectra.values[spectrum.first_value + n] ** 2
        total += sectors[s].multiplicity * part
    return total


@compiled
def _chosen(spectra, sectors, kept):
    """Return the right singular vectors and the singular values that are kept."""
    vectors, values = np.empty_like(spectra.vectors), np.empty_like(spectra.values)
    a = b = 0
    for s in range(len(sectors)):
        start, other = spectra.sectors[s].first_vector, spectra.sectors[s].first_value
        for n in range(sectors[s].columns * kept[s]):
            vectors[a + n] = spectra.vectors[start + n]
        for n in range(kept[s]):
            values[b + n] = spectra.values[other + n]
        a += sectors[s].columns * kept[s]
        b += kept[s]
    return vectors[:a], values[:b]


@_cached
def rebuild(decomposed, sectors, first, second, order):
    """Return the two tensors B = C V^+ and V, and the singular values, in the order of the plan.

    Parameters
    ----------
    decomposed
        What `two_site` returns.
    sectors
        As in `impo.tensor.tables.Tables`.
    first, second, order
        As in `impo.tensor.split.SplitPlan`.
    """
    found = Found(*decomposed)
    left = np.empty_like(found.matrices)
    start = a = b = 0
    for s in range(len(sectors)):
        rows, columns, n = sectors[s].rows, sectors[s].columns, found.kept[s]
        if n:
            matrix = found.matrices[start : start + rows * columns].reshape(rows, columns)
            v = found.vectors[b : b + n * columns].reshape(n, columns)
            part = left[a : a + rows * n].reshape(rows, n)
            gemm(matrix, AS_IT_IS, conjugate(v), TRANSPOSED, part, 1)
        start += rows * columns
        a += rows * n
        b += n * columns
    for n in range(a):
        left[n] /= found.norm
    values = np.empty(len(order))
    for n in range(len(order)):
        values[n] = found.values[order[n]] / found.norm
    return (
        _moved(left, first, np.empty(len(first), left.dtype)),
        _moved(found.vectors, second, np.empty(len(second), left.dtype)),
        values,
    )
