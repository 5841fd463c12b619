"""`compare` puts methods side by side: the same numbers, honest differences, refusals told."""

import json
import warnings

import numpy as np
import pytest

from impo import (
    ITEBD,
    TWA,
    ArgumentError,
    Boson,
    ClusterMeanField,
    Exact,
    HolsteinPrimakoff,
    Jump,
    LindbladModel,
    MeanField,
    Spin,
    Term,
    compare,
    load,
    steady_state,
)
from impo.analysis import compare as comparison
from impo.analysis import figures
from impo.analysis.compare_table import report, rows, table
from impo.analysis.plot import LABELS
from impo.cli import main as cli
from impo.methods.mean_field.state import MeanFieldState
from impo.results.dataset import Dataset
from impo.results.variable import Variable
from models.gain_loss import chain, dimer, square
from tests.dense import Dense

POINT = chain(0.5, 1.0, 0.5, 1.5, 0.9)
MEAN_FIELD_CHAIN = chain(20, 1.0, 0.5, 3.5, 2.5)


@pytest.fixture(scope="module")
def data():
    methods = [ITEBD(chi_max=8, tol=1e-2), Exact(cells=2, periodic=True), HolsteinPrimakoff()]
    return compare(POINT, [*methods, MeanField(), ClusterMeanField(2)])


def by_name(data):
    return {(row.name, row.place): row for row in rows(data)}


def test_every_number_is_that_of_the_method_alone(data):
    alone = steady_state(POINT, Exact(cells=2, periodic=True))
    infinite = steady_state(POINT, ITEBD(chi_max=8, tol=1e-2))
    for n, state in ((0, infinite), (1, alone)):
        np.testing.assert_allclose(data["Sz"][n], state.expect("Sz").value)
        np.testing.assert_allclose(data["Sz_var"][n], state.variance("Sz").value)
        np.testing.assert_allclose(data["Sz_error"][n], state.expect("Sz").error, rtol=1e-6)
        assert data["purity_density"][n] == pytest.approx(state.purity_density.value)
        for m, (a, b, r) in enumerate([(0, 1, 0), (1, 0, 1)]):
            neighbours = state.correlation("S+", "S-", (a, b), r).value[r]
            assert data["S+S-"][n, m] == pytest.approx(neighbours)
    assert data["xi_S+S-"][0] == pytest.approx(infinite.correlation_length("S+", "S-").value)
    assert np.isnan(data["xi_S+S-"][1])  # a cluster has none
    assert list(data["bond"]) == ["0-1", "1-0'"]
    assert data.variables["Sz"].dims == ("solver", "spin_site")


def test_differences_are_in_combined_errors(data):
    change = data["Sz"][1] - data["Sz"][0]
    combined = np.hypot(data["Sz_error"][1], data["Sz_error"][0])
    np.testing.assert_allclose(data["Sz_deviation"][1], change / combined)
    assert np.all(data["Sz_deviation"][0] == 0)
    complex_change = abs(data["S+S-"][1] - data["S+S-"][0])
    combined = np.hypot(data["S+S-_error"][1], data["S+S-_error"][0])
    np.testing.assert_allclose(data["S+S-_deviation"][1], complex_change / combined)


def test_a_number_without_an_error_bar_does_not_agree():
    """Also if it equals the reference to the last digit."""
    values = np.array([[1.0, 1.0, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0]]).T
    errors = np.array([[0.1, np.nan, 0.1, 0.1], [0.0, np.nan, 0.0, 0.1]]).T
    found = comparison._deviations(values, errors)
    np.testing.assert_allclose(found[:, 0], [0, np.nan, 1 / np.hypot(0.1, 0.1), 0])
    np.testing.assert_allclose(found[:, 1], [0, np.nan, 0, 0])
    np.testing.assert_array_equal(
        comparison._deviations(values, np.full_like(errors, np.nan)), np.nan
    )


