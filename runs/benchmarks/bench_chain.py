"""A Trotter step of a finite chain against that of the infinite chain, per site.

Run with `impo run bench_chain`. Both are in the same phase of the gain/loss chain, with all bonds
filled up.
"""

import time

from impo.operators.liouvillian import Generator, finite_cluster, infinite_chain, kept_charges
from impo.refinement.relaxation import Relaxation
from impo.refinement.starts import second_start
from models.gain_loss import chain

CELLS = 50
CHIS = (16, 32, 64)


def seconds(generator: Generator, chi: int, steps: int) -> float:
    """Return the computing time of a Trotter step over the number of sites."""
    relaxation = Relaxation(generator, chi, None, 1e-4)
    step = relaxation.step(1, 1.5, relaxation.time_unit)
    state = relaxation.advanced(second_start(generator, 1, 1.5), step, 8, chi)  # bonds are full
    assert state.matrix_product.bond_dimension == chi
    begin = time.process_time()
    relaxation.advanced(state, step, steps, chi)
    return (time.process_time() - begin) / steps / len(generator.sites)


def main() -> None:
    """Print both times and their ratio."""
    model = chain(0.5, 1.0, 0.6, 1.3, 0.4)
    infinite = kept_charges(infinite_chain(model))
    finite = kept_charges(finite_cluster(model, CELLS))
    print(f"chi   infinite   {2 * CELLS} sites   ratio")
    for chi in CHIS:
        one, two = seconds(infinite, chi, 100), seconds(finite, chi, 2)
        print(f"{chi:3d}   {1e3 * one:5.2f} ms   {1e3 * two:6.2f} ms   {two / one:5.2f}")
