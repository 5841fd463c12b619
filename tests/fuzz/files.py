"""Good files of every kind, and what may happen to them."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from hypothesis import strategies as st

from impo import ClusterMeanField, Exact, MeanField, compare
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from impo.scans.checkpoint import Checkpoint
from impo.scans.grid import Axis, parameter_grid, tabulate
from impo.scans.scan import scan
from models.gain_loss import dimer
from tests.sealing import reseal, rewrite

KEPT = Path(__file__).parents[1] / "data"
STUDY = '''
"""A line."""
from matplotlib.figure import Figure
COST = {"quick": "1 s", "full": "1 s"}
def compute(quick): ...
def draw(data):
    figure = Figure()
    figure.add_subplot().plot(data["x"], data["y"])
    return figure
'''


def make_files(directory):
    """Write one small file of every kind; return their paths."""
    for path in KEPT.glob("schema*/*.h5"):
        shutil.copy(path, directory / f"{path.parent.name}_{path.name}")
    for name, axes in (
        ("scan", [Axis(("loss",), (0.5, 1.0))]),
        ("plane", [Axis(("gain",), (0.5, 1.0)), Axis(("loss",), (0.5, 1.0))]),
    ):
        models = [[dimer(0.5, **point) for point in line] for line in parameter_grid(axes)]
        tabulate(axes, scan(models, MeanField())).save(directory / f"{name}.h5")
    methods = [Exact(), MeanField(), ClusterMeanField(sites=2)]
    compare(dimer(0.5, gain=1.2), methods).save(directory / "compare.h5")
    Checkpoint(directory / "checkpoint.h5", "key").save({"x": np.arange(3)}, {"a": 1})
    x = Variable(("x",), np.arange(3.0))
    verdict = Variable(("x",), np.array(["converged"] * 3))
    table = {"x": x, "y": Variable(("x",), np.ones(3)), "status": verdict}
    Dataset(table, {"study": "line", "quick": True}).save(directory / "study.h5")
    (directory / "runs").mkdir()
    (directory / "runs" / "__init__.py").touch()
    (directory / "runs" / "line.py").write_text(STUDY)
    return sorted(directory.glob("*.h5"))


CODE = "__import__('os').system('touch executed')"
SCALARS = st.sampled_from(
    [None, True, False, -1, 0, 1, 2, 3, 7, 10**9, 10**30, -0.5, 1e308, np.nan, np.inf, -np.inf, "",
     "x", "nan", "1000000000", "1/2", "Sz", "S+", "converged", CODE, "study", "../x", "é\n"]
)  # fmt: skip
JSON = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(["name", "spin", "boson", "a"]), SCALARS, max_size=2),
    st.just([[[[]]]]),
)
DEEP = "[" * 100_000 + "]" * 100_000
ARRAYS = st.sampled_from(
    [np.array(0.0), np.zeros(0), np.zeros((0, 3)), np.ones(1), np.arange(5), np.full(3, np.nan),
     np.full((2, 2), np.inf), np.ones((2, 3, 3)), 1j * np.ones(4), np.array(b"x"),
     np.zeros(4, bool), np.array([CODE] * 2, dtype=object), np.zeros((4, 4), "f4"),
     np.full((2, 2), 1e308)]
)  # fmt: skip


def place(value, number):
    """Return (container, key) of one of the places in a JSON object."""
    found = []

    def visit(item):
        for key in item if isinstance(item, dict) else range(len(item)):
            found.append((item, key))
            if isinstance(item[key], dict | list):
                visit(item[key])

    visit(value)
    return found[number % len(found)] if found else (None, None)


def _json(number, value, attribute, remove):
    """Replace or remove one value in a JSON attribute."""

    def change(file):
        if attribute in file.attrs:
            told = json.loads(file.attrs[attribute])
            holder, key = place(told, number)
            if holder is not None:
                if remove:
                    del holder[key]
                else:
                    holder[key] = value
                file.attrs[attribute] = json.dumps(told)

    return lambda path: reseal(path, change)


def _attribute(name, value, remove):
    """Replace or remove one attribute of the file."""

    def change(file):
        if remove:
            file.attrs.pop(name, None)
        else:
            file.attrs[name] = DEEP if value == [[[[]]]] else _plain(value)

    return lambda path: reseal(path, change)


def _plain(value):
    return json.dumps(value) if value is None or isinstance(value, list | dict | int) else value


STORED = {
    "huge": {"shape": (10**12,), "dtype": "f8", "chunks": (10**4,)},
    "declared": {"shape": (10**12,), "dtype": "f8"},
    "packed": {"data": np.zeros(10**6), "compression": "gzip"},
    "link": h5py.SoftLink("/"),
    "outside": h5py.ExternalLink("scan.h5", "Sz"),
    "text": [CODE] * 2,
}


def _stored(number, way):
    """Put something that the package does not write in place of an array."""

    def change(file):
        names = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "dtype") else None)
        name = sorted(names)[number % len(names)]
        del file[name]
        other = STORED.get(way)
        if isinstance(other, dict):
            file.create_dataset(name, **other)
        elif other is not None:
            file[name] = other

    return lambda path: reseal(path, change)


WAYS = {
    "replace": lambda old, values: values,
    "cut": lambda old, values: old[: len(old) // 2],
    "scale": lambda old, values: old * 50,
    "spoil": lambda old, values: np.full(old.shape, np.nan),
    "more": lambda old, values: np.concatenate([old, old]),
    "deep": lambda old, values: old[None],
    "whole": lambda old, values: old.real.astype(int),
    "single": lambda old, values: old.real.astype("f4"),
}


def _array(number, values, way):
    """Replace or remove one array of a state, or change it in some way."""

    def change(parts):
        name = sorted(parts.arrays)[number % len(parts.arrays)]
        old = parts.arrays.pop(name)
        if way != "remove":
            parts.arrays[name] = WAYS[way](old, values)

    return lambda path: rewrite(path, change)


def _variable(number, values, way):
    """Replace or remove one variable of a table, or change it in some way."""

    def change(parts):
        name = sorted(parts.variables)[number % len(parts.variables)]
        old = parts.variables.pop(name)
        if way != "remove":
            new = WAYS[way](old.values, values)
            dims = (*old.dims, "u", "v", "w")[: np.ndim(new)]
            parts.variables[name] = replace(old, values=new, dims=dims)

    return lambda path: rewrite(path, change)


def _element(number, value):
    """Replace one number in an array."""

    def change(parts):
        names = sorted(parts.arrays)
        values = np.array(parts.arrays[names[number % len(names)]])
        values.flat[number % values.size] = value
        parts.arrays[names[number % len(names)]] = values

    return lambda path: rewrite(path, change)


BIG = st.integers(0, 10**6)
WHAT = st.sampled_from(["remove", *WAYS])
CHANGES = st.one_of(
    st.builds(_json, BIG, JSON, st.sampled_from(["attributes"] * 4 + ["summary"]), st.booleans()),
    st.builds(_json, BIG, JSON, st.just("attributes"), st.just(False)),
    st.builds(_array, BIG, ARRAYS, WHAT),
    st.builds(_variable, BIG, ARRAYS, WHAT),
    st.builds(_element, BIG, st.sampled_from([np.nan, np.inf, -1.0, 0.0, 1e308, 3.0])),
    st.builds(_stored, BIG, st.sampled_from(["nothing", *STORED])),
    st.builds(
        _attribute, st.sampled_from(["kind", "schema", "attributes", "format", "summary"]), JSON,
        st.booleans(),
    ),
)  # fmt: skip


def sealed_damage():
    """Return a strategy of functions that change a file and seal it again."""

    def apply(changes):
        def damage(path):
            for change in changes:
                with suppress(Exception):  # not every change fits every file
                    change(path)

        return damage

    return st.lists(CHANGES, min_size=1, max_size=2).map(apply)


def raw_damage():
    """Return a strategy of functions that flip bytes of a file or cut it."""

    def apply(flips, kept):
        def damage(path):
            content = bytearray(path.read_bytes())
            for position, bits in flips:
                content[position % len(content)] ^= bits
            path.write_bytes(content[: int(kept * len(content))])

        return damage

    flips = st.lists(st.tuples(BIG, st.integers(1, 255)), max_size=4)
    return st.builds(apply, flips, st.sampled_from([1.0, 1.0, 0.999, 0.5, 0.01, 0.0]))


def bad_files(directory, good):
    """Put what is no data file into a directory; return the names."""
    os.mkfifo(directory / "pipe.h5")
    (directory / "folder.h5").mkdir()
    (directory / "endless.h5").symlink_to("/dev/zero")
    (directory / "nowhere.h5").symlink_to("missing")
    (directory / "empty.h5").touch()
    (directory / "text.h5").write_text("import os; os.system('touch executed')")
    (directory / "pickle.h5").write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")
    (directory / "short.h5").write_bytes(good.read_bytes()[:-10])
    with h5py.File(directory / "foreign.h5", "w") as file:
        file["x"] = 1
    shutil.copy(good, directory / "hidden.h5")
    (directory / "hidden.h5").chmod(0)
    (directory / "scheduler.json").write_text('{"address": "foo"}')
    (directory / "dead.json").write_text('{"address": "tcp://127.0.0.1:9"}')
    return [
        "pipe.h5", "folder.h5", "endless.h5", "nowhere.h5", "empty.h5", "text.h5", "pickle.h5",
        "short.h5", "foreign.h5", "hidden.h5", "scheduler.json", "dead.json", "missing.h5", ".", "",
        "/", "..", "runs", "/dev/zero", "/dev/null", "/dev/stdin", "x" * 300, "/proc/self/mem",
    ]  # fmt: skip
