"""Finite clusters by their full Liouvillian."""

from impo.exact.evolution import evolve
from impo.exact.solution import projected_residual
from impo.exact.spectrum import Spectrum, spectrum
from impo.exact.state import Exact, ExactState
from impo.exact.steady import steady_state

__all__ = [
    "Exact",
    "ExactState",
    "Spectrum",
    "evolve",
    "projected_residual",
    "spectrum",
    "steady_state",
]
