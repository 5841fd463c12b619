"""What an ensemble of trajectories needs, estimated before anything large is allocated."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numba

from impo.arguments import fail
from impo.memory import refuse_larger
from impo.methods.twa.integrator import LANES
from impo.methods.twa.uniqueness import few_cells
from impo.model import LindbladModel

if TYPE_CHECKING:
    from impo.methods.twa.method import TWA

_COUPLING = 400  # bytes that a coupling of two spins takes while the equations are made
_COPIES = 4  # spectra of a block of trajectories that are in memory at the same time
_FINEST = 1e-6  # step, in units of the time in which a spin turns by one radian


def refuse_large_ensemble(
    model: LindbladModel, method: "TWA", shape: Sequence[int], starts: int, times: int = 1
) -> None:
    """Raise `UnsupportedModelError` if the trajectories of a lattice are too many for the memory.

    Parameters
    ----------
    model, method
        What is solved, with which settings.
    shape
        Number of cells in each direction.
    starts
        Number of starts among which the trajectories are shared.
    times
        Number of times at which averages are kept.
    """
    sites, cells = float(len(model.sites)), math.prod(map(float, shape))
    spins, components = sites * cells, 9 * sites**2
    cells *= 1 if method.periodic else 2 ** len(shape)  # padded with zeros
    blocks = starts * math.ceil(method.trajectories / (starts * LANES))
    threads = min(blocks, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    pairs = sum(float(len(jump.terms)) ** 2 for jump in model.jumps)
    equations = _COUPLING * spins * (1 + (len(model.hamiltonian) + pairs) / sites)
    configurations = blocks * 8 * LANES * 3 * spins
    averages = blocks * times * 8 * components * cells / 2
    working = threads * 16 * _COPIES * (components * cells / 2 + 3 * spins * LANES)
    small = sites * math.prod(few_cells(model, shape))
    turning = 16 * 9 * small**3
    refuse_larger(
        f"TWA cannot follow {method.trajectories} trajectories of {spins:.3g} spins",
        max(equations + configurations + averages + working, turning),
        "use fewer `cells` or `trajectories`",
    )  # fmt: skip


def refuse_fine_step(dt: float, longest: float) -> None:
    """Raise `ArgumentError` if a step is so short that no evolution would get anywhere.

    Parameters
    ----------
    dt
        Step length.
    longest
        Time in which a spin turns by one radian.
    """
    if not dt >= _FINEST * longest:
        raise fail("dt", f"at least {_FINEST * longest:.3g}", dt)
