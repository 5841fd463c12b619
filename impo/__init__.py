"""impo: steady states of dissipative spin lattices, with an error bar and a verdict on each."""

from impo.analysis.check import check
from impo.analysis.compare import compare
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods import ITEBD, METHODS, TWA, ClusterMeanField, Exact, HolsteinPrimakoff, MeanField
from impo.methods.api import evolve, steady_state
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.dataset import Dataset
from impo.results.estimate import Estimate, Status
from impo.results.failure import Failure
from impo.results.state import SteadyState
from impo.results.store import StoreError, load
from impo.results.variable import Variable

__all__ = [
    "Failure", "ArgumentError", "Boson", "ClusterMeanField", "Dataset", "Estimate", "Exact",
    "HolsteinPrimakoff", "ITEBD", "Jump", "LindbladModel", "METHODS", "MeanField", "Spin",
    "Status", "TWA", "SteadyState", "StoreError", "Term", "UnsupportedModelError", "Variable",
    "check", "compare", "evolve", "load", "steady_state",
]  # fmt: skip
