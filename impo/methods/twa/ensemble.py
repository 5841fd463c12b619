"""Ensembles of trajectories on a lattice of cells: advanced in parallel, averaged in groups."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numba
import numpy as np
from scipy import fft

from impo.arrays import Array
from impo.compilation import watch
from impo.methods.twa.equations import SpinEquations
from impo.methods.twa.integrator import LANES, advance, random_streams

watch()  # the integrator may have to be compiled


@dataclass(frozen=True)
class Samples:
    """Averages over the samples of a stretch of time, by groups of trajectories.

    Attributes
    ----------
    first, second
        Moments as in `impo.methods.twa.moments.Moments`, shapes (groups, ...).
    series
        Of every sample, shape (samples, groups, 4 sites): per site <m_z>, <m_z^2>, the transverse
        correlation of neighbouring cells and the squared transverse order parameter, all as
        fractions of (S + 1/2) or its square.
    snapshots
        Unit vectors, float32 of shape (snapshots, 3 spins, trajectories).
    """

    first: Array
    second: Array
    series: Array
    snapshots: Array


def grouping(trajectories: int, starts: int, wanted: int) -> tuple[int, int, int]:
    """Return (blocks per start, lanes per group, blocks per group) for independent equal groups.

    There are `wanted` to 2 `wanted` groups per start, or LANES if there are so few trajectories.
    """
    blocks = math.ceil(trajectories / (starts * LANES))
    lanes = 1
    while lanes < LANES and blocks * LANES // (2 * lanes) >= wanted:
        lanes *= 2
    merged = math.ceil(blocks / (2 * wanted))
    return merged * math.ceil(blocks / merged), lanes, merged


class SpinEnsemble:
    """Trajectories of all spins of a lattice.

    Parameters
    ----------
    equations
        Equations of motion.
    shape
        Number of cells in each direction.
    periodic
        Whether distances go around.
    seed
        Seed of all random numbers. A trajectory depends on its seed and its number only.
    begins
        One function per start that returns the unit vectors, shape (3 spins, LANES), of block
        number b from (b, random generator).
    trajectories
        Least number of trajectories of all starts together; rounded up to equal groups of vectors.
    groups
        Least number of groups per start.
    """

    def __init__(
        self,
        equations: SpinEquations,
        shape: tuple[int, ...],
        periodic: bool,
        seed: int,
        begins: Sequence[Callable[[int, np.random.Generator], Array]],
        trajectories: int,
        groups: int,
    ):
        self.equations = equations
        self.shape = shape
        self.periodic = periodic
        blocks, self._lanes, self._merged = grouping(trajectories, len(begins), groups)
        self.spins: list[Array] = []
        self._generators: list[Array] = []
        for start, begin in enumerate(begins):
            for block in range(blocks):
                stream, generator = random_streams(seed, start, block)
                self._generators.append(stream)
                self.spins.append(np.ascontiguousarray(begin(block, generator)))
        self.trajectories = len(self.spins) * LANES
        self.sites = len(equations.lengths) // math.prod(shape)
        # without periodicity, zeros keep the two ends apart
        self._padded = shape if periodic else tuple(2 * length for length in shape)
        self._lengths = equations.lengths[: self.sites]
        self._here, self._next = self._wave_weights()

    def run(self, dt: float, stride: int, samples: int, snapshots: int = 0) -> Samples:
        """Advance by `samples` times `stride` steps of length dt; average over the samples.

        Blocks of LANES trajectories run in NUMBA_NUM_THREADS threads (all usable cores unless that
        environment variable says otherwise); the sums do not depend on their number.
        """
        keep = set(np.linspace(samples - 1, 0, snapshots, dtype=int, endpoint=False).tolist())
        threads: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        with ThreadPoolExecutor(threads) as pool:
            run = partial(self._run_block, dt=dt, stride=stride, samples=samples, keep=keep)
            *averages, kept = zip(*pool.map(run, range(len(self.spins))), strict=True)
        first, second, series = (self._merge(np.concatenate(parts)) for parts in averages)
        return Samples(first, second, np.moveaxis(series, 0, 1), np.concatenate(kept, axis=-1))

    def _wave_weights(self) -> tuple[Array, Array]:
        """Return the weights of all waves that give the averages at distance 0 and 1."""
        cells, first = math.prod(self.shape), self.shape[0]
        waves = [2 * np.pi * np.fft.fftfreq(length) for length in self._padded]
        waves[-1] = 2 * np.pi * np.fft.rfftfreq(self._padded[-1])
        twice = np.full(len(waves[-1]), 2.0)  # waves and their conjugates, which are left out
        twice[0] = 1.0
        if self._padded[-1] % 2 == 0:
            twice[-1] = 1.0
        here = np.broadcast_to(twice, [len(wave) for wave in waves]) / math.prod(self._padded)
        step = np.cos(waves[0]).reshape(-1, *[1] * (len(self.shape) - 1))
        pairs = cells if self.periodic else max(cells - cells // first, 1)
        return here.ravel() / cells, (here * step).ravel() / pairs

    def _merge(self, groups: Array) -> Array:
        merged = groups.reshape(-1, self._merged, *groups.shape[1:])
        return np.asarray(merged.mean(axis=1))

    def _run_block(
        self, block: int, dt: float, stride: int, samples: int, keep: set[int]
    ) -> tuple[Array, Array, Array, Array]:
        """Return (first, second, series, snapshots) of one block, with its groups as first axis."""
        spins, generators = self.spins[block], self._generators[block]
        origin: Any = (slice(None), *[0] * len(self.shape))
        total, power, series, kept = np.zeros(1), np.zeros(1), [], []
        for sample in range(samples):
            if stride:
                advance(spins, generators, self.equations, dt, stride)
            waves = self._waves(spins)
            sums = np.real(waves[origin]).mean(axis=-1)
            spectrum = waves @ np.swapaxes(waves.conj(), -1, -2) / self._lanes
            spectrum = spectrum.conj()
            series.append(self._watched(sums, spectrum))
            total = total + sums
            power = power + spectrum
            if sample in keep:
                kept.append(spins.astype(np.float32))
        first = np.reshape(total, (-1, self.sites, 3)) / (samples * math.prod(self.shape))
        second, watched = self._distances(power / samples), np.array(series).swapaxes(0, 1)
        if self.equations.squares is not None:
            here = second[origin]
            for site, known in enumerate(self.equations.squares):
                here[:, 3 * site : 3 * site + 3, 3 * site : 3 * site + 3] = known
        snapshots = np.array(kept, dtype=np.float32).reshape(len(kept), *spins.shape)
        return first, second, watched, snapshots

    def _waves(self, spins: Array) -> Array:
        """Return the Fourier transform over cells, shape (groups, *waves, 3 sites, lanes)."""
        axes = tuple(range(len(self.shape)))
        lengths = np.repeat(self._lengths, 3)[:, None]
        scaled = spins.reshape(*self.shape, 3 * self.sites, LANES) * lengths
        waves = fft.rfftn(scaled, s=self._padded, axes=axes)
        return np.moveaxis(waves.reshape(*waves.shape[:-1], -1, self._lanes), -2, 0)

    def _watched(self, sums: Array, spectrum: Array) -> Array:
        """Return the observables of `Samples.series` of one sample, shape (groups, 4 sites)."""
        cells = math.prod(self.shape)
        power = np.real(np.diagonal(spectrum, axis1=-2, axis2=-1))
        power = power.reshape(len(power), -1, self.sites, 3)
        across = power[..., 0] + power[..., 1]
        m_z = sums.reshape(-1, self.sites, 3)[..., 2] / (cells * self._lengths)
        square = np.einsum("gks,k->gs", power[..., 2], self._here)
        neighbours = np.einsum("gks,k->gs", across, self._next)
        order = across[:, 0] / cells**2
        scaled = [value / self._lengths**2 for value in (square, neighbours, order)]
        return np.concatenate([m_z, *scaled], axis=-1)

    def _distances(self, power: Array) -> Array:
        """Return <s_mu(0) s_nu(r)> from the spectrum, for r as in `Moments.second`."""
        dimension = len(self.shape)
        axes = tuple(range(1, dimension + 1))
        second: Array = fft.irfftn(power, s=self._padded, axes=axes)
        second = second[:, : self.shape[0] // 2 + 1]
        for axis, (length, padded) in enumerate(zip(self.shape, self._padded, strict=True)):
            pairs = np.full(padded, float(length))
            if not self.periodic:
                pairs = np.maximum(length - np.abs(np.fft.fftfreq(padded, 1 / padded)), 1.0)
            place = [1] * second.ndim
            place[axis + 1] = -1
            second /= pairs[: second.shape[axis + 1]].reshape(place)
        return second
