r"""Compiled integration of the stochastic equations of classical spins (`equations.py`).

One step of length dt is a Strang composition D(dt/2) K(dt) D(dt/2); the half drifts between two
kicks are done as one.

D, the drift, is Heun's method on the rotation group: every spin turns by Omega(m) dt to a
prediction m~, and from where it was by (Omega(m) + Omega(m~)) dt / 2. K, the noise, turns every
spin by (sqrt(v') xi_x, sqrt(v') xi_y, v eta / 2) with v = rate dt, v' = v (1 - v/6), normal xi and
eta = +-1: its mean is the exact diffusion semigroup up to O(v^3), because

    E exp(theta . L) = exp(v (Lx^2 + Ly^2) / 2) + v^2 (2 Lx^2 + 2 Ly^2 - 3 Lz^2) / 24 + O(v^3)

for the plain kick theta = sqrt(v) (xi_x, xi_y, 0). So the weak order is 2. Of the two Strang
compositions this is the one whose stationary variance of a linearly damped fluctuation has no error
of order dt^2: Heun's factors give the exact ratio up to dt^4. The strong order is 1/2 with two
noise axes, that of every method without the Levy area of dB_x and dB_y, and 1 with one axis; the
part of the error that converges so slowly is proportional to rate ~ 1/S.

Noise about other axes, or that spins share, comes as single real noises (`SharedNoise`). The turn
by one of them alone is exact, E exp(xi G) = exp(G^2 / 2). The noises of a step act one after the
other, K among them, forwards or backwards at random: (e^a e^b + e^b e^a) / 2 = e^(a+b) up to third
order, so the weak order remains 2. Such a noise needs half a draw, K needs one per spin.

Gain and loss of spins 1/2 in the hybrid scheme are exact in every step (`hybrid.py`) and stand in
the place of K; gain, loss and what else they stand beside follow forwards or backwards as well.

A rotation by theta is done in Cayley's rational form, which needs no trigonometric function and
keeps |m| to rounding. Trajectories are the innermost index and each has its own generator
(xoshiro256++), so the loops become vector instructions and a path depends on nothing but its seed.
"""
# numba infers the types of compiled functions
# mypy: disable-error-code="no-untyped-def"

import math
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

from impo.arrays import Array
from impo.methods.twa.equations import SpinEquations
from impo.methods.twa.hybrid import shrinking

LANES = 16
"""Trajectories that advance together: two vectors of eight doubles."""

_ONE = np.uint64(0x3FF0000000000000)  # bits of 1.0
_SIGN = np.uint64(0x8000000000000000)
_EXPONENT = np.uint64(0xFFF0000000000000)
_SQRT_HALF = np.uint64(0x3FE6A09E667F3BCD)  # bits of sqrt(1/2)


def _polynomial(function, low: float, high: float, degree: int) -> tuple[float, ...]:
    """Return the coefficients, in rising order, of a near-minimax polynomial."""
    fit = np.polynomial.Chebyshev.interpolate(function, degree, domain=[low, high])
    return tuple(float(c) for c in fit.convert(kind=np.polynomial.Polynomial).coef)


# log(1 + x) / x on [sqrt(1/2), sqrt(2)] - 1, to 3e-10; sin(x) / x and cos(x) in x^2, to 1e-10
_LOG = _polynomial(lambda x: np.log1p(x) / x, math.sqrt(0.5) - 1, math.sqrt(2) - 1, 10)
_SIN = _polynomial(lambda q: np.sinc(np.sqrt(q) / np.pi), 0.0, (math.pi / 4) ** 2, 4)
_COS = _polynomial(lambda q: np.cos(np.sqrt(q)), 0.0, (math.pi / 4) ** 2, 4)
_THIRD_ROOT = math.sqrt(1 / 3)  # s_z/|s| of a spin 1/2 that points up


def _reinterpretation(source: Any, target: Any, ir_type: ir.Type) -> Any:
    """Return a compiled function that reads the 64 bits of one type as another."""

    def typed(typingctx, value):
        def generate(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], ir_type)

        return target(source), generate

    return intrinsic(typed)


_as_float = _reinterpretation(types.uint64, types.float64, ir.DoubleType())
_as_bits = _reinterpretation(types.float64, types.uint64, ir.IntType(64))

