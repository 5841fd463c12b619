"""Time evolution of an MPS by TeNPy's own engine: a reference for the kernel."""

import math

from tenpy.algorithms.tebd import TEBDEngine

from impo.tensor.tenpy_backend import BLOCK, PAIRED, BondModel
from impo.tensor.tenpy_bridge import canonical, liouvillian_model


def evolve(start, generator, bases, time, dt, order=4, chi_max=1000):
    """Return a canonical MPS in the unweighted basis after some time, on any chain."""
    count = math.ceil(time / dt * (1 - 1e-12))
    model = liouvillian_model(generator, bases, start.chinfo.qnumber > 0, start.bc, BondModel)
    settings = {
        "chi_max": chi_max, "svd_min": 1e-15, "trunc_cut": None, "degeneracy_tol": PAIRED,
    }  # fmt: skip
    engine = TEBDEngine(start.copy(), model, {"trunc_params": settings})
    engine.calc_U(order, -time / count, type_evo="imag")  # exp(-t H_bond), and H_bond is L
    for done in range(0, count, BLOCK):
        engine.evolve(min(BLOCK, count - done), -time / count)
        engine.psi = canonical(engine.psi)
    return engine.psi