def test_a_method_without_a_state_does_not_stop_the_others(data):
    """No configuration is stable in the mixed phase: HPA fails and says so."""
    assert list(data["status"]) == ["converged", "converged", "failed", "converged", "converged"]
    assert np.isnan(data["Sz"][2]).all()
    assert data.unconverged == 1
    assert "hpa*" in table(data)
    assert "No collinear configuration is stable" in table(data)


def test_a_refusal_shows_its_reason():
    model = square(0.5, 1.0, 0.5, 1.5, 0.9)
    data = compare(model, [MeanField(), ITEBD(), Exact()])
    assert list(data["status"])[1] == "failed"
    assert data.attributes["methods"][1]["message"].startswith("Refused: ITEBD treats chains")
    assert np.isfinite(data["Sz"][2]).all()
    assert data["seconds"][1] >= 0


@pytest.mark.parametrize("place", ["steady_state", "expect"])
def test_a_method_that_breaks_down_does_not_stop_the_others(monkeypatch, place):
    def breaks(*arguments, **options):
        raise np.linalg.LinAlgError("no\nway")

    owner = {"steady_state": MeanField, "expect": MeanFieldState}[place]
    monkeypatch.setattr(owner, place, breaks)
    data = compare(POINT, [MeanField(), Exact()])
    assert list(data["status"]) == ["failed", "converged"]
    assert data.attributes["methods"][0]["message"] == "LinAlgError: no way"
    assert np.isnan(data["Sz"][0]).all()
    assert np.isfinite(data["Sz"][1]).all()


def test_bad_input_is_no_failure_of_a_method():
    with pytest.raises(ArgumentError, match="must be an instance of"):
        compare(POINT, [Exact(), "exact"])
    with pytest.raises(ArgumentError, match="a jump operator with a positive rate"):
        compare(square(0.5, 1.0, 0.5, 0.0, 0.0), [Exact(), MeanField()])


def test_agreement_and_its_absence():
    """Two clusters with and without a cut-off agree; one and two cells do not, and it is said."""
    data = compare(dimer(3, 1.0, 1.2, 0.7), [Exact(), Exact(k_max=5, tol=0.1)])
    assert list(data["solver"]) == ["exact", "exact 2"]
    for row in rows(data):
        assert row.agree, row
        assert "agree within" in row.verdict
    data = compare(POINT, [Exact(cells=1), Exact(cells=2)])
    row = by_name(data)["Sz", "0"]
    assert (row.agree, row.judgement) == (False, "differ")
    assert row.verdict.startswith("differ: exact 2 by")
    assert row.verdict.endswith("(what exact 2 and exact leave out is not known)")


def side_by_side(values, errors, omitted):
    """Return a comparison of made-up numbers."""
    values, errors = np.array(values), np.array(errors)
    told = [{"name": "x", "message": "", "valid_for": "", "omitted": one} for one in omitted]
    first = int(np.flatnonzero(np.isfinite(errors))[0])
    deviations = (values - values[first]) / np.hypot(errors, errors[first])
    labels = np.array([f"m{n}" for n in range(len(values))])
    columns = {"purity_density": values, "purity_density_error": errors}
    columns["purity_density_deviation"] = deviations
    columns |= {"solver": labels, "status": np.array(["converged"] * len(values))}
    columns |= {name: np.ones(len(values)) for name in ("residual", "seconds")}
    variables = {name: Variable(("solver",), column) for name, column in columns.items()}
    told = {"label": "model", "model": "", "parameters": {}, "methods": told}
    return Dataset(variables, told)


def test_verdicts_name_what_a_method_leaves_out():
    numbers = [1.0, 1.02, 0.9, 0.5, 0.5]
    found = rows(side_by_side(numbers, [0.01] * 5, [0.0, 0.1, 0.1, 0.1, None]))[0]
    assert found.agree is False
    assert "m1" not in found.verdict
    assert found.verdict == (
        "differ: m3 by 50 %, more than 3 times what m3 leaves out (10 %); "
        "m4 by 50 % (what m4 leaves out is not known); m2 is within what m2 leaves out (10 %)"
    )
    agreeing = rows(side_by_side([1.0, 1.02], [0.01, 0.0], [0.0, 0.1]))[0]
    assert (agreeing.agree, agreeing.judgement) == (True, "agree")
    assert agreeing.verdict == "agree within 2.0 errors"
    lonely = rows(side_by_side([1.0, np.nan], [0.01, 0.0], [0.0, 0.1]))[0]
    assert (lonely.agree, lonely.judgement) == (None, None)
    assert lonely.verdict == "open: one method only"
    vague = rows(side_by_side([1.0, 1.1], [np.nan, 0.01], [0.0, 0.1]))[0]
    assert vague.verdict == "open: no second error bar"


