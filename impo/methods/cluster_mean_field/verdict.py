"""What a fixed point of a cluster in its own field is worth: status, message, error bound."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from impo.arrays import Array
from impo.methods.cluster_mean_field.stability import MARGINAL, WaveModes
from impo.model import Site, Spin
from impo.results.estimate import Status


@dataclass(frozen=True)
class Solution:
    """A fixed point in the frame of its flow.

    Attributes
    ----------
    rho
        Density matrix of the cluster, shape (d, d).
    residual
        Frobenius norm of d rho/dt.
    growth, mode
        Growth rate and shape (d, d) of the slowest mode of equal copies; infinite if the iteration
        did not settle.
    iterations
        Applications of the map.
    dt
        A stable time step.
    waves
        The least stable mode of copies that may differ, if it was looked for.
    """

    rho: Array
    residual: float
    growth: float
    mode: Array
    iterations: int
    dt: float
    waves: WaveModes | None = None

    @property
    def stable(self) -> bool:
        """Whether all perturbations that were tried are known to decay."""
        decays = self.growth * self.dt < -MARGINAL
        return decays and self.waves is not None and self.waves.stable

    @property
    def unstable(self) -> bool:
        """Whether a perturbation that is equal in all copies is known to grow."""
        return math.isfinite(self.growth) and self.growth * self.dt > MARGINAL


def largest_share(sites: Sequence[Site]) -> float:
    """Return the error of <Sz>/S, Var/S^2, <n> and Var n over that of an operator of norm one.

    Var = <A^2> - <A>^2 is off by three times |A|^2 as much; |Sz|/S = 1, |n| is the cut-off.
    """
    return 3 * max(1 if isinstance(site, Spin) else max(site.cutoff, 1) ** 2 for site in sites)


def verdict(
    solution: Solution, dimension: int, tol: float, sites: Sequence[Site]
) -> tuple[Status, str, float]:
    """Return status, message and the bound on errors, in units of an operator's norm.

    The bound is residual over the rate of the slowest mode; it is nan where nothing bounds the
    error because a mode does not decay.
    """
    waves = solution.waves
    bound = math.sqrt(dimension) * solution.residual / max(abs(solution.growth), 1e-300)
    if not math.isfinite(solution.growth):
        return Status.NOT_CONVERGED, (
            f"The iteration did not settle (residual {solution.residual:.1e}): the motion may have "
            "no stable fixed point from this start. Follow it with `evolve`, or start elsewhere."
        ), math.nan  # fmt: skip
    if solution.unstable:
        return Status.NOT_CONVERGED, (
            f"Only an unstable fixed point was found (growth rate {solution.growth:.3g}): the "
            "motion does not settle. Use `evolve`."
        ), bound  # fmt: skip
    if waves is not None and waves.unstable and waves.wave > 0:
        return Status.NOT_CONVERGED, (
            "The fixed point is stable only if all copies of the cluster are equal: a perturbation "
            f"with k = {waves.wave:.3g} from one copy to the next grows at the rate "
            f"{waves.growth:.2g}. Use a larger cluster and unit cell."
        ), bound  # fmt: skip
    if waves is not None and waves.unstable:
        return Status.NOT_CONVERGED, (
            f"The fixed point is unstable: a perturbation grows at the rate {waves.growth:.2g} "
            "that the start excludes. Start from other directions."
        ), bound  # fmt: skip
    if not solution.stable and waves is not None and not waves.decided:
        return Status.NOT_CONVERGED, (
            f"Whether the fixed point is stable could not be decided: a perturbation with k = "
            f"{waves.wave:.3g} has the growth rate {waves.growth:.1e} +- {waves.error:.1e}. Use a "
            "smaller cluster."
        ), math.nan  # fmt: skip
    if not solution.stable:
        return Status.NOT_CONVERGED, (
            "The fixed point has a perturbation that neither decays nor grows and is no rotation "
            "about z: there may be many steady states, and the start decides. Use `evolve`."
        ), math.nan  # fmt: skip
    error = largest_share(sites) * bound
    if not error <= tol:
        return Status.NOT_CONVERGED, (
            f"Errors of up to {error:.1e} in <Sz>/S, Var/S^2, <n> or Var n exceed tol: the slowest "
            f"mode decays at the rate {-solution.growth:.2g} only. Start from a neighbouring point "
            "or accept a larger tol."
        ), bound  # fmt: skip
    assert waves is not None
    if waves.waves == 1:
        return Status.CONVERGED, "The fixed point is stable.", bound
    return Status.CONVERGED, (
        f"The fixed point is stable against small perturbations at all {waves.waves} wave vectors "
        "tried, k = 0 to pi from one copy of the cluster to the next."
    ), bound  # fmt: skip
