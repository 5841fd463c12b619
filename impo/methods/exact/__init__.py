"""Finite clusters by their full Liouvillian."""

from impo.methods.exact.evolution import evolve
from impo.methods.exact.method import Exact
from impo.methods.exact.solution import projected_residual
from impo.methods.exact.spectrum import Spectrum, spectrum
from impo.methods.exact.state import ExactState
from impo.methods.exact.steady import steady_state

__all__ = [
    "Exact",
    "ExactState",
    "Spectrum",
    "evolve",
    "projected_residual",
    "spectrum",
    "steady_state",
]
