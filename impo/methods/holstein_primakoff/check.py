"""What `impo check` recomputes of a result of this method."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from impo.methods.holstein_primakoff.gaussian import log_purity, neighbour_negativity
from impo.methods.holstein_primakoff.quadratic import quadratic_bosons
from impo.methods.holstein_primakoff.solve import lyapunov_residual
from impo.methods.holstein_primakoff.stability import (
    candidates,
    largest_growth,
    marginal_rate,
)
from impo.methods.holstein_primakoff.state import HolsteinPrimakoffState
from impo.results.claims import Claim, residual_claim
from impo.results.equality import ROUNDING, close
from impo.results.estimate import Status

if TYPE_CHECKING:
    from impo.methods.holstein_primakoff.method import HolsteinPrimakoff


def claims(method: "HolsteinPrimakoff", result: Any) -> Iterator[Claim]:
    """Yield what the equations of the fluctuations say of a Gaussian state by this method."""
    if isinstance(result, HolsteinPrimakoffState):
        yield from (_instability if result.covariance is None else _state_claims)(result)


def _instability(state: HolsteinPrimakoffState) -> Iterator[Claim]:
    tried = candidates(state.model, state.method.signs)
    every = [quadratic_bosons(state.model, configuration) for configuration, _, _ in tried]
    rates = [rate for _, rate, _ in tried]
    unstable = all(rate >= -marginal_rate(one) for rate, one in zip(rates, every, strict=True))
    good = unstable and state.status == Status.FAILED
    claimed = state.diagnostics["largest_growth_rate"]
    alike = abs(rates[0] - claimed) <= 1e-6 * every[0].rate
    yield Claim("growth rate", f"{claimed:.6g}", f"{rates[0]:.6g}", bool(alike))
    found = f"no stable configuration, growth rates from {min(rates):.3g}"
    yield Claim("verdict", str(state.status), found if unstable else "a stable one", good)


def _state_claims(state: HolsteinPrimakoffState) -> Iterator[Claim]:
    assert state.covariance is not None
    assert state.configuration is not None
    bosons = quadratic_bosons(state.model, state.configuration)
    growth, n = largest_growth(bosons)[0], bosons.modes
    claimed = state.diagnostics["largest_growth_rate"]
    good = growth < -marginal_rate(bosons) and abs(growth - claimed) <= 1e-6 * bosons.rate
    yield Claim("growth rate", f"{claimed:.6g}", f"{growth:.6g}", bool(good))
    commutator = np.kron(np.diag([0.5, -0.5]), np.eye(n))
    lowest = float(np.linalg.eigvalsh(state.covariance + commutator).min())
    found = f"lowest eigenvalue of <Psi Psi^+> {lowest:.1e}"
    yield Claim("positive", "", found, lowest > -ROUNDING)
    yield residual_claim(state.residual, lyapunov_residual(bosons, state.covariance))
    axes = tuple(range(state.model.dimension))
    halved = state.covariance[tuple(slice(None, None, 2) for _ in axes)]
    change = float(np.abs(state.covariance.mean(axes) - halved.mean(axes)).max())
    good = abs(max(change, 1e-15) - state.quadrature_error) <= max(0.01 * change, 1e-12)
    yield Claim("quadrature", f"{state.quadrature_error:.1e}", f"{change:.1e}", bool(good))
    for name, value in (
        ("purity_density", float(-log_purity(state.covariance).mean())),
        ("negativity", neighbour_negativity(state.covariance, n)),
    ):
        stated = state.extras[name]
        yield Claim(name, f"{stated:.8g}", f"{value:.8g}", close(stated, value))