@pytest.mark.parametrize(
    ("numbers", "omitted", "verdict", "summary"),
    [
        (
            [1.0, 1.01], [0.0, 0.1], "agree within 0.7 errors",
            "Both methods agree within their errors (m0, m1).",
        ),
        (
            [1.0, 0.955], [0.0, 0.05], "agree within what m1 leaves out (5 %)",
            "Both methods agree within their errors and what they leave out (m0, m1).",
        ),
        (
            [1.0, 0.8], [0.0, 0.1], "agree within 3 times what m1 leaves out (10 %)",
            "Both methods agree within their errors and what they leave out (m0, m1).",
        ),
        (
            [1.0, 0.95, 0.8], [0.01, 0.1, 0.2],
            "agree within what m1 and m0 leave out (11 %) and what m2 and m0 leave out (21 %)",
            "3 of 3 methods agree within their errors and what they leave out (m0, m1, m2).",
        ),
        (
            [1.0, 1.01, 0.5], [0.0, 0.1, 0.05],
            "differ: m2 by 50 %, more than 3 times what m2 leaves out (5 %)",
            "2 of 3 methods agree within their errors (m0, m1); m2 differs in 1 of 1 numbers: "
            "purity_density.",
        ),
        (
            [1.0, 0.9], [0.0, 0.0], "differ: m1 by 10 %, though m1 and m0 leave nothing out",
            "No other method agrees with m0; m1 differs in 1 of 1 numbers: purity_density.",
        ),
        (
            [1.0, 1.01, np.nan], [0.0, 0.0, 0.0], "agree within 0.7 errors",
            "Both methods agree within their errors (m0, m1); not compared: m2.",
        ),
        (
            [1.0, np.nan], [0.0, 0.0], "open: one method only",
            "No method can be compared with another.",
        ),
    ],
)  # fmt: skip
def test_a_comparison_in_words(numbers, omitted, verdict, summary):
    """The verdict comes first, and the last line says which methods agree."""
    data = side_by_side(numbers, [0.01] * len(numbers), omitted)
    assert rows(data)[0].verdict == verdict
    assert report(data)["summary"] == summary
    lines = table(data).splitlines()
    first, rest = verdict.replace(":", "").split(" ", 1)
    assert f"{first}   purity_density   {rest}" in lines
    assert lines[-1] == summary


def test_what_leaves_out_the_whole_can_neither_agree_nor_differ():
    data = side_by_side([0.5, 0.3], [0.01, 0.01], [0.0, 2.0])
    (found,) = rows(data)
    assert (found.verdict, found.judgement) == ("open: m1 leaves out 200 %", "open")
    last = table(data).splitlines()[-1]
    assert last == "No other method agrees with m0; open for m1: m1 leaves out 200 %."


def test_the_summary_names_where_methods_differ():
    data = compare(POINT, [Exact(cells=1), Exact(cells=2), HolsteinPrimakoff()])
    last = table(data).splitlines()[-1]
    differing = [row.label for row in rows(data) if row.judgement == "differ"]
    assert len(differing) > 3
    assert last.startswith("No other method agrees with exact; exact 2 differs in ")
    assert ": " + ", ".join(differing[:3]) + f" and {len(differing) - 3} more; " in last
    assert last.endswith("; not compared: hpa. Not converged: hpa (failed).")


