"""The package `runs`: studies, which compute the data of a figure and draw it, and benchmarks."""

import contextlib
import io
import os
import subprocess
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from impo.arguments import ArgumentError, shown
from impo.cli import parse
from impo.memory import peak_memory
from impo.results.dataset import Dataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BENCHMARKS = "runs.benchmarks."
"""Where benchmarks lie; some of them are studies as well."""


def study(name: str) -> ModuleType:
    """Return the module NAME of `runs`.

    A study has `COST`, `draw(data)` and `compute(quick)`, or `compute(quick, directory)` if it
    keeps the points that it has finished and goes on from them after an interruption. Where its
    data have no verdicts of results, their attribute `conclusion` ends the last line of `impo run`.

    Raises
    ------
    ArgumentError
        If there is no such module, or it is no study.
    """
    known = _known()
    module = parse.imported(known[name]) if name in known else None
    if module is not None and _is_study(module):
        return module
    listed = f"the studies are: {', '.join(_names(known)) or 'none'}."
    if module is None:
        raise ArgumentError(f"Unknown study {shown(name)}; {listed}")
    raise ArgumentError(
        f"`{name}` is neither a study, which has `COST`, `compute` and `draw`, nor a benchmark, "
        f"which has `main`; {listed}"
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


def computing_time() -> float:
    """Return the CPU seconds of this process, and of those that it started and that have ended."""
    return sum(os.times()[:4])


def cost(begun: float | None) -> dict[str, Any]:
    """Return what a study took, and from which code: attributes of its data.

    Parameters
    ----------
    begun
        The `computing_time` when it began; None if an interrupted run had done a part.

    Returns
    -------
    dict
        `cpu_seconds`; `memory_GB`, of its largest process; `commit` of the repository here, with a
        plus if the code differs from it. What is not known is left out.
    """
    found: dict[str, Any] = {}
    if begun is not None:
        found["cpu_seconds"] = round(computing_time() - begun, 1)
    found["memory_GB"] = round(peak_memory() / 1e9, 2)
    try:
        here = _git("rev-parse", "--short", "HEAD").stdout.strip()
        changed = _git("status", "--porcelain", "--", "impo", "models", "runs").stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return found
    return found | {"commit": here + ("+" if changed else "")}


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=10)


def benchmark(name: str) -> Callable[[], None] | None:
    """Return what measures and prints, if the module NAME of `runs` is a benchmark."""
    known = _modules()
    module = parse.imported(known[name]) if name in known else None
    return module.main if module is not None and _is_benchmark(module) else None


def measured(name: str, main: Callable[[], None]) -> str:
    """Return what a benchmark prints; whatever it raises becomes one line."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        parse.called(f"`main` of {name}", main, {})
    return printed.getvalue().rstrip("\n")


def listing() -> str:
    """Return a line for each study, and apart a line for each benchmark."""
    studies: list[str] = []
    benchmarks: list[str] = []
    for path, module in parse.loaded(_known().values()):
        name = path.rpartition(".")[2]
        if isinstance(module, ArgumentError):
            studies.append(f"{name:16} {module}")
            continue
        if _is_study(module) or _is_benchmark(module):
            inside = path.startswith(BENCHMARKS) or not _is_study(module)
            (benchmarks if inside else studies).append(_line(name, module))
    apart = ["", "Benchmarks, which measure the program itself:", *benchmarks] if benchmarks else []
    return "\n".join([*studies, *apart])


def _line(name: str, module: ModuleType) -> str:
    """Return name, first line of the docstring and cost of a module."""
    first = (module.__doc__ or "").strip().partition("\n")[0]
    cost = ", ".join(f"{form} {time}" for form, time in getattr(module, "COST", {}).items())
    return f"{name:16} {first}" + (f" ({cost})" if cost else "")


def _known() -> dict[str, str]:
    """Return the modules of `runs`, or say where studies come from if there is no such package."""
    found = _modules()
    if not found:
        raise ArgumentError(
            "There is no package `runs` here: the studies of the repository lie in its folder "
            "`runs`, so run impo in the repository."
        )
    return found


def _modules() -> dict[str, str]:
    """Return the public modules of the package `runs`, also of those inside it, by last name."""
    paths = {path.rpartition(".")[2]: path for path in parse.modules_of("runs")}
    return dict(sorted(paths.items()))


def _names(modules: Mapping[str, str]) -> list[str]:
    """Return the names of those modules that are studies; one that is broken is none."""
    found = zip(modules, parse.loaded(modules.values()), strict=True)
    return [
        name for name, (_, module) in found
        if isinstance(module, ModuleType) and _is_study(module)
    ]  # fmt: skip


def _is_study(module: ModuleType) -> bool:
    """Return whether a module has what a study has."""
    told = vars(module)
    cost = told.get("COST")
    both = isinstance(cost, Mapping) and {"quick", "full"} <= cost.keys()
    return both and callable(told.get("compute")) and callable(told.get("draw"))


def _is_benchmark(module: ModuleType) -> bool:
    """Return whether a module is no study, but has something to run."""
    return callable(vars(module).get("main")) and not _is_study(module)
