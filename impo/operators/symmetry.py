"""The search for charges and gauges, and the integer linear algebra behind it."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain

import numpy as np

from impo.arrays import Array
from impo.model import Site
from impo.operators.components import JointJump, Placed
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


def conserved_charges(sites: Sequence[Site], placed: Placed) -> Array:
    """Return the weak U(1) symmetries as integers c_j, shape (charges, sites).

    Every term conserves sum_j c_j m_j, and every jump operator changes it by a definite amount:
    all products of a sum by the same. Positions beyond the sites are those of the next tiles.
    """
    n = len(sites)
    rows = [equation(n, term.positions, term.charges) for term in placed.components]
    for position, _, matrix in placed.jumps:
        first, *others = charge_parts(sites[position], matrix)
        rows += [equation(n, (position,), (q - first,)) for q in others]
    for jump in placed.joint_jumps:
        rows += [row for row, _ in differences(n, jump)]
    return integer_null_space([row[:n] for row in rows], n)


def gauge(sites: Sequence[Site], placed: Placed, infinite: bool) -> Array | None:
    """Return phases, and their advance per tile, that make the Liouvillian real, or None.

    Shape (sites + 1,), in radians; the advance is zero unless the sites are a tile of a chain, and
    all terms conserve the sum of all m: only then is an advance no change of the terms.
    """
    n = len(sites)
    conditions = list(chain(_real_terms(n, placed), _real_jumps(sites, placed)))
    if not infinite or any(sum(row[:n]) for row, _ in conditions):
        conditions.append(([0] * n + [1], 0.0))
    return solve_modulo_pi([row for row, _ in conditions], [a for _, a in conditions], n + 1)


_Conditions = Iterator[tuple[list[int], float]]
"""Equations row . phases = angle (mod pi); without a solution where the angle is nan."""


def _real_terms(n: int, placed: Placed) -> _Conditions:
    """Yield what makes -i times every Hamiltonian term real."""
    for term in placed.components:
        row = equation(n, term.positions, term.charges)
        if any(np.iscomplexobj(matrix) for matrix in term.matrices):
            yield row, math.nan
        yield row, math.pi / 2 - math.atan2(term.coefficient.imag, term.coefficient.real)


def _real_jumps(sites: Sequence[Site], placed: Placed) -> _Conditions:
    """Yield what makes every jump operator real, up to a phase of the whole."""
    n = len(sites)
    for position, _, matrix in placed.jumps:
        parts = charge_parts(sites[position], matrix)
        pivots = {q: part.flat[np.argmax(np.abs(part))] for q, part in parts.items()}
        if any(np.abs((part / pivots[q]).imag).max() > _TINY for q, part in parts.items()):
            yield [0] * (n + 1), math.nan
        first, *others = parts
        for q in others:
            angle = float(np.angle(pivots[first]) - np.angle(pivots[q]))
            yield equation(n, (position,), (q - first,)), angle
    for jump in placed.joint_jumps:
        if any(np.iscomplexobj(matrix) for part in jump.parts for matrix in part.matrices):
            yield [0] * (n + 1), math.nan
        yield from differences(n, jump)


def differences(n: int, jump: JointJump) -> _Conditions:
    """Yield what tells the other products of a jump operator from the first: charges and angle.

    Only their relative phase counts: that of a whole jump operator is free.
    """
    first, *others = jump.parts
    start = np.array(equation(n, first.positions, first.charges))
    for part in others:
        row = np.array(equation(n, part.positions, part.charges)) - start
        yield row.tolist(), float(np.angle(first.coefficient) - np.angle(part.coefficient))


def equation(n: int, positions: Sequence[int], entries: Sequence[int]) -> list[int]:
    """Return an equation over the n sites of a tile and, at the end, the advance per tile."""
    row = [0] * (n + 1)
    for position, entry in zip(positions, entries, strict=True):
        row[position % n] += entry
        row[n] += position // n * entry
    return row
