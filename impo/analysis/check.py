"""Does a file hold what it claims? Everything is computed again from the arrays of the state.

The numbers that a person reads in a file (observables, errors, residual, verdict) are stored beside
the arrays from which the state is rebuilt. `check` takes only the arrays, the description and the
settings, and compares: trace, positivity, the residual of the equations that the method solves, all
observables with their error bars, and the verdict. A trajectory is followed again from its start,
by the equations of its model.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from impo.arguments import ArgumentError
from impo.compilation import announced
from impo.results.claims import Claim, Report, text
from impo.results.dataset import Dataset
from impo.results.equality import close, same
from impo.results.estimate import Status
from impo.results.progress import following, tell
from impo.results.sampled import SampledFunction
from impo.results.settings import RecordedMethod
from impo.results.state import SteadyState
from impo.results.store import Variables, content_of, load, stated
from impo.results.summary import plain
from impo.results.table import solved
from impo.results.trajectory import Trajectory


def check(path: str | Path, progress: Any = None) -> Report:
    """Recompute what a file says about a state or trajectory from its arrays.

    Parameters
    ----------
    path
        File that `save` wrote.
    progress
        None, "tqdm" or a function, as of `steady_state`; it hears of every statement.

    Raises
    ------
    StoreError
        If the file cannot be read (see `impo.results.store.load`), or nothing can be computed from
        what it holds.
    ArgumentError
        If it holds a table or an unfinished computation: there is no state to compute from.

    Examples
    --------
    >>> from impo import Exact, check, steady_state
    >>> from models.gain_loss import dimer
    >>> steady_state(dimer(S=0.5), Exact()).save("point.h5")
    >>> check("point.h5").reproduced
    True
    """
    with content_of(path), following(progress, "") as follower:
        told = partial(tell, follower)
        with announced(told):
            return _report(path, told)


def _report(path: str | Path, tell: Callable[[str], None]) -> Report:
    """Return what is found in a file."""
    result = load(path)
    if isinstance(result, Dataset):
        raise ArgumentError(f"{path} holds {_of_table(result)}")
    if isinstance(result, SampledFunction):
        raise ArgumentError(f"{path} holds a function without its state; check that of the state.")
    if not isinstance(result, SteadyState | Trajectory):
        raise ArgumentError(f"{path} holds an unfinished computation; there is nothing to check.")
    label = solved(result)
    broken = _not_finite(result) if result.status != Status.FAILED else ()  # may have run away
    if broken:  # nothing can be computed from them
        claim = Claim("finite", "", f"{', '.join(broken)} hold nan or infinities", False)
        return Report(label, result.status, (claim,))
    variables, facts = stated(path)
    known = not isinstance(result.method, RecordedMethod)
    own = result.method.check(result) if known else ()
    copies = _copies(variables, facts, result)
    times = _times(result) if isinstance(result, Trajectory) else ()
    claims, earlier = [], "no_correlation_length" not in facts
    for claim in chain(times, own, _observables(variables, result, earlier)):
        claims.append(claim)
        tell(f"checked {claim.name}")
    return Report(label, result.status, (*claims, copies))


def _of_table(data: Dataset) -> str:
    """Return what a table is, and what can be done instead of checking it."""
    nothing = "not the states that they come from, so nothing can be computed again from it"
    if "study" in data.attributes:
        form = "" if "quick" not in data.attributes else " --full"
        form = " --quick" if data.attributes.get("quick") else form
        again = f"impo run {data.attributes['study']}{form}"
        return f"the numbers of a study, {nothing}; `{again}` computes them anew."
    if "axes" in data.attributes:
        return f"the numbers of a scan, {nothing}; check the states in NAME.points."
    if "methods" in data.attributes:
        return f"the numbers of a comparison, {nothing}; check a state that `impo solve -o` stored."
    return f"numbers, {nothing}."


def _times(trajectory: Trajectory) -> Iterator[Claim]:
    """Judge whether the states of a trajectory belong together."""
    times = [time for time, _ in trajectory.path]
    rising = times[0] >= 0 and all(after >= before for before, after in pairwise(times))
    found = f"{len(trajectory)} from {trajectory.times[0]:.6g} to {trajectory.times[-1]:.6g}"
    yield Claim("times rise", "", found, rising)
    first = trajectory.states[0]
    alike = all((s.model, s.method) == (first.model, first.method) for _, s in trajectory.path)
    found = "the same at all times" if alike else "not the same at all times"
    yield Claim("one model", "", found, alike)


def _not_finite(state: SteadyState | Trajectory) -> list[str]:
    """Return the names of the arrays of a state with elements that are no finite numbers."""
    arrays = {name: np.asarray(values) for name, values in state.to_arrays()[0].items()}
    numbers = {name: values for name, values in arrays.items() if values.dtype.kind in "fc"}
    return [name for name, values in numbers.items() if not np.isfinite(values).all()]


def _observables(
    claimed: Variables, state: SteadyState | Trajectory, earlier: bool
) -> Iterator[Claim]:
    """Compare the numbers that a person reads with those that the arrays give.

    `earlier` tells of files from before reasons for missing lengths were written.
    """
    found, copied = state.readable(), _copied(state)
    for name in sorted((set(claimed) | set(found)) - copied):
        if name.endswith("_error"):
            continue
        if name.startswith("xi_") and name not in claimed and earlier:
            continue  # fewer lengths were known
        if name not in claimed or name not in found:
            where = "nothing" if name in claimed else "it is not in the file"
            stated = text(claimed[name].values) if name in claimed else ""
            yield Claim(name, stated, where, False)
            continue
        one, two = claimed[name].values, found[name].values
        both = [held.get(f"{name}_error") for held in (claimed, found)]
        bars = [item.values for item in both if item is not None]
        if len(bars) < 2:  # a coordinate
            yield Claim(name, text(one), text(two), close(one, two))
        else:
            good = close(one, two, bars[1]) and close(bars[0], bars[1], bars[1])
            yield Claim(name, text(one, bars[0]), text(two, bars[1]), good)


def _copied(state: SteadyState | Trajectory) -> set[str]:
    """Return the variables that are copies of attributes: `_copies` compares them."""
    return {"residual", "status", "seconds", *getattr(state, "extras", ())}


def _copies(claimed: Variables, facts: dict[str, Any], state: SteadyState | Trajectory) -> Claim:
    """Judge whether what is written more than once in the file is the same everywhere."""
    rebuilt, shown = state.summary() or {}, state.readable()  # a trajectory has no summary
    written = facts.get("method", {})  # a setting that came later has its default
    if rebuilt:
        rebuilt["method"] = {key: held for key, held in rebuilt["method"].items() if key in written}
    wrong = [
        name
        for name in sorted(_copied(state) & set(claimed))
        if name not in shown or not close(claimed[name].values, shown[name].values)
    ]
    if rebuilt:
        _copy_lengths(rebuilt, claimed)
        del rebuilt["no_correlation_length"]  # its sentences may be those of an earlier version
        missing = {name for name, value in rebuilt["correlation_length"].items() if value is None}
        if set(facts.get("no_correlation_length", missing)) != missing:  # a later addition
            wrong.append("summary of no_correlation_length")
    wrong += [f"summary of {key}" for key in rebuilt if not same(facts.get(key), rebuilt[key])]
    return Claim("copies", "", ", ".join(wrong) or "all alike", not wrong)


def _copy_lengths(summary: dict[str, Any], claimed: Variables) -> None:
    """Put the lengths that the file claims in place of those found: `_observables` judges them."""
    for name in summary["correlation_length"]:
        for kept, key, suffix in (
            ("correlation_length", name, ""),
            ("errors", f"xi_{name}", "_error"),
        ):
            held = claimed.get(f"xi_{name}{suffix}")
            summary[kept][key] = None if held is None else plain(held.values)
