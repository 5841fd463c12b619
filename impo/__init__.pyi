from .analysis.check import check
from .analysis.compare import compare
from .arguments import ArgumentError, UnsupportedModelError
from .bridges import to_qutip
from .methods import (
    ITEBD,
    METHODS,
    TEBD,
    TWA,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    MeanField,
)
from .methods.api import evolve, load, spectrum, steady_state
from .model import Boson, Jump, Level, LindbladModel, Spin, Term
from .operators.splitting import jumps_from_rates, terms_from_matrix
from .results.dataset import Dataset
from .results.estimate import Estimate, Status
from .results.failure import Failure
from .results.spectrum import Spectrum
from .results.state import SteadyState
from .results.store import StoreError
from .results.variable import Variable
from .semidefinite.bounds import bounds
from .semidefinite.interval import Interval

__all__ = [
    "Failure", "ArgumentError", "Boson", "ClusterMeanField", "Dataset", "Estimate", "Exact",
    "HolsteinPrimakoff", "ITEBD", "Interval", "Jump", "Level", "LindbladModel", "METHODS",
    "MeanField", "Spectrum", "Spin", "Status", "TEBD", "TWA", "SteadyState", "StoreError", "Term",
    "UnsupportedModelError", "Variable", "bounds", "check", "compare", "evolve",
    "jumps_from_rates", "load", "spectrum", "steady_state", "terms_from_matrix", "to_qutip",
]  # fmt: skip
