"""What `print` and a notebook show of results."""

import numpy as np
import pytest

from impo import TWA, Exact, MeanField, compare, evolve, steady_state
from impo.results.table import Table
from models import gain_loss

MODEL = gain_loss.dimer(S=1, gain=1.5, loss=1.0)


def test_a_state_prints_as_a_short_table():
    state = steady_state(MODEL, Exact())
    lines = str(state).splitlines()
    assert 3 <= len(lines) <= 20
    assert lines[0] == repr(state).removeprefix("<ExactState: ").removesuffix(">")
    assert lines[1].split()[:2] == ["status", "converged:"]
    (found,) = [line for line in lines if line.startswith("Sz ")]
    assert found.split()[1:] == [str(one) for one in state.expect("Sz")]


@pytest.mark.filterwarnings("ignore:TWA is meant for large S")
def test_what_holds_large_arrays_prints_shortly_too():
    state = steady_state(MODEL, TWA(cells=2, trajectories=32, max_time=1.0))
    assert len(str(state)) < 2000
    assert len(repr(state)) < 200


def test_a_trajectory_prints_some_of_its_times():
    moved = evolve(MODEL, MeanField(), [[1, 0, 0], [0, 0, 1]], np.linspace(0, 3, 301))
    lines = str(moved).splitlines()
    assert 10 < len(lines) < 25
    assert lines[-1] == "17 of 301 times; all with --json or in a file."
    assert len(repr(moved).splitlines()) == 1


def test_data_print_their_variables():
    data = compare(MODEL, [Exact(), MeanField()])
    told = str(data)
    assert all(name in told for name in ("Sz", "Sz_var", "S+S-", "status"))
    assert "Sz_error" not in told


def test_a_page_shows_text_as_text():
    assert Table("a < b", [["Sz", "1 & 2"]], "<i>").html() == (
        "<table><caption>a &lt; b</caption><tr><th>Sz</th><td>1 &amp; 2</td></tr></table>"
        "<p>&lt;i&gt;</p>"
    )
    assert steady_state(MODEL, Exact())._repr_html_().startswith("<table>")
