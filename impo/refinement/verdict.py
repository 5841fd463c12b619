"""The verdict on a steady state: residual of the master equation, positivity, leakage, status."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from impo.arrays import Array
from impo.model import Boson
from impo.operators.basis import OperatorBasis, operator_basis
from impo.refinement.approximation import UNIQUE, Approximation, density_matrix, neighbours
from impo.refinement.budget import ErrorBudget
from impo.refinement.far_terms import Product, change_of_pair
from impo.results.estimate import Status

RANK = 4


@dataclass(frozen=True)
class Residual:
    """How well a state satisfies L rho = 0.

    Attributes
    ----------
    value
        max |d<T_kq (x) T_k'q'>/dt| / |T (x) T| with k + k' <= 4, over
        neighbours that are as far apart as a term reaches.
    leakage
        The same for one-site operators of rank k_max + 1, which the state cannot hold.
    """

    value: float
    leakage: float


def residual(approx: Approximation) -> Residual:
    """Apply the unprojected Liouvillian to the states of all neighbours and of what acts on them.

    Neighbours are as far apart as a term of the model reaches.
    """
    generator, columns, n = approx.generator, approx.bases, len(approx.bases)
    rows = [
        operator_basis(site, max(RANK, approx.k_max + 1), generator.hermitian_basis)
        for site in generator.sites
    ]
    terms = list(generator.superoperators(columns, rows))
    inject = [_injection(r, c) for r, c in zip(rows, columns, strict=True)]
    found = []
    for pair in neighbours(generator):
        if generator.reach > 1:
            change = change_of_pair(approx, rows, inject, terms, pair)
        else:
            change = _change_of_bond(approx, rows, inject, terms, pair[0])
        found.append(_largest(change, rows[pair[0]], rows[pair[1] % n], approx.k_max))
    return Residual(*np.max(found, axis=0).tolist())


def _change_of_bond(
    approx: Approximation, rows: Sequence[OperatorBasis], inject: Sequence[Array],
    terms: Sequence[Product], bond: int,
) -> Array:  # fmt: skip
    """Return what `change_of_pair` does, of two neighbours where nothing reaches farther.

    The time derivative of an operator on sites i, i+1 needs the sites i-1 ... i+2, but with every
    single term of the Liouvillian at most three of them.
    """
    n, infinite = len(approx.bases), approx.generator.infinite
    middle = approx.environment.marginal(bond, 2)  # p_i p_{i+1}
    left = right = middle  # at an end of a finite chain, nothing acts from beyond
    if infinite or bond > 0:
        left = approx.environment.marginal(bond - 1, 3)  # p_{i-1} p_i p_{i+1}
    if infinite or bond < n - 2:
        right = approx.environment.marginal(bond, 3)  # p_i p_{i+1} p_{i+2}
    change = np.zeros((len(rows[bond]), len(rows[(bond + 1) % n])), left.dtype)
    for positions, matrices in terms:
        for shift in (-n, 0, n) if infinite else (0,):
            at = tuple(p + shift for p in positions)
            here = dict(zip(at, matrices, strict=True))
            if at == (bond - 1, bond):
                bra = rows[(bond - 1) % n].trace @ here[bond - 1]
                piece = here[bond] @ np.tensordot(bra, left, axes=(0, 0))
                change += piece @ inject[(bond + 1) % n].T
            elif at == (bond + 1, bond + 2):
                ket = rows[(bond + 2) % n].trace @ here[bond + 2]
                change += inject[bond] @ (right @ ket) @ here[bond + 1].T
            elif set(at) <= {bond, bond + 1}:
                first = here.get(bond, inject[bond])
                second = here.get(bond + 1, inject[(bond + 1) % n])
                change += first @ middle @ second.T
    return change


def _injection(rows: OperatorBasis, columns: OperatorBasis) -> Array:
    """Return the overlap of two bases of one site."""
    overlap = np.einsum("xij,yij->xy", rows.matrices.conj(), columns.matrices)
    return np.asarray(overlap.real)


def _largest(
    change: Array, first: OperatorBasis, second: OperatorBasis, k_max: int
) -> tuple[float, float]:
    scaled = np.abs(change) / np.outer(first.size, second.size)
    total = first.k[:, None] + second.k[None, :]
    beyond = (np.maximum(first.k[:, None], second.k[None, :]) == k_max + 1) & (total == k_max + 1)
    return float(scaled[total <= RANK].max()), float(scaled[beyond].max(initial=0.0))


def multipole_tail(approx: Approximation) -> float:
    """Return the share of the highest rank kept in the one-site Hilbert-Schmidt weight, if cut."""
    worst = 0.0
    for site, basis in enumerate(approx.bases):
        if basis.k.max() < basis.dimension - 1:
            weight = np.abs(approx.environment.marginal(site, 1)) ** 2
            worst = max(worst, float(weight[basis.k == basis.k.max()].sum() / weight.sum()))
    return worst


def cutoff_occupation(approx: Approximation) -> float:
    """Return the largest probability that a boson holds as many quanta as it can."""
    worst = 0.0
    for number, (site, basis) in enumerate(zip(approx.generator.sites, approx.bases, strict=True)):
        if isinstance(site, Boson):
            rho = density_matrix(approx.environment.marginal(number, 1), (basis,))
            worst = max(worst, float(rho[-1, -1].real))
    return worst


@dataclass(frozen=True)
class Circumstances:
    """What a verdict needs to know of the way to a state.

    Attributes
    ----------
    stopped
        Whether the evolution ended because of `t_max`.
    conserved
        A local density whose sum over the lattice is conserved.
    apart
        What is known of two starts that did not meet.
    given_start
        Whether the state was asked for that grows from a given start; another start need not lead
        to the same.
    """

    stopped: bool = False
    conserved: str | None = None
    apart: str | None = None
    given_start: bool = False


def verdict(
    approx: Approximation, budget: ErrorBudget, tol: float, way: Circumstances = Circumstances()
) -> tuple[Status, str]:
    """Return the status of a steady state and a sentence that says what to do.

    `converged` needs all of this: the sum of the errors by bond dimension, Trotter step, rank,
    time, and of cut-offs of bosons, is below `tol`, as is the residual over the slowest rate seen
    (in an evolution, the probability that a boson is at its cut-off instead); no two-site state has
    an eigenvalue below its error; and two starts have met.

    Parameters
    ----------
    approx, budget
        The state, and its errors (see `error_budget`).
    tol
        Accuracy asked for.
    way
        What is known of the way to the state.
    """
    rows = _rows(approx, budget, tol, way)
    return next((status, message) for holds, status, message in rows if holds)


def _rows(
    approx: Approximation, budget: ErrorBudget, tol: float, way: Circumstances
) -> Iterator[tuple[bool, Status, str]]:
    """Yield conditions with what they mean; the first that holds is the verdict.

    A row is computed only if none before it holds: of a state that diverged there is no more.
    """
    yield approx.diverged, Status.FAILED, _TRUNCATED if approx.ranks_alike else _DIVERGED
    chosen = not way.given_start
    yield chosen and way.conserved is not None, Status.FAILED, _CONSERVED.format(way.conserved)
    yield not approx.environment.spectrum_ratio <= UNIQUE, Status.NOT_CONVERGED, _MIXTURE
    yield budget.unphysical, Status.UNPHYSICAL, _NEGATIVE.format(budget.lowest_eigenvalue)
    yield chosen and way.apart is not None, Status.NOT_CONVERGED, str(way.apart)
    small, still = budget.total <= tol, budget.residual <= tol
    occupation = 0.0 if "cutoff" in budget.settings else cutoff_occupation(approx)
    full = _FULL.format(occupation, tol)
    yield small and still and not occupation <= tol, Status.K_LIMITED, full
    yield small and still, Status.CONVERGED, "All errors and the residual are below `tol`."
    yield small, Status.CHI_LIMITED, _RESIDUAL.format(budget.residual, tol)
    errors = {"time": budget.time, **budget.settings}
    worst = "time" if way.stopped else max(errors, key=lambda kind: errors[kind])
    yield worst == "time" and way.apart is not None, Status.NOT_CONVERGED, str(way.apart)
    status, advice = _REMEDIES[worst]
    found = ", ".join(f"{kind} {value:.1e}" for kind, value in errors.items())
    rest = f"errors: {found}; residual {budget.residual:.1e}; tol {tol:.1e}"
    yield True, status, f"{advice} ({rest})."


_DIVERGED = (
    "The evolution diverged; raise `k_max` (a low cut-off makes the generator unstable) or "
    "lower `weight`."
)
_TRUNCATED = "The evolution diverged, though all ranks are kept alike; raise `chi_max`."
_CONSERVED = (
    "The steady state is not unique: the sum over the lattice of {} is conserved and keeps the "
    "value that it has at the start; give a `start`, or add the missing dissipation."
)
_MIXTURE = (
    "The two leading eigenvalues of the trace transfer matrix agree: the state is a mixture with "
    "correlations that do not decay; use another `start`, or `Exact`."
)
_NEGATIVE = (
    "A two-site density matrix has the eigenvalue {:.1e}; raise `chi_max`, or `k_max` if it is set."
)
_FULL = (
    "A boson holds its largest number of quanta with probability {:.1e}, more than tol = {:.1e}; "
    "raise its cutoff."
)
_RESIDUAL = (
    "The residual over the slowest rate seen is {:.1e}, more than tol = {:.1e}, though no "
    "observable moves by as much: raise `chi_max`, or `k_max` if it is set."
)
_REMEDIES = {
    "time": (Status.NOT_CONVERGED, "The observables still move: raise `t_max`"),
    "dt": (Status.NOT_CONVERGED,
           "The Trotter error is too large: lower `tol`, which sets the step"),
    "cutoff": (Status.K_LIMITED, "The cut-off of a boson is too low: raise its cutoff"),
    "k_max": (Status.K_LIMITED, "The multipole cut-off is too low: raise `k_max`"),
    "chi": (Status.CHI_LIMITED, "The bond dimension is too small: raise `chi_max`"),
}  # fmt: skip
