"""Random models whose steady state is not unique, for reasons that no charge along z shows."""

import numpy as np

from impo.model import Jump, LindbladModel, Spin, Term

AXES = ("Sx", "Sy", "Sz")


def rotation(random, axis=None):
    """Return a random rotation; its last row is a coordinate axis if one is given."""
    if axis is None:
        return np.linalg.qr(random.normal(size=(3, 3)))[0]
    columns = np.column_stack([np.eye(3)[axis], random.normal(size=(3, 2))])
    first, second, third = np.linalg.qr(columns)[0].T
    return np.array([second, third, first])


def coupling(matrix, one, two):
    """Return S_one . matrix . S_two as terms; `one` and `two` are (site, cell)."""
    return [
        Term(float(matrix[a, b]), (AXES[a], *one), (AXES[b], *two))
        for a in range(3)
        for b in range(3)
        if abs(matrix[a, b]) > 1e-15
    ]


def field(vector, site):
    return [Term(float(value), (AXES[a], site, 0)) for a, value in enumerate(vector) if value]


def damping(random, site):
    gain, loss = random.uniform(0.1, 1), random.uniform(0.2, 2)
    return [Jump(float(loss), "S-", site), Jump(float(gain), "S+", site)]


def turned_charge(random):
    """XXZ couplings and fields about local axes, and noise about those that are Cartesian."""
    n = int(random.integers(1, 4))
    noisy = random.integers(2, size=n).astype(bool)
    noisy[random.integers(n)] = True
    axes = random.integers(3, size=n)
    frames = [
        rotation(random, axis if loud else None) for axis, loud in zip(axes, noisy, strict=True)
    ]
    terms, jumps = [], []
    for j in range(n):
        k, cell = (j + 1) % n, (j + 1) // n
        local = np.diag([random.uniform(0.3, 1)] * 2 + [random.normal()])
        terms += coupling(frames[j].T @ local @ frames[k], (j, 0), (k, cell))
        terms += field(random.normal() * frames[j][2], j)
        if noisy[j]:
            jumps.append(Jump(float(random.uniform(0.1, 2)), AXES[axes[j]], j))
    spins = tuple(Spin(float(random.choice([0.5, 0.5, 1.0]))) for _ in range(n))
    return LindbladModel(spins, terms, jumps)


def closed_part(random):
    """A driven and damped spin beside one or two that feel no dissipation."""
    spins = [Spin(float(random.choice([0.5, 1.0]))), Spin(0.5)]
    terms = field(random.normal(size=3), 0) + field(random.normal(size=3), 1)
    if random.integers(2):
        spins.append(Spin(0.5))
        terms += coupling(random.normal(size=(3, 3)), (1, 0), (2, 0))
    return LindbladModel(spins, terms, damping(random, 0))


def dark_pair(random):
    """Two spins that couple to a damped one through their sum only, in turned frames."""
    matrix, frame, vector = random.normal(size=(3, 3)), rotation(random), random.normal(size=3)
    terms = coupling(matrix, (0, 0), (1, 0)) + coupling(matrix.T @ frame, (1, 0), (2, 0))
    terms += field(vector, 0) + field(frame.T @ vector, 2)
    return LindbladModel((Spin(0.5),) * 3, terms, damping(random, 1))


def hidden(seed):
    """Return one of the models, of all three kinds in turn."""
    kinds = (turned_charge, closed_part, dark_pair)
    return kinds[seed % 3](np.random.default_rng(seed))
