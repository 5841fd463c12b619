"""How much the cut-off of bosons changes a cluster: the same cluster with a larger one."""

import math
from dataclasses import replace

import numpy as np

from impo.arrays import Array
from impo.methods.cluster_mean_field.state import MARGIN, ClusterMeanFieldState
from impo.methods.cluster_mean_field.verdict import largest_share
from impo.model import Boson, LindbladModel
from impo.operators.local import changed_cutoffs
from impo.results.estimate import Status


def larger_cutoffs(model: LindbladModel) -> LindbladModel | None:
    """Return the model with the cut-off of each boson larger by a third, and by two at least.

    None if own operators of a boson are not known there.
    """
    cutoffs = [
        site.cutoff + max(2, math.ceil(site.cutoff / 3)) if isinstance(site, Boson) else None
        for site in model.sites
    ]
    if any(isinstance(site, Boson) and site.own for site in model.sites):
        return None
    return replace(model, sites=changed_cutoffs(model.sites, cutoffs))


def embedded(state: ClusterMeanFieldState, model: LindbladModel) -> Array:
    """Return the density matrix of a cluster among the states of a model with larger cut-offs."""
    cells = state.cells
    old = [site.dimension for site in state.model.sites] * cells
    new = [site.dimension for site in model.sites] * cells
    out = np.zeros(new * 2, dtype=complex)
    out[tuple(slice(d) for d in old * 2)] = state.rho.reshape(old * 2)
    return out.reshape(math.prod(new), math.prod(new))


def judged_cutoff(state: ClusterMeanFieldState) -> ClusterMeanFieldState:
    """Return the state, `k_limited` if the larger cut-off in `state.wider` changes it too much."""
    wider = state.wider
    assert wider is not None
    if wider.status is not Status.CONVERGED:
        message = f"The cut-off of the bosons was not tested: with a larger one, {wider.message}"
        return replace(state, status=Status.K_LIMITED, message=message)
    moved = wider.density.scaled_moments - state.density.scaled_moments
    change = MARGIN * float(np.abs(moved).max())
    change += largest_share(state.model.sites) * state.accuracy
    if change <= state.method.tol:
        return state
    old = [site.cutoff for site in state.model.sites if isinstance(site, Boson)]
    new = [site.cutoff for site in wider.model.sites if isinstance(site, Boson)]
    message = (
        f"From the change with cutoff {new[0]} instead of {old[0]}, <N>, Var N, <Sz>/S or Var/S^2 "
        f"is off by {change:.1e}, more than tol = {state.method.tol:.1e}; raise the cutoff, or "
        "accept a larger tol."
    )
    return replace(state, status=Status.K_LIMITED, message=message)
