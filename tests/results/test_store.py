import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from impo.arguments import ArgumentError
from impo.methods.api import steady_state
from impo.results import files, hdf5, store
from impo.results.dataset import Dataset
from impo.results.store import StoreError, load, save
from impo.results.variable import Variable
from models import gain_loss
from tests.dense import Dense
from tests.sealing import reseal, rewrite, seal

ROOT = Path(__file__).parents[2]


def dataset(scale=1.0):
    x = np.linspace(0.1, 3, 4)
    return Dataset(
        {
            "loss": Variable(("loss",), x, "g", "loss rate"),
            "Sz": Variable(("loss", "site"), scale * np.outer(x, [1, -1]), "1", "magnetisation"),
            "C": Variable(("r",), np.exp(1j * x), "1", "correlation"),
            "status": Variable(("loss",), np.array(["converged", "chi_limited", "é", ""])),
            "ok": Variable(("loss",), np.array([True, False, True, True])),
            "count": Variable((), np.array(3)),
            "name": Variable((), np.array("one")),
            "none": Variable(("empty",), np.zeros(0)),
        },
        {"method": {"name": "dense", "k_max": None}, "list": [1, 2.5, "a", True]},
    )


@pytest.fixture
def point():
    return steady_state(gain_loss.dimer(S=1, gain=1.5, loss=0.7), Dense())


def test_dataset_comes_back(tmp_path):
    path = tmp_path / "data.h5"
    data = dataset()
    data.save(path)
    again = load(path)
    assert set(again.variables) == set(data.variables)
    assert again.attributes == data.attributes
    for name, item in data.variables.items():
        back = again.variables[name]
        assert back.dims == item.dims
        assert back.long_name == item.long_name
        assert back.values.dtype.kind == item.values.dtype.kind
        np.testing.assert_array_equal(back.values, item.values)
    assert again.variables["loss"].units == "g"
    assert os.listdir(tmp_path) == ["data.h5"]


def test_units_come_back_with_and_without_a_long_name(tmp_path):
    told = [("g", ""), ("g", "loss rate"), ("1", ""), ("1", "ratio"), ("", "")]
    variables = {f"v{n}": Variable((), np.array(1.0), *one) for n, one in enumerate(told)}
    save(Dataset(variables), tmp_path / "data.h5")
    again = load(tmp_path / "data.h5").variables
    assert [(again[name].units, again[name].long_name) for name in variables] == told
    with xarray.open_dataset(tmp_path / "data.h5", engine="h5netcdf") as file:
        assert file["v0"].attrs == {"units": "g"}


def not_json(name):
    raise AssertionError(f"{name} is not JSON")


def test_attributes_are_strict_json_and_come_back(tmp_path):
    odd = [np.inf, -np.inf, np.float32(np.inf), {"deep": [np.array([np.inf, 1.0])]}, "inf", "nan"]
    told = {"odd": odd, "nan": np.nan, "float": {"float": 2.0}, "name": {"float": "text"}}
    save(Dataset({}, told), tmp_path / "data.h5")
    with h5py.File(tmp_path / "data.h5") as file:
        for name in ("attributes", "provenance"):
            json.loads(file.attrs[name], parse_constant=not_json)
    again = load(tmp_path / "data.h5").attributes
    assert again["odd"] == [np.inf, -np.inf, np.inf, {"deep": [[np.inf, 1.0]]}, "inf", "nan"]
    assert np.isnan(again["nan"])
    assert again["float"] == told["float"]
    assert again["name"] == told["name"]


def test_state_comes_back(tmp_path, point):
    point.save(tmp_path / "point.h5")
    again = load(tmp_path / "point.h5")
    assert type(again) is type(point)
    assert again.model == point.model
    assert again.method == point.method
    assert again.status is point.status
    assert again.seconds == point.seconds > 0
    np.testing.assert_array_equal(again.rho, point.rho)


