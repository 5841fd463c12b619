"""impo: steady states of dissipative spin lattices, with an error bar and a verdict on each."""

from impo.arguments import ArgumentError, UnsupportedModelError
from impo.cluster_mean_field import ClusterMeanField
from impo.comparison import compare
from impo.exact import Exact
from impo.failure import Failure
from impo.holstein_primakoff import HolsteinPrimakoff
from impo.mean_field import MeanField
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.result import Dataset, Estimate, Status, SteadyState, Variable
from impo.steady import METHODS, evolve, steady_state
from impo.store import StoreError, load
from impo.tensor.settings import ITEBD
from impo.twa import TWA
from impo.verification import check

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