_compiled = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
_inlined = njit(nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")


@_inlined
def _rotate_left(x, k):
    return (x << np.uint64(k)) | (x >> np.uint64(64 - k))


@_inlined
def _draw(generators, noise):
    """Fill noise, shape (3 LANES,), with two independent normal numbers and a sign per lane.

    One 64-bit number makes them (Box and Muller): 40 bits for the radius, 20 for the angle within
    an octant pair, one each for sign, exchange of the axes, reflection and eta.
    """
    for lane in range(LANES):
        s0 = generators[lane]
        s1 = generators[LANES + lane]
        s2 = generators[2 * LANES + lane]
        s3 = generators[3 * LANES + lane]
        bits = _rotate_left(s0 + s3, 23) + s0
        shifted = s1 << np.uint64(17)
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        generators[lane] = s0
        generators[LANES + lane] = s1
        generators[2 * LANES + lane] = s2
        generators[3 * LANES + lane] = _rotate_left(s3, 45)
        # a uniform number in (0, 1], its logarithm from exponent and mantissa
        uniform = _as_bits(2.0 - _as_float(((bits >> np.uint64(24)) << np.uint64(12)) | _ONE))
        exponent = (uniform - _SQRT_HALF) & _EXPONENT
        x = _as_float(uniform - exponent) - 1.0
        series = _LOG[10]
        series = series * x + _LOG[9]
        series = series * x + _LOG[8]
        series = series * x + _LOG[7]
        series = series * x + _LOG[6]
        series = series * x + _LOG[5]
        series = series * x + _LOG[4]
        series = series * x + _LOG[3]
        series = series * x + _LOG[2]
        series = series * x + _LOG[1]
        series = series * x + _LOG[0]
        logarithm = series * x + (np.int64(exponent) >> 52) * 0.6931471805599453
        radius = math.sqrt(max(-2.0 * logarithm, 0.0))
        # an angle in [-pi/4, pi/4), then two symmetries of the square
        low = bits & np.uint64(0xFFFFF)
        angle = (_as_float((low << np.uint64(32)) | _ONE) - 1.5) * (math.pi / 2)
        q = angle * angle
        sine = (((_SIN[4] * q + _SIN[3]) * q + _SIN[2]) * q + _SIN[1]) * q + _SIN[0]
        cosine = (((_COS[4] * q + _COS[3]) * q + _COS[2]) * q + _COS[1]) * q + _COS[0]
        small = sine * angle * radius
        large = _as_float(_as_bits(cosine * radius) | ((bits << np.uint64(40)) & _SIGN))
        exchange = (bits & np.uint64(1 << 22)) != 0
        noise[lane] = small if exchange else large
        noise[LANES + lane] = large if exchange else small
        noise[2 * LANES + lane] = _as_float(_ONE | ((bits << np.uint64(42)) & _SIGN))


@_inlined
def _turn(x, y, z, a, b, c):
    """Return (x, y, z) rotated by twice the vector (a, b, c), with |(x, y, z)| kept.

    Cayley's form rotates by 2 arctan of its argument, so the argument is stretched like tan: the
    angle is right up to seventh order.
    """
    square = a * a + b * b + c * c
    stretch = 1.0 + square * (1.0 / 3.0 + square * (2.0 / 15.0))
    a *= stretch
    b *= stretch
    c *= stretch
    factor = 2.0 / (1.0 + square * stretch * stretch)
    u = b * z - c * y
    v = c * x - a * z
    w = a * y - b * x
    return (
        x + factor * (u + b * w - c * v),
        y + factor * (v + c * u - a * w),
        z + factor * (w + a * v - b * u),
    )


@_inlined
def _rotation_rates(spins, i, row_starts, columns, values, field, omega):
    """Set omega, shape (3 LANES,), to the rotation frequencies A m + b of spin i."""
    for alpha in range(3):
        row = 3 * i + alpha
        for lane in range(LANES):
            omega[alpha * LANES + lane] = field[row]
        for entry in range(row_starts[row], row_starts[row + 1]):
            value = values[entry]
            column = columns[entry] * LANES
            for lane in range(LANES):
                omega[alpha * LANES + lane] += value * spins[column + lane]


@_inlined
def _kick(spins, generators, amplitudes, noise):
    """Turn every spin by its noise; amplitudes has the columns x, y, z (halved angles)."""
    for i in range(amplitudes.shape[0]):
        _draw(generators, noise)
        x_of = 3 * LANES * i
        a0, b0, c0 = amplitudes[i, 0], amplitudes[i, 1], amplitudes[i, 2]
        for lane in range(LANES):
            x, y, z = _turn(
                spins[x_of + lane],
                spins[x_of + LANES + lane],
                spins[x_of + 2 * LANES + lane],
                a0 * noise[lane],
                b0 * noise[LANES + lane],
                c0 * noise[2 * LANES + lane],
            )
            spins[x_of + lane] = x
            spins[x_of + LANES + lane] = y
            spins[x_of + 2 * LANES + lane] = z


@_inlined
def _strike(spins, generators, forwards, starts, places, turns, noise):
    """Turn spins by noises that they share; turns are halved angles of one standard deviation."""
    count = len(starts) - 1
    for number in range(count):
        k = number if forwards else count - 1 - number
        row = (number % 2) * LANES
        if row == 0:
            _draw(generators, noise)
        for entry in range(starts[k], starts[k + 1]):
            x_of = 3 * LANES * places[entry]
            a0, b0, c0 = turns[entry, 0], turns[entry, 1], turns[entry, 2]
            for lane in range(LANES):
                i, size = x_of + lane, noise[row + lane]
                j, m = i + LANES, i + 2 * LANES
                turned = _turn(spins[i], spins[j], spins[m], a0 * size, b0 * size, c0 * size)
                spins[i], spins[j], spins[m] = turned


@_inlined
def _pump(spins, generators, shrinking, loss, noise):
    """Let all spins gain, or lose, with the factors q^2 of a step; see `hybrid.py`."""
    sign = -1.0 if loss else 1.0
    for i in range(shrinking.shape[0]):
        square = shrinking[i, 1 if loss else 0]
        if square == 1.0:
            continue
        _draw(generators, noise)
        x_of = 3 * LANES * i
        q = math.sqrt(square)
        for lane in range(LANES):
            x = spins[x_of + lane]
            y = spins[x_of + LANES + lane]
            up = (spins[x_of + 2 * LANES + lane] - sign * _THIRD_ROOT) * square + sign * _THIRD_ROOT
            across = max(x * x + y * y, 1e-30)
            t = math.sqrt(max((1.0 - up * up) / across - square, 0.0))
            t *= noise[2 * LANES + lane]
            spins[x_of + lane] = q * x - t * y
            spins[x_of + LANES + lane] = q * y + t * x
            spins[x_of + 2 * LANES + lane] = up


@_inlined
def _drift(spins, dt, row_starts, columns, values, field, predicted, rates, omega):
    """Turn every spin by Heun's method; omega, rates and predicted are work space."""
    n = spins.size // (3 * LANES)
    for i in range(n):
        _rotation_rates(spins, i, row_starts, columns, values, field, omega)
        x_of = 3 * LANES * i
        for lane in range(LANES):
            a = omega[lane] * (0.5 * dt)
            b = omega[LANES + lane] * (0.5 * dt)
            c = omega[2 * LANES + lane] * (0.5 * dt)
            rates[x_of + lane] = a
            rates[x_of + LANES + lane] = b
            rates[x_of + 2 * LANES + lane] = c
            x, y, z = _turn(
                spins[x_of + lane],
                spins[x_of + LANES + lane],
                spins[x_of + 2 * LANES + lane],
                a,
                b,
                c,
            )
            predicted[x_of + lane] = x
            predicted[x_of + LANES + lane] = y
            predicted[x_of + 2 * LANES + lane] = z
    for i in range(n):
        _rotation_rates(predicted, i, row_starts, columns, values, field, omega)
        x_of = 3 * LANES * i
        for lane in range(LANES):
            x, y, z = _turn(
                spins[x_of + lane],
                spins[x_of + LANES + lane],
                spins[x_of + 2 * LANES + lane],
                0.5 * rates[x_of + lane] + omega[lane] * (0.25 * dt),
                0.5 * rates[x_of + LANES + lane] + omega[LANES + lane] * (0.25 * dt),
                0.5 * rates[x_of + 2 * LANES + lane] + omega[2 * LANES + lane] * (0.25 * dt),
            )
            spins[x_of + lane] = x
            spins[x_of + LANES + lane] = y
            spins[x_of + 2 * LANES + lane] = z


@_compiled
def _advance(spins, generators, steps, dt, equations, amplitudes, shared, shrinking):
    row_starts, columns, values, field = equations
    starts, places, turns = shared
    noise = np.empty(3 * LANES)
    omega = np.empty(3 * LANES)
    predicted = np.empty(spins.size)
    rates = np.empty(spins.size)
    for step in range(steps + 1):
        if step > 0:
            # a bit that the next draw does not show
            alone = len(starts) == 1 and shrinking.shape[0] == 0
            forwards = alone or (generators[0] & _SIGN) != 0
            if not forwards:
                _strike(spins, generators, forwards, starts, places, turns, noise)
            if shrinking.shape[0] == 0:
                _kick(spins, generators, amplitudes, noise)
            else:
                _pump(spins, generators, shrinking, forwards, noise)
                if amplitudes.shape[0] > 0:
                    _kick(spins, generators, amplitudes, noise)
                _pump(spins, generators, shrinking, not forwards, noise)
            if forwards:
                _strike(spins, generators, forwards, starts, places, turns, noise)
        part = dt if 0 < step < steps else dt / 2
        _drift(spins, part, row_starts, columns, values, field, predicted, rates, omega)


@_compiled
def _draw_many(generators, noise):
    size = 3 * LANES
    for first in range(0, noise.size, size):
        _draw(generators, noise[first : first + size])


def draw_many(generators: Array, count: int) -> Array:
    """Return the next `count` draws: two normal numbers and a sign, shape (count, 3, LANES)."""
    noise = np.empty(count * 3 * LANES)
    _draw_many(generators.reshape(-1), noise)
    return noise.reshape(count, 3, LANES)


def kick_amplitudes(equations: SpinEquations, dt: float) -> Array:
    """Return half the standard deviations of the kick angles of a step dt, shape (n, 3)."""
    x, y = (equations.diffusion * dt).T
    shared = x * y / 6
    return np.asarray(np.sqrt(np.stack([x - shared, y - shared, x * y / 4], axis=1)) / 2)


def shared_turns(equations: SpinEquations, dt: float) -> Array:
    """Return half the standard deviations of the turns of a step dt by shared noise."""
    return np.ascontiguousarray(equations.shared.turns * (math.sqrt(dt) / 2))


def advance(
    spins: Array, generators: Array, equations: SpinEquations, dt: float, steps: int
) -> None:
    """Advance LANES trajectories in place by `steps` steps of length dt.

    Parameters
    ----------
    spins
        Unit vectors, shape (3 n, LANES), rows 3 i + alpha; changed in place.
    generators
        States of the random numbers, uint64 of shape (4, LANES); changed in place.
    equations
        Drift and noise.
    dt
        Step length; `dt * equations.rate`, the largest angle of a step, should be well below one.
    steps
        Number of steps, at least one.

    Notes
    -----
    Rounding changes |m| by about 1e-13 in a million steps, so there is no need to renormalise.
    """
    drift = (equations.row_starts, equations.columns, equations.values, equations.field)
    shared = (equations.shared.starts, equations.shared.spins, shared_turns(equations, dt))
    amplitudes, pumped = kick_amplitudes(equations, dt), shrinking(equations, dt)
    if not np.any(equations.pumps):
        pumped = pumped[:0]
    elif not np.any(amplitudes):
        amplitudes = amplitudes[:0]
    _advance(
        spins.reshape(-1), generators.reshape(-1), steps, dt, drift, amplitudes, shared, pumped
    )


def random_streams(seed: int, *key: int) -> tuple[Array, np.random.Generator]:
    """Return the generators of a block of trajectories, and one for its initial conditions.

    The streams of different keys are independent; they depend on nothing else.
    """
    dynamics, beginning = np.random.SeedSequence(seed, spawn_key=key).spawn(2)
    states = dynamics.generate_state(4 * LANES, np.uint64).reshape(LANES, 4)
    return np.ascontiguousarray(states.T), np.random.default_rng(beginning)
