"""The steady state of a finite cluster: cut-off, verdict and the numbers that go with it."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.methods.exact.cutoffs import cutoff_error
from impo.methods.exact.gap import Decay, slowest_of
from impo.methods.exact.positivity import LARGEST_MATRIX, lowest_eigenvalue, places
from impo.methods.exact.sector import Charge, cluster
from impo.methods.exact.solution import Solution, solve
from impo.methods.exact.spectrum import charged_decay, charged_null_space, charges_of, cheap
from impo.methods.exact.state import ExactState, OtherCutoff
from impo.methods.exact.verdict import verdict
from impo.model import Boson, LindbladModel, Spin
from impo.operators.cluster_density import ClusterDensity
from impo.operators.liouvillian import Generator

if TYPE_CHECKING:
    from impo.methods.exact.method import Exact


_EXTRAS = ("gap", "purity", "impurity_per_dimension", "diagonal_participation")


def _ladder(model: LindbladModel, method: "Exact") -> list[int | None]:
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
    rank = 4
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


def steady_state(
    model: LindbladModel, method: "Exact", start: ExactState | None = None
) -> ExactState:
    """Return the steady state of a finite cluster.

    The Liouvillian of the zero-charge sector is reduced to Hermitian operators, where it is real,
    and its null space is found with an inverse next to zero; by GMRES where a factorization would
    cost much more. The dimension of the null space is established in either case. Solutions with
    other cut-offs give the error that the cut-offs of bosons cause.

    Parameters
    ----------
    model
        Description of the lattice.
    method
        Settings.
    start
        A first guess for large clusters; with `k_max="auto"` the search starts at its cut-off.

    Raises
    ------
    UnsupportedModelError
        If the cluster is too large for the memory; nothing large has been allocated by then.
    """
    generator = cluster(model, method)
    guess = start.density if isinstance(start, ExactState) else None
    ladder = _ladder(model, method)
    if method.k_max == "auto" and guess is not None:
        known = max(int(basis.k.max()) for basis in guess.bases)
        ladder = [k for k in ladder if k is None or k >= known - 2]
    solutions: list[Solution] = []
    history: list[dict[str, Any]] = []
    change = None
    for k_max in ladder:
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
    last = solutions[-1]
    uncut = ladder[-1] is None and len(solutions) == len(ladder)
    coarser = None if uncut or len(solutions) < 2 else solutions[-2].density
    if last.density is None:
        charged, all_found = charged_null_space(generator, ladder[len(solutions) - 1])
        last = replace(
            last,
            null_dimension=last.null_dimension + charged,
            complete=last.complete and all_found,
        )
    diagnostics: dict[str, Any] = {
        "solver": last.solver,
        "null_space_dimension": last.null_dimension,
        "k_max": None if last.density is None else _top_rank(last.density),
        "multipole_tail": 0.0 if uncut or last.density is None else _tail(last.density),
        "leakage": None if last.density is None else last.leakage,
    }
    extras: dict[str, Any] = dict.fromkeys(_EXTRAS)
    others: tuple[OtherCutoff, ...] | None = ()
    rounded: ClusterDensity | None = None
    if last.density is not None:
        diagnostics["change"] = 0.0 if uncut else change
        if last.error is not None:
            rounded = replace(last.density, coefficients=last.density.coefficients + last.error)
        rounding = _rounding(model, last, rounded)
        diagnostics["rounding"] = rounding if math.isfinite(rounding) else None
        cutoffs = cutoff_error(model, method, last.density, history[-1]["k_max"], rounding)
        known = math.isfinite(cutoffs.change)
        others = cutoffs.others if known else None
        diagnostics["cutoff_change"] = cutoffs.change if known else None
        diagnostics["smallest_probability"] = _smallest_probability(last.density)
        lowest, whole = lowest_eigenvalue(last.density)
        diagnostics["smallest_eigenvalue"] = lowest
        diagnostics["whole_matrix_diagonalised"] = whole
        diagnostics["eigenvalue_change"] = _eigenvalue_change(last.density, coarser)
        diagnostics["cutoff_occupation"] = last.density.cutoff_occupation
        decays = _decays(generator, last, method.gap)
        diagnostics["decay_rates"] = {
            label: None if decay is None else decay.rate for label, decay in decays.items()
        }
        diagnostics["decay_rate_errors"] = {
            label: None if decay is None else decay.error for label, decay in decays.items()
        }
        gap = slowest_of(list(decays.values()))
        diagnostics["gap_error"] = None if gap is None else gap.error
        extras = {
            "gap": None if gap is None else gap.rate,
            "purity": last.density.purity,
            "impurity_per_dimension": last.density.impurity_per_dimension,
            "diagonal_participation": last.density.diagonal_participation,
        }
    status, message = verdict(method, last, diagnostics)
    return ExactState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=None if last.density is None else last.residual,
        history=tuple(history),
        diagnostics=diagnostics,
        extras=extras,
        density=last.density,
        coarser=coarser,
        uncertainty=last.uncertainty,
        others=others,
        rounded=rounded,
        share=last.share,
    )


def _rounding(model: LindbladModel, solution: Solution, rounded: ClusterDensity | None) -> float:
    """Return what rounding may change of <S_z>/S and Var/S^2 (bosons: n and Var n)."""
    assert solution.density is not None
    largest = max((site.cutoff for site in model.sites if isinstance(site, Boson)), default=1)
    bound = 3 * largest**2 * solution.uncertainty * math.sqrt(solution.density.dimension)
    return solution.share * bound + (0 if rounded is None else _shift(solution.density, rounded))


def _eigenvalue_change(density: ClusterDensity, coarser: ClusterDensity | None) -> float:
    """Return what the multipole cut-off changes of the eigenvalues, from one or two sites."""
    if coarser is None:
        return 0.0
    pair = places(density)[:2]
    if np.prod([density.bases[density.position(p)].dimension for p in pair]) > LARGEST_MATRIX:
        pair = pair[:1]
    return float(np.linalg.norm(density.density_matrix(pair) - coarser.density_matrix(pair), 2))


def _top_rank(density: ClusterDensity) -> int:
    return max(int(basis.k.max()) for basis in density.bases)


def _smallest_probability(density: ClusterDensity) -> float:
    """Return the smallest probability of a product state of a site or of the first two sites."""
    every = places(density)
    groups = [every[:2], *[[place] for place in every]]
    return min(float(density.distribution(group).min()) for group in groups)


def _label(charge: Charge) -> str:
    return ",".join(map(str, charge)) or "0"


def _decays(generator: Generator, solution: Solution, charged: bool) -> dict[str, Decay | None]:
    """Return the slowest decay for zero charge and, if wanted, for other charges.

    These are all charges where that takes a second or two, else every charge one. None where it is
    not wanted or would take much longer than the steady state.
    """
    count = len(generator.weights)
    decays = {_label((0,) * count): solution.decay}
    ones = [tuple(int(i == which) for i in range(count)) for which in range(count)]
    if not charged or solution.decay is None or solution.density is None:
        return decays | {_label(charge): None for charge in ones}
    k_max = _top_rank(solution.density) or None
    sizes = charges_of(generator, k_max)
    if not cheap(sizes.values()):
        sizes = {charge: sizes[charge] for charge in ones if charge in sizes}
    for charge in sizes:
        decays[_label(charge)] = charged_decay(generator, k_max, charge)
    return decays
