"""Claims of a file: what it states, what its arrays say, and whether the two agree."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from impo.arrays import Array
from impo.compilation import clock
from impo.results.equality import ROUNDING, largest
from impo.results.estimate import Status

PATIENCE = 20.0  # seconds for which a motion is followed again


@dataclass(frozen=True)
class Claim:
    """One statement of a file, and what its arrays say about it.

    Attributes
    ----------
    name
        What is stated.
    claimed
        The statement; empty if it is not a stored number but a property that every state has.
    found
        What is computed from the arrays.
    good
        Whether the two agree; None if the file does not hold what is needed to tell.
    """

    name: str
    claimed: str
    found: str
    good: bool | None

    def __str__(self) -> str:
        stated = "" if self.claimed in ("", self.found) else f"{self.claimed}; found: "
        mark = {True: "ok  ", False: "FAIL", None: "open"}[self.good]
        return f"{mark}  {self.name:14} {stated}{self.found}"


@dataclass(frozen=True)
class Report:
    """What `check` found, claim by claim, and the verdict that the file states."""

    label: str
    status: Status
    claims: tuple[Claim, ...]

    @property
    def reproduced(self) -> bool:
        """Whether every claim that can be judged is good."""
        return all(claim.good is not False for claim in self.claims)

    def __str__(self) -> str:
        judged = [claim.good for claim in self.claims if claim.good is not None]
        verdict = f"{sum(judged)} of {len(judged)} statements are reproduced"
        verdict += f"; the file says {self.status}."
        return "\n".join([self.label, *map(str, self.claims), verdict])


def text(values: Any, errors: Any = None) -> str:
    """Return numbers, with their errors if there are any, as text."""
    values = np.asarray(values)
    if values.ndim > 1:  # along a trajectory
        return f"{values.size} numbers, the last {values.flat[-1]:.8g}"
    if errors is None:
        return ", ".join(f"{x:.8g}" for x in values.ravel())
    pairs = zip(values.ravel(), np.ravel(errors), strict=True)
    return ", ".join(f"{x:.8g} +- {e:.1e}" for x, e in pairs)


def residual_claim(claimed: float | None, found: float, name: str = "residual") -> Claim:
    """Compare residuals to a hundredth, or to rounding."""
    if claimed is None:
        return Claim(name, "none", f"{found:.2e}", False)
    good = abs(found - claimed) <= max(0.01 * found, ROUNDING)
    return Claim(name, f"{claimed:.2e}", f"{found:.2e}", bool(good))


def joined(states: Iterable[Iterable[Claim]]) -> list[Claim]:
    """Return one claim for each statement about several states: the first bad one, else the last.

    One about a state that has no such statement is left out.
    """
    found: dict[str, Claim] = {}
    for number, claims in enumerate(states):
        for claim in claims:
            if claim.name not in found or found[claim.name].good:
                where = "" if claim.good else f" (state {number})"
                found[claim.name] = replace(claim, found=claim.found + where)
    return list(found.values())


def motion_claim(distances: Iterable[tuple[float, float]] | None, count: int) -> Iterator[Claim]:
    """Judge whether the equations lead from the start of a trajectory to its other states.

    Parameters
    ----------
    distances
        Distance of what the equations lead to from what is stored, and the largest distance that
        its errors allow, one pair for each state. They are computed as they are asked for, and no
        more once that took longer than 20 seconds, without compilation. None if the start is not
        known.
    count
        Number of pairs; if there are none, nothing is claimed.
    """
    if count < 1:
        return
    if distances is None:
        yield Claim("motion", "", "cannot be followed: the file does not hold its start", None)
        return
    began, done, worst, limit = clock(), 0, 0.0, np.inf
    for off, allowed in distances:
        done += 1
        if done == 1 or not off * limit <= worst * allowed:  # the largest part of what is allowed
            worst, limit = off, allowed
        if not off <= allowed or clock() - began > PATIENCE:
            break
    found = f"the equations lead to {done} of {count} states to {worst:.1e}, allowed {limit:.1e}"
    yield Claim("motion", "", found, bool(worst <= limit))


def integrated_claim(status: Status) -> Claim:
    """Judge the verdict on a trajectory whose equations are integrated to their accuracy."""
    expected = Status.CONVERGED
    return Claim("verdict", str(status), str(expected), status == expected)


def density_matrix_claims(
    matrices: Iterable[Array], error: float, status: Status | None
) -> list[Claim]:
    """Judge trace, Hermiticity and positivity; `error` is that of an eigenvalue.

    A matrix that is truncated is Hermitian only as far as it is accurate.
    """
    matrices = list(matrices)
    trace = largest(abs(np.trace(rho) - 1) for rho in matrices)
    skew = largest(np.abs(rho - rho.conj().T).max() for rho in matrices)
    lowest = -largest((-_lowest_eigenvalue(rho) for rho in matrices), least=-1.0)
    positive = lowest >= lowest_allowed(error) or status == Status.UNPHYSICAL
    return [
        Claim("trace", "", f"1 to {trace:.1e}", bool(trace < ROUNDING)),
        Claim("Hermitian", "", f"to {skew:.1e}", skew < -lowest_allowed(error)),
        Claim("positive", "", f"lowest eigenvalue {lowest:.1e}", bool(positive)),
    ]


def lowest_allowed(error: float) -> float:
    """Return the lowest eigenvalue that a density matrix may have if eigenvalues have an error.

    It is -max(1e-8, 5 error); an error that is not known (nan) allows rounding only.
    """
    return -float(np.fmax(1e-8, 5 * error))


def _lowest_eigenvalue(rho: Array) -> float:
    """Return the lowest eigenvalue of the Hermitian part of a matrix, nan if it holds nan."""
    if not np.all(np.isfinite(rho)):
        return np.nan
    return float(np.linalg.eigvalsh((rho + rho.conj().T) / 2)[0])


def accuracy_claim(state: Any, residual: float) -> Claim:
    """Judge whether residual and errors allow the verdict `converged`."""
    errors = [residual]
    for op in ("Sz", "N"):
        sizes = [float(getattr(site, "S", 1)) for site in state.model.sites if op in site.operators]
        if sizes:
            errors += list(state.expect(op).error / sizes)
            errors += list(state.variance(op).error / np.square(sizes))
    tol, worst = state.method.tol, float(np.max(errors))
    found = f"largest error or residual {worst:.1e}, tol {tol:.1e}"
    good = worst <= tol or state.status != Status.CONVERGED
    return Claim("verdict", str(state.status), found, bool(good))
