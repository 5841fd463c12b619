"""The steady state of a finite cluster: cut-off, verdict and the numbers that go with it."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.methods.base import refuse_no_state
from impo.methods.exact.cutoffs import cutoff_error
from impo.methods.exact.gap import Decay, slowest_of
from impo.methods.exact.positivity import LARGEST_MATRIX, groups, lowest_eigenvalue, places
from impo.methods.exact.sector import LOWEST_RANK, Charge, cluster, top_rank
from impo.methods.exact.solution import Solution, solve
from impo.methods.exact.spectrum import charged_decay, charged_null_space, charges_of, cheap
from impo.methods.exact.state import PURITIES, ExactState, OtherCutoff
from impo.methods.exact.verdict import verdict
from impo.model import Boson, LindbladModel, Spin
from impo.operators.cluster_density import ClusterDensity
from impo.operators.liouvillian import Generator
from impo.results.progress import Follower, tell

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact


def _cutoffs(model: LindbladModel, method: "Exact") -> list[int | None]:
    """Return the multipole cut-offs to solve at, ascending; None for all multipoles.

    They grow by a third: convergence can be algebraic in k (mixed phases), and the change over a
    step of two would then be much smaller than the error.
    """
    full = max((s.dimension - 1 for s in model.sites if isinstance(s, Spin)), default=0)
    if method.k_max is None or full == 0:
        return [None]
    if isinstance(method.k_max, int):
        lower = min(method.k_max - 1, max(1, min(method.k_max - 2, 3 * method.k_max // 4)))
        return [None] if method.k_max >= full else [lower, method.k_max]
    steps: list[int | None] = []
    rank = LOWEST_RANK
    while rank < full:
        steps.append(rank)
        rank = max(rank + 2, 2 * round(2 * rank / 3))
    return [*steps, None]


def _shift(old: ClusterDensity, new: ClusterDensity) -> float:
    """Return the largest change of <S_z>/S and Var/S^2 (bosons: n and Var n)."""
    return float(np.abs(new.scaled_moments - old.scaled_moments).max())


def _tail(density: ClusterDensity) -> float:
    """Return the share of Tr rho^2 in products with a multipole of one of the two top ranks."""
    top = np.zeros(len(density.index), dtype=bool)
    for site, basis in enumerate(density.bases):
        if basis.k.max() > 0:
            top |= basis.k[density.index[:, site]] > basis.k.max() - 2
    weight = np.abs(density.coefficients) ** 2
    return float(weight[top].sum() / weight.sum())


@dataclass(frozen=True)
class _Search:
    """The last of the solutions at rising multipole cut-offs, and what led there."""

    last: Solution
    coarser: ClusterDensity | None  # None if nothing is cut
    uncut: bool
    k_max: int | None
    change: float | None  # from the last but one to the last
    history: tuple[dict[str, Any], ...]


def steady_state(
    method: "Exact", model: LindbladModel, start: Any = None, progress: Follower | None = None
) -> ExactState:
    """Return the steady state of a finite cluster.

    The Liouvillian of the zero-charge sector is reduced to Hermitian operators, where it is real,
    and its null space is found with an inverse next to zero; by GMRES where a factorization would
    cost much more. The dimension of the null space is established in either case. Solutions with
    other cut-offs give the error that the cut-offs of bosons cause.

    Parameters
    ----------
    method
        Settings.
    model
        Description of the lattice.
    start
        An `ExactState` is a first guess for large clusters, and with `k_max="auto"` the search
        starts at its cut-off. Of other starts the result does not depend.
    progress
        Hears of every cut-off that is solved.

    Raises
    ------
    ArgumentError
        If `method.cells` does not fit the dimension of the model, or `start` is no state of it.
    UnsupportedModelError
        If the cluster is too large for the memory; nothing large has been allocated by then.
    """
    refuse_no_state(model, start)
    generator = cluster(model, method)
    guess = start.density if isinstance(start, ExactState) else None
    found = _search(method, generator, guess, progress)
    last, density = found.last, found.last.density
    rounded: ClusterDensity | None = None
    if density is not None and last.error is not None:
        rounded = replace(density, coefficients=density.coefficients + last.error)
    tell(progress, "measuring gap and errors", k_max=found.k_max)
    diagnostics, extras, others = _measured(method, generator, found, rounded)
    status, message = verdict(method, last, diagnostics)
    return ExactState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=None if density is None else last.residual,
        history=found.history,
        diagnostics=diagnostics,
        extras=extras,
        density=density,
        coarser=found.coarser,
        uncertainty=last.uncertainty,
        others=others,
        rounded=rounded,
        share=last.share,
    )


def _measured(
    method: "Exact", generator: Generator, found: _Search, rounded: ClusterDensity | None
) -> tuple[dict[str, Any], dict[str, Any], tuple[OtherCutoff, ...] | None]:
    """Return diagnostics, extras and the states with other cut-offs of bosons."""
    last, density = found.last, found.last.density
    diagnostics: dict[str, Any] = {
        "solver": last.solver,
        "null_space_dimension": last.null_dimension,
        "k_max": None if density is None else top_rank(density.bases),
        "multipole_tail": 0.0 if found.uncut or density is None else _tail(density),
        "leakage": None if density is None else last.leakage,
    }
    if density is None:
        return diagnostics, dict.fromkeys(("gap", *PURITIES)), ()
    rounding = _rounding(generator.model, last, rounded)
    change, others = cutoff_error(method, generator.model, density, found.k_max, rounding)
    decays = _decays(generator, last, method.gap)
    gap = slowest_of(list(decays.values()))
    diagnostics |= {
        "change": 0.0 if found.uncut else found.change,
        "rounding": rounding if math.isfinite(rounding) else None,
        "cutoff_change": change,
        **_positivity(density, found.coarser),
        "cutoff_occupation": density.cutoff_occupation,
        "decay_rates": {label: None if d is None else d.rate for label, d in decays.items()},
        "decay_rate_errors": {label: None if d is None else d.error for label, d in decays.items()},
        "gap_error": None if gap is None else gap.error,
    }
    purities = {name: getattr(density, name) for name in PURITIES}
    return diagnostics, {"gap": None if gap is None else gap.rate, **purities}, others


def _search(
    method: "Exact", generator: Generator, guess: ClusterDensity | None,
    progress: Follower | None,
) -> _Search:  # fmt: skip
    """Solve at rising multipole cut-offs until a result holds; each starts from the one before."""
    ranks = _cutoffs(generator.model, method)
    if method.k_max == "auto" and guess is not None:
        known = top_rank(guess.bases)
        ranks = [k for k in ranks if k is None or k >= known - 2]
    solutions: list[Solution] = []
    history: list[dict[str, Any]] = []
    change = None
    for k_max in ranks:
        size = None if k_max else math.prod(site.dimension**2 for site in generator.sites)
        tell(progress, "solving", k_max=k_max, size=size)
        new = solve(generator, k_max, guess, oscillating=method.gap)
        solutions.append(new)
        if new.density is None:
            break
        if guess is not None and len(solutions) > 1:
            change = _shift(guess, new.density)
        guess = new.density
        history.append({"k_max": k_max, "residual": new.residual, "change": change})
        if not new.converged or (change is not None and change <= method.tol):
            break
    if new.density is None:
        charged, complete = charged_null_space(generator, k_max)
        new = replace(
            new, null_dimension=new.null_dimension + charged, complete=new.complete and complete
        )
    uncut = ranks[-1] is None and len(solutions) == len(ranks)
    coarser = None if uncut or len(solutions) < 2 else solutions[-2].density
    return _Search(new, coarser, uncut, k_max, change, tuple(history))


def _rounding(model: LindbladModel, solution: Solution, rounded: ClusterDensity | None) -> float:
    """Return what rounding may change of <S_z>/S and Var/S^2 (bosons: n and Var n)."""
    assert solution.density is not None
    largest = max((site.cutoff for site in model.sites if isinstance(site, Boson)), default=1)
    bound = 3 * largest**2 * solution.uncertainty * math.sqrt(solution.density.dimension)
    return solution.share * bound + (0 if rounded is None else _shift(solution.density, rounded))


def _positivity(density: ClusterDensity, coarser: ClusterDensity | None) -> dict[str, Any]:
    """Return the smallest probability and eigenvalue, and what the multipole cut-off changes."""
    change = 0.0
    if coarser is not None:  # of the eigenvalues of one or two sites
        pair = places(density)[:2]
        if np.prod([density.bases[density.position(p)].dimension for p in pair]) > LARGEST_MATRIX:
            pair = pair[:1]
        difference = density.density_matrix(pair) - coarser.density_matrix(pair)
        change = float(np.linalg.norm(difference, 2))
    lowest, whole = lowest_eigenvalue(density)
    return {
        "smallest_probability": min(float(density.distribution(g).min()) for g in groups(density)),
        "smallest_eigenvalue": lowest,
        "whole_matrix_diagonalised": whole,
        "eigenvalue_change": change,
    }


def _decays(generator: Generator, solution: Solution, charged: bool) -> dict[str, Decay | None]:
    """Return the slowest decay for zero charge and, if wanted, for other charges.

    These are all charges where that takes a second or two, else every charge one. None where it is
    not wanted or would take much longer than the steady state.
    """

    def label(charge: Charge) -> str:
        return ",".join(map(str, charge)) or "0"

    count = len(generator.charges)
    decays = {label((0,) * count): solution.decay}
    ones = [tuple(int(i == which) for i in range(count)) for which in range(count)]
    if not charged or solution.decay is None or solution.density is None:
        return decays | {label(charge): None for charge in ones}
    k_max = top_rank(solution.density.bases) or None
    sizes = charges_of(generator, k_max)
    if not cheap(sizes.values()):
        sizes = {charge: sizes[charge] for charge in ones if charge in sizes}
    for charge in sizes:
        decays[label(charge)] = charged_decay(generator, k_max, charge)
    return decays
