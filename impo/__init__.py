"""impo: steady states of dissipative spin lattices, with an error bar and a verdict on each."""

from impo.analysis.check import check
from impo.analysis.compare import compare
from impo.arguments import ArgumentError, UnsupportedModelError
from impo.methods.api import METHODS, evolve, steady_state
from impo.methods.cluster_mean_field.method import ClusterMeanField
from impo.methods.exact.method import Exact
from impo.methods.holstein_primakoff.method import HolsteinPrimakoff
from impo.methods.itebd.method import ITEBD
from impo.methods.mean_field.method import MeanField
from impo.methods.twa.method import TWA
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.dataset import Dataset, Variable
from impo.results.estimate import Estimate, Status
from impo.results.failure import Failure
from impo.results.state import SteadyState
from impo.results.store import StoreError, load

__all__ = [
    "Failure",
    "ArgumentError",
    "Boson",
    "ClusterMeanField",
    "Dataset",
    "Estimate",
    "Exact",
    "HolsteinPrimakoff",
    "ITEBD",
    "Jump",
    "LindbladModel",
    "METHODS",
    "MeanField",
    "Spin",
    "Status",
    "TWA",
    "SteadyState",
    "StoreError",
    "Term",
    "UnsupportedModelError",
    "Variable",
    "check",
    "compare",
    "evolve",
    "load",
    "steady_state",
]
