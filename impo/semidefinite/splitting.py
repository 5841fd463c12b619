"""The best multipliers of long windows, by the first-order method of SCS.

The problem is that of `impo.semidefinite.interior_point`. A step costs the eigenvectors of all
blocks and the solution of a sparse system that is factorised once for all observables: much less
than a step of an interior-point method, but there are hundreds of them. They are made in rounds.
After each the multipliers are certified, and the best ones so far are kept.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from impo.arguments import UnsupportedModelError
from impo.arrays import Array
from impo.semidefinite.certificate import lower_bound
from impo.semidefinite.relaxation import Relaxation

_STEPS = 100  # of a round
_ROUNDS = 40
_PATIENCE = 3  # rounds
_INTERRUPTED = -5  # what SCS says after Ctrl-C


class Splitting:
    """A relaxation as SCS takes it: numbers of the unknowns and triangles of the blocks.

    Raises
    ------
    UnsupportedModelError
        If SCS is not installed.
    """

    def __init__(self, relaxed: Relaxation):
        try:
            import scs
        except ImportError:
            raise UnsupportedModelError(
                f"`bounds` needs the package scs for a window of {len(relaxed.window.dimensions)} "
                f"sites of {relaxed.generator.model.label}: install 'impo[bounds]', or use fewer "
                "sites."
            ) from None
        self._relaxed = relaxed
        window = relaxed.window
        self._lower, self._scale, self._parts = _triangles(relaxed)
        matrix = window.with_identity(relaxed.constraints)
        count = matrix.shape[0]
        cost = np.zeros(count)
        cost[-1] = -1.0  # the last unknown, the lowest eigenvalue, is to be large
        kind = "s" if relaxed.generator.real else "cs"
        self._solver = scs.SCS(
            {"A": self._vectors(matrix), "b": np.zeros(len(self._lower)), "c": cost},
            {kind: [len(block) for block in window.blocks]},
            max_iters=_STEPS, eps_abs=1e-12, eps_rel=1e-12, verbose=False,
        )  # fmt: skip

    def _vectors(self, rows: Any) -> sparse.csc_matrix:
        """Return Hermitian matrices, given by rows of elements, as columns of numbers for SCS."""
        taken = sparse.csr_array(rows)[:, self._lower]
        parts = taken.real if self._relaxed.generator.real else _chosen(taken, self._parts)
        scaled = parts @ sparse.diags_array(self._scale)
        return sparse.csc_matrix(scaled.T)

    def best_multipliers(
        self, values: Array, tol: float, report: Callable[[int, float], Any]
    ) -> Array:
        """Return the multipliers y_i, shape (m,), for an observable of norm one.

        Parameters
        ----------
        values
            Elements on the window.
        tol
            Distance to the optimum at which to stop; also if a few rounds did not gain as much.
        report
            Told the number of multipliers and the distance after every round.
        """
        target = self._vectors(sparse.csr_array(values[None, :])).toarray().ravel()
        self._solver.update(b=target)
        best, found = [-np.inf], np.zeros(self._relaxed.constraints.shape[0])
        start: dict[str, Array] = {}
        for _ in range(_ROUNDS):
            answer = self._solver.solve(warm_start=bool(start), **start)
            if answer["info"]["status_val"] == _INTERRUPTED:
                raise KeyboardInterrupt
            start = {name: answer[name] for name in ("x", "y", "s")}
            if not all(np.all(np.isfinite(part)) for part in start.values()):
                break
            bound = lower_bound(self._relaxed, values, answer["x"][:-1])
            if bound > best[-1]:
                found = answer["x"][:-1].copy()
            best.append(max(bound, best[-1]))
            gap = _reachable(answer) - best[-1]
            report(len(found) + 1, gap)
            if gap <= tol or (len(best) > _PATIENCE and best[-1] - best[-1 - _PATIENCE] < tol):
                break
        return found


def _reachable(answer: Any) -> float:
    """Return about the largest bound that there can be."""
    info, unknowns = answer["info"], answer["x"]
    missing = info["res_dual"] * float(np.linalg.norm(unknowns))
    return float(max(unknowns[-1], -info["dobj"]) + missing)


def _triangles(relaxed: Relaxation) -> tuple[Array, Array, Array]:
    """Return the elements of lower triangles column by column, their scales, and which part.

    Of a complex matrix SCS takes the real and then the imaginary part of every element below the
    diagonal; off-diagonal elements are multiplied by the root of two.
    """
    window = relaxed.window
    block = np.repeat(np.arange(len(window.blocks)), [len(b) ** 2 for b in window.blocks])
    lower = np.flatnonzero(window.bra >= window.ket)
    lower = lower[np.lexsort((window.bra[lower], window.ket[lower], block[lower]))]
    off = window.bra[lower] != window.ket[lower]
    if not relaxed.generator.real:
        twice = np.repeat(np.arange(len(lower)), 1 + off)
        second = np.concatenate([[False], twice[1:] == twice[:-1]])
        return lower[twice], np.where(off[twice], np.sqrt(2), 1.0), second
    return lower, np.where(off, np.sqrt(2), 1.0), np.zeros(len(lower), dtype=bool)


def _chosen(rows: sparse.csr_array, imaginary: Array) -> sparse.csr_array:
    """Return the imaginary parts of some columns and the real parts of all others."""
    columns = sparse.csc_array(rows)
    counts = np.repeat(imaginary, np.diff(columns.indptr))
    data = np.where(counts, columns.data.imag, columns.data.real)
    return sparse.csr_array(
        sparse.csc_array((data, columns.indices, columns.indptr), shape=columns.shape)
    )
