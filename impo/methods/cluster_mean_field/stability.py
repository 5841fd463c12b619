r"""Linearised motion of a cluster in the field of its copies, which may differ.

A perturbation X exp(i k c) + h.c. of copy c moves with

    L_k X = L X + sum_f (-i [O_f, rho]) sum_m exp(i k d_m) Tr(M_fm X),

L the master equation in the fields of the fixed point, O_f the operators that the fields multiply
and d_m the distance of the copy whose expectation a field contains. Only the second part depends on
k, and it has the rank of the few fields: the modes of all k are found in one Krylov space of L that
begins with all -i [O_f, rho] and a matrix at random. A mode that a rotation about z makes of a
broken symmetry stands still by construction and is divided out.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space, orth
from scipy.sparse import coo_array
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from impo.arrays import Array
from impo.methods.cluster_mean_field.fixed_point import runge_kutta
from impo.methods.cluster_mean_field.flow import ClusterFlow
from impo.operators.local import state_charges

STEPS = 12  # Runge-Kutta steps, each close to the fastest motion, in one application of the map
MARGINAL = 1e-7  # a growth per time step that counts as none
_DENSE = 16  # states of a cluster whose linearised motion is diagonalised as a dense matrix
_COMPLETE = 12  # the same for copies that differ
_LARGEST = 240  # dimension of the Krylov space
_MEMORY = 2**25  # numbers in it
_LONGEST = 1000  # steps for which a growing mode is followed, three times
_WAVES = np.pi * np.arange(5) / 4
_RESOLVED = 0.25  # error of a growth rate over the rate


@dataclass(frozen=True)
class WaveModes:
    """The least stable mode of a fixed point among copies that may differ.

    Attributes
    ----------
    growth
        Largest real part of its rate over all wave vectors tried.
    wave
        Its phase from one copy of the cluster to the next.
    waves
        Number of wave vectors tried; one if copies do not feel each other.
    error
        Estimate of what its rate is off.
    dt
        A time step of the fastest motion.
    """

    growth: float
    wave: float
    waves: int
    error: float
    dt: float

    @property
    def stable(self) -> bool:
        """Whether all perturbations are known to decay."""
        return self.growth * self.dt < -MARGINAL and self.decided

    @property
    def unstable(self) -> bool:
        """Whether a perturbation is known to grow."""
        return self.growth * self.dt > MARGINAL and self.decided

    @property
    def decided(self) -> bool:
        """Whether the growth rate is larger than its error, or neither can be told from zero."""
        return self.error <= max(_RESOLVED * abs(self.growth), MARGINAL / self.dt)


def wave_modes(flow: ClusterFlow, rho: Array, dt: float, mode: Array) -> WaveModes:
    """Return the least stable mode of a fixed point, at all wave vectors between the copies.

    Parameters
    ----------
    flow, rho
        The motion and its fixed point.
    dt
        A time step of the fastest motion.
    mode
        The slowest mode of equal copies, where the search begins.
    """
    space = _Space(flow, rho, dt, mode, flow.dimension <= _COMPLETE)
    before = np.full(len(space.waves), -math.inf)
    while True:
        growth, residual = space.least_stable()
        # Modes that have not converged appear too far to the right, so a decay may be trusted where
        # more of the space changes nothing, but growth only by its residual.
        settled = np.maximum(2 * np.abs(growth - before), residual / 5)
        error = np.where(growth < 0, np.minimum(residual, settled), residual)
        before = growth
        known = np.all(error <= np.maximum(_RESOLVED * np.abs(growth), MARGINAL / dt))
        if known or not space.grow():
            break
    if not known and _COMPLETE < flow.dimension <= _DENSE:
        space = _Space(flow, rho, dt, mode, complete=True)
        growth, error = space.least_stable()
    worst = int(np.argmax(growth))
    wave, rate, off = float(space.waves[worst]), float(growth[worst]), float(error[worst])
    if rate * dt > MARGINAL and off > _RESOLVED * rate:
        rate, off = space.followed(wave, rate)
    return WaveModes(rate, wave, len(space.waves), off, dt)


class _Space:
    """A space of traceless matrices and the linearised motion in it."""

    def __init__(self, flow: ClusterFlow, rho: Array, dt: float, mode: Array, complete: bool):
        self._flow, self._dt, self._fields = flow, dt, flow.field_values(rho)
        self._d = d = flow.dimension
        directions, self._changes = flow.responses(rho)
        self._directions = directions.reshape(len(directions), d * d)
        self.waves = _WAVES if len(directions) else _WAVES[:1]
        self._rotations = [_rotations(flow, rho, k) for k in self.waves]
        rough = np.random.default_rng(11).normal(size=(d, d))
        rough -= np.trace(rough) / d * np.eye(d)
        turned = [part for found in self._rotations for g in found for part in (g, g.conj().T)]
        turned = [part for g in turned for part in (g.real, g.imag)]
        seeds = _traceless_matrices(d) if complete else np.concatenate(
            [self._directions, np.reshape([*turned, mode, rough], (-1, d * d))]
        )  # fmt: skip
        largest = d * d - 1 if complete else min(_LARGEST, max(24, _MEMORY // d**2), d * d - 1)
        self._basis = np.zeros((largest, d * d), dtype=rho.dtype)
        self._moved = np.zeros_like(self._basis)
        self._size, self._seen = 0, 0
        self._add(seeds.astype(rho.dtype), 1e-8)
        if not complete:
            self.grow()

    def _rate(self, rows: Array) -> Array:
        """Return L of matrices in rows."""
        block = np.ascontiguousarray(rows.reshape(-1, self._d, self._d).transpose(1, 2, 0))
        moved = self._flow.frozen_rate(block, self._fields)
        return moved.transpose(2, 0, 1).reshape(rows.shape)

    def _add(self, rows: Array, threshold: float) -> None:
        """Extend the basis by rows; what is in the span already is dropped."""
        first, norms = self._size, np.linalg.norm(rows, axis=1)
        identity = np.eye(self._d).ravel()
        for row in rows[norms > 0] / norms[norms > 0, None]:
            if self._size == len(self._basis):
                break
            for _ in range(2):  # and without the trace, with which rounding lets the state in
                row = row - (identity @ row) / self._d * identity
                known = self._basis[: self._size]
                row = row - (known.conj() @ row) @ known
            norm = np.linalg.norm(row)
            if norm > threshold:
                self._basis[self._size] = row / norm
                self._size += 1
        self._fresh = slice(first, self._size)
        self._moved[self._fresh] = self._rate(self._basis[self._fresh])

    def grow(self) -> bool:
        """Extend the space by a third, by the motion of its newest part; False at its limit."""
        aim = min(4 * self._size // 3 + 1, len(self._basis))
        while self._fresh.start < self._fresh.stop and self._size < aim:
            fresh = self._basis[self._fresh]
            self._add(runge_kutta(self._rate, fresh, self._dt, STEPS), 1e-8)
        return self._size >= aim and aim > self._seen

    def least_stable(self) -> tuple[Array, Array]:
        """Return growth rate and residual of the least stable mode at all wave vectors."""
        basis, moved = self._basis[: self._size], self._moved[: self._size]
        self._seen = self._size
        self._projected = basis.conj() @ moved.T
        outside = moved.T - basis.T @ self._projected
        self._leaving = np.linalg.qr(outside, mode="r") if self._size < self._d**2 else outside
        growth, residual = zip(*[self._least_stable(k) for k in self.waves], strict=True)
        return np.array(growth), np.array(residual)

    def followed(self, k: float, growth: float) -> tuple[float, float]:
        """Return the growth rate and its error where the motion carries the least stable mode.

        Whatever grows comes to dominate, and what only seemed to grow does not.
        """
        self._least_stable(k)
        row = (self._mode @ self._basis[: self._size])[None]

        def rate(rows: Array) -> Array:
            if self._basis.dtype == complex:
                moved = self._rate(rows)
            else:
                moved = self._rate(rows.real) + 1j * self._rate(rows.imag)
            for direction, changes in zip(self._directions, self._changes, strict=True):
                moved = moved + self._field_change(rows, changes, k) * direction
            return moved

        steps, norms = min(round(5 / (growth * self._dt)), _LONGEST), [np.linalg.norm(row)]
        for _ in range(3):
            row = runge_kutta(rate, row, self._dt, steps)
            norms.append(np.linalg.norm(row))
        rates = np.diff(np.log(norms)) / (steps * self._dt)
        return float(rates[-1]), float(np.abs(rates[-1] - rates[-2]))

    def _field_change(self, rows: Array, changes: list[tuple[int, coo_array]], k: float) -> Array:
        """Return what matrices in rows add to a field at a wave vector."""
        out = np.zeros(len(rows), dtype=complex)
        for distance, matrix in changes:
            elements = rows[:, matrix.col * self._d + matrix.row]
            out += np.exp(1j * k * distance) * (elements @ matrix.data)
        return out

    def _least_stable(self, k: float) -> tuple[float, float]:
        """Return (growth rate, residual) of the least stable mode at a wave vector."""
        basis, d = self._basis[: self._size], self._d
        linear = self._projected.astype(complex)
        number = int(np.argmin(np.abs(self.waves - k)))
        for direction, changes in zip(self._directions, self._changes, strict=True):
            row = self._field_change(basis, changes, k)
            linear += np.outer(basis.conj() @ direction, row)
        kept = np.eye(len(basis))
        rotations = self._rotations[number].reshape(-1, d * d) @ basis.conj().T
        if len(rotations):
            rotations = np.linalg.qr(rotations.T)[0]
            still = np.linalg.norm(linear @ rotations, axis=0) * self._dt <= 100 * MARGINAL
            kept = null_space(rotations[:, still].conj().T) if still.any() else kept
        if not kept.shape[1]:
            return -math.inf, 0.0
        values, vectors = np.linalg.eig(kept.conj().T @ linear @ kept)
        least = int(np.argmax(values.real))
        mode = kept @ vectors[:, least]
        self._mode = mode
        residual = float(np.linalg.norm(self._leaving @ mode) / np.linalg.norm(mode))
        return float(values[least].real), residual


def _rotations(flow: ClusterFlow, rho: Array, k: float) -> Array:
    """Return -i [Q, rho] of the charges Q = sum w_j exp(i k c) m_j that commute with the motion."""
    n = len(flow.sites)
    rows = np.zeros((len(flow.charges), n), dtype=complex)
    for row, entries in zip(rows, flow.charges, strict=True):
        for position, charge in entries:
            row[position % n] += charge * np.exp(1j * k * (position // n))
    out = []
    _, values, vectors = np.linalg.svd(np.vstack([rows, np.zeros((n, n))]))
    for weights in vectors[values < 1e-9].conj():  # rows are integers times phases
        diagonal: Array = np.zeros(1, dtype=complex)
        for site, weight in zip(flow.sites, weights, strict=True):
            diagonal = (diagonal[:, None] + weight * state_charges(site)).ravel()
        turned = -1j * (diagonal[:, None] - diagonal) * rho
        norm = np.linalg.norm(turned)
        if norm > 1e-6 * np.linalg.norm(rho):  # else the state has the symmetry
            out.append(turned / norm)
    return np.array(out, dtype=complex).reshape(-1, *rho.shape)


def _traceless_matrices(d: int) -> Array:
    """Return an orthonormal basis of all traceless matrices as rows."""
    apart = np.eye(d * d)[np.flatnonzero(~np.eye(d, dtype=bool))]
    diagonal = np.linalg.qr(np.hstack([np.ones((d, 1)), np.eye(d)[:, 1:]]))[0][:, 1:]
    return np.concatenate([apart, [np.diag(column).ravel() for column in diagonal.T]])


def slowest_mode(flow: ClusterFlow, rho: Array, dt: float) -> tuple[float, Array]:
    """Return the largest Re of the linearised motion around a fixed point, and its mode.

    The motion is linear over the reals only, since the field depends on rho and its conjugate.
    Rotations about z that a broken symmetry leaves free are divided out.
    """
    fields = flow.field_values(rho)

    def rate(delta: Array) -> Array:
        return flow.linear_rate(rho, fields, delta)

    rotations = [g for g in _hermitian_rotations(flow, rho)
                 if np.linalg.norm(rate(g)) * dt <= 100 * MARGINAL]  # fmt: skip
    if flow.dimension <= _DENSE:
        basis = _traceless_basis(flow.dimension, flow.real)
        moved = np.array([rate(b).reshape(-1) for b in basis])
        rows = basis.reshape(len(basis), -1).conj()
        jacobian = np.real(rows @ moved.T)
        if rotations:
            kept = null_space(np.real([rows @ g.ravel() for g in rotations]))
            jacobian, basis = kept.T @ jacobian @ kept, np.tensordot(kept.T, basis, 1)
        values, vectors = np.linalg.eig(jacobian)
        slowest = int(np.argmax(values.real))
        return float(values[slowest].real), np.tensordot(vectors[:, slowest].real, basis, 1)

    def turned_back(delta: Array) -> Array:
        for g in rotations:
            delta = delta - np.vdot(g, delta).real * g
        return delta

    def propagate(x: Array) -> Array:
        delta = np.ascontiguousarray(x, dtype=float).view(rho.dtype).reshape(rho.shape)
        delta = (delta + delta.conj().T) / 2
        delta = delta - np.trace(delta).real * rho  # rounding would let the stationary mode in
        moved = turned_back(runge_kutta(rate, turned_back(delta), dt, STEPS))
        return np.ascontiguousarray(moved).reshape(-1).view(float)

    rough = np.random.default_rng(3).normal(size=rho.shape)
    rough = rough + rough.T
    rough -= np.trace(rough) / len(rough) * np.eye(len(rough))
    first = propagate(rough.astype(rho.dtype).reshape(-1).view(float))
    propagator = LinearOperator((len(first),) * 2, matvec=propagate, dtype=float)
    try:
        values, vectors = eigs(propagator, k=1, v0=first, ncv=16, tol=1e-3, maxiter=30)
        largest, vector = abs(values[0]), np.ascontiguousarray(vectors[:, 0].real)
    except ArpackNoConvergence:  # modes of almost the same rate: a power iteration bounds them
        vector, largest = first, 0.0
        for _ in range(3 * STEPS):
            vector = propagate(vector / np.linalg.norm(vector))
            largest = float(np.linalg.norm(vector))
    mode = vector.view(rho.dtype).reshape(rho.shape)
    return math.log(largest) / (dt * STEPS), mode / np.linalg.norm(mode)


def _hermitian_rotations(flow: ClusterFlow, rho: Array) -> list[Array]:
    """Return orthonormal Hermitian -i [Q, rho], equal in all copies; a real frame has none."""
    if flow.real:  # they are imaginary, and not among the real perturbations
        return []
    found = _rotations(flow, rho, 0.0)
    parts = [x for g in found for x in (g + g.conj().T, 1j * (g - g.conj().T))]
    rows = np.ascontiguousarray(parts).reshape(-1, rho.size).view(float)
    if not len(rows):
        return []
    space = np.ascontiguousarray(orth(rows.T, rcond=1e-6).T)
    return list(space.view(complex).reshape(-1, *rho.shape))


def _traceless_basis(d: int, real: bool) -> Array:
    """Return orthonormal traceless Hermitian (or real symmetric) matrices, shape (n, d, d)."""
    rows, columns = np.triu_indices(d, 1)
    symmetric = np.zeros((len(rows), d, d), dtype=float if real else complex)
    count = np.arange(len(rows))
    symmetric[count, rows, columns] = symmetric[count, columns, rows] = math.sqrt(0.5)
    # the columns of an orthogonal matrix, but the first, have no component along (1 ... 1)
    diagonal = np.linalg.qr(np.hstack([np.ones((d, 1)), np.eye(d)[:, 1:]]))[0][:, 1:]
    parts = [symmetric, np.array([np.diag(column) for column in diagonal.T])]
    if not real:
        antisymmetric = symmetric.copy()
        antisymmetric[count, rows, columns] *= 1j
        antisymmetric[count, columns, rows] *= -1j
        parts.append(antisymmetric)
    return np.concatenate(parts)
