r"""Mean-field theory: classical spins, their fixed points, limit cycles and dynamics.

The reference against which the other methods show what fluctuations do (Huber, Kirton and Rabl,
Appendix B). The equations come from `equations.py`. Errors are those of solving them;
mean-field theory itself has no error bar.
"""

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.arrays import Array
from impo.methods.advice import MOST_CONFIGURED
from impo.methods.base import refuse_long
from impo.methods.mean_field.equations import MeanFieldEquations, largest_rate, mean_field_equations
from impo.methods.mean_field.stability import MARGINAL, Stability, WaveStability, conserved_sum
from impo.methods.mean_field.state import MeanFieldState, mean_field_trajectory, too_long
from impo.model import LindbladModel
from impo.operators.local import spin_numbers
from impo.operators.product_state import directions
from impo.results.estimate import Status
from impo.results.progress import Follower, tell
from impo.results.trajectory import Trajectory

if TYPE_CHECKING:
    from impo.methods.mean_field.method import MeanField


_ACCURACY = 1e-10  # relative tolerance of the integrator, and of fixed points
_SAMPLES = 4000
_MOST_STEPS = 1e7  # of an evolution, in inverse rates
_FEWEST_TURNS = 4  # of an orbit whose frequency can be told


def start_vectors(model: LindbladModel, start: Any) -> Array:
    """Return <S_j>, shape (n, 3), of a start: another mean-field state, or directions.

    Parameters
    ----------
    model
        The description.
    start
        None for spins in the xy plane in general directions, a `MeanFieldState`, or directions of
        shape (n, 3) of any length.

    Raises
    ------
    ArgumentError
        If the directions have another shape, or a vanishing or infinite length.
    """
    n = len(model.sites)
    if isinstance(start, MeanFieldState):
        vectors, lengths = start.orbit[-1], spin_numbers(start.model)
        if len(lengths) != n:
            raise ArgumentError(f"Argument `start` must have {n} sites, but has {len(lengths)}.")
    else:
        if start is None:
            angles = 0.4 + np.arange(n)  # no symmetric directions: some are invariant but unstable
            start = np.stack([np.cos(angles), np.sin(angles), 0.1 * np.cos(3 * angles)], axis=-1)
        vectors = directions(start, (n,), "None, a MeanFieldState,")
        lengths = np.linalg.norm(vectors, axis=1)
    scaled: Array = vectors * (spin_numbers(model) / lengths)[:, None]
    return scaled


