"""Files of all schemas, kept as they were written: they load and give the numbers of then."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from impo.results import hdf5, store
from impo.results.dataset import Dataset
from impo.results.store import load, save
from tests.data import make_files

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "tests" / "data"
FILES = sorted(PLACE.glob("schema*/*.h5"))
KEPT = [
    pytest.param(path, marks=[pytest.mark.slow] * (path.parent.stem in ("schema2", "schema3")))
    for path in FILES
]
OLD_TRAJECTORIES = ("mean_field_trajectory", "cluster_trajectory", "state_trajectory")
UNCHANGED = {"created", "checksum", "provenance"}  # of the moment of writing


def kind_of(path):
    with h5py.File(path) as file:
        return file.attrs["kind"]


def near(one, two):
    """Compare JSON objects: numbers to nine digits, or to a thousandth of small errors.

    The first may have settings that the second, which is older, did not know.
    """
    if isinstance(two, dict):
        return set(two) <= set(one) and all(near(one[key], two[key]) for key in two)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(near, one, two))
    if isinstance(one, float) and two is not None:
        return one == pytest.approx(two, rel=1e-3 if abs(two) < 1e-3 else 1e-9, abs=1e-12)
    return one == two


BY_MODES = ("itebd", "holstein_primakoff")


def without_lengths(numbers):
    """Leave out lengths that are found from modes: in older files they are from a fit."""
    return {name: value for name, value in numbers.items() if not name.startswith("xi_")}


def same_lengths(found, stored):
    """A length that was stored is found again within both errors, or is known to have had none."""
    for name, before in stored["correlation_length"].items():
        if before is not None:
            now, bars = found["correlation_length"][name], f"xi_{name}"
            if now is None:  # two and two bond states without charge: their agreement was no error
                assert "lack the same modes" in found["no_correlation_length"][name]
                continue
            assert abs(now - before) <= found["errors"][bars] + stored["errors"][bars]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_gives_the_numbers_that_were_stored(path):
    result = load(path)
    with h5py.File(path) as file:
        assert file.attrs["schema"] == int(path.parent.stem.removeprefix("schema"))
        kind, facts = file.attrs["kind"], json.loads(file.attrs.get("summary", "null"))
        stored = {
            name: np.asarray(item.asstr()[()] if h5py.check_string_dtype(item.dtype) else item)
            for name, item in file.items()
            if isinstance(item, h5py.Dataset) and not hdf5.is_bare_dimension(item)
        }
    assert result.kind == ("trajectory" if hasattr(result, "times") else kind)
    if facts is not None:
        found = result.summary()
        if kind in BY_MODES:
            same_lengths(found, facts)
            for held in (found, facts):
                held["correlation_length"] = {}
                held["errors"] = without_lengths(held["errors"])
            stored = without_lengths(stored)
        found["method"] = {key: found["method"][key] for key in facts["method"]}  # later settings
        assert near(found, facts)
    numbers = result.readable() if kind not in BY_MODES else without_lengths(result.readable())
    later = {"status"} if kind in OLD_TRAJECTORIES else set()
    assert set(numbers) == set(stored) | later
    for name, values in stored.items():
        if values.dtype.kind in "fc":
            np.testing.assert_allclose(numbers[name].values, values, rtol=1e-3, atol=1e-12)
            large = np.abs(values) > 1e-3
            np.testing.assert_allclose(numbers[name].values[large], values[large], rtol=1e-9)
        else:
            np.testing.assert_array_equal(numbers[name].values, values)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_xarray_shows_the_same_from_memory_and_from_the_file(path, tmp_path):
    result = load(path)
    save(result, tmp_path / "again.h5")
    shown = result.to_xarray()
    # the text of an old file may lack settings of today
    for where, other in (
        (path, {"attributes", "summary", "schema", "kind"}),
        (tmp_path / "again.h5", set()),
    ):
        here = shown
        with xarray.open_dataset(where, engine="h5netcdf") as file:
            held = [
                {key: value for key, value in one.attrs.items() if key not in UNCHANGED | other}
                for one in (shown, file)
            ]
            assert held[0] == held[1]
            if kind_of(where) in OLD_TRAJECTORIES:
                assert "status" not in file
                file = file.assign(status=shown["status"])
            if kind_of(where) in BY_MODES and where is path:
                here, file = (
                    one.drop_vars([name for name in one if name.startswith("xi_")])
                    for one in (here, file)
                )
            xarray.testing.assert_allclose(here, file, rtol=1e-3, atol=1e-12)
            for name in here.variables:
                assert here[name].attrs == file[name].attrs
                assert here[name].dtype == file[name].dtype
    assert shown.sizes
    if not isinstance(result, Dataset):
        for name, item in shown.variables.items():
            assert {"units", "long_name"} <= set(item.attrs), name


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_what_is_written_is_strict_json(path, tmp_path):
    save(load(path), tmp_path / "again.h5")

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    with h5py.File(tmp_path / "again.h5") as file:
        for name in ("attributes", "provenance", "summary"):
            json.loads(file.attrs.get(name, "null"), parse_constant=refuse)


def test_every_kind_of_result_is_kept():
    kinds = {kind_of(path) for path in FILES}
    readers = {kind: getattr(read, "__self__", read) for kind, read in store._READERS.items()}
    own = {kind for kind, owner in readers.items() if owner.__module__.startswith("impo.")}
    # only the code that wrote a checkpoint reads it; sites of a cluster stand in trajectories
    assert kinds == own - {"checkpoint", "cluster_sites"}
    written = {
        f"schema{schema}/{name}" for schema, names in make_files.RESULTS.items() for name in names
    }
    assert {f"{path.parent.stem}/{path.stem}" for path in FILES} == written


@pytest.mark.slow
def test_loading_executes_nothing():
    """No code object is compiled or run, nothing is unpickled and no process started."""
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from impo import load
        files = sorted(Path({str(PLACE)!r}).glob("*/*.h5"))
        assert len(files) == {len(FILES)}
        for path in files:
            load(path)  # whatever is imported late
        seen = []
        bad = ("exec", "compile", "pickle.find_class", "os.system", "subprocess.Popen", "os.exec")
        sys.addaudithook(lambda event, _: seen.append(event) if event in bad else None)
        for path in files:
            load(path)
        assert not seen, seen
        eval("1")
        assert "exec" in seen  # the hook works
    """)
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
