"""Random cases solved twice, as asked and much better, and what is counted of the differences."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import impo
from impo import ITEBD, TWA, ClusterMeanField, Exact, evolve
from impo.methods.api import attempt
from impo.methods.base import Method
from impo.model import LindbladModel
from impo.results.dataset import Dataset
from impo.results.estimate import Status
from impo.results.failure import Failure
from impo.results.state import SteadyState
from impo.results.store import StoreError, load, save
from impo.results.variable import Variable
from impo.scans.executors import usable_cores
from runs._numbers import Clusters, Number, local_numbers, numbers
from runs._random_models import Drawn, random_boson, random_chain, random_cluster, random_start

TOL = 1e-3
BETTER = 5e-5  # `tol` of references
TWA_TOL = CUT_TOL = 0.02  # wide, so that bars are not made of rounding
TOO_SLOW = "too slow"
TIMES = (0.5, 2.0, 5.0)
ROUNDING = 1e-12  # of scaled numbers: none is known better, and what is below it is zero
_EDGES = (0.005, 0.05, 0.2, 1.0)
RATE_CLASSES = ("rate < 0.005", "rate 0.005 - 0.05", "rate 0.05 - 0.2", "rate 0.2 - 1", "rate > 1")

Row = dict[str, Any]


class TooSlowError(Exception):
    """The computing time that a case may take is spent."""


@dataclass
class Limit:
    """Ends a computation after so many seconds of computing; implements `Progress`."""

    seconds: float
    reached: bool = False
    begin: float = field(default_factory=time.process_time)

    def report(self, entry: Mapping[str, Any]) -> None:
        """Raise `TooSlowError` if the time is spent."""
        if self.used > self.seconds:
            self.reached = True
            raise TooSlowError(f"It took longer than {self.seconds:g} s of computing.")

    def load(self) -> None:
        """Return nothing: every case is computed at one go."""

    def due(self) -> bool:
        """Return that nothing is to be saved."""
        return False

    def save(self, arrays: Mapping[str, NDArray], attributes: Mapping[str, Any]) -> None:
        """Do nothing."""

    @property
    def used(self) -> float:
        """Seconds of computing so far."""
        return time.process_time() - self.begin


@dataclass(frozen=True)
class Outcome:
    """The numbers of a computation, its verdict, and the seconds of computing."""

    numbers: Sequence[Number]
    verdict: str
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Case:
    """One of the numbered cases of a part, and the seconds that it and its reference may take."""

    part: str
    seed: int
    number: int
    limit: float = 60.0
    reference_limit: float = 300.0


def solved(
    model: LindbladModel,
    method: Method,
    limit: float,
    read: Callable[[SteadyState], Sequence[Number]] = numbers,
) -> Outcome:
    """Return what is read of a steady state; the verdict is `too slow` beyond the limit."""
    progress = Limit(limit)
    state = attempt(model, method, None, progress)
    verdict = TOO_SLOW if progress.reached else str(state.status)
    known = () if isinstance(state, Failure) else read(state)
    return Outcome(known, verdict, progress.used, state.message)


def followed(
    model: LindbladModel,
    method: Method,
    start: Sequence[NDArray],
    limit: float,
    read: Callable[[SteadyState], Sequence[Number]] = local_numbers,
) -> Outcome:
    """Return what is read of the states at `TIMES`."""
    progress = Limit(limit)
    try:
        with threadpool_limits(limits=method.blas_threads, user_api="blas"):
            path = evolve(model, method, start, TIMES, progress)
    except TooSlowError as error:
        return Outcome((), TOO_SLOW, progress.used, str(error))
    found = [
        Number(one.quantity, f"{one.label} t={moment:g}", one.value, one.error)
        for moment, state in zip(TIMES, path.states, strict=True)
        for one in read(state)
    ]
    return Outcome(found, str(path.status), progress.used, path.message)


def cluster_numbers(
    drawn: Drawn, read: Callable[[Clusters], Sequence[Number]], state: SteadyState
) -> Sequence[Number]:
    """Return the numbers of a chain of clusters, from the state of one of them."""
    rho = state.density_matrix([(site, 0) for site in range(len(drawn.model.sites))])
    return () if rho is None else read(Clusters(drawn.model, rho, drawn.shift))


def _chain(case: Case) -> tuple[Drawn, Outcome, Outcome]:
    drawn = random_chain(case.seed, case.number)
    tested = solved(drawn.model, ITEBD(tol=TOL), case.limit)
    return drawn, tested, solved(drawn.model, ITEBD(tol=BETTER), case.reference_limit)


def _cluster(case: Case) -> tuple[Drawn, Outcome, Outcome]:
    drawn = random_cluster(case.seed, case.number)
    assert drawn.single is not None
    tested = solved(drawn.model, ITEBD(tol=TOL), case.limit)
    exact, read = Exact(tol=1e-9, gap=False), partial(cluster_numbers, drawn, numbers)
    return drawn, tested, solved(drawn.single, exact, case.reference_limit, read)


def _evolution(case: Case) -> tuple[Drawn, Outcome, Outcome]:
    """Follow a chain; at every fourth number a cluster, against `Exact`."""
    if case.number % 4:
        drawn = random_chain(case.seed, case.number, spins=(0.5,), sites=(1, 2))
        start = random_start(case.seed, case.number, drawn)
        finer = ITEBD(tol=BETTER, chi_max=64)
        reference = followed(drawn.model, finer, start, case.reference_limit)
    else:
        drawn = random_cluster(case.seed, case.number)
        assert drawn.single is not None
        start = random_start(case.seed, case.number, drawn)
        alone = start[drawn.shift :] + start[: drawn.shift]
        read = partial(cluster_numbers, drawn, local_numbers)
        exact = Exact(tol=1e-9, gap=False)
        reference = followed(drawn.single, exact, alone, case.reference_limit, read)
    tested = followed(drawn.model, ITEBD(tol=TOL, chi_max=24), start, case.limit)
    return drawn, tested, reference


def _twa(case: Case) -> tuple[Drawn, Outcome, Outcome]:
    """Compare few trajectories with sixteen times as many that have other random numbers."""
    drawn = random_chain(case.seed, case.number, (4.0, 10.0, 20.0), (1, 2), ("S-", "S+"))
    few = TWA(cells=16, trajectories=128, tol=TWA_TOL, max_time=200, seed=2 * case.number)
    many = TWA(cells=16, trajectories=2048, tol=TWA_TOL, max_time=200, seed=2 * case.number + 1)
    reference = solved(drawn.model, many, case.reference_limit)
    return drawn, solved(drawn.model, few, case.limit), reference


def _exact(case: Case) -> tuple[Drawn, Outcome, Outcome]:
    """Cut a boson off if the number is even, else leave out the highest multipoles of a dimer."""
    if case.number % 2:
        drawn = random_chain(case.seed, case.number, (3.0, 4.0), (2,))
        tested, better = drawn.model, Exact(tol=1e-8, gap=False)
        highest = drawn.model.sites[0].dimension - 1
        asked = Exact(k_max=highest - 1, tol=CUT_TOL, gap=False)
    else:
        drawn, tested = _cut_off(case, hopping=False)
        asked, better = Exact(tol=CUT_TOL, gap=False), Exact(tol=1e-6, gap=False)
    reference = solved(drawn.model, better, case.reference_limit)
    return drawn, solved(tested, asked, case.limit), reference


def _cmf(case: Case) -> tuple[Drawn, Outcome, Outcome]:
    """Cut off a boson in the mean field of its neighbours."""
    drawn, tested = _cut_off(case, hopping=True)
    reference = solved(drawn.model, ClusterMeanField(1, tol=1e-6), case.reference_limit)
    return drawn, solved(tested, ClusterMeanField(1, tol=CUT_TOL), case.limit), reference


def _cut_off(case: Case, hopping: bool) -> tuple[Drawn, LindbladModel]:
    """Return a boson with room to spare, and the same with a cut-off between 6 and 13."""
    cutoff = 6 + case.number // 2 % 8
    drawn = random_boson(case.seed, case.number, 20, hopping)
    return drawn, random_boson(case.seed, case.number, cutoff, hopping).model


PARTS: Mapping[str, Callable[[Case], tuple[Drawn, Outcome, Outcome]]] = {
    "chain": _chain,
    "cluster": _cluster,
    "evolution": _evolution,
    "twa": _twa,
    "exact": _exact,
    "cmf": _cmf,
}
TOLS = {"twa": TWA_TOL, "exact": CUT_TOL, "cmf": CUT_TOL}
"""The accuracy asked for, where it is not `TOL`."""


def compared(tested: Sequence[Number], reference: Sequence[Number]) -> Row:
    """Return the numbers that both have, as columns; what symmetry makes zero is left out."""
    known = {(one.quantity, one.label): one for one in reference}
    both = [(one, known[key]) for one in tested if (key := (one.quantity, one.label)) in known]
    both = [(a, b) for a, b in both if not np.maximum(abs(a.value), abs(b.value)) <= ROUNDING]
    return {
        "quantity": np.array([a.quantity for a, _ in both], dtype="U32"),
        "label": np.array([a.label for a, _ in both], dtype="U48"),
        "deviation": np.array([abs(a.value - b.value) for a, b in both]),
        "error": np.array([a.error for a, _ in both]),
        "reference_error": np.array([b.error for _, b in both]),
    }


def measured(case: Case) -> Dataset:
    """Return the numbers of a case over the axis "sample"; verdicts and classes as attributes."""
    if case.part in ("chain", "cluster", "evolution"):
        _compiled()
    drawn, tested, reference = PARTS[case.part](case)
    columns = compared(tested.numbers, reference.numbers)
    site = drawn.model.sites[0]
    return Dataset(
        {f"sample_{name}": Variable(("sample",), values) for name, values in columns.items()},
        {
            "part": case.part, "seed": case.seed, "number": case.number,
            "spin": str(getattr(site, "S", "boson")), "sites": len(drawn.model.sites),
            "symmetry": drawn.symmetry, "rate": drawn.rate, "shift": drawn.shift,
            "model": drawn.model.to_json(),
            "verdict": tested.verdict, "message": tested.message, "seconds": tested.seconds,
            "reference_verdict": reference.verdict, "reference_seconds": reference.seconds,
        },
    )  # fmt: skip


@cache
def _compiled() -> None:
    """Compile what is compiled at the first call: no case is to pay for it."""
    for number in (1, 2, 4, 6):  # with and without symmetry
        model = random_chain(0, number, spins=(0.5,), sites=(1,)).model
        attempt(model, ITEBD(tol=0.1, chi_max=4))


def points(cases: Sequence[Case], directory: Path) -> Iterator[Dataset]:
    """Yield what is measured of all cases, in their order, computed on all cores.

    Parameters
    ----------
    cases
        What is computed.
    directory
        Where finished cases are kept, a file each: those found there are not computed again, unless
        the code has changed since.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / file_name(case) for case in cases]
    missing = [(case, path) for case, path in zip(cases, paths, strict=True) if not _good(path)]
    workers = min(usable_cores(), len(missing))
    if workers <= 1:
        for case, path in missing:
            _kept(case, path)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for done in as_completed([pool.submit(_kept, *one) for one in missing]):
                done.result()
    for path in paths:
        found = load(path)
        assert isinstance(found, Dataset)
        yield found