def test_files_speak_xarray(tmp_path, point):
    save(dataset(), tmp_path / "data.h5")
    with xarray.open_dataset(tmp_path / "data.h5", engine="h5netcdf") as file:
        assert file.Sz.dims == ("loss", "site")
        assert file.loss.attrs == {"units": "g", "long_name": "loss rate"}
        np.testing.assert_allclose(file.Sz.sel(loss=0.1, site=[0, 1]), [0.1, -0.1])
        np.testing.assert_allclose(file.C.values, dataset()["C"])
        assert file.status.values.tolist() == ["converged", "chi_limited", "é", ""]
        assert file.ok.dtype == bool
        assert json.loads(file.attrs["attributes"])["list"] == [1, 2.5, "a", True]
        assert "numpy" in json.loads(file.attrs["provenance"])
        assert file.attrs["schema"] == store.SCHEMA
    save(point, tmp_path / "point.h5")
    with xarray.open_dataset(tmp_path / "point.h5", engine="h5netcdf") as file:
        np.testing.assert_allclose(file.Sz, point.expect("Sz").value.real)
        np.testing.assert_allclose(file.Sz_error, 1e-10)
        assert file.status.item() == "converged"
        assert file.residual.item() == point.residual
        assert json.loads(file.attrs["summary"])["parameters"]["loss"] == 0.7
    with xarray.open_dataset(tmp_path / "point.h5", engine="h5netcdf", group="arrays") as file:
        np.testing.assert_array_equal(file.rho, point.rho)


@pytest.mark.parametrize("package", ["xarray", "h5netcdf"])
def test_without_xarray_the_extra_is_named(point, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ArgumentError, match=rf"needs the package {package}.*impo\[analysis\]"):
        point.to_xarray()


def test_long_attributes_and_numpy_scalars(tmp_path):
    data = Dataset({}, {"history": [np.float64(0.5)] * 30000, "array": np.arange(2)})
    save(data, tmp_path / "data.h5")
    assert load(tmp_path / "data.h5").attributes == {"history": [0.5] * 30000, "array": [0, 1]}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"a": Variable(("x",), np.zeros((2, 2)))}, "must have the dimensions"),
        (
            {"a": Variable(("x",), np.zeros(2)), "b": Variable(("x",), np.zeros(3))},
            "Dimension `x` must have length 2",
        ),
        (
            {"a": Variable(("x",), np.zeros(2)), "x": Variable(("a",), np.zeros(2))},
            "only the dimension of its name",
        ),
        ({"a": Variable(("x",), np.array([{}, None]))}, "numbers, booleans or text"),
    ],
)
def test_bad_datasets(tmp_path, variables, message):
    with pytest.raises(ArgumentError, match=message):
        save(Dataset(variables), tmp_path / "data.h5")
    assert os.listdir(tmp_path) == []


def test_attributes_must_be_json(tmp_path):
    with pytest.raises(ArgumentError, match="JSON"):
        save(Dataset({}, {"model": object()}), tmp_path / "data.h5")


