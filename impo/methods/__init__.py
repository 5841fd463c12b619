"""All methods: the one place that lists them."""

from impo.methods.base import Method
from impo.methods.cluster_mean_field.method import ClusterMeanField
from impo.methods.exact.method import Exact
from impo.methods.holstein_primakoff.method import HolsteinPrimakoff
from impo.methods.itebd.method import ITEBD
from impo.methods.mean_field.method import MeanField
from impo.methods.tebd.method import TEBD
from impo.methods.twa.method import TWA
from impo.results.store import results_in

__all__ = [
    "ITEBD", "METHODS", "TEBD", "TWA", "ClusterMeanField", "Exact", "HolsteinPrimakoff",
    "MeanField", "Method",
]  # fmt: skip

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (ITEBD, TEBD, Exact, TWA, HolsteinPrimakoff, MeanField, ClusterMeanField)
}
"""Name on the command line to the class of the method."""

results_in(f"{method.__module__.rpartition('.')[0]}.state" for method in METHODS.values())
