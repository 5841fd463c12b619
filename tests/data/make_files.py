"""One small file of every kind of result: what later versions must still read.

`python -m tests.data.make_files` writes those that are missing, in the directory of the present
schema. Files stay as they are; a later schema gets a directory for what it changes.
"""

from pathlib import Path

import numpy as np

from impo import (
    ITEBD,
    TEBD,
    TWA,
    ClusterMeanField,
    Dataset,
    Exact,
    HolsteinPrimakoff,
    MeanField,
    Variable,
    evolve,
    steady_state,
)
from impo.model import Boson, Jump, LindbladModel, Spin, Term
from impo.results.failure import Failure
from impo.results.store import SCHEMA
from models.gain_loss import chain, dimer

PLACE = Path(__file__).parent
UP_AND_DOWN = [[0.6, 0.0, 0.8], [0.0, 0.6, -0.8]]
TIMES = [0.0, 0.5, 1.0]
LATER = [0.3, 0.3, 0.8]


MIXED, ORDERED = chain(0.5, 1.0, 0.5, 1.5, 0.9), chain(20, 1.0, 0.5, 2.5, 1.5)
DIMER = dimer(1, 1.0, 1.2, 0.7)
SMALL = TWA(cells=1, trajectories=32, dt=0.1, tol=0.5, max_time=5)


OWN = LindbladModel(
    (
        Spin(0.5, {"A": [[0.2, 1j], [0.5, -0.3]]}),
        Boson(6, {"a": np.diag(np.sqrt(np.arange(1, 7)), 1)}),
    ),
    (
        Term(0.3, ("A", 0, 0), ("a", 1, 0), plus_hc=True),
        Term(0.2, ("a", 1, 0), plus_hc=True),
    ),
    (Jump(1.0, "a", 1), Jump(0.4, Term(1.0, ("A", 0, 0)), Term(0.5j, ("a^+", 1, 0), ("a", 1, 0)))),
)


def correlated():
    """Return a model whose jumps act on two sites."""
    return LindbladModel(
        MIXED.sites,
        MIXED.terms,
        (Jump(0.8, Term(1.0, ("S-", 0, 0)), Term(0.7j, ("S-", 1, 0))), *MIXED.jumps),
    )


def table():
    """Return a dataset with all types of values."""
    axis = Variable(("loss",), np.array([0.5, 1.0, 1.5]), "g", "loss rate")
    variables = {
        "loss": axis,
        "Sz": Variable(("loss", "site"), np.outer(axis.values, [1.0, -1.0]), "1", "magnetisation"),
        "C": Variable(("loss",), np.exp(1j * axis.values), "1", "correlation"),
        "settled": Variable(("loss",), np.array([True, False, True])),
        "status": Variable(("loss",), np.array(["converged", "chi_limited", "converged"])),
    }
    return Dataset(variables, {"method": {"name": "itebd", "k_max": None}, "list": [1, 2.5]})


RESULTS = {
    1: {
        "dataset": table,
        "itebd": lambda: steady_state(MIXED, ITEBD(chi_max=6, tol=1e-2)),
        "exact": lambda: steady_state(DIMER, Exact()),
        "exact_cut": lambda: steady_state(dimer(3, 1.0, 1.2, 0.7), Exact(k_max=4, tol=0.1)),
        "twa": lambda: steady_state(ORDERED, SMALL),
        "twa_trajectory": lambda: evolve(ORDERED, SMALL, UP_AND_DOWN, TIMES),
        "hpa": lambda: steady_state(chain(20, 1.0, 0.5, 8.0, 6.0), HolsteinPrimakoff()),
        "hpa_unstable": lambda: steady_state(chain(20, 1.0, 0.5, 0.9, 0.8), HolsteinPrimakoff()),
        "mf": lambda: steady_state(MIXED, MeanField()),
        "mf_trajectory": lambda: evolve(MIXED, MeanField(), UP_AND_DOWN, TIMES),
        "cmf": lambda: steady_state(MIXED, ClusterMeanField(sites=2)),
        "cmf_trajectory": lambda: evolve(MIXED, ClusterMeanField(sites=2), UP_AND_DOWN, TIMES),
    },
    2: {
        "itebd": lambda: steady_state(chain(1, 1.0, 0.5, 1.5, 0.9), ITEBD(chi_max=6, tol=1e-2)),
        "exact_trajectory": lambda: evolve(
            MIXED, Exact(), [np.array([1.0, 0]), np.array([0.6, 0.8])], TIMES
        ),
        "failure": lambda: Failure(
            model=MIXED,
            method=ITEBD(),
            message="Killed three times.",
            seconds=1.5,
            diagnostics={"kills": 3},
        ),
    },
    3: {
        "exact_trajectory": lambda: evolve(MIXED, Exact(), [[1.0, 0], [0.6, 0.8]], TIMES),
        "twa_trajectory": lambda: evolve(ORDERED, SMALL, UP_AND_DOWN, TIMES),
        "mf_trajectory": lambda: evolve(MIXED, MeanField(), UP_AND_DOWN, TIMES),
        "cmf_trajectory": lambda: evolve(MIXED, ClusterMeanField(sites=2), UP_AND_DOWN, TIMES),
        "itebd_trajectory": lambda: evolve(
            MIXED, ITEBD(chi_max=6, tol=1e-2), [[1.0, 0], [0.0, 1.0]], TIMES
        ),
    },
    4: {  # with their start; numbers that are not finite
        "exact_trajectory": lambda: evolve(MIXED, Exact(), [[1.0, 0], [0.6, 0.8]], LATER),
        "twa_trajectory": lambda: evolve(ORDERED, SMALL, UP_AND_DOWN, LATER),
        "mf_trajectory": lambda: evolve(MIXED, MeanField(), UP_AND_DOWN, LATER),
        "cmf_trajectory": lambda: evolve(MIXED, ClusterMeanField(sites=2), UP_AND_DOWN, LATER),
        "itebd_trajectory": lambda: evolve(
            MIXED, ITEBD(chi_max=6, tol=1e-2), [[1.0, 0], [0.0, 1.0]], LATER
        ),
        "hpa_unstable": lambda: steady_state(chain(20, 1.0, 0.5, 0.9, 0.8), HolsteinPrimakoff()),
    },
    5: {  # jumps on several sites; own operators of spins and bosons
        "itebd": lambda: steady_state(correlated(), ITEBD(chi_max=6, tol=2e-2)),
        "exact": lambda: steady_state(OWN, Exact(gap=False)),
        "tebd": lambda: steady_state(MIXED, TEBD(cells=2, chi_max=6, tol=5e-2)),
        "cmf_trajectory": lambda: evolve(
            correlated(), ClusterMeanField(sites=2), UP_AND_DOWN, LATER
        ),
        "quench": lambda: steady_state(
            MIXED, Exact(cells=2, periodic=True, gap=False)
        ).local_quench("S-", LATER, "Sz", 1, 1),
        "response": lambda: steady_state(MIXED, Exact(gap=False)).susceptibility(
            "S-", "S+", [0.0, 1.0], [-0.5, 0.0, 0.5], (0, 1)
        ),
    },
}


if __name__ == "__main__":
    place = PLACE / f"schema{SCHEMA}"
    place.mkdir(exist_ok=True)
    for name, make in RESULTS[SCHEMA].items():
        path = place / f"{name}.h5"
        if not path.exists():
            make().save(path)
            print(f"{path.stat().st_size:7d} {path}")
