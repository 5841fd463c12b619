"""Integer linear algebra behind the search for charges and gauges."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from impo.arrays import Array


def integer_null_space(rows: Sequence[Sequence[int]], n: int) -> Array:
    """Return integer vectors, shape (nullity, n), that span the null space of an integer matrix."""
    matrix = [[Fraction(x) for x in row] for row in rows]
    pivots: list[int] = []
    for column in range(n):
        rank = len(pivots)
        found = next((r for r in range(rank, len(matrix)) if matrix[r][column] != 0), None)
        if found is None:
            continue
        matrix[rank], matrix[found] = matrix[found], matrix[rank]
        matrix[rank] = [x / matrix[rank][column] for x in matrix[rank]]
        for r in range(len(matrix)):
            if r != rank and matrix[r][column] != 0:
                factor = matrix[r][column]
                matrix[r] = [x - factor * y for x, y in zip(matrix[r], matrix[rank], strict=True)]
        pivots.append(column)
    vectors = []
    for free in (c for c in range(n) if c not in pivots):
        vector = [Fraction(0)] * n
        vector[free] = Fraction(1)
        for row, column in enumerate(pivots):
            vector[column] = -matrix[row][free]
        scale = math.lcm(*[x.denominator for x in vector])
        vectors.append([int(x * scale) for x in vector])
    return np.array(vectors, dtype=int).reshape(len(vectors), n)


def solve_modulo_pi(rows: Sequence[Sequence[int]], angles: Sequence[float], n: int) -> Array | None:
    """Solve the integer system sum_j rows[i][j] x_j = angles[i] (mod pi), or return None.

    An angle that is not finite has no solution.

    Row echelon form by Euclid's algorithm: integer row operations keep solutions mod pi.
    """
    if not all(map(math.isfinite, angles)):
        return None
    system = [(list(row), angle) for row, angle in zip(rows, angles, strict=True)]
    pivots: list[int] = []
    for column in range(n):
        rank = len(pivots)
        while True:
            live = [r for r in range(rank, len(system)) if system[r][0][column] != 0]
            if not live:
                break
            best = min(live, key=lambda r: abs(system[r][0][column]))
            system[rank], system[best] = system[best], system[rank]
            if len(live) == 1:
                pivots.append(column)
                break
            top, top_angle = system[rank]
            for r in range(rank + 1, len(system)):
                factor = system[r][0][column] // top[column]
                if factor:
                    row, angle = system[r]
                    reduced = [x - factor * y for x, y in zip(row, top, strict=True)]
                    system[r] = (reduced, angle - factor * top_angle)
    for _, angle in system[len(pivots) :]:
        if not abs(math.remainder(angle, math.pi)) <= 1e-9:
            return None
    solution = np.zeros(n)
    for rank in reversed(range(len(pivots))):
        row, angle = system[rank]
        column = pivots[rank]
        rest = angle - sum(row[c] * solution[c] for c in range(column + 1, n))
        solution[column] = math.remainder(rest, math.pi) / row[column]
    return solution
