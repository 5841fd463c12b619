"""One meaning of `converged` in all studies: the verdict of a result is what is counted and drawn.

Nothing is solved: the studies are given states with made-up numbers and verdicts.
"""

import itertools
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from impo.cli import study as studies
from impo.cli.main import _verdict
from impo.results.estimate import Estimate, Status
from impo.results.modes import Decay
from impo.results.slow_modes import Gap, slow_mode
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory
from runs import _tasks
from tests.runs.fewer import shrink

STUDIES = studies.studies()
# No steady state and no evolution: all numbers are eigenvalues, times, explicit formulas, or those
# of files.
WITHOUT = {"cavity_array", "claims", "fig1c", "fig8", "truncation"}
# timing, and errors over their bars: both have a verdict of their own, no point that is drawn
MEASURED = {"bench_engine", "calibration"}
UNUSED = {"fig2": 2, "fig3": 1}  # states that only confirm a symmetry: no number is theirs
SLOW = {"phase_diagram": "boundary", "fig4": "_closed_purity"}  # functions without a verdict
COSTLY = {  # slow figures
    "certified",
    "crossover",
    "fig2",
    "fig3",
    "fig5",
    "fig6",
    "gutzwiller",
    "lengths",
    "nu",
    "quench",
    "twa_validity",
}
SEARCHED = {"negativity"}  # a maximum is searched for: only the state there has a number


def _numbers(shape, number):
    """Return positive numbers that differ from state to state, with errors."""
    values = np.full(shape, 0.3 + 0.001 * number)
    return Estimate(values, np.full(shape, 0.01))


@dataclass(frozen=True, kw_only=True, eq=False)
class Pretended(SteadyState):
    """A state that answers everything."""

    number: int
    density = 1.0
    moments = None

    def expect(self, op):
        sites = [site for site in self.model.sites if op in site.operators]
        values = _numbers(len(sites), self.number).value
        signs = (-1.0) ** np.arange(len(values))  # <Sz> of a dimer is zero: gain and loss exchange
        return Estimate(values * (signs if op == "Sz" else 1), np.full(len(values), 0.01))

    def variance(self, op):
        return self.expect("S+")

    def profile(self, op):
        cell = self.expect(op)
        return Estimate(*(np.tile(x, self.method.cells) for x in (cell.value, cell.error)))

    @property
    def transverse(self):
        return self.expect("S+")

    occupations = transverse

    @property
    def purity_density(self):
        return _numbers((), self.number)

    def spectral_function(self, op_a, op_b, k, omega, sites):
        line = 1 / (1 + (omega - 0.01 * self.number) ** 2)
        return Estimate(np.tile(line, (len(k), 1)), np.full((len(k), len(omega)), 0.01))

    def gap(self, charges, points=12):
        mode = slow_mode(-0.3 - 0.001 * self.number, 0.01, charges[-1], 0.0, "isolated")
        return Gap(mode, (mode,), 0.0)

    def _decay(self, op_a, op_b, sites):
        return Decay(_numbers((), self.number), Estimate(0.0, 0.0), "")

    def _dimensions(self, places):
        return [self.model.sites[site].dimension for site, _ in places]

    def density_matrix(self, places):
        weights = np.arange(1.0, 1 + np.prod(self._dimensions(places))) ** (1 + self.number / 50)
        return np.diag(weights / weights.sum())

    def distribution(self, places):
        return np.full(self._dimensions(places), 0.01)


@dataclass(frozen=True, eq=False)
class PretendedPath(Trajectory):
    """A trajectory that decays, faster or slower from one to the next."""

    def expect(self, op):
        rate = 0.1 + 0.01 * (self.states[0].number % 7)
        decay = np.exp(-rate * self.times)[:, None] * np.ones(len(self.model.sites))
        return Estimate(decay, np.full(decay.shape, 0.01))


