"""Random models that conserve something which no operator along z shows."""

from itertools import pairwise

import numpy as np

from impo.model import Jump, LindbladModel, Spin, Term

_AXES = ("Sx", "Sy", "Sz")


def _frame(rng, axis):
    """Return a random rotation whose third row is a coordinate axis, or any for None."""
    z = rng.normal(size=3) if axis is None else np.eye(3)[axis] * rng.choice([-1, 1])
    z /= np.linalg.norm(z)
    x = np.cross(z, rng.normal(size=3))
    x /= np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])


def _pair(u, v, a, b, strength):
    """Return strength (u.S_a) (v.S_b) with a = (site, cell)."""
    values = strength * np.outer(u, v)
    return [
        Term(values[i, j], (_AXES[i], *a), (_AXES[j], *b))
        for i, j in np.argwhere(np.abs(values) > 1e-14)
    ]


def _field(u, site, strength):
    return [Term(strength * u[i], (_AXES[i], site, 0)) for i in np.flatnonzero(np.abs(u) > 1e-14)]


def turned_charge(rng, spin, chain):
    """Conserves sum n_j.S_j: XXZ couplings and fields in turned frames, noise along n_j."""
    n = int(rng.integers(1, 4))
    axes = [int(rng.integers(2)) if j == 0 or rng.random() < 0.7 else None for j in range(n)]
    frames = [_frame(rng, axis) for axis in axes]
    bonds = [((j, 0), (j + 1, 0)) for j in range(n - 1)] + [((n - 1, 0), (0, 1))] * chain
    terms = []
    for a, b in bonds:
        across, along = rng.uniform(0.3, 1.2, 2) / spin
        for k, strength in enumerate((across, across, along)):
            terms += _pair(frames[a[0]][k], frames[b[0]][k], a, b, strength)
    for j in range(n):
        terms += _field(frames[j][2], j, rng.uniform(0.2, 1.0))
    jumps = [
        Jump(rng.uniform(0.3, 1.5) / spin, _AXES[axis], j)
        for j, axis in enumerate(axes)
        if axis is not None
    ]
    return LindbladModel((Spin(spin),) * n, terms, jumps)


def closed_part(rng, spin, chain):
    """One site in a field in any direction, beside damped sites that do not touch it."""
    n = int(rng.integers(2, 4))
    lone = int(rng.integers(n))
    rest = [j for j in range(n) if j != lone]
    terms = _field(rng.normal(size=3), lone, rng.uniform(0.3, 1.0))
    jumps = []
    for j in rest:
        terms += _field(rng.normal(size=3), j, rng.uniform(0.2, 1.0))
        for op in rng.choice(["S+", "S-", "Sx", "Sy"], 2):
            jumps.append(Jump(rng.uniform(0.3, 1.5) / spin, str(op), j))
    bonds = [((a, 0), (b, 0)) for a, b in pairwise(rest)]
    for a, b in bonds + [((rest[-1], 0), (rest[0], 1))] * chain:
        terms += _pair(rng.normal(size=3), rng.normal(size=3), a, b, 0.5 / spin)
    return LindbladModel((Spin(spin),) * n, terms, jumps)


def dark_pair(rng, spin):
    """Two sites that reach the damped one between them only together, with phases."""
    size, one, two = rng.uniform(0.5, 1.2), *np.exp(1j * rng.uniform(0, 2 * np.pi, 2))
    terms = [
        Term(size * one, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(size * two, ("S+", 2, 0), ("S-", 1, 0), plus_hc=True),
    ]
    return LindbladModel((Spin(spin),) * 3, terms, [Jump(rng.uniform(0.5, 1.5), "S-", 1)])


def models(seed, count, spin):
    """Yield models of the three kinds in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        chain = bool(rng.integers(2))
        if number % 3 == 2:
            yield dark_pair(rng, spin)
        else:
            yield (turned_charge, closed_part)[number % 3](rng, spin, chain)
