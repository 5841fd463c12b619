"""States in which a cluster begins: products of coherent states, an earlier result."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import gammaln

from impo.arguments import fail
from impo.arrays import Array
from impo.methods.cluster_mean_field.flow import ClusterFlow
from impo.methods.cluster_mean_field.state import ClusterMeanFieldState
from impo.model import Site, Spin
from impo.operators.local import state_charges
from impo.operators.product_state import directions


def coherent_state(site: Site, direction: Array) -> Array:
    """Return the spin coherent state along a direction (x, y, z), states m = S ... -S.

    A boson gets the (truncated) coherent state of amplitude x + iy.
    """
    x, y, z = direction
    if not isinstance(site, Spin):
        n, size = np.arange(site.dimension), min(math.hypot(x, y), 1e300)
        if size == 0:
            return np.where(n == 0, 1.0 + 0j, 0)
        weights = n * math.log(size) - gammaln(n + 1) / 2
        return np.asarray(np.exp(weights - weights.max() + 1j * n * math.atan2(y, x)))
    twice = site.dimension - 1
    theta, phi = math.atan2(math.hypot(x, y), z), math.atan2(y, x)
    up = np.arange(twice, -1, -1)
    weights = np.exp((gammaln(twice + 1) - gammaln(up + 1) - gammaln(twice - up + 1)) / 2)
    polar = math.cos(theta / 2) ** up * math.sin(theta / 2) ** (twice - up)
    return np.asarray(weights * polar * np.exp(-1j * phi * state_charges(site)))


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
