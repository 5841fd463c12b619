"""An independent construction of a finite cluster in QuTiP, from the symbols of a description."""

import numpy as np
import qutip
from scipy.optimize import linear_sum_assignment

from impo.model import Spin


def _local(site):
    """Return operators by name; of own ones also the adjoints."""
    own = {name: np.frombuffer(elements, complex) for name, elements in site.own}
    own = {name: qutip.Qobj(x.reshape((site.dimension,) * 2)) for name, x in own.items()}
    return {**_named(site), **own, **{f"{name}^+": x.dag() for name, x in own.items()}}


def _named(site):
    if isinstance(site, Spin):
        s = float(site.S)
        sx, sy, sz = qutip.jmat(s)
        return {
            "Id": qutip.qeye(site.dimension),
            "Sx": sx,
            "Sy": sy,
            "Sz": sz,
            "S+": qutip.jmat(s, "+"),
            "S-": qutip.jmat(s, "-"),
        }
    b = qutip.destroy(site.dimension)
    return {"Id": qutip.qeye(site.dimension), "B": b, "Bd": b.dag(), "N": b.dag() * b}


def operator(model, cells, name, site, cell):
    """Return a one-site operator on the whole cluster."""
    factors = [qutip.qeye(s.dimension) for _ in range(cells) for s in model.sites]
    factors[cell * len(model.sites) + site] = _local(model.sites[site])[name]
    return qutip.tensor(factors)


def system(model, cells=1, periodic=False):
    """Return (H, collapse operators) of a one-dimensional cluster."""

    def product(term, cell):
        """Return coefficient * product; None if it leaves an open cluster."""
        out = term.coefficient
        for name, site, (offset,) in term.factors:
            where = cell + offset
            if not periodic and not 0 <= where < cells:
                return None
            out = out * operator(model, cells, name, site, where % cells)
        return out

    total, jumps = 0 * operator(model, cells, "Id", 0, 0), []
    for cell in range(cells):
        for term in model.hamiltonian:
            if (piece := product(term, cell)) is not None:
                total = total + piece
        for jump in model.jumps:
            pieces = [product(term, cell) for term in jump.products(1)]
            if all(piece is not None for piece in pieces):
                jumps.append(np.sqrt(jump.rate) * sum(pieces[1:], pieces[0]))
    return total, jumps


def liouvillian(model, cells=1, periodic=False):
    """Return the dense Liouvillian in the column-stacking convention of QuTiP."""
    return qutip.liouvillian(*system(model, cells, periodic)).full()


def steady_state(matrix, dimension):
    """Return the null vector of a dense Liouvillian as a density matrix."""
    augmented = matrix.copy()
    augmented[0] = np.eye(dimension).ravel()
    right = np.zeros(len(matrix))
    right[0] = 1
    return np.linalg.solve(augmented, right).reshape(dimension, dimension, order="F")


def distance(left, right):
    """Return the largest distance between the partners of two equally long sets of numbers."""
    gaps = np.abs(np.subtract.outer(left, right))
    return gaps[linear_sum_assignment(gaps)].max()