def test_a_method_without_an_error_bar_is_no_reference():
    found = rows(side_by_side([0.5, 0.77, 0.62], [np.nan, 0.01, 0.01], [None, None, 0.0]))[0]
    assert found.verdict == "differ: m2 by 19 % (what m1 leaves out is not known)"
    values, errors = np.array([0.5, 0.77, 0.62]), np.array([np.nan, 0.01, 0.01])
    deviations = comparison._deviations(values, errors)
    assert np.isnan(deviations[0])
    assert deviations[1] == 0
    assert deviations[2] == pytest.approx(-0.15 / np.hypot(0.01, 0.01))


def test_semiclassical_methods_agree_within_what_they_leave_out():
    """AM phase at S = 20: TWA and HPA differ by no more than their orders in 1/S."""
    small = TWA(cells=10, trajectories=64, dt=0.1, tol=0.02, max_time=200)
    data = compare(MEAN_FIELD_CHAIN, [HolsteinPrimakoff(), small])
    orders = [told["omitted"] for told in data.attributes["methods"]]
    assert orders[1] == pytest.approx(1 / 20)
    assert 0 < orders[0] < 0.05
    for (name, _), row in by_name(data).items():
        if name in ("Sz", "SzSz"):
            assert abs(row.values[0] / row.values[1] - 1) < 0.01
        assert row.judgement != "differ", row


def test_an_expansion_that_is_not_small_is_told():
    """HPA at S = 1 has seven bosons for each level: its own verdict does not show that."""
    data = compare(dimer(1, 1.0, 1.2, 0.7), [Exact(), HolsteinPrimakoff()])
    assert "n/2S = 7, which is not small" in table(data)
    assert not by_name(data)["Sz", "0"].agree


