r"""Stability of fixed points of the mean-field equations, and quantities that these conserve.

A perturbation x exp(i k.r) of a fixed point moves with J(k) = sum_d J_d exp(i k.d), J_d the change
of ds/dt of a cell with the spins of the cell at distance d. Two kinds of modes of J(k) are known to
stand still and say nothing about the stability:

* a rotation about z that leaves the equations as they are, angle w_j exp(i k.r) of spin j: the
  phase of <S+> of a broken symmetry is arbitrary;
* the length of a spin that the equations conserve: a classical spin is a vector of length S.

They are divided out. Any other mode that does not decay leaves the steady state open.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.linalg import block_diag, null_space, orth

from impo.arrays import Array
from impo.methods.mean_field.equations import MeanFieldEquations, neighbour_equations
from impo.model import LindbladModel
from impo.operators.local import spin_numbers

MARGINAL = 1e-7  # rate over the model's fastest one that cannot be told from zero
_EXACT = 1e-13  # relative rounding of an identity of the equations
_WAVES = {1: 32, 2: 16}  # wave vectors per direction
_Z_CROSS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


@dataclass(frozen=True)
class Stability:
    """The least stable mode of a fixed point, without those that are zero by construction.

    Attributes
    ----------
    growth
        Largest real part of the rates of all modes at all wave vectors.
    wave
        The wave vector of that mode.
    scale
        The fastest rate of the model.
    waves
        Number of wave vectors tried, k and -k counted once.
    fixed
        Sites whose length the equations conserve.
    """

    growth: float
    wave: tuple[float, ...]
    scale: float
    waves: int
    fixed: tuple[int, ...]

    @property
    def stable(self) -> bool:
        """Whether every perturbation that was tried decays."""
        return self.growth < -MARGINAL * self.scale

    @property
    def unstable(self) -> bool:
        """Whether a perturbation grows."""
        return self.growth > MARGINAL * self.scale

    @property
    def k(self) -> str:
        """The wave vector of the least stable mode, as text."""
        return " ".join(f"{x:.3g}" for x in self.wave)


def conserved_sum(equations: MeanFieldEquations) -> tuple[int, ...] | None:
    """Return the sites of a sum of n_j.S_j that the equations conserve, or None."""
    size = np.abs(equations.coefficients).max(initial=0.0)
    space = null_space(
        np.vstack([equations.coefficients, np.zeros((1, equations.coefficients.shape[1]))]),
        rcond=_EXACT if size > 0 else 1.0,
    )
    if not space.shape[1]:
        return None
    # the conserved sum on the fewest sites is the plainest: try the sites one by one
    weight = np.linalg.norm(space.reshape(-1, 3, space.shape[1]), axis=(1, 2))
    for site in np.argsort(-weight):
        own = np.eye(len(space))[:, 3 * site : 3 * site + 3]
        if np.linalg.svd(space.T @ own, compute_uv=False)[0] > 1 - 1e-9:
            return (int(site),)
    first = space[:, 0].reshape(-1, 3)
    return tuple(int(j) for j in np.flatnonzero(np.linalg.norm(first, axis=1) > 1e-6))


class WaveStability:
    """The linearised motion of a model at all wave vectors.

    Parameters
    ----------
    model
        The description.
    scale
        The fastest rate of the model.
    """

    def __init__(self, model: LindbladModel, scale: float):
        self._equations, self._cells = neighbour_equations(model)
        self._n, self._scale = len(model.sites), scale
        alone = len(self._cells) == 1
        self._waves = np.zeros((1, model.dimension)) if alone else _wave_vectors(model.dimension)
        self._phases = np.exp(1j * self._waves @ self._cells.T)
        spins = spin_numbers(model)
        self._samples = self._sampled(spins)
        self.fixed = tuple(j for j in range(self._n) if self._conserves_length(j, spins))
        self._rotations = self._symmetries()

    def _blocks(self, s: Array) -> Array:
        """Return J_d for the spins of all cells, shape (cells, 3n, 3n)."""
        found = self._equations.jacobian(s).reshape(3 * self._n, len(self._cells), -1)
        return found.transpose(1, 0, 2)

    def _sampled(self, spins: Array) -> list[tuple[Array, Array, Array]]:
        """Return spins of all cells, their motion and its change, for configurations at random."""
        rng, out = np.random.default_rng(5), []
        for _ in range(4):
            s = (rng.normal(size=(len(self._cells), self._n, 3)) * spins[:, None]).ravel()
            out.append((s.reshape(-1, self._n, 3), self._equations.flow(s), self._blocks(s)))
        return out

    def _conserves_length(self, site: int, spins: Array) -> bool:
        part = slice(3 * site, 3 * site + 3)
        allowed = _EXACT * self._scale * spins[site] ** 2 * 100
        return all(abs(s[0, site] @ flow[part]) <= allowed for s, flow, _ in self._samples)

    def _symmetries(self) -> list[Array]:
        """Return at every k the angles w_j exp(i k.r) about z that commute with the motion."""
        n, cells = self._n, len(self._cells)
        equations = np.zeros((len(self._samples), cells, 3 * n, n))
        for number, (s, flow, blocks) in enumerate(self._samples):
            turned = s @ _Z_CROSS.T
            for j in range(n):
                part = slice(3 * j, 3 * j + 3)
                equations[number, :, :, j] = np.einsum(
                    "cia,ca->ci", blocks[..., part], turned[:, j]
                )
                equations[number, 0, part, j] -= _Z_CROSS @ flow[part]
        size = max(float(np.abs(flow).max()) for _, flow, _ in self._samples)
        size = max(size, float(np.abs(equations).max()))
        out = []
        for phase in self._phases:
            matrix = np.einsum("c,scij->sij", phase, equations).reshape(-1, n)
            _, values, rows = np.linalg.svd(matrix, full_matrices=False)
            out.append(rows[values <= 100 * _EXACT * size].conj().T)
        return out

    def at(self, s: Array) -> Stability:
        """Return the least stable mode of a fixed point, s of shape (n, 3)."""
        blocks = self._blocks(np.tile(s, (len(self._cells), 1)).ravel())
        lengths = np.linalg.norm(s, axis=1)
        tangent = block_diag(*[
            null_space(s[j : j + 1]) if j in self.fixed and lengths[j] > 0 else np.eye(3)
            for j in range(self._n)
        ])  # fmt: skip
        turned = s @ _Z_CROSS.T
        growth, wave, scale = -math.inf, self._waves[0], self._scale
        for k, phase, angles in zip(self._waves, self._phases, self._rotations, strict=True):
            drift = np.einsum("c,cij->ij", phase, blocks)
            scale = max(scale, float(np.linalg.norm(drift, 2)))
            kept = tangent
            rotations = (angles[:, None, :] * turned[..., None]).reshape(3 * self._n, -1)
            rotations = orth(tangent.T @ rotations, rcond=1e-6)
            still = np.linalg.norm(tangent.T @ drift @ tangent @ rotations, axis=0)
            rotations = rotations[:, still <= MARGINAL * scale]
            if rotations.shape[1] == kept.shape[1]:
                continue
            if rotations.shape[1]:
                kept = tangent @ null_space(rotations.conj().T)
            rates = np.linalg.eigvals(kept.conj().T @ drift @ kept).real
            if not rates.max() <= growth:
                growth, wave = float(rates.max()), k
        return Stability(growth, tuple(float(x) for x in wave), scale, len(self._waves), self.fixed)


def _wave_vectors(dimension: int) -> Array:
    """Return wave vectors, shape (count, dimension); J(-k) = J(k)^* needs no place."""
    points = _WAVES[dimension]
    axis = 2 * np.pi * np.arange(points) / points
    half: Sequence[Array] = [axis[: points // 2 + 1], *[axis] * (dimension - 1)]
    return np.array(list(product(*half)))
