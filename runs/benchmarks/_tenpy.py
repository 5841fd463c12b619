"""What a TeNPy user would run instead of impo: its TEBD engines on the vectorised chain."""

import time
import warnings

import numpy as np
from numpy.typing import NDArray
from tenpy.algorithms.tebd import QRBasedTEBDEngine, TEBDEngine

from impo.operators.liouvillian import Generator
from impo.operators.local import local_operators
from impo.tensor.tenpy_backend import BondModel, expectation, product_mps
from impo.tensor.tenpy_bridge import canonical, liouvillian_model

ENGINES = {  # TeNPy's class, and whether it is given the charge and the real gauge
    "TeNPy": (TEBDEngine, False),
    "TeNPy QR": (QRBasedTEBDEngine, False),
    "TeNPy charged, real": (TEBDEngine, True),
}
GROWTH, MEASURED = 3, 3  # steps in which the state grows, and that are timed


class TenpyRun:
    """A TeNPy engine that evolves the mixed state of a chain."""

    def __init__(self, generator: Generator, name: str, chi: int, dt: float):
        engine, charges = ENGINES[name]
        self.dt = dt
        self.generator = generator if charges else generator.physical()
        self.bases = generator.bases()
        mixed = [np.eye(basis.dimension) / basis.dimension for basis in self.bases]
        start = product_mps(self.generator, self.bases, mixed, charges)
        model = liouvillian_model(self.generator, self.bases, charges, kind=BondModel)
        truncation = {"chi_max": chi, "svd_min": 1e-15, "trunc_cut": None}
        self.engine = engine(start, model, {"trunc_params": truncation})
        # "imaginary" evolution is exp(-t H_bond), and H_bond is L: its time runs backwards
        self.engine.calc_U(2, -self.dt, type_evo="imag")

    def _evolve(self, steps: int) -> None:
        with warnings.catch_warnings():  # that QR grows slowly shows in its error
            warnings.filterwarnings("ignore", message="QRBased decomposition")
            self.engine.evolve(steps, -self.dt)

    def per_step(self) -> float:
        """Return the seconds of a step of the grown state."""
        self._evolve(GROWTH)
        begin = time.perf_counter()
        self._evolve(MEASURED)
        return (time.perf_counter() - begin) / MEASURED

    def advance(self, steps: int) -> NDArray:
        """Evolve and return <Sz>/S of both sites."""
        self._evolve(steps)
        self.engine.psi = canonical(self.engine.psi)
        operator = local_operators(self.generator.model.sites[0])["Sz"]
        values = [
            expectation(self.engine.psi, self.generator, self.bases, {site: operator})
            for site in range(2)
        ]
        return np.real(values) / np.max(operator)