class Solver:
    """Hands out states with the verdicts that it is told, and remembers them."""

    def __init__(self, verdicts):
        self.states, self._verdicts = [], verdicts

    def steady_state(self, model, method, start=None):
        number = len(self.states)
        state = Pretended(
            model=model, method=method, status=next(self._verdicts), message=f"reason {number};",
            number=number, residual=1e-3, diagnostics={
                "decay_rates": {"0": 0.1, "1": 0.2}, "time": 10.0,
                "solutions": [{"growth_rate": -0.1 - 0.01 * number}],
            },
            extras={
                "impurity_per_dimension": 0.5, "diagonal_participation": 0.5, "purity": 0.5,
                "negativity": 0.1,
            },
        )  # fmt: skip
        self.states.append(state)
        return state

    def evolve(self, model, method, start, times):
        state = self.steady_state(model, method)
        groups = np.exp(-(0.1 + 0.01 * np.arange(4))[:, None] * times) * model.parameters["S"]
        states = [replace(state) for _ in times]
        for n, one in enumerate(states):
            first = np.repeat(np.repeat(groups[:, n, None, None], 2, axis=1), 3, axis=2)
            object.__setattr__(one, "moments", SimpleNamespace(first=first))
        return PretendedPath(
            times=times, states=tuple(states), status=state.status, message=state.message
        )

    def scan(self, chains, method, directory, executor):
        for number, (model, each) in enumerate(itertools.chain.from_iterable(chains)):
            yield number, self.steady_state(model, each)

    @staticmethod
    def spectrum(model, method, charge=None, k=None, count=8):
        values = -np.arange(float(count)) - 0.01 / model.sites[0].dimension
        return SimpleNamespace(eigenvalues=values + 0j, decay_rates=-values)


def _computed(name, monkeypatch, verdicts):
    solver, module = Solver(verdicts), STUDIES[name]
    shrink(name, module, monkeypatch)
    for function in ("steady_state", "evolve", "spectrum"):
        if hasattr(module, function):
            monkeypatch.setattr(module, function, getattr(solver, function))
    monkeypatch.setattr(_tasks, "scan", solver.scan)
    if name in SLOW:
        monkeypatch.setattr(module, SLOW[name], lambda *given: np.full(np.shape(given[-1]), 0.5))
    places = {"directory": None} if studies.keeps_points(module) else {}
    return module.compute(quick=True, **places), solver.states


def _hollow(figure: Figure) -> int:
    """Return the number of hollow points, and of planes with a verdict in their title."""
    lines = [line for axes in figure.findobj(lambda artist: hasattr(artist, "lines"))
             for line in axes.lines]  # fmt: skip
    hollow = [line for line in lines if line.get_markerfacecolor() in ("white", "none")]
    hollow = [line for line in hollow if line.get_color() != "k" or line.get_alpha()]
    points = sum(int(np.isfinite(np.ma.filled(line.get_ydata(), np.nan)).sum()) for line in hollow)
    titles = [axes.get_title() for axes in figure.axes]
    return points + sum(str(Status.NOT_CONVERGED) in title for title in titles)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in COSTLY))
        for name in sorted(set(STUDIES) - WITHOUT - MEASURED)
    ],
)
def test_no_verdict_is_lost_or_changed(name, monkeypatch):
    data, states = _computed(name, monkeypatch, itertools.repeat(Status.NOT_CONVERGED))
    assert data.unconverged == data.verdicts > 0
    told = " ".join(data.unconverged_points())
    missing = [state.message for state in states if state.message not in told]
    assert len(missing) == UNUSED.get(name, 0) or name in SEARCHED
    keys = [key for key in data.variables if key == "status" or key.endswith("_status")]
    good = _judged(data, keys, Status.CONVERGED)
    assert good.unconverged == 0
    draw = STUDIES[name].draw
    hollow = _hollow(draw(good))
    for key in keys:
        assert _hollow(draw(_judged(good, [key], Status.NOT_CONVERGED))) > hollow, key


def _judged(data, keys, status):
    """Return data with one verdict everywhere."""
    items = {key: data.variables[key] for key in keys}
    values = {key: np.where(item.values == "", "", str(status)) for key, item in items.items()}
    changed = {key: replace(item, values=values[key]) for key, item in items.items()}
    return replace(data, variables={**data.variables, **changed})


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_a_study_without_results_solves_nothing(name):
    solvers = {"steady_state", "evolve", "rows", "scan"}
    assert solvers.isdisjoint(vars(STUDIES[name])), name


def test_the_last_lines_name_every_point_and_say_what_there_is(capsys, monkeypatch):
    verdicts = itertools.cycle([Status.CONVERGED, Status.CHI_LIMITED])
    data, states = _computed("fig9", monkeypatch, verdicts)
    assert _verdict(data, "fig9.h5")[0] == 3
    *lines, last = capsys.readouterr().err.splitlines()
    assert len(lines) == data.unconverged == len(states) // 2
    first = "model: S=0.5, separation=5.0, solved=full, 1 and 2 quanta: chi_limited: reason 1;"
    assert lines[0] == first
    assert last == f"wrote fig9.h5: {len(lines)} of {len(states)} results are not converged"
    assert _verdict(replace(data, variables={}), "empty.h5")[0] == 0
    assert "it holds no results with a verdict" in capsys.readouterr().err
    measured = replace(data, variables={}, attributes={"conclusion": "two of three are right"})
    assert _verdict(measured, "bars.h5")[0] == 0
    assert capsys.readouterr().err == "wrote bars.h5: two of three are right\n"
