"""A module of the package may import only what stands above it in the table of the design."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = {"arguments", "symmetry", "spin", "model", "basis", "sparse_basis"}
FACES = {"verification", "comparison", "comparison_table", "plot", "parse", "scanning", "cli"}
MAY_IMPORT = {
    "arguments": set(),
    "symmetry": set(),
    "spin": set(),
    "model": {"arguments"},
    "basis": {"spin", "model"},
    "sparse_basis": {"spin", "model", "basis"},
    "result": {"arguments", "model"},
    "summary": {"model", "result"},
    "liouvillian": TOP,
    "conserved": TOP | {"liouvillian"},
    "cluster": TOP | {"liouvillian"},
    "cutoffs": set(),
    # methods: the last of each group solves
    "exact": TOP | {"liouvillian", "cluster", "cutoffs", "result"},
    "mean_field_equations": TOP,
    "mean_field_stability": TOP | {"mean_field_equations"},
    "mean_field_state": TOP | {"mean_field_equations", "result"},
    "mean_field": TOP
    | {"mean_field_state", "mean_field_equations", "mean_field_stability", "result"},
    "anderson": set(),
    "cluster_flow": TOP | {"liouvillian"},
    "cluster_mean_field_state": TOP | {"liouvillian", "cluster", "result"},
    "cluster_stability": TOP | {"cluster_flow", "anderson"},
    "cluster_start": TOP | {"cluster_mean_field_state", "cluster_flow"},
    "cluster_cutoff": TOP | {"cluster_mean_field_state", "result"},
    "cluster_verdict": TOP | {"cluster_stability", "result"},
    "cluster_mean_field": TOP
    | {"cluster_mean_field_state", "cluster_flow", "cluster_stability", "cluster_start"}
    | {"cluster_cutoff", "cluster_verdict", "anderson", "result"},
    "quadratic": TOP,
    "gaussian": set(),
    "equality": set(),
    "stability": TOP | {"quadratic", "gaussian"},
    "holstein_primakoff": TOP | {"quadratic", "gaussian", "stability", "result"},
    "decay": {"result"},
    "moments": TOP | {"decay", "result"},
    "spin_equations": TOP,
    "trajectories": {"spin_equations"},
    "spin_ensemble": {"spin_equations", "trajectories"},
    "twa_state": TOP | {"moments", "result"},
    "twa_uniqueness": TOP | {"moments", "spin_equations"},
    "twa_verdict": TOP | {"twa_state", "twa_uniqueness", "spin_ensemble", "moments"},
    "twa": TOP
    | {"twa_uniqueness", "twa_verdict"}
    | {"twa_state", "spin_ensemble", "trajectories", "spin_equations", "moments", "result"},
    "tensor": TOP | {"liouvillian", "conserved", "cutoffs", "result"},
    "store": TOP | {"result", "summary"},
    "checkpoint": TOP | {"result", "store"},
}
METHODS = {"exact", "mean_field", "cluster_mean_field", "holstein_primakoff", "twa", "tensor"}
MAY_IMPORT["steady"] = TOP | METHODS | {"result", "store"}
KEEPING = {"result", "summary", "steady", "store", "checkpoint"}
MAY_IMPORT["failure"] = TOP | {"result"}
MAY_IMPORT["points"] = TOP | KEEPING | {"failure"}
MAY_IMPORT["bar"] = {"result", "store", "points"}
MAY_IMPORT["sweep"] = TOP | KEEPING | {"points", "bar"}
MAY_IMPORT["executors"] = TOP | {"points", "sweep"}
BELOW = set(MAY_IMPORT)
MAY_IMPORT |= {"verification": BELOW, "comparison": BELOW, "plot": BELOW, "parse": BELOW}
MAY_IMPORT["scanning"] = BELOW | {"parse"}
MAY_IMPORT["comparison_table"] = BELOW | {"comparison"}
MAY_IMPORT["cli"] = BELOW | FACES - {"cli"}
MAY_IMPORT["__init__"] = BELOW | FACES
MODULES = sorted((ROOT / "impo").rglob("*.py"))


def imported(source, package):
    """Yield the dotted names that a source imports, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inside = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join([*inside, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def is_room(name):
    return (ROOT / "impo" / name).is_dir() or (ROOT / "impo" / f"{name}.py").is_file()


def offences(source, relative):
    """Return the imports of a source at a path below the package that the table forbids."""
    here = relative.parts[0].removesuffix(".py")
    out = []
    for name in imported(source, ("impo", *relative.parent.parts)):
        head, *rest = name.split(".")
        if head in ("models", "runs") or (head == "tenpy" and here != "tensor"):
            out.append(name)
        elif head == "impo":
            # `from impo import name` takes a room, or what __init__ makes of all rooms
            target = rest[0] if rest and is_room(rest[0]) else "__init__"
            if target not in MAY_IMPORT[here] | {here}:
                out.append(name)
    return out


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_what_stands_above(path):
    relative = path.relative_to(ROOT / "impo")
    assert relative.parts[0].removesuffix(".py") in MAY_IMPORT, f"{relative} is not in the table"
    assert offences(path.read_text(), relative) == []


def test_table_has_no_cycle():
    done = set()
    while len(done) < len(MAY_IMPORT):
        free = {name for name, above in MAY_IMPORT.items() if above <= done} - done
        assert free, f"cycle among {set(MAY_IMPORT) - done}"
        done |= free


@pytest.mark.parametrize(
    ("source", "room"),
    [
        ("import tenpy.linalg", "twa.py"),
        ("from models.gain_loss import chain", "steady.py"),
        ("def late():\n    import runs", "cli.py"),
        ("from impo import cli", "plot.py"),
        ("from impo.plot import style", "store.py"),
        ("from . import steady", "result.py"),
        ("from .. import store", "tensor/gates.py"),
        ("from impo import steady_state", "sweep.py"),
        ("import impo", "sweep.py"),
    ],
)
def test_forbidden_imports_are_seen(source, room):
    assert len(offences(source, Path(room))) == 1


def test_allowed_imports_are_not_seen():
    source = "import numpy\nfrom impo import store\nfrom impo.steady import evolve"
    assert offences(source, Path("sweep.py")) == []
    assert offences("import tenpy\nfrom .gates import step", Path("tensor/itebd.py")) == []