def test_warnings_become_remarks():
    rough = TWA(cells=4, trajectories=32, dt=0.1, tol=0.5, max_time=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = compare(chain(1, 1.0, 0.5, 1.5, 0.9), [rough, Exact()])
    assert "<Sz>/S is off by up to 0.22" in data.attributes["methods"][0]["message"]


def test_bosons_and_what_cannot_be_compared():
    oscillator = LindbladModel(
        (Boson(6),), (Term(0.4, ("B", 0, 0), plus_hc=True),), (Jump(1.0, "B", 0),)
    )
    data = compare(oscillator, [Exact(), Dense()])
    assert data.variables["N"].dims == ("solver", "boson_site")
    assert by_name(data)["N", "0"].agree
    assert "bond" not in data
    mixed = LindbladModel(
        (Spin(0.5), Boson(4)),
        (Term(0.3, ("S+", 0, 0), ("B", 1, 0), plus_hc=True),),
        (Jump(1.0, "B", 1), Jump(0.4, "S+", 0)),
    )
    data = compare(mixed, [Exact(), Dense()])
    assert {"Sz", "N", "N_var", "purity_density"} <= set(data.variables)
    assert "S+S-" not in data
    for methods in ([], [Exact()]):
        with pytest.raises(ArgumentError, match="must be at least two"):
            compare(POINT, methods)


def test_stored_and_drawn(data, tmp_path):
    data.save(tmp_path / "both.h5")
    again = load(tmp_path / "both.h5")
    assert table(again) == table(data)
    assert report(again) == report(data)
    drawn = figures.figure(again)
    drawn.savefig(tmp_path / "both.png")
    names = [name for name in ("Sz", "Sz_var", "S+S-", "SzSz", "purity_density") if name in data]
    lengths = [name for name in data.variables if name in ("xi_S+S-", "xi_SzSz")]
    names += [name for name in lengths if np.isfinite(data[name]).any()]
    assert "xi_S+S-" in names
    assert len(drawn.axes) == len(names) + 1
    assert [ax.get_title(loc="left") for ax in drawn.axes[:2]] == [LABELS["Sz"], LABELS["Sz_var"]]
    shown = again.to_xarray()
    assert float(shown.Sz.sel(solver="exact", spin_site=0)) == data["Sz"][1, 0]
    empty = side_by_side([np.nan, np.nan], [0.1, 0.1], [0, 0])
    with pytest.raises(ArgumentError, match="no two methods"):
        figures.figure(empty)


def test_the_command(tmp_path, capsys):
    words = ["compare", "models.gain_loss:dimer", "S=1", "gain=1.2", "loss=0.7"]
    methods = ["--methods", "exact,mf,cmf", "--set", "cmf.sites=2", "exact.tol=1e-6"]
    path = tmp_path / "out.h5"
    assert cli.main([*words, *methods, "--json", "-o", str(path)]) in (0, 3)
    facts = json.loads(capsys.readouterr().out)
    assert [one["label"] for one in facts["methods"]] == ["exact", "mf", "cmf"]
    assert facts["methods"][0]["method"]["tol"] == 1e-6
    assert facts["parameters"]["gain"] == 1.2
    first = facts["observables"][0]
    assert (first["name"], first["place"]) == ("Sz", "0")
    assert first["values"][0] == pytest.approx(load(path)["Sz"][0, 0])
    assert first["values"][2] == pytest.approx(first["values"][0])  # a dimer is its own cluster
    assert cli.main(["plot", str(path)]) == 0
    assert path.with_suffix(".png").stat().st_size > 2000
    words = [*words[:3], "gain=0.8", "loss=0.8"]  # no ordered configuration is stable
    assert cli.main([*words, "--methods", "exact,hpa"]) == 3
    out = capsys.readouterr().out
    assert "hpa*" in out
    assert "In brackets" in out
    last = out.splitlines()[-1]
    assert last == "No method can be compared with another. Not converged: hpa (failed)."


@pytest.mark.parametrize(
    ("methods", "settings", "message"),
    [
        ("exact", [], "at least two"),
        ("exact,exact", [], "each once"),
        ("exact,nothing", [], "must be one of"),
        ("exact,mf", ["tol=1"], "method.name=value"),
        ("exact,mf", ["twa.tol=1"], "with one of exact, mf"),
        ("exact,mf", ["mf.tol=1"], "Unknown setting `tol`"),
        ("exact,cmf", [], "give --set cmf.sites=value"),
        ("exact,mf", ["exact.tol=-1"], "must be a positive finite number"),
    ],
)
def test_bad_input_is_one_line(methods, settings, message, capsys):
    words = ["compare", "models.gain_loss:dimer", "S=1", "--methods", methods]
    assert cli.main([*words, *(["--set", *settings] if settings else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err


def test_bonds_of_the_lattice():
    assert comparison._bonds(chain(1)) == [(0, 1, 0), (1, 0, 1)]
    assert comparison._bonds(dimer(1)) == [(0, 1, 0)]
    assert all(r == 0 for _, _, r in comparison._bonds(square(1)))


def test_certified_intervals_stand_beside_the_methods():
    dense = Dense()
    wrong = MeanField()
    data = compare(dimer(0.5, 1.0, 1.5, 1.0), [dense, wrong], sites=4)
    exact = dense.steady_state(dimer(0.5, 1.0, 1.5, 1.0)).expect("Sz").value
    assert np.all((data["Sz_lower"] <= exact) & (exact <= data["Sz_upper"]))
    assert np.all(data["Sz_upper"] - data["Sz_lower"] < 1e-4)
    found = by_name(data)
    assert found["Sz", "0"].interval == (data["Sz_lower"][0], data["Sz_upper"][0])
    assert found["Sz", "0"].outside == ("mf",)
    assert found["Sz_var", "0"].interval is None
    assert (
        found["SzSz", "0-1"].interval[0] <= data["SzSz"][0, 0] <= found["SzSz", "0-1"].interval[1]
    )
    told = report(data)
    assert told["observables"][0]["outside"] == ["mf"]
    assert "Outside the certified interval: Sz 0 of mf, Sz 1 of mf" in told["summary"]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    lines = table(data).splitlines()
    assert lines[2].split()[-1] == "certified"
    assert "outside" in lines[3]
    assert "outside" not in table(compare(dimer(0.5, 1.0, 1.5, 1.0), [dense, wrong]))