def file_name(case: Case) -> str:
    """Return the name of the file of a case: like that of a point, so that `run` removes it."""
    told = json.dumps([asdict(case), _code()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:24] + ".h5"


@cache
def _code() -> str:
    """Return a digest of the code that is looked at, and of that which looks."""
    here = Path(__file__).parent
    sources = [*Path(impo.__file__).parent.rglob("*.py"), *here.glob("_*.py")]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _kept(case: Case, path: Path) -> None:
    save(measured(case), path)


def _good(path: Path) -> bool:
    """Return whether a file holds a finished case: one that is damaged is computed again."""
    try:
        return path.exists() and isinstance(load(path), Dataset)
    except StoreError:
        return False


def ratios(columns: Mapping[str, NDArray]) -> NDArray:
    """Return the deviations over the root of both bars squared.

    It is nan where a bar is not known or infinite, and infinite where a value is no number.
    """
    bar = np.hypot(columns["error"], columns["reference_error"])
    off = np.nan_to_num(columns["deviation"], nan=np.inf, posinf=np.inf)
    return np.where(np.isfinite(bar), off / np.hypot(bar, ROUNDING), np.nan)


def shares(ratio: NDArray, deviation: NDArray, tol: NDArray | float) -> dict[str, float]:
    """Return how many numbers there are, the shares beyond 1 and 3 bars and `tol`, and the median.

    Numbers without a bar (nan) are not counted; shares of none are nan.
    """
    known = ~np.isnan(ratio)
    beyond = {
        "beyond_1": ratio > 1,
        "beyond_3": ratio > 3,
        "beyond_tol": ~(deviation <= tol),
    }
    out = {"count": float(known.sum())}
    for name, found in beyond.items():
        out[name] = float(np.mean(found[known])) if known.any() else np.nan
    out["median"] = float(np.median(ratio[known])) if known.any() else np.nan
    return out


def converged(case: Mapping[str, Any]) -> bool:
    """Return whether a case converged, whose attributes are given."""
    return bool(case["verdict"] == Status.CONVERGED)


def comparable(case: Mapping[str, Any]) -> bool:
    """Return whether a case and its reference converged: its numbers then count."""
    return converged(case) and bool(case["reference_verdict"] == Status.CONVERGED)


def rate_class(rate: float) -> str:
    """Return the name of the class of a rate."""
    return RATE_CLASSES[int(np.searchsorted(_EDGES, rate, side="right"))]


def classes(case: Mapping[str, Any]) -> Iterable[str]:
    """Return the names of the classes that a case belongs to."""
    yield "all"
    yield "bosons" if case["spin"] == "boson" else f"S = {case['spin']}"
    yield f"{case['sites']} site" + ("s" if case["sites"] > 1 else "")
    yield str(case["symmetry"])
    yield rate_class(case["rate"])
