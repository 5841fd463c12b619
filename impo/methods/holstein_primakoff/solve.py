r"""Holstein-Primakoff approximation of ordered phases: Gaussian state of an infinite lattice.

Spins are expanded around a collinear configuration (`quadratic.py`); if all fluctuations decay,
their steady state is Gaussian and follows from one Lyapunov equation per wave vector. What is left
out are corrections of relative order n/(2S), n the number of bosons per site: `diagnostics` has
this expansion parameter, and error bars are those of the quadrature over k alone.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from impo.arrays import Array
from impo.memory import shortage
from impo.methods.advice import advice
from impo.methods.base import refuse_no_state
from impo.methods.holstein_primakoff.gaussian import log_purity, neighbour_negativity
from impo.methods.holstein_primakoff.method import configuration_name
from impo.methods.holstein_primakoff.quadratic import QuadraticBosons, quadratic_bosons
from impo.methods.holstein_primakoff.stability import (
    candidates,
    marginal_rate,
    wave_vectors,
)
from impo.methods.holstein_primakoff.state import HolsteinPrimakoffState
from impo.model import LindbladModel
from impo.results.estimate import Status
from impo.results.progress import Follower

if TYPE_CHECKING:
    from impo.methods.holstein_primakoff.method import HolsteinPrimakoff


_QUADRATURE = 1e-13
_LARGEST_GRID = {1: 2**16, 2: 2**9}


def _solve_on_grids(bosons: QuadraticBosons, dimension: int) -> tuple[Array, float, list[Any]]:
    """Refine the grid of k until the covariances of one cell stop changing.

    The trapezoidal rule on a periodic analytic function converges like exp(-points/xi).
    """
    points, previous, history = 32, None, []
    while points < 4 * bosons.reach:  # on a coarser grid, far cells look like near ones
        points *= 2
    while True:
        waves = wave_vectors(points, dimension)
        covariance = bosons.covariance(bosons.drift(waves), bosons.noise(waves))
        local = covariance.mean(axis=tuple(range(dimension)))
        if previous is not None:
            change = float(np.abs(local - previous).max())
            history.append({"points": points, "change": change})
            small = change <= _QUADRATURE * float(np.abs(local).max())
            next_size = bosons.bytes_per_wave * float(2 * points) ** dimension
            if small or points >= _LARGEST_GRID[dimension] or shortage(next_size) is not None:
                return covariance, change, history
        points, previous = 2 * points, local


def lyapunov_residual(bosons: QuadraticBosons, covariance: Array) -> float:
    """Return max |X_k G_k + G_k X_k^+ + D_k| over the grid of k."""
    waves = wave_vectors(len(covariance), covariance.ndim - 2)
    flow = bosons.drift(waves) @ covariance
    return float(np.abs(flow + np.swapaxes(flow.conj(), -1, -2) + bosons.noise(waves)).max())


def steady_state(
    method: "HolsteinPrimakoff",
    model: LindbladModel,
    start: Any = None,
    progress: Follower | None = None,
) -> HolsteinPrimakoffState:
    """Return the Gaussian steady state around a stable collinear configuration.

    Parameters
    ----------
    method
        The configuration, or None for the stable one.
    model
        Spins on an infinite lattice in one or two dimensions, see `quadratic.py`.
    start, progress
        Not used: the Gaussian steady state is unique.

    Raises
    ------
    ArgumentError
        If `start` is no state of the model.
    UnsupportedModelError
        If a term of the model is outside the method's reach, or tilts the spins.
    """
    refuse_no_state(model, start)
    tried = candidates(model, method.signs)
    configuration, growth, k = tried[0]
    bosons = quadratic_bosons(model, configuration)
    marginal = marginal_rate(bosons)
    stable = [configuration_name(c) for c, rate, _ in tried if rate < -marginal]
    diagnostics: dict[str, Any] = {
        "largest_growth_rate": growth,
        "growth_wave_vector": k.tolist(),
        "stable_configurations": stable,
    }
    if not stable:
        label = configuration_name(configuration)
        which = f"The configuration {label} is not stable"
        if method.signs is None:
            which = f"No collinear configuration is stable (the least unstable is {label})"
        rate = f"grows at the rate {growth:.3g}" if growth > marginal else "does not decay"
        return HolsteinPrimakoffState(
            model=model,
            method=method,
            status=Status.FAILED,
            message=f"{which}: the fluctuation with k = {np.round(k, 4).tolist()} {rate}, so there "
            f"is no Gaussian steady state; {advice(model, 'HolsteinPrimakoff')}.",
            diagnostics=diagnostics,
            extras={"purity_density": None, "negativity": None, "stable": False},
            configuration=None,
            covariance=None,
            quadrature_error=np.nan,
        )
    return _gaussian_state(method, model, bosons, diagnostics)


def _gaussian_state(
    method: "HolsteinPrimakoff",
    model: LindbladModel,
    bosons: QuadraticBosons,
    diagnostics: dict[str, Any],
) -> HolsteinPrimakoffState:
    """Return the steady state of the fluctuations of a stable configuration, with its verdict."""
    covariance, change, history = _solve_on_grids(bosons, model.dimension)
    local = covariance.mean(axis=tuple(range(model.dimension)))
    occupations = np.diagonal(local)[bosons.modes :].real - 0.5
    parameter = float((occupations / [site.dimension - 1 for site in model.sites]).max())
    status = Status.CONVERGED
    stable = diagnostics["stable_configurations"]
    message = (
        f"The configuration {stable[0]} is stable; corrections are of relative order n/(2S) = "
        f"{parameter:.2g}."
    )
    if not parameter <= 0.1:
        message += f" This is not small; {advice(model, 'HolsteinPrimakoff')} as well."
    if not change <= 1e-8 * (1 + occupations.max()):
        status = Status.NOT_CONVERGED
        message += " The correlation length is too large for the grid of wave vectors."
    residual = lyapunov_residual(bosons, covariance)
    if not residual <= 1e-8 * bosons.rate * np.abs(covariance).max():
        status = Status.NOT_CONVERGED
        message += f" The equations of the fluctuations are solved to {residual:.1e} only."
    if len(stable) > 1:
        message += f" Also stable: {', '.join(stable[1:])}."
    return HolsteinPrimakoffState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=residual,
        history=history,
        diagnostics={**diagnostics, "bosons_per_2S": parameter},
        extras={
            "purity_density": float(-log_purity(covariance).mean()),
            "negativity": neighbour_negativity(covariance, bosons.modes),
            "stable": True,
        },
        configuration=bosons.configuration,
        covariance=covariance,
        quadrature_error=max(change, 1e-15),
    )
