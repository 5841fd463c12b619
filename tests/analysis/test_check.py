"""`impo check` reproduces honest files, and notices every number and array that was changed."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from impo import Exact, MeanField, evolve
from impo.analysis.check import check
from impo.arguments import ArgumentError
from impo.cli.main import main
from impo.results import hdf5
from impo.results.claims import density_matrix_claims
from impo.results.estimate import Status
from impo.results.store import StoreError, load, save
from impo.scans.checkpoint import Checkpoint
from models.gain_loss import dimer

PLACE = Path(__file__).parents[1] / "data" / "schema1"
FILES = {path.stem: path for path in sorted(PLACE.glob("*.h5")) if path.stem != "dataset"}


def tampered(name, place, change):
    """Write a copy of a file with something changed, and a valid seal."""
    blank = f"impo-sha256:{'f' * 64}:{0:016d}".encode()
    path = place / "tampered.h5"
    path.write_bytes(FILES.get(name, name).read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
        file.attrs["checksum"] = np.bytes_(blank)
    path.write_bytes(hdf5._sealed(path.read_bytes(), blank))
    return path


def failures(path):
    return {claim.name for claim in check(path).claims if not claim.good}


@pytest.mark.parametrize("name", FILES)
def test_honest_files_are_reproduced(name, capsys):
    report = check(FILES[name])
    assert report.reproduced, str(report)
    assert len(report.claims) >= 3
    good = report.status in (None, Status.CONVERGED)
    assert main(["check", str(FILES[name])]) == (0 if good else 3)
    out = capsys.readouterr().out
    assert "FAIL" not in out
    assert f"{len(report.claims)} of {len(report.claims)} statements are reproduced" in out


def numbers(name):
    """Return the variables that a person reads in a file, without copies of attributes."""
    with h5py.File(FILES[name]) as file:
        return [
            key
            for key, item in file.items()
            if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and key != "seconds"
        ]


@pytest.mark.parametrize("name", FILES)
def test_a_changed_number_is_noticed(name, tmp_path):
    for key in numbers(name):

        def change(file, key=key):
            file[key][...] = np.asarray(file[key]) * 1.1 + 1e-3

        assert failures(tampered(name, tmp_path, change)), key


ARRAYS = [
    (name, array)
    for name, path in FILES.items()
    for array, item in (h5py.File(path).get("arrays") or {}).items()
    if not hdf5.is_bare_dimension(item)
]


@pytest.mark.parametrize(("name", "array"), ARRAYS)
def test_a_changed_array_is_noticed(name, array, tmp_path):
    """One element of an array moves by a percent of the largest."""

    def change(file):
        values = np.array(file["arrays"][array])
        where = np.unravel_index(np.argmax(np.abs(values)), values.shape)
        values[where] *= 1.01
        file["arrays"][array][...] = values

    found = failures(tampered(name, tmp_path, change))
    if "singular_values" in array:
        assert not found  # they only guide truncation: no observable is made of them
    else:
        assert found


def test_arrays_that_hold_no_numbers_are_noticed(tmp_path):
    """In one line, and at once: an integration from nan would never end."""
    for name, array in ARRAYS:

        def change(file, array=array):
            values = np.array(file["arrays"][array])
            if values.dtype.kind in "fc":
                values.flat[-1] = np.nan
            file["arrays"][array][...] = values

        if np.array(h5py.File(FILES[name])["arrays"][array]).dtype.kind in "fc":
            report = check(tampered(name, tmp_path, change))
            assert not report.reproduced
            assert [line.name for line in report.claims] == ["finite"]
            renamed = {("mf_trajectory", "vectors"): "all.orbit"}.get((name, array), array)
            assert renamed in str(report)


@pytest.mark.parametrize("status", [Status.FAILED, Status.NOT_CONVERGED])
def test_only_a_failed_state_may_have_run_away(status, tmp_path):
    state = load(FILES["itebd"])
    chain = state.approximation.matrix_product.copy()
    chain.tensors = [np.full_like(tensor, np.nan) for tensor in chain.tensors]
    far = replace(
        state, approximation=replace(state.approximation, matrix_product=chain), status=status
    )
    with np.errstate(all="ignore"):
        save(far, tmp_path / "far.h5")
        report = check(tmp_path / "far.h5")
    assert report.reproduced == (status == Status.FAILED)


def test_properties_that_are_not_numbers_are_not_good():
    """Wherever among several matrices or states the bad one stands."""
    good = np.diag([0.25, 0.75]).astype(complex)
    bad = np.full((2, 2), np.nan + 0j)
    assert all(line.good for line in density_matrix_claims([good, good], 0.0, None))
    for matrices in ([good, bad], [bad, good], [bad]):
        assert not any(line.good for line in density_matrix_claims(matrices, 0.0, None))
    assert not density_matrix_claims([np.diag([-0.1, 1.1])], np.nan, None)[2].good


def edited(attribute, change):
    """Return a change of a JSON attribute."""

    def apply(file):
        held = json.loads(file.attrs[attribute])
        change(held)
        file.attrs[attribute] = json.dumps(held)

    return apply


@pytest.mark.parametrize("name", [name for name in FILES if "trajectory" not in name])
def test_a_better_verdict_residual_or_summary_is_noticed(name, tmp_path):
    changes = [edited("summary", lambda held: held.update(status="unphysical"))]
    if check(FILES[name]).status != Status.FAILED:
        changes.append(edited("summary", lambda held: held["observables"].update(Sz=[0.1, 0.2])))
        changes.append(edited("attributes", lambda held: held.update(residual=0.5)))
        changes.append(edited("attributes", lambda held: held.update(residual=None)))
    for change in changes:
        assert failures(tampered(name, tmp_path, change))


def test_two_verdicts_of_a_trajectory_are_noticed(tmp_path):
    trajectory = evolve(dimer(S=0.5), MeanField(), [[0.3, 0.0, 1.0]] * 2, [0.0, 0.5])
    path = tmp_path / "trajectory.h5"
    save(trajectory, path)
    assert not failures(path)
    change = edited("attributes", lambda held: held.update(status="unphysical"))
    assert failures(tampered(path, tmp_path, change)) == {"copies"}


def lie(file):
    """Say `converged` wherever the status is written."""
    for attribute in ("attributes", "summary"):
        edited(attribute, lambda held: held.update(status="converged"))(file)
    file["status"][...] = "converged"


@pytest.mark.parametrize("name", ["exact_cut", "hpa_unstable"])
def test_a_false_converged_is_noticed(name, tmp_path):
    assert "verdict" in failures(tampered(name, tmp_path, lie))


@pytest.mark.parametrize("name", ["itebd", "exact", "twa"])
def test_a_tolerance_that_was_not_reached_is_noticed(name, tmp_path):
    change = edited("attributes", lambda held: held["method"].update(tol=1e-30))
    assert "verdict" in failures(tampered(name, tmp_path, change))


def test_another_model_is_noticed(tmp_path):
    """The state solves one master equation and not the other."""
    for name in ("itebd", "exact", "hpa", "mf", "mf_trajectory", "cmf"):
        change = edited("attributes", lambda held: held["model"]["jumps"][0].__setitem__(0, 0.35))
        assert {"residual", "motion", "verdict"} & failures(tampered(name, tmp_path, change)), name


def test_a_state_on_its_way_is_not_converged(tmp_path):
    up = [1.0, 0.0, 0.0]
    path = tmp_path / "moving.h5"
    save(evolve(dimer(1, 1.0, 1.2, 0.7), Exact(), [up, up], [0.3]).states[0], path)
    assert check(path).reproduced
    assert main(["check", str(path)]) == 3
    assert "verdict" in failures(tampered(path, tmp_path, lie))


def test_what_cannot_be_checked(tmp_path, capsys):
    with pytest.raises(ArgumentError, match="holds a table"):
        check(PLACE / "dataset.h5")
    with pytest.raises(StoreError, match="No such file"):
        check(tmp_path / "none.h5")
    unfinished = tmp_path / "point.partial"
    Checkpoint(unfinished, "key").save({"x": np.zeros(2)}, {})
    with pytest.raises(ArgumentError, match="unfinished"):
        check(unfinished)
    for path in (PLACE / "dataset.h5", unfinished, tmp_path / "none.h5", Path(__file__)):
        assert main(["check", str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
