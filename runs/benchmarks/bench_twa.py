"""Time per spin and step of the TWA integrator, of plain NumPy, and of its random numbers alone.

Run with `impo run bench_twa`.
"""

import threading
import time
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from impo.methods.twa.equations import SpinEquations, spin_equations
from impo.methods.twa.integrator import LANES, advance, draw_many, kick_amplitudes, random_streams
from impo.methods.twa.samples import isotropic
from models.gain_loss import chain


def turn(vectors: NDArray, angles: NDArray) -> NDArray:
    """Rotate vectors by the rotation vectors `angles` (Rodrigues), both of shape (n, 3, lanes)."""
    angle = np.linalg.norm(angles, axis=1, keepdims=True)
    axis = angles / np.where(angle > 0, angle, 1)
    across = np.cross(axis, vectors, axis=1)
    along = axis * np.einsum("iax,iax->ix", axis, vectors)[:, None]
    return vectors * np.cos(angle) + across * np.sin(angle) + along * (1 - np.cos(angle))


def numpy_advance(
    spins: NDArray, equations: SpinEquations, dt: float, noise: Iterable[NDArray]
) -> NDArray:
    """Return the trajectories after one step per kick: the same scheme in plain NumPy.

    Parameters
    ----------
    spins
        Unit vectors, shape (n, 3, lanes).
    equations
        Drift and noise.
    dt
        Step length.
    noise
        For every step two normal numbers and a sign, shape (n, 3, lanes).
    """
    n = len(spins)
    matrix = csr_array(
        (equations.values, equations.columns, equations.row_starts), shape=(3 * n, 3 * n)
    )

    def rates(vectors: NDArray) -> NDArray:
        flat = matrix @ vectors.reshape(3 * n, -1) + equations.field[:, None]
        return flat.reshape(vectors.shape)

    def drift(vectors: NDArray, interval: float) -> NDArray:
        omega = rates(vectors)
        predicted = turn(vectors, omega * interval)
        return turn(vectors, (omega + rates(predicted)) * (interval / 2))

    kicks = list(noise)
    angles = 2 * kick_amplitudes(equations, dt)[:, :, None]
    spins = drift(spins, dt / 2)
    for number, kick in enumerate(kicks, start=1):
        spins = drift(turn(spins, angles * kick), dt if number < len(kicks) else dt / 2)
    return spins


def _nanoseconds(work: Callable[[], None], updates: int, repeats: int = 3) -> float:
    """Return the least CPU time per update of this thread in ns."""
    times = []
    for _ in range(repeats):
        begin = time.thread_time()
        work()
        times.append(time.thread_time() - begin)
    return 1e9 * min(times) / updates


def measure(cells: int, updates: int = 2 * 10**7) -> dict[str, float]:
    """Return ns per spin and step of the integrator, of NumPy, and of the random numbers."""
    equations = spin_equations(chain(S=1000), (cells,))
    n, dt = 2 * cells, 0.05
    generators, generator = random_streams(1, 0)
    spins = isotropic(equations.lengths, generator)
    advance(spins, generators, equations, dt, 1)
    draw_many(generators, 1)
    steps = max(1, updates // (n * LANES))
    compiled = _nanoseconds(
        lambda: advance(spins, generators, equations, dt, steps), steps * n * LANES
    )
    batch, batches = 40, steps * n // 40  # a batch stays in the cache

    def draw() -> None:
        for _ in range(batches):
            draw_many(generators, batch)

    drawing = _nanoseconds(draw, batches * batch * LANES)
    lanes, few = max(LANES, 20000 // n), 5
    plain = isotropic(equations.lengths, generator, lanes).reshape(n, 3, lanes)

    def numpy_steps() -> None:
        noise = [generator.normal(size=(n, 3, lanes)) for _ in range(few)]
        numpy_advance(plain, equations, dt, noise)

    return {
        "integrator": compiled,
        "NumPy": _nanoseconds(numpy_steps, few * n * lanes),
        "random numbers": drawing,
    }


def speed_up(threads: int = 2, cells: int = 50, steps: int = 40000) -> tuple[float, float]:
    """Return (by the clock, by CPU time) how much more `threads` threads do than one.

    The second does not see other users of the machine: it is `threads` over the rise of the CPU
    time per update, from shared memory and caches.
    """
    equations = spin_equations(chain(S=1000), (cells,))
    cost = [0.0] * threads

    def task(number: int) -> None:
        generators, generator = random_streams(1, number)
        spins = isotropic(equations.lengths, generator)
        begin = time.thread_time()
        advance(spins, generators, equations, 0.05, steps)
        cost[number] = time.thread_time() - begin

    task(0)
    begin = time.perf_counter()
    task(0)
    alone, alone_cost = time.perf_counter() - begin, cost[0]
    begin = time.perf_counter()
    workers = [threading.Thread(target=task, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    clock = threads * alone / (time.perf_counter() - begin)
    return clock, threads * alone_cost / (sum(cost) / threads)


def main() -> None:
    """Print the times for three sizes, and what two threads give."""
    print("ns per spin and step")
    for cells in (1, 50, 1000):
        row = ", ".join(f"{name} {value:.1f}" for name, value in measure(cells).items())
        print(f"{cells} cells: {row}")
    clock, work = speed_up()
    print(f"two threads do {clock:.2f} times the work of one by the clock, {work:.2f} by CPU time")


if __name__ == "__main__":
    main()
