"""impo: steady states of dissipative spin lattices, with an error bar and a verdict on each."""

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.exact import Exact
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.result import Dataset, Estimate, Status, SteadyState, Variable
from impo.steady import METHODS, evolve, steady_state
from impo.store import StoreError, load

__all__ = [
    "ArgumentError",
    "Boson",
    "Dataset",
    "Estimate",
    "Exact",
    "Jump",
    "LindbladModel",
    "METHODS",
    "Spin",
    "Status",
    "SteadyState",
    "StoreError",
    "Term",
    "UnsupportedModelError",
    "Variable",
    "evolve",
    "load",
    "steady_state",
]
