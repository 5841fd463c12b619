"""The verdict on a steady state: residual of the master equation, positivity, leakage, status."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from impo.arrays import Array
from impo.model import Boson
from impo.operators.basis import OperatorBasis, operator_basis
from impo.refinement.approximation import UNIQUE, Approximation, Refinement, density_matrix
from impo.results.estimate import Status

RANK = 4
_AT_REST = 1e-14  # change within a Trotter step that is rounding


@dataclass(frozen=True)
class Residual:
    """How well a state satisfies L rho = 0.

    Attributes
    ----------
    low
        max |d<T_kq (x) T_k'q'>/dt| / |T (x) T| over neighbours with k + k' <= 4.
    leakage
        The same for one-site operators of rank k_max + 1, which the state cannot hold.
    """

    low: float
    leakage: float


def residual(approx: Approximation) -> Residual:
    """Apply the unprojected Liouvillian to the three-site states around every bond.

    The time derivative of an operator on sites i, i+1 needs the sites i-1 ... i+2, but with every
    single term of the Liouvillian at most three of them.
    """
    generator, n = approx.generator, len(approx.bases)
    columns = approx.bases
    rows = [
        operator_basis(site, max(RANK, approx.k_max + 1), generator.hermitian_basis)
        for site in generator.sites
    ]
    terms = list(generator.superoperators(columns, rows))
    inject = [_injection(r, c) for r, c in zip(rows, columns, strict=True)]
    worst, leakage = 0.0, 0.0
    for bond in range(n):
        pair = (bond, bond + 1)
        left = approx.environment.marginal(bond - 1, 3)  # p_{i-1} p_i p_{i+1}
        right = approx.environment.marginal(bond, 3)  # p_i p_{i+1} p_{i+2}
        trace_right = columns[(bond + 2) % n].trace
        middle = right @ trace_right
        change = np.zeros((len(rows[bond]), len(rows[(bond + 1) % n])), left.dtype)
        for positions, matrices in terms:
            for shift in (-n, 0, n):
                at = tuple(p + shift for p in positions)
                here = dict(zip(at, matrices, strict=True))
                if at == (bond - 1, bond):
                    bra = rows[(bond - 1) % n].trace @ here[bond - 1]
                    piece = here[bond] @ np.tensordot(bra, left, axes=(0, 0))
                    change += piece @ inject[(bond + 1) % n].T
                elif at == (bond + 1, bond + 2):
                    ket = rows[(bond + 2) % n].trace @ here[bond + 2]
                    change += inject[bond] @ (right @ ket) @ here[bond + 1].T
                elif set(at) <= set(pair):
                    first = here.get(bond, inject[bond])
                    second = here.get(bond + 1, inject[(bond + 1) % n])
                    change += first @ middle @ second.T
        low, leak = _largest(change, rows[bond], rows[(bond + 1) % n], approx.k_max)
        worst, leakage = float(np.maximum(worst, low)), float(np.maximum(leakage, leak))
    return Residual(worst, leakage)


def relative_residual(approx: Approximation, low: float) -> float:
    """Return a residual over the slowest rate that was seen: what it may move the state by.

    Files from before that rate was measured hold the bare number.
    """
    rate = approx.slowest_rate
    if rate is None:
        return low
    if low * approx.dt < _AT_REST:
        return 0.0
    return low / rate if rate > 0 else np.inf


def _injection(rows: OperatorBasis, columns: OperatorBasis) -> Array:
    """Return the overlap of two bases of one site."""
    return np.einsum("xij,yij->xy", rows.matrices.conj(), columns.matrices).real


def _largest(
    change: Array, first: OperatorBasis, second: OperatorBasis, k_max: int
) -> tuple[float, float]:
    norms = [np.linalg.norm(basis.matrices, ord=2, axis=(1, 2)) for basis in (first, second)]
    scaled = np.abs(change) / np.outer(*norms)
    total = first.k[:, None] + second.k[None, :]
    beyond = (np.maximum(first.k[:, None], second.k[None, :]) == k_max + 1) & (total == k_max + 1)
    low = float(scaled[total <= RANK].max())
    return low, float(scaled[beyond].max(initial=0.0))


def unphysical(approx: Approximation, error: float) -> bool:
    """Return whether a two-site density matrix is negative by more than the error allows."""
    return approx.smallest_eigenvalue < -max(1e-8, 5 * error)


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


def verdict(
    approx: Approximation,
    refinements: Sequence[Refinement],
    tol: float,
    low_residual: float,
    stopped: bool = False,
    conserved: str | None = None,
    apart: str | None = None,
    given_start: bool = False,
) -> tuple[Status, str]:
    """Return the status of a steady state and a sentence that says what to do.

    `converged` needs all of this: the sum of the errors by bond dimension, Trotter step, rank,
    time, and of cut-offs of bosons, is below `tol`, as is the residual over the slowest rate seen
    (in an evolution, the probability that a boson is at its cut-off instead); no two-site state has
    an eigenvalue below its error; and two starts have met.

    Parameters
    ----------
    approximation, refinements
        The state, and the pairs that bound its errors.
    tol
        Accuracy asked for.
    low_residual
        `Residual.low`; zero where the state need not be stationary.
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
    if not approx.finite:
        return Status.FAILED, (
            "The evolution diverged; raise `k_max` (a low cut-off makes the generator unstable) or "
            "lower `weight`."
        )
    if conserved is not None and not given_start:
        return Status.FAILED, (
            f"The steady state is not unique: the sum over the lattice of {conserved} is conserved "
            "and keeps the value that it has at the start; give a `start`, or add the missing "
            "dissipation."
        )
    if not approx.environment.spectrum_ratio <= UNIQUE:
        return Status.NOT_CONVERGED, (
            "The two leading eigenvalues of the trace transfer matrix agree: the state is a "
            "mixture with correlations that do not decay; use another `start`, or `Exact`."
        )
    errors = {"time": approx.remaining}
    for pair in refinements:
        errors[pair.kind] = errors.get(pair.kind, 0.0) + pair.error
    total = sum(errors.values())
    if unphysical(approx, total):
        return Status.UNPHYSICAL, (
            f"A two-site density matrix has the eigenvalue {approx.smallest_eigenvalue:.1e};"
            " raise `chi_max`, or `k_max` if it is set."
        )
    if apart is not None and not given_start:
        return Status.NOT_CONVERGED, apart
    relative = relative_residual(approx, low_residual)
    if total <= tol and relative <= tol:
        occupation = 0.0 if "cutoff" in errors else cutoff_occupation(approx)
        if not occupation <= tol:
            return Status.K_LIMITED, (
                f"A boson holds its largest number of quanta with probability {occupation:.1e}, "
                f"more than tol = {tol:.1e}; raise its cutoff."
            )
        return Status.CONVERGED, "All errors and the residual are below `tol`."
    if total <= tol:
        return Status.CHI_LIMITED, (
            f"The residual over the slowest rate seen is {relative:.1e}, more than tol = "
            f"{tol:.1e}, though no observable moves by as much: raise `chi_max`, or `k_max` if it "
            "is set."
        )
    worst = "time" if stopped else max(errors, key=lambda kind: errors[kind])
    if worst == "time" and apart is not None:
        return Status.NOT_CONVERGED, apart
    status, advice = _REMEDIES[worst]
    found = ", ".join(f"{kind} {value:.1e}" for kind, value in errors.items())
    return status, f"{advice} (errors: {found}; residual {relative:.1e}; tol {tol:.1e})."


_REMEDIES = {
    "time": (Status.NOT_CONVERGED, "The observables still move: raise `t_max`"),
    "dt": (
        Status.NOT_CONVERGED,
        "The Trotter error is too large: lower `tol`, which sets the step",
    ),
    "cutoff": (Status.K_LIMITED, "The cut-off of a boson is too low: raise its cutoff"),
    "k_max": (Status.K_LIMITED, "The multipole cut-off is too low: raise `k_max`"),
    "chi": (Status.CHI_LIMITED, "The bond dimension is too small: raise `chi_max`"),
}
