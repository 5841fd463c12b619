"""The search for charges and gauges, and the integer linear algebra behind it."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from impo.arrays import Array
from impo.model import Site
from impo.operators.components import Component, PlacedJump
from impo.operators.local import charge_parts

_TINY = 1e-13


def integer_null_space(rows: Sequence[Sequence[int]], n: int) -> Array:
    """Return integer vectors, shape (nullity, n), that span the null space of an integer matrix."""
    system = [(list(row), 0.0) for row in rows]
    pivots = _echelon(system, n)
    vectors = []
    for free in (c for c in range(n) if c not in pivots):
        vector = [Fraction(0)] * n
        vector[free] = Fraction(1)
        for (row, _), column in reversed(list(zip(system, pivots, strict=False))):
            rest = sum((row[c] * vector[c] for c in range(column + 1, n)), Fraction(0))
            vector[column] = -rest / row[column]
        scale = math.lcm(*[x.denominator for x in vector])
        vectors.append([int(x * scale) for x in vector])
    return np.array(vectors, dtype=int).reshape(len(vectors), n)


def solve_modulo_pi(rows: Sequence[Sequence[int]], angles: Sequence[float], n: int) -> Array | None:
    """Solve the integer system sum_j rows[i][j] x_j = angles[i] (mod pi), or return None.

    An angle that is not finite has no solution.
    """
    if not all(map(math.isfinite, angles)):
        return None
    system = [(list(row), angle) for row, angle in zip(rows, angles, strict=True)]
    pivots = _echelon(system, n)
    for _, angle in system[len(pivots) :]:
        if not abs(math.remainder(angle, math.pi)) <= 1e-9:
            return None
    solution = np.zeros(n)
    for (row, angle), column in reversed(list(zip(system, pivots, strict=False))):
        rest = angle - sum(row[c] * solution[c] for c in range(column + 1, n))
        solution[column] = math.remainder(rest, math.pi) / row[column]
    return solution


def _echelon(system: list[tuple[list[int], float]], n: int) -> list[int]:
    """Bring a system to row echelon form in place and return the columns of the pivots.

    Euclid's algorithm: integer row operations keep solutions mod pi.
    """
    pivots: list[int] = []
    for column in range(n):
        rank = len(pivots)
        while live := [r for r in range(rank, len(system)) if system[r][0][column] != 0]:
            best = min(live, key=lambda r: abs(system[r][0][column]))
            system[rank], system[best] = system[best], system[rank]
            if len(live) == 1:
                pivots.append(column)
                break
            top, top_angle = system[rank]
            for r in range(rank + 1, len(system)):
                row, angle = system[r]
                if factor := row[column] // top[column]:
                    reduced = [x - factor * y for x, y in zip(row, top, strict=True)]
                    system[r] = (reduced, angle - factor * top_angle)
    return pivots


def conserved_charges(
    sites: Sequence[Site], components: Sequence[Component], jumps: Sequence[PlacedJump]
) -> Array:
    """Return the weak U(1) symmetries as integers c_j, shape (charges, sites).

    Every term conserves sum_j c_j m_j, and every jump operator changes it by a definite amount.
    Positions beyond the sites are those of the next tiles.
    """
    n = len(sites)
    rows = [_row(n, term.positions, term.charges) for term in components]
    for position, _, matrix in jumps:
        first, *others = charge_parts(sites[position], matrix)
        rows += [_row(n, (position,), (q - first,)) for q in others]
    return integer_null_space([row[:n] for row in rows], n)


def gauge(
    sites: Sequence[Site], components: Sequence[Component], jumps: Sequence[PlacedJump],
    infinite: bool,
) -> Array | None:  # fmt: skip
    """Return phases, and their advance per tile, that make the Liouvillian real, or None.

    Shape (sites + 1,), in radians; the advance is zero unless the sites are a tile of a chain.
    """
    n = len(sites)
    rows, angles = [], []
    for term in components:
        if any(np.iscomplexobj(matrix) for matrix in term.matrices):
            return None
        rows.append(_row(n, term.positions, term.charges))
        angles.append(math.pi / 2 - math.atan2(term.coefficient.imag, term.coefficient.real))
    for position, _, matrix in jumps:
        parts = charge_parts(sites[position], matrix)
        pivots = {q: part.flat[np.argmax(np.abs(part))] for q, part in parts.items()}
        if any(np.abs((part / pivots[q]).imag).max() > _TINY for q, part in parts.items()):
            return None
        first, *others = parts
        for q in others:
            rows.append(_row(n, (position,), (q - first,)))
            angles.append(float(np.angle(pivots[first]) - np.angle(pivots[q])))
    if not infinite:
        rows.append([0] * n + [1])
        angles.append(0.0)
    return solve_modulo_pi(rows, angles, n + 1)


def _row(n: int, positions: Sequence[int], entries: Sequence[int]) -> list[int]:
    """Return an equation over the n sites of a tile and, at the end, the advance per tile."""
    row = [0] * (n + 1)
    for position, entry in zip(positions, entries, strict=True):
        row[position % n] += entry
        row[n] += position // n * entry
    return row
