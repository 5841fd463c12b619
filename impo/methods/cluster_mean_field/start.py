"""States in which a cluster begins: products of coherent states, an earlier result."""

from dataclasses import replace
from typing import Any

import numpy as np

from impo.arguments import fail
from impo.arrays import Array
from impo.methods.cluster_mean_field.flow import ClusterFlow
from impo.methods.cluster_mean_field.state import ClusterMeanFieldState
from impo.operators.product_state import coherent_state, directions


def product_state(flow: ClusterFlow, vectors: Array) -> Array:
    """Return the density matrix of a product of coherent states, as the directions are."""
    state: Array = np.ones(1)
    for site, direction in zip(flow.sites, vectors, strict=True):
        vector = coherent_state(site, direction)
        state = np.kron(state, vector / np.linalg.norm(vector))
    return np.outer(state, state.conj())


def start_in_frame(flow: ClusterFlow, start: Any) -> tuple[ClusterFlow, Array]:
    """Return the flow and a start in its frame; a start that is complex there makes it complex."""
    n = len(flow.sites)
    if start is None:  # in the xy plane, real in the frame
        rho = product_state(flow, np.tile([1.0, 0.0, 0.0], (n, 1)))
        return flow, rho.real.copy() if flow.real else rho
    if isinstance(start, ClusterMeanFieldState):
        rho = np.asarray(start.rho)
        if rho.shape != (flow.dimension,) * 2:
            raise fail("start", f"a state of dimension {flow.dimension}", f"one of {len(rho)}")
    else:
        unit = len(flow.model.sites)
        directions(start, (unit, n), "a state")  # lengths matter: a boson has an amplitude
        given = np.asarray(start, dtype=float)
        rho = product_state(flow, np.tile(given, (n // len(given), 1)))
    return in_frame(flow, rho)


def in_frame(flow: ClusterFlow, rho: Array) -> tuple[ClusterFlow, Array]:
    """Return the flow and a physical state in its frame; one that is complex there makes it so."""
    u = flow.frame()
    rho = u.conj()[:, None] * rho * u
    rho = (rho + rho.conj().T) / 2
    if flow.real and np.abs(rho.imag).max() > 1e-12:
        return replace(flow, real=False), rho
    return flow, rho.real.copy() if flow.real else rho