def refusal(path):
    with pytest.raises(StoreError) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_refuses_what_is_not_ours(tmp_path):
    path = tmp_path / "file.h5"
    assert "No such file" in refusal(path)
    assert "Is a directory" in refusal(tmp_path)
    for content in (b"hello", b"", b"\x80\x04N."):
        path.write_bytes(content)
        assert "not an HDF5 file" in refusal(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    assert "not written by impo" in refusal(path)


def edit(path, change):
    """Change a file and seal it again."""
    save(dataset(), path)
    reseal(path, change)


def test_refuses_newer_schemas_and_unknown_kinds(tmp_path):
    path = tmp_path / "file.h5"
    edit(path, lambda file: file.attrs.update(schema=store.SCHEMA + 1))
    assert f"schemas up to {store.SCHEMA}" in refusal(path)
    edit(path, lambda file: file.attrs.update(kind="posix.system"))
    assert "no result `posix.system`" in refusal(path)
    edit(path, lambda file: file.attrs.update(format="other"))
    assert "not written by impo" in refusal(path)
    edit(path, lambda file: file.attrs.update(attributes="{"))
    assert "malformed" in refusal(path)
    edit(path, lambda file: file.attrs.pop("schema"))
    assert "malformed" in refusal(path)
    edit(path, lambda file: None)
    load(path)


def told(change):
    """Return the change of a file that changes its JSON attributes."""

    def apply(parts):
        value = json.loads(parts.attributes["attributes"])
        change(value)
        parts.attributes["attributes"] = json.dumps(value)

    return lambda path: rewrite(path, apply)


def replaced(name, values=None):
    """Return the change of a file that replaces or removes an array."""

    def apply(parts):
        del parts.arrays[name]
        if values is not None:
            parts.arrays[name] = values

    return lambda path: rewrite(path, apply)


def declared(name, **storage):
    """Return the change of a file that declares an array of many terabytes."""
    return lambda path: reseal(
        path, lambda file: file.create_dataset(name, (10**13,), "f8", **storage)
    )


SPIN = told(lambda value: value["model"]["sites"].__setitem__(0, {"spin": "Infinity"}))
LARGE = told(lambda value: value["model"]["sites"].__setitem__(0, {"spin": "1000000000"}))
TAMPERED = [
    ("1/exact", replaced("density"), "the array `density` is missing"),
    ("1/exact", replaced("density", np.zeros(3)), r"`density` has 3 elements"),
    ("1/exact", replaced("density", np.zeros((3, 3))), r"must have the shape \(any\)"),
    ("1/exact", replaced("density", np.array(["a"] * 19)), "`density` holds <U1"),
    ("1/exact", told(lambda value: value["method"].update(cells=10**9)), "`density` has"),
    ("1/exact", LARGE, "Exact cannot treat .*001 states: it needs"),
    ("1/exact", SPIN, "ValueError"),
    ("1/exact", told(lambda value: value.update(status="perfect")), "'perfect' is not a valid"),
    ("1/exact", told(lambda value: value.update(message=7)), "`message` must be text, but is 7"),
    ("1/exact", told(lambda value: value.update(seconds="1")), "`seconds` must be a number"),
    ("1/exact", told(lambda value: value.update(history=[1])), "`history` must be a list of obj"),
    ("1/exact", told(lambda value: value.update(uncertainty=[])), "`uncertainty` must be a number"),
    ("1/exact", told(lambda value: value.pop("model")), "KeyError: 'model'"),
    ("1/exact", declared("x"), "x declares 80000000000000 bytes, which are not there"),
    ("1/exact", declared("x", chunks=(1000,)), "x declares"),
    ("1/cmf", replaced("rho", np.eye(3)), r"`rho` must have the shape \(4, 4\)"),
    ("1/cmf", told(lambda value: value["method"].update(sites=10**9)), r"the shape \(0, 0\)"),
    ("1/cmf", SPIN, "ValueError"),
    ("1/cmf_trajectory", replaced("local_0", np.zeros((2, 2))), "malformed"),
    (
        "3/cmf_trajectory",
        replaced("all.local_1", np.zeros((3, 3, 3))),
        "`local_1` must have",
    ),
    ("1/itebd", replaced("picture0_tensor0", np.zeros(3)), "`picture0_tensor0` must have"),
    ("1/itebd", replaced("picture0_singular_values0"), "values0` is missing"),
    ("1/itebd", told(lambda value: value.update(pictures=[])), "it holds no matrix product"),
    (
        "1/itebd",
        told(lambda value: value["pictures"][0].update(k_max="x")),
        "`k_max` must be an int",
    ),
    ("1/itebd", told(lambda value: value["pictures"][0].update(legs=[])), "0 tensors in place of"),
    ("1/itebd", LARGE, "has a site of 2000000001 states"),
    (
        "1/mf",
        replaced("orbit", np.zeros((0, 2, 3))),
        r"`orbit` must have the shape \(any, 2",
    ),
    ("1/mf", replaced("orbit", np.zeros((1, 2, 3), complex)), "`orbit` holds complex128"),
    (
        "3/mf_trajectory",
        replaced("times", np.zeros(2)),
        r"`times` must have the shape \(3\)",
    ),
    ("3/mf_trajectory", told(lambda value: value.update(states=[])), "the shape|a state at every"),
    ("3/mf_trajectory", told(lambda value: value.update(kind="dataset")), "a state at every time"),
    (
        "1/hpa",
        replaced("covariance", np.zeros((4, 2, 2))),
        r"must have the shape \(any, 4, 4",
    ),
    ("1/hpa", replaced("covariance"), "must come with its covariances"),
    ("1/hpa", told(lambda value: value.update(configuration=[1, 2])), "must be 2 signs"),
    ("1/twa", replaced("first", np.zeros((8, 3, 3))), r"`first` must have the shape"),
    ("1/twa", replaced("snapshots", np.zeros(0)), r"`snapshots` must have the shape"),
    ("1/twa", told(lambda value: value.update(shape=[10**9])), "`second` must have the shape"),
    ("1/twa", told(lambda value: value.update(starts=-1)), "does not fit the arrays"),
    ("2/failure", told(lambda value: value.pop("message")), "message"),
]


@pytest.mark.parametrize(("name", "change", "why"), TAMPERED)
def test_sealed_but_malformed(tmp_path, name, change, why):
    """One line that names the file, before anything is allocated."""
    path = tmp_path / "file.h5"
    shutil.copy(ROOT / "tests" / "data" / f"schema{name}.h5", path)
    change(path)
    assert re.search(why, refusal(path))


def test_one_long_text_among_many(tmp_path, monkeypatch):
    """In memory every text is as long as the longest: that is known before it is done."""
    path = tmp_path / "file.h5"
    texts = np.array(["x" * 600, *["y"] * 500])
    save(Dataset({"text": Variable(("n",), texts)}), path)
    np.testing.assert_array_equal(load(path)["text"], texts)
    monkeypatch.setattr(hdf5, "_MOST_TEXT", 10**6)
    assert "holds more than 1000000 bytes of text" in refusal(path)
    save(Dataset({"text": Variable(("n", "m"), texts[:4].reshape(2, 2))}), path)
    np.testing.assert_array_equal(load(path)["text"], texts[:4].reshape(2, 2))


def test_seals_of_the_helper_are_valid(tmp_path):
    path = tmp_path / "file.h5"
    save(dataset(), path)
    assert seal(path.read_bytes()) == path.read_bytes()


def test_refuses_links_and_data_outside_the_file(tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["x"] = np.arange(3)
    layout = h5py.VirtualLayout((3,), int)
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "x", (3,))
    changes = [
        lambda file: file.__setitem__("v", h5py.ExternalLink(tmp_path / "secret.h5", "x")),
        lambda file: file.__setitem__("v", h5py.SoftLink("/Sz")),
        lambda file: file.create_virtual_dataset("v", layout),
        lambda file: file.create_dataset("v", (3,), "f8", external=[(str(path), 0, 24)]),
        lambda file: file.create_dataset("v", (3,), h5py.ref_dtype),
    ]
    for change in changes:
        edit(path, change)
        assert "malformed (v " in refusal(path)


def test_refuses_changed_content(tmp_path):
    path = tmp_path / "file.h5"
    changes = [
        lambda file: file["Sz"].__setitem__((0, 0), 7.0),
        lambda file: file["Sz"].attrs.update(units="m"),
        lambda file: file.attrs.update(attributes="{}"),
        lambda file: file.move("Sz", "Sx"),
        lambda file: file.create_dataset("more", data=1),
    ]
    for change in changes:
        save(dataset(), path)
        with h5py.File(path, "r+") as file:
            change(file)
        assert "does not match its checksum" in refusal(path)


def test_refuses_truncated_files(tmp_path):
    path = tmp_path / "file.h5"
    save(dataset(), path)
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "it is truncated" in refusal(path)
    for length in (4, 8, 100):
        path.write_bytes(whole[:length])
        refusal(path)
    path.write_bytes(whole + b" ")
    assert "does not match its checksum" in refusal(path)


def test_every_flipped_byte_is_seen(tmp_path):
    path = tmp_path / "file.h5"
    save(dataset(), path)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[position] ^= 0x55
        path.write_bytes(changed)
        refusal(path)


def test_a_quoted_checksum_does_not_confuse(tmp_path):
    """A file may quote the checksum of another one in its attributes."""
    save(dataset(), tmp_path / "one.h5")
    with h5py.File(tmp_path / "one.h5") as file:
        quoted = file.attrs["checksum"].decode()
    for name in ("two.h5", "three.h5"):
        save(Dataset(dataset().variables, {"from": [quoted] * 3}), tmp_path / name)
        assert load(tmp_path / name).attributes["from"][0] == quoted


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "file.h5"
    save(dataset(), path)
    before = path.read_bytes()
    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:

            def full(*arguments):
                raise OSError(28, "No space left on device")

            patch.setattr(os, call, full)
            with pytest.raises(StoreError, match=r"Cannot write .*: No space left on device"):
                save(dataset(2.0), path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["file.h5"]


def test_a_full_disk_gives_one_clear_error(tmp_path):
    """A limit on the size of files stands in for the end of the disk."""
    path = tmp_path / "file.h5"
    save(dataset(), path)
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(StoreError, match=r"Cannot write .*file\.h5: File too large"):
            save(dataset(2.0), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file.h5"]


def test_places_that_cannot_be_written(tmp_path):
    for path in (tmp_path / "no" / "file.h5", tmp_path, Path("/proc/file.h5")):
        for write in (lambda path: save(dataset(), path), store.check_writable):
            with pytest.raises(StoreError, match=f"Cannot write {path}"):
                write(path)
    store.check_writable(tmp_path / "file.h5")
    assert os.listdir(tmp_path) == []


@contextlib.contextmanager
def ordinary_user():
    """Act as somebody for whom a directory can be read-only; root is nobody for a while."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_read_only_directory():
    with tempfile.TemporaryDirectory() as name:  # all above it is open to everybody
        path = Path(name) / "file.h5"
        save(dataset(), path)
        Path(name).chmod(0o555)
        with ordinary_user():
            np.testing.assert_array_equal(load(path)["Sz"], dataset()["Sz"])
            for write in (lambda: save(dataset(2.0), path), lambda: store.check_writable(path)):
                with pytest.raises(StoreError, match=r"Cannot write .*h5: Permission denied\.$"):
                    write()
        Path(name).chmod(0o700)
        np.testing.assert_array_equal(load(path)["Sz"], dataset()["Sz"])
        assert os.listdir(name) == ["file.h5"]


def test_read_only_file_system(tmp_path, monkeypatch):
    path = tmp_path / "file.h5"
    save(dataset(), path)

    def read_only(*arguments, **options):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(files, "open", read_only, raising=False)
        patch.setattr(Path, "touch", read_only)
        for write in (lambda: save(dataset(2.0), path), lambda: store.check_writable(path)):
            with pytest.raises(StoreError, match=r"Cannot write .*h5: Read-only file system\.$"):
                write()
    np.testing.assert_array_equal(load(path)["Sz"], dataset()["Sz"])


def test_killed_while_writing(tmp_path):
    """Killed at any moment, a process leaves the earlier or the later complete file."""
    path = tmp_path / "file.h5"
    save(Dataset({"x": Variable(("n",), np.zeros(3))}), path)
    script = textwrap.dedent(f"""
        import numpy as np
        from impo.results.dataset import Dataset
        from impo.results.variable import Variable
        from impo.results.store import save
        print("ready", flush=True)
        while True:
            save(Dataset({{"x": Variable(("n",), np.ones(300000))}}), {str(path)!r})
    """)
    for delay in (0.0, 0.05):
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        with process:
            assert process.stdout.readline() == "ready\n"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay)
            process.kill()
        assert load(path)["x"].sum() in (0, 300000)