@dataclass(frozen=True)
class _Attractor:
    """What a start runs into: a fixed point (one sample) or a moving orbit."""

    orbit: Array
    residual: float
    accuracy: float
    growth: float | None
    frequency: float | None
    stability: Stability | None = None  # of a fixed point

    @property
    def stable(self) -> bool:
        """Whether it is a fixed point to which all perturbations that were tried return."""
        return self.stability is not None and self.stability.stable

    def report(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return {
            "kind": "fixed point" if len(self.orbit) == 1 else "limit cycle",
            "Sz": self.orbit[..., 2].mean(axis=0).tolist(),
            "S_perp": np.hypot(self.orbit[..., 0], self.orbit[..., 1]).mean(axis=0).tolist(),
            "growth_rate": self.growth,
            "frequency": self.frequency,
            "stable": self.stable,
            "least_stable": None if self.stability is None else {
                "growth_rate": self.stability.growth, "k": list(self.stability.wave),
            },
        }  # fmt: skip

    def same(self, other: "_Attractor", scale: float) -> bool:
        """Return whether two attractors agree up to a rotation about z."""
        one, two = self.report(), other.report()
        tolerance = scale * (1e-6 if len(self.orbit) == 1 else 1e-2)  # averages of sampled orbits
        return one["kind"] == two["kind"] and all(
            np.allclose(one[key], two[key], atol=tolerance) for key in ("Sz", "S_perp")
        )


def _newton(
    equations: MeanFieldEquations, s: Array, scale: float, radius: float = 1e-2
) -> _Attractor | None:
    """Return the stable fixed point next to s, or None; a symmetry direction stays as it is."""
    start, rate = s, float(np.linalg.norm(equations.jacobian(s), 2)) or 1.0
    step = np.inf
    for _ in range(20):
        flow, jacobian = equations.flow(s), equations.jacobian(s)
        if step < 1e-13 * scale or not np.any(flow):
            break
        change = np.linalg.lstsq(jacobian, -flow, rcond=1e-9)[0]
        s, step = s + change, float(np.abs(change).max())
        if np.abs(s - start).max() > radius * scale:
            return None
    residual = float(np.abs(equations.flow(s)).max())
    growth = float(np.linalg.eigvals(equations.jacobian(s)).real.max())
    if not (residual <= _ACCURACY * scale * rate and growth <= MARGINAL * rate):
        return None
    accuracy = max(min(step, scale), 1e-14 * scale)
    return _Attractor(s.reshape(1, -1, 3), residual, accuracy, growth, None)


def _swing(path: Array, centre: _Attractor) -> float:
    """Return how far the second half of a path swings about a fixed point, up to rotations."""
    vectors, point = path[len(path) // 2 :].reshape(-1, *centre.orbit.shape[1:]), centre.orbit
    along = vectors[..., 2] - point[..., 2]
    across = np.hypot(vectors[..., 0], vectors[..., 1]) - np.hypot(point[..., 0], point[..., 1])
    return float(max(np.abs(along).max(), np.abs(across).max()))


@np.errstate(over="ignore", invalid="ignore")  # in trial steps, which are then shortened
def _motion(
    equations: MeanFieldEquations, s: Array, end: float, scale: float, times: Array | None = None
) -> Array:
    """Return the path of the spins from time zero, shape (T, 3n): at given times, or all steps."""
    path = solve_ivp(
        lambda _, y: equations.flow(y), (0.0, end), s, method="DOP853", t_eval=times,
        rtol=_ACCURACY, atol=_ACCURACY * scale,
    )  # fmt: skip
    return np.asarray(path.y.T)


def _relax(
    equations: MeanFieldEquations, s: Array, scale: float, t_max: float, rate: float
) -> _Attractor:
    """Follow the motion from s to a fixed point, or until t_max; `rate` sets the unit of time."""
    elapsed, piece, swings = 0.0, min(20.0 / rate, t_max / 4), [np.inf, np.inf]
    while elapsed < 0.75 * t_max:
        moving = np.abs(equations.flow(s)).max() > 1e-2 * scale * rate
        found = None if moving else _newton(equations, s, scale)
        if found is not None:
            return found
        path = _motion(equations, s, piece, scale)
        s, elapsed = path[-1], elapsed + piece
        centre = _newton(equations, path[len(path) // 2 :].mean(axis=0), scale, radius=0.5)
        swings.append(np.inf if centre is None else _swing(path, centre))
        if centre is not None and swings[-1] < 0.9 * swings[-2] < 0.81 * swings[-3]:
            return centre  # a slow spiral, as the damping of a mean field falls like 1/S
        piece = min(2 * piece, max(0.75 * t_max - elapsed, 1e-3 * t_max))
    times = np.linspace(0, t_max / 4, _SAMPLES)
    orbit = _motion(equations, s, times[-1], scale, times)
    centred = orbit - orbit.mean(axis=0)
    power = (np.abs(np.fft.rfft(centred * np.hanning(len(times))[:, None], axis=0)) ** 2).sum(1)
    turns = int(np.argmax(power))
    seen = turns >= _FEWEST_TURNS
    frequency = float(2 * np.pi * turns / (times[1] * len(times))) if seen else None
    signal = centred[:, np.argmax(np.ptp(centred, axis=0))]
    crossings = np.flatnonzero((signal[:-1] < 0) & (signal[1:] >= 0))
    if len(crossings) > 1:  # average over whole periods
        orbit = orbit[crossings[0] : crossings[-1]]
    residual = float(np.abs(equations.flow(s)).max())
    return _Attractor(orbit.reshape(len(orbit), -1, 3), residual, 0.0, None, frequency)


def steady_state(
    method: "MeanField", model: LindbladModel, start: Any = None, progress: Follower | None = None
) -> MeanFieldState:
    """Follow the mean-field equations to a stable fixed point.

    Without a start, spins begin in the xy plane, which breaks a U(1) symmetry; starts close to all
    polarised configurations are followed too, and all different solutions are listed in
    `diagnostics["solutions"]`.

    Parameters
    ----------
    method
        Settings.
    model
        Spins; at most two operators of a term on one spin.
    start
        None, a `MeanFieldState`, or directions of the spins, shape (n, 3).
    progress
        Hears which start is followed.

    Raises
    ------
    ArgumentError
        If `start` does not fit the unit cell.
    UnsupportedModelError
        If a term is outside the method's reach; it is named. Also without a start if a cell has so
        many sites that there are too many polarised states.
    """
    if start is None and len(model.sites) > MOST_CONFIGURED:
        raise UnsupportedModelError(
            f"MeanField starts from all 2^{len(model.sites)} polarised states of a cell, which may "
            f"have {MOST_CONFIGURED} sites; give a `start`."
        )
    equations = mean_field_equations(model)
    found = _attractors(method, model, equations, start, progress)
    chosen = found[0]
    status, message = _verdict(chosen, conserved_sum(equations), method)
    if (beyond := too_long(model, chosen.orbit)) is not None:
        status, message = Status.UNPHYSICAL, beyond
    if len(found) > 1:
        message += f" {len(found)} different solutions exist; the start decides."
    undecided = status is Status.FAILED or (
        chosen.stability is not None and not (chosen.stable or chosen.stability.unstable)
    )
    return MeanFieldState(
        model=model,
        method=method,
        status=status,
        message=message,
        residual=chosen.residual,
        diagnostics={"solutions": [one.report() for one in found]},
        orbit=chosen.orbit,
        accuracy=math.nan if undecided else chosen.accuracy,
    )


def _attractors(
    method: "MeanField", model: LindbladModel, equations: MeanFieldEquations, start: Any,
    progress: Follower | None,
) -> list[_Attractor]:  # fmt: skip
    """Return what a start runs into; without a start, also what polarised ones run into."""
    scale, rate = float(spin_numbers(model).max()), largest_rate(model)
    starts = [start_vectors(model, start)]
    if start is None:
        for signs in product((1.0, -1.0), repeat=len(model.sites)):
            tilted = starts[0] * 0.02
            tilted[:, 2] = signs
            starts.append(start_vectors(model, tilted))
    found: list[_Attractor] = []
    for number, vectors in enumerate(starts, 1):
        tell(progress, f"following start {number} of {len(starts)}")
        one = _relax(equations, vectors.ravel(), scale, method.t_max / rate, rate)
        if not any(one.same(other, scale) for other in found):
            found.append(one)
    waves = WaveStability(model, rate)
    return [
        replace(one, stability=waves.at(one.orbit[0])) if len(one.orbit) == 1 else one
        for one in found
    ]


def sampling_step(model: LindbladModel, method: "MeanField") -> float:
    """Return the time between two samples of an orbit."""
    return method.t_max / largest_rate(model) / 4 / (_SAMPLES - 1)


def _verdict(
    chosen: _Attractor, conserved: tuple[int, ...] | None, method: "MeanField"
) -> tuple[Status, str]:
    """Return what the attractor of the first start means."""
    if conserved is not None:
        where = " and ".join(str(site) for site in conserved)
        return Status.FAILED, (
            f"The steady state is not unique: the mean-field equations conserve a sum of spin "
            f"components on site {where}, so that its value at the start decides. Use `evolve`."
        )
    stability = chosen.stability
    if stability is None:
        if np.ptp(chosen.orbit, axis=0).max() <= _ACCURACY * np.abs(chosen.orbit).max():
            return Status.NOT_CONVERGED, (
                "The spins rest at an unstable fixed point of the mean-field equations: any "
                "perturbation leads away. Start elsewhere."
            )
        if chosen.frequency is not None:
            kind = f"still move, in a limit cycle of frequency {chosen.frequency:.2g},"
        else:
            kind = "still move, too slow to tell a limit cycle from a slow approach,"
        return Status.NOT_CONVERGED, (
            f"The mean-field spins {kind} at t_max = {method.t_max:g} inverse rates: values are "
            "averages over time, errors its range."
        )
    if stability.stable:
        message = (
            "The motion ends in a fixed point of the mean-field equations that is stable against "
            f"small perturbations at all {stability.waves} wave vectors tried."
        )
        if stability.waves == 1:
            message = "The motion ends in a stable fixed point of the mean-field equations."
        if stability.fixed:
            where = " and ".join(str(site) for site in stability.fixed)
            message += f" Spins on site {where} are not damped: their length S is an assumption."
        return Status.CONVERGED, message
    if stability.unstable:
        return Status.NOT_CONVERGED, (
            "The fixed point is stable only if all cells are equal: a perturbation with k = "
            f"{stability.k} grows at the rate {stability.growth:.3g}. Use a larger unit cell."
        )
    return Status.NOT_CONVERGED, (
        f"The fixed point has a perturbation with k = {stability.k} that neither decays nor grows "
        "and is no rotation about z: the start may decide where it ends. Use `evolve`."
    )


def evolve(
    method: "MeanField",
    model: LindbladModel,
    start: Any,
    times: Array,
    progress: Follower | None = None,
) -> Trajectory:
    """Integrate the mean-field equations.

    Parameters
    ----------
    method, model, start, progress
        As for `steady_state`.
    times
        Times in rising order, in inverse rates of the model, shape (T,); the start belongs to zero.

    Raises
    ------
    ArgumentError
        If the start does not fit the unit cell.
    UnsupportedModelError
        If a term is outside the method's reach.
    """
    equations = mean_field_equations(model)
    vectors = start_vectors(model, start)
    refuse_long(times, _MOST_STEPS / largest_rate(model))
    scale = float(np.abs(vectors).max())
    moments, place = np.unique(np.append(0.0, times), return_inverse=True)
    path = vectors.reshape(1, -1)
    if len(moments) > 1:
        tell(progress, "evolving")
        path = _motion(equations, path[0], moments[-1], scale, moments)
    out = path.reshape(len(moments), -1, 3)[place[1:]]
    return mean_field_trajectory(model, method, times, out, 10 * _ACCURACY * scale, vectors)
