"""`impo check` reproduces honest files, and notices every number and array that was changed."""

import json
import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from impo import (
    ITEBD,
    TWA,
    ClusterMeanField,
    Exact,
    Jump,
    LindbladModel,
    MeanField,
    Spin,
    Term,
    evolve,
    steady_state,
)
from impo.analysis.check import check
from impo.arguments import ArgumentError
from impo.cli.main import main
from impo.results import hdf5
from impo.results.claims import density_matrix_claims
from impo.results.estimate import Status
from impo.results.store import SCHEMA, StoreError, load, save
from impo.scans.checkpoint import Checkpoint
from models.gain_loss import chain, dimer
from tests.sealing import reseal

PLACE = Path(__file__).parents[1] / "data" / "schema1"
SAMPLED = ("quench", "response")  # functions without their state: there is nothing to check
FILES = {path.stem: path for path in sorted(PLACE.glob("*.h5")) if path.stem != "dataset"}
FILES |= {
    f"{path.parent.stem}-{path.stem}": path
    for schema in range(2, SCHEMA + 1)
    for path in sorted(PLACE.with_name(f"schema{schema}").glob("*.h5"))
    if path.stem not in SAMPLED
}

LATEST = [name for name in FILES if name[0] != "s" or name.startswith(f"schema{SCHEMA}")]
EVERY = [pytest.param(name, marks=[pytest.mark.slow] * (name not in LATEST)) for name in FILES]


def tampered(name, place, change):
    """Write a copy of a file with something changed, and a valid seal."""
    path = place / "tampered.h5"
    path.write_bytes(FILES.get(name, name).read_bytes())
    reseal(path, change)
    return path


def failures(path):
    return {claim.name for claim in check(path).claims if not claim.good}


@pytest.mark.parametrize("name", EVERY)
def test_honest_files_are_reproduced(name, capsys):
    status = getattr(load(FILES[name]), "status", None)
    good = status in (None, Status.CONVERGED)
    assert main(["check", str(FILES[name])]) == (0 if good else 3)
    out = capsys.readouterr().out
    assert "FAIL" not in out
    right, claims = map(int, re.search(r"(\d+) of (\d+) statements are reproduced", out).groups())
    assert right == claims >= (2 if name.endswith("failure") else 3)


def numbers(name):
    """Return the variables that a person reads in a file, without copies of attributes."""
    with h5py.File(FILES[name]) as file:
        return [
            key
            for key, item in file.items()
            if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and key != "seconds"
        ]


@pytest.mark.parametrize("name", EVERY)
def test_a_changed_number_is_noticed(name, tmp_path):
    """Every one of the first schema and the present one, and one of each between them."""
    for key in numbers(name)[: None if name in LATEST else 1]:

        def change(file, key=key):
            file[key][...] = np.asarray(file[key]) * 1.1 + 1e-3

        assert failures(tampered(name, tmp_path, change)), key


