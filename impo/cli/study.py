"""The studies of the package `runs`: modules that compute the data of a figure and draw it."""

import importlib.util
import os
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from impo.arguments import ArgumentError, shown
from impo.cli import parse
from impo.results.dataset import Dataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def study(name: str) -> ModuleType:
    """Return the module NAME of `runs`.

    A study has `COST`, `draw(data)` and `compute(quick)`, or `compute(quick, directory)` if it
    keeps the points that it has finished and goes on from them after an interruption.

    Raises
    ------
    ArgumentError
        If there is no such module, or it is no study; the message says how a benchmark is run.
    """
    known = _modules()
    module = parse.imported(known[name]) if name in known else None
    if module is not None and _is_study(module):
        return module
    listed = f"the studies are: {', '.join(_names(known)) or 'none'}."
    if module is None:
        raise ArgumentError(f"Unknown study {shown(name)}; {listed}")
    raise ArgumentError(
        f"`{name}` is no study but a module without `COST`, `compute` and `draw`, such as a "
        f"benchmark: run it with `python -m {known[name]}`; {listed}"
    )


def studies() -> dict[str, ModuleType]:
    """Return all studies found in the package `runs`, by name; none if there is no such package."""
    modules = {name: parse.imported(path) for name, path in _modules().items()}
    return {name: module for name, module in modules.items() if _is_study(module)}


def keeps_points(module: ModuleType) -> bool:
    """Return whether a study keeps the points that it has finished."""
    return "directory" in parse.signature_of(module.__name__, module.compute).parameters


def computed(module: ModuleType, **options: Any) -> Dataset:
    """Return the data of a study; whatever else it raises becomes one line."""
    data = parse.called(f"`compute` of {module.__name__}", module.compute, options)
    if not isinstance(data, Dataset):
        kind = type(data).__name__
        raise ArgumentError(
            f"`compute` of {module.__name__} must return a `Dataset`, not `{kind}`."
        )
    return data


def drawn(module: ModuleType, data: Dataset) -> "Figure":
    """Return the figure of a study; whatever else it raises becomes one line."""
    from matplotlib.figure import Figure

    found = parse.called(f"`draw` of {module.__name__}", lambda: module.draw(data), {})
    if not isinstance(found, Figure):
        kind = type(found).__name__
        raise ArgumentError(f"`draw` of {module.__name__} must return a `Figure`, not `{kind}`.")
    return found


def _modules() -> dict[str, str]:
    """Return the public modules of the package `runs`, also of those inside it, by last name."""
    parse.search_here()
    if importlib.util.find_spec("runs") is None:
        return {}
    places = getattr(parse.imported("runs"), "__path__", ())
    paths = {path.rpartition(".")[2]: path for path in _walk(places, "runs.")}
    return {name: path for name, path in sorted(paths.items()) if not name.startswith("_")}


def _walk(places: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield the modules below a package without importing any."""
    for info in pkgutil.iter_modules(places, prefix):
        if info.ispkg:
            last = info.name.rpartition(".")[2]
            yield from _walk([os.path.join(place, last) for place in places], f"{info.name}.")
        else:
            yield info.name


def _names(modules: Mapping[str, str]) -> list[str]:
    """Return the names of those modules that are studies; one that is broken is none."""
    found = []
    for name, path in modules.items():
        try:
            module = parse.imported(path)
        except ArgumentError:
            continue
        if _is_study(module):
            found.append(name)
    return found


def _is_study(module: ModuleType) -> bool:
    """Return whether a module has what a study has."""
    told = vars(module)
    cost = told.get("COST")
    both = isinstance(cost, Mapping) and {"quick", "full"} <= cost.keys()
    return both and callable(told.get("compute")) and callable(told.get("draw"))