ARRAYS = [
    (name, array)
    for name, path in FILES.items()
    # coarser matrix products only give errors, of which a hundredth does not matter
    if name in LATEST
    for array, item in (h5py.File(path).get("arrays") or {}).items()
    if not hdf5.is_bare_dimension(item) and ("itebd_" not in name or array.startswith("1.picture0"))
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


@pytest.mark.slow
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
    assert failures(tampered(path, tmp_path, change)) == {"copies", "spin length"}


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


def scaled(rate=1.0, coupling=1.0, field=1.0):
    """Return a change of the model of a file: one rate, all couplings, or all fields."""

    def change(held):
        for part in (held, held.get("shared", {}), *held.get("states", [])):
            if "model" in part:
                model = part["model"]
                model["jumps"][0][0] *= rate
                for term in model["terms"]:
                    factor = coupling if len(term["factors"]) > 1 else field
                    term["coefficient"] = [factor * part for part in term["coefficient"]]

    return edited("attributes", change)


# not those of mean field, whose spins point along z whatever the rates are, and of a bond dimension
# so low that the residual is as large as the rates
SOLVED = ["itebd", "exact", "exact_cut", "hpa", "hpa_unstable", "cmf"]
EVOLVED = [name for name in FILES if name.endswith("trajectory")]
BOUNDED = {"residual", "motion", "verdict", "growth rate", "stationary"}


@pytest.mark.parametrize("name", [*SOLVED, *EVOLVED])
@pytest.mark.parametrize("what", ["rate", "coupling"])
def test_another_model_is_noticed(name, what, tmp_path):
    """The state solves one master equation and not the other."""
    found = failures(tampered(name, tmp_path, scaled(**{what: 1.1})))
    assert BOUNDED & found


PAIR = LindbladModel(
    (Spin(0.5), Spin(0.5)),
    (
        Term(1.0, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True),
        Term(0.5, ("S+", 1, 0), ("S-", 0, 1), plus_hc=True),
        Term(0.3, ("Sx", 0, 0)),
        Term(0.2, ("Sz", 1, 0)),
    ),
    (Jump(1.5, "S-", 0), Jump(0.4, "S-", 1)),
)
VECTORS = [[0.6, 0.0, 0.8], [0.0, 0.6, -0.8]]
MADE = {
    "exact": lambda: steady_state(PAIR, Exact(cells=2, periodic=True)),
    "mf": lambda: steady_state(PAIR, MeanField()),
    "cmf": lambda: steady_state(PAIR, ClusterMeanField(2)),
    "exact trajectory": lambda: evolve(PAIR, Exact(cells=2), [[1.0, 0.3], [0.4, 0.8]], [0.7]),
    "mf trajectory": lambda: evolve(PAIR, MeanField(), VECTORS, [0.7]),
    "cmf trajectory": lambda: evolve(PAIR, ClusterMeanField(2), VECTORS, [0.7]),
    "itebd trajectory": lambda: evolve(
        PAIR, ITEBD(chi_max=12, tol=1e-2), [[1.0, 0.3], [0.4, 0.8]], [0.3]
    ),
    "twa trajectory": lambda: evolve(
        replace(PAIR, sites=(Spin(10), Spin(10))), TWA(cells=3, trajectories=32, dt=0.01),
        VECTORS, [0.3],
    ),
    "twa": lambda: steady_state(
        chain(10, 1.0, 0.5, 2.5, 1.5), TWA(cells=10, trajectories=64, tol=2e-2, max_time=200)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_another_rate_coupling_or_field_is_noticed(name, tmp_path):
    """Also where a trajectory has one time only: it is followed from its start."""
    path = tmp_path / "made.h5"
    save(MADE[name](), path)
    report = check(path)
    assert report.reproduced, str(report)
    assert all(claim.good for claim in report.claims)
    for what in ("rate", "coupling", "field"):
        if name != "twa" or what != "field":  # it has none
            found = failures(tampered(path, tmp_path, scaled(**{what: 1.1})))
            assert BOUNDED & found, what


@pytest.mark.parametrize("schema", [3, 4])
def test_coherences_that_are_too_large_are_noticed(schema, tmp_path):
    """Of all observables that are stored none depends on them."""

    def change(file):
        name = "all.density"
        values = np.array(file["arrays"][name])
        state = load(path).states[0]
        charged = np.any(
            [b.q[state.density.index[:, s]] != 0 for s, b in enumerate(state.density.bases)], axis=0
        )
        values[:, charged] *= 50
        file["arrays"][name][...] = values

    path = FILES[f"schema{schema}-exact_trajectory"]
    found = failures(tampered(path, tmp_path, change))
    assert "positive" in found
    assert "motion" in found
    assert not {"Sz", "Sz_var"} & found


def test_states_that_are_exchanged_are_noticed(tmp_path):
    for name in EVOLVED:
        if "itebd" in name or name[:7] not in ("schema3", "schema4"):
            continue

        def change(file):
            every = [key for key in file["arrays"] if key.startswith("all.")]
            for item in [*map(file["arrays"].get, every), file["Sz"], file["Sz_var"]]:
                values = np.array(item)
                item[...] = np.concatenate([values[:-2], values[:-3:-1]])

        assert "motion" in failures(tampered(name, tmp_path, change)), name


def test_times_that_do_not_rise_and_a_false_verdict_are_noticed(tmp_path):
    for name in EVOLVED:
        if not name.startswith(f"schema{SCHEMA}"):
            continue

        def fall(file):
            for item in (file["time"], file["arrays"]["times"]):
                item[...] = np.array(item)[::-1]

        assert "times rise" in failures(tampered(name, tmp_path, fall)), name

        def better(file):
            held = json.loads(file.attrs["attributes"])
            status = "failed" if held["status"] == "converged" else "converged"
            held["status"] = status
            file.attrs["attributes"] = json.dumps(held)
            file["status"][...] = status

        found = failures(tampered(name, tmp_path, better))
        assert {"verdict", "joint verdict"} & found, name


def test_what_a_file_does_not_hold_is_left_open(tmp_path):
    """A cluster that begins entangled, in a file without the state of the cluster."""
    start = steady_state(PAIR, ClusterMeanField(2))
    trajectory = evolve(replace(PAIR, jumps=PAIR.jumps[:1]), ClusterMeanField(2), start, [0.0, 0.4])
    save(trajectory, tmp_path / "made.h5")
    assert check(tmp_path / "made.h5").reproduced
    states = [replace(state, rho=None) for state in trajectory.states]
    save(replace(trajectory, states=tuple(states)), tmp_path / "made.h5")
    report = check(tmp_path / "made.h5")
    assert report.reproduced
    assert [claim.name for claim in report.claims if claim.good is None] == ["motion"]
    assert "open  motion" in str(report)
    assert f"{len(report.claims) - 1} of {len(report.claims) - 1} statements" in str(report)


def test_an_orbit_of_another_model_is_noticed(tmp_path):
    model = LindbladModel(
        (Spin(1),),
        (Term(0.5, ("Sz", 0, 0), ("Sz", 0, 1)), Term(1.0, ("Sx", 0, 0))),
        (Jump(1e-9, "S-", 0),),
    )
    path = tmp_path / "orbit.h5"
    save(steady_state(model, MeanField(t_max=100)), path)
    assert check(path).reproduced
    for what in ("coupling", "field"):
        assert "motion" in failures(tampered(path, tmp_path, scaled(**{what: 1.1})))


def test_a_state_on_its_way_is_not_converged(tmp_path):
    up = [1.0, 0.0, 0.0]
    path = tmp_path / "moving.h5"
    save(evolve(dimer(1, 1.0, 1.2, 0.7), Exact(), [up, up], [0.3]).states[0], path)
    assert check(path).reproduced
    assert main(["check", str(path)]) == 3
    assert "verdict" in failures(tampered(path, tmp_path, lie))


def test_what_cannot_be_checked(tmp_path, capsys):
    with pytest.raises(ArgumentError, match="holds numbers, not the states"):
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


def test_what_nothing_can_be_computed_from_is_an_error_of_the_file(tmp_path):
    """A summary that is none, a trajectory whose states are none, and a density of zero."""

    def no_summary(file):
        file.attrs["summary"] = "[]"

    def no_states(file):
        told = json.loads(file.attrs["attributes"])
        told["shared"]["ranks"] = {}
        file.attrs["attributes"] = json.dumps(told)

    def nothing(file):
        file["arrays/density"][...] = 0.0

    trajectory = PLACE.parent / "schema3" / "exact_trajectory.h5"
    for name, change, why in (
        ("exact", no_summary, "AttributeError"),
        (trajectory, no_states, "AttributeError"),
        ("exact", nothing, "ZeroDivisionError: float division by zero"),
    ):
        with pytest.raises(StoreError, match=rf"Cannot read .*h5: it is malformed \({why}"):
            check(tampered(name, tmp_path, change))
