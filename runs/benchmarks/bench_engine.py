"""Time to a steady state of given error: stock TeNPy against impo, and where impo's time goes.

All engines take the same second-order Trotter steps from the same start (the fully mixed state)
and stop by the same rule: when <Sz>/S changes by less than a tenth of the error asked for in a time
of 1/g. Each has the smallest bond dimension of a grid with which it reaches the error. TeNPy
truncates by the Hilbert-Schmidt norm; the bond dimension it needs is found with impo at alpha = 0,
which makes the same truncation. A TeNPy run that would take too long is not completed: its time is
that of a few measured steps times the number of steps, and its error that of impo at alpha = 0.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impo import ITEBD, steady_state
from impo.operators.liouvillian import Generator, infinite_chain
from impo.operators.local import local_operators
from impo.refinement.approximation import Approximation, product_approximation
from impo.refinement.verdict import residual
from impo.results.dataset import Dataset
from impo.results.state import SteadyState
from impo.results.variable import Variable
from impo.tensor import kernel
from impo.tensor.contraction import contraction_plan
from impo.tensor.gates import bond_liouvillians
from impo.tensor.matrix_product import PROBE, Truncation
from impo.tensor.tables import Decomposed
from impo.tensor.trotter import Step, evolve
from models.gain_loss import chain
from runs._tasks import judged
from runs.benchmarks._tenpy import ENGINES, TenpyRun

COST = {"quick": "30 s", "full": "8 min"}

RATES = {"g": 1.0, "h": 0.5, "gain": 1.5, "loss": 1.0}
DT = 0.1
WEIGHT = ITEBD().weight
BLOCK = 10  # steps between two looks
GRID = (6, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 56, 68, 80)
IMPO = "impo"
NAMES = (IMPO, *ENGINES)
CASES = {  # (S, error asked for)
    "quick": ((0.5, 1e-3), (1.0, 1e-3)),
    "full": ((0.5, 1e-3), (1.0, 1e-3), (1.0, 1e-4), (1.5, 1e-3), (2.0, 1e-3)),
}
EQUAL = {"quick": (1.0, 20), "full": (2.0, 40)}  # S and chi of steps compared at equal chi
PATIENCE = {"quick": 3.0, "full": 120.0}  # seconds that a completed TeNPy run may take
SCALING_SPIN = 8.0
SCALING = {
    "quick": ((2, 4), (12, 24)),
    "full": ((2, 4, 6, 8, 10, 12), (12, 17, 24, 34, 48, 68, 96)),
}


@dataclass(frozen=True)
class Measurement:
    """How long an engine takes for a case."""

    chi: int
    steps: int
    per_step: float
    error: float
    completed: bool

    @property
    def seconds(self) -> float:
        """Time to the steady state."""
        return self.steps * self.per_step


def strang(
    generator: Generator,
    weight: float,
    dt: float = DT,
    k_max: int | None = None,
    single: bool = False,
) -> Step:
    """Return the second-order step of all engines."""
    bonds = bond_liouvillians(generator, generator.bases(k_max), weight, mirror=True)
    outer = ((0,), (bonds[0].gate(dt / 2, single),))
    inner = ((1,), (bonds[1].gate(dt, single),))
    return Step(dt, (outer, inner, outer), ((0,), (bonds[0].gate(dt, single),)))


def magnetisation(approx: Approximation) -> NDArray:
    """Return <Sz>/S of both sites."""
    operator = local_operators(approx.generator.model.sites[0])["Sz"]
    values = [
        approx.environment.marginal(number, 1) @ basis.measure(operator)
        for number, basis in enumerate(approx.bases)
    ]
    return np.real(values) / np.max(operator)


def until_quiet(
    advance: Callable[[], NDArray], start: NDArray, change: float
) -> tuple[NDArray, int]:
    """Advance block by block until <Sz>/S changes by less; return it and the steps."""
    last, steps = start, 0
    while True:
        now = advance()
        steps += BLOCK
        if np.max(np.abs(now - last)) < change:
            return now, steps
        last = now


def relaxed(
    generator: Generator, weight: float, chi: int, change: float
) -> tuple[Approximation, int, float]:
    """Relax the mixed state with impo; return the state, the steps and the seconds of the last."""
    step = strang(generator, weight)
    start = product_approximation(generator, None, len(generator.bases()[0]), weight)
    work, spent = start.matrix_product.copy(), [0.0]

    def advance() -> NDArray:
        begin = time.perf_counter()
        evolve(work, step, BLOCK, Truncation(chi))
        spent.append(time.perf_counter() - begin)
        return magnetisation(replace(start, matrix_product=work.copy()))

    _, steps = until_quiet(advance, magnetisation(start), change)
    return replace(start, matrix_product=work, chi=chi, dt=DT), steps, min(spent[1:]) / BLOCK


def smallest(
    generator: Generator, weight: float, exact: NDArray, error: float
) -> tuple[Approximation, Measurement]:
    """Return impo's run with the smallest bond dimension that reaches the error, as the next does.

    Two in a row, because an error can be small by accident.
    """
    runs: list[tuple[Approximation, Measurement]] = []
    for chi in GRID:
        approx, steps, per_step = relaxed(generator, weight, chi, error / 10)
        off = float(np.max(np.abs(magnetisation(approx) - exact)))
        runs.append((approx, Measurement(chi, steps, per_step, off, True)))
        if len(runs) > 1 and max(run.error for _, run in runs[-2:]) < error:
            return runs[-2]
    return runs[-1]


def tenpy(
    name: str,
    generator: Generator,
    like: Measurement,
    exact: NDArray,
    error: float,
    patience: float,
) -> Measurement:
    """Return what a TeNPy engine takes: bond dimension and steps are those of `like`, or more."""
    per_step = TenpyRun(generator, name, like.chi, DT).per_step()
    if per_step * like.steps > patience:
        return replace(like, per_step=per_step, completed=False)
    for chi in (chi for chi in GRID if chi >= like.chi):
        run = TenpyRun(generator, name, chi, DT)
        begin = time.perf_counter()
        found, steps = until_quiet(partial(run.advance, BLOCK), np.zeros(2), error / 10)
        seconds = time.perf_counter() - begin
        off = float(np.max(np.abs(found - exact)))
        if off < error or seconds > patience:
            break
    if off >= error:  # out of patience on the way
        return replace(like, per_step=seconds / steps, completed=False)
    return Measurement(chi, steps, seconds / steps, off, True)


def _cases(size: str) -> dict[str, Variable]:
    """Compare the times to the steady state."""
    columns: dict[str, list] = {"residual": [], "alone": [], "alone_error": []}
    solved: list[list[SteadyState]] = []
    rows = []
    for spin, error in CASES[size]:
        model = chain(spin, **RATES)
        generator = infinite_chain(model)
        sure = steady_state(model, ITEBD(tol=error / 20))
        exact = sure.expect("Sz").value / spin
        approx, ours = smallest(generator, WEIGHT, exact, error)
        _, plain = smallest(generator, 0.0, exact, error)
        others = [tenpy(n, generator, plain, exact, error, PATIENCE[size]) for n in ENGINES]
        rows.append([ours, *others])
        columns["residual"].append(residual(approx).value)
        alone = steady_state(model, ITEBD(tol=error))
        columns["alone"].append(alone.seconds)
        solved.append([sure, alone])
        columns["alone_error"].append(np.max(alone.expect("Sz").error) / spin)

    def table(value: Callable[[Measurement], float], units: str, text: str) -> Variable:
        numbers = np.array([[value(run) for run in row] for row in rows])
        return Variable(("case", "engine"), numbers, units, text)

    seconds = table(lambda run: run.seconds, "s", "time to the steady state")
    ratio = seconds.values / seconds.values[:, :1]
    spins, errors = np.array(CASES[size]).T
    return {
        "case": Variable(("case",), np.arange(len(rows)), "1", "case"),
        "engine": Variable(("engine",), np.array(NAMES), "1", "engine"),
        "S": Variable(("case",), spins, "1", "spin quantum number"),
        "asked": Variable(("case",), errors, "1", "error of <Sz>/S asked for"),
        "chi": table(lambda run: run.chi, "1", "bond dimension"),
        "steps": table(lambda run: run.steps, "1", "Trotter steps"),
        "per_step": table(lambda run: run.per_step, "s", "time per Trotter step"),
        "seconds": seconds,
        "ratio": Variable(("case", "engine"), ratio, "1", "time in units of impo's"),
        "error": table(lambda run: run.error, "1", "error of <Sz>/S"),
        "completed": table(lambda run: run.completed, "1", "1 if run to the end"),
        "tolerance": Variable(("tolerance",), np.array(["asked / 20", "asked"]), "1", "tol"),
        **judged(solved, ("case", "tolerance"), "steady_state"),
        "residual": Variable(("case",), np.array(columns["residual"]), "g", "impo's residual"),
        "alone": Variable(
            ("case",), np.array(columns["alone"]), "s", "steady_state with tol = asked"
        ),
        "alone_error": Variable(
            ("case",), np.array(columns["alone_error"]), "1", "error bar of <Sz>/S it reports"
        ),
    }


def _equal_chi(size: str) -> dict[str, Variable]:
    """Compare the time of a step at equal bond dimension."""
    spin, chi = EQUAL[size]
    quick = size == "quick"
    generator = infinite_chain(chain(spin, **RATES))
    _, _, ours = relaxed(generator, WEIGHT, chi, 1e-3)
    names = [name for name, (_, charges) in ENGINES.items() if charges or quick]
    times = [ours] + [TenpyRun(generator, name, chi, DT).per_step() for name in names]
    text = f"time of a step at S = {spin:g}, chi = {chi}"
    return {
        "equal_engine": Variable(("equal_engine",), np.array([IMPO, *names]), "1", "engine"),
        "equal_per_step": Variable(("equal_engine",), np.array(times), "s", text),
    }


def _fastest(work: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def _shares(size: str) -> dict[str, Variable]:
    """Count the operations of one update, and measure where its time goes."""
    spin, chi = EQUAL[size]
    generator = infinite_chain(chain(spin, **RATES))
    work = relaxed(generator, WEIGHT, chi, 1e-3)[0].matrix_product
    gate = strang(generator, WEIGHT).stages[0][1][0]
    plan = contraction_plan(*work.legs, work.legs[0], *work.physical, work.mirror)
    tables, flat = plan.tables, gate.flat(plan.gate_charges)
    first, second = work.tensors
    regrouped = second[tables.regroup]
    gated = kernel._gated(first, regrouped, flat, tables)
    matrices = np.empty(len(tables.pick))
    found = Decomposed(
        *kernel.two_site(
            first, second, flat, tuple(tables), work.singular_values[0], PROBE, chi, 1e-14
        )
    )
    square = np.random.default_rng(0).standard_normal((1000, 1000))
    peak = 2e9 / _fastest(lambda: square @ square)
    flops = sum(2.0 * p["rows"] * p["inner"] * p["columns"] for p in tables.products)
    flops += sum(2.0 * p["order"] ** 2 * p["columns"] for p in tables.gates)
    products = flops
    for sector, kept in zip(tables.sectors, found.kept, strict=True):
        rows, columns, before = (float(sector[x]) for x in ("rows", "columns", "before"))
        width = before + max(4, before // 2) if min(rows, columns) > kernel.SMALL else 0
        flops += 10.0 * rows * columns * width  # two sweeps, and what they miss
        flops += 2.0 * rows * columns * kept
    whole = _fastest(lambda: work.copy().update(0, gate, Truncation(chi)), 50)
    parts = {
        "products": _fastest(lambda: kernel._gated(first, regrouped, flat, tables), 50),
        "moves": _fastest(lambda: kernel._moved(gated, tables.pick, matrices), 50),
        "decompositions and the rest": 0.0,
    }
    parts["decompositions and the rest"] = whole - sum(parts.values())
    return {
        "part": Variable(("part",), np.array(list(parts)), "1", "part of an update"),
        "part_seconds": Variable(("part",), np.array(list(parts.values())), "s", "time"),
        "update_seconds": Variable((), np.array(whole), "s", "time of an update"),
        "update_flops": Variable((), np.array(flops), "1", "floating-point operations counted"),
        "product_flops": Variable((), np.array(products), "1", "of these in products"),
        "peak": Variable((), np.array(peak), "1/s", "operations per second of a matrix product"),
        "of_peak": Variable((), np.array(flops / whole / peak), "1", "fraction of that rate"),
    }


def _scaling(size: str) -> dict[str, Variable]:
    """Measure the time of a step over k_max and chi at a large spin, with gates as at tol = 1e-2.

    The bound counts (k_max+1)^2 operators per site and 2 k_max + 1 charges of an operator.
    """
    ranks, chis = SCALING[size]
    model = chain(SCALING_SPIN, g=1.0, h=0.5, gain=1.25, loss=1.25)
    generator = infinite_chain(model)
    seconds, bound = (np.empty((len(ranks), len(chis))) for _ in range(2))
    for i, k in enumerate(ranks):
        step = strang(generator, WEIGHT, 0.5, k, single=k > 4)
        work = product_approximation(generator, None, k, WEIGHT).matrix_product
        for j, chi in enumerate(chis):
            evolve(work, step, 4, Truncation(chi))
            seconds[i, j] = (
                _fastest(lambda c=chi, w=work, s=step: evolve(w, s, 2, Truncation(c))) / 2
            )
            bound[i, j] = (k + 1) ** 4 * chi**2 + (k + 1) ** 2 * chi**3 / (2 * k + 1)
    return {
        "k_max": Variable(("k_max",), np.array(ranks), "1", "largest rank"),
        "scaling_chi": Variable(("scaling_chi",), np.array(chis), "1", "bond dimension"),
        "step_seconds": Variable(("k_max", "scaling_chi"), seconds, "s", "time of a step, S = 8"),
        "bound": Variable(
            ("k_max", "scaling_chi"), bound, "1",
            "(k_max+1)^4 chi^2 + (k_max+1)^2 chi^3 / (2 k_max + 1)",
        ),
    }  # fmt: skip


def compute(quick: bool) -> Dataset:
    """Return times, errors and ratios of all engines, shares of an update, and its scaling."""
    size = "quick" if quick else "full"
    relaxed(infinite_chain(chain(0.5, **RATES)), WEIGHT, 6, 1.0)  # compiles
    parts = (_cases, _equal_chi, _shares, _scaling)
    variables = {name: item for part in parts for name, item in part(size).items()}
    data = Dataset(variables, {"title": "Engine against stock TeNPy", "dt": DT, **RATES})
    print(report(data))
    return data


def report(data: Dataset) -> str:
    """Return the measurements as a table for people."""
    lines = []
    for n in data["case"]:
        lines.append(f"S = {data['S'][n]:g}, error of <Sz>/S below {data['asked'][n]:.0e}:")
        for m, name in enumerate(data["engine"]):
            whole = "" if data["completed"][n, m] else " (extrapolated)"
            lines.append(
                f"  {name:24} chi {data['chi'][n, m]:3.0f}, {data['steps'][n, m]:4.0f} steps of "
                f"{1e3 * data['per_step'][n, m]:9.3f} ms: {data['seconds'][n, m]:10.3f} s = "
                f"{data['ratio'][n, m]:8.1f} x impo, error {data['error'][n, m]:.1e}{whole}"
            )
        lines.append(
            f"  residual of impo's state {data['residual'][n]:.1e}; steady_state alone "
            f"{data['alone'][n]:.2f} s, error bar {data['alone_error'][n]:.1e}"
        )
    lines.append(data.variables["equal_per_step"].long_name + ":")
    for name, seconds in zip(data["equal_engine"], data["equal_per_step"], strict=True):
        ratio = seconds / data["equal_per_step"][0]
        lines.append(f"  {name:24} {1e3 * seconds:9.3f} ms = {ratio:6.1f} x impo")
    lines.append(
        f"one update: {float(data['update_flops']):.2e} operations in "
        f"{1e3 * float(data['update_seconds']):.3f} ms, {float(data['of_peak']):.0%} of a matrix "
        f"product's {float(data['peak']) / 1e9:.0f} GF/s"
    )
    for name, seconds in zip(data["part"], data["part_seconds"], strict=True):
        lines.append(f"  {name:28} {seconds / float(data['update_seconds']):.0%}")
    return "\n".join(lines)


def draw(data: Dataset) -> Figure:
    """Draw times to the steady state, times of a step over chi, and the shares of an update."""
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.5, 1.2, 0.9))
    cases, engines = data["seconds"].shape
    for m, name in enumerate(data["engine"]):
        place = np.arange(cases) + (m - engines / 2 + 0.5) * 0.8 / engines
        done = data["completed"][:, m] > 0
        bars = left.bar(place, data["seconds"][:, m], 0.8 / engines, label=name)
        for bar, finished in zip(bars, done, strict=True):
            bar.set_hatch("" if finished else "//")
    left.set_yscale("log")
    left.set_xticks(
        np.arange(cases),
        [f"$S={S:g}$\n{e:.0e}" for S, e in zip(data["S"], data["asked"], strict=True)],
    )
    left.set(ylabel="time to the steady state (s)", title="(a) hatched: extrapolated")
    left.legend(fontsize=7)
    chis = data["scaling_chi"]
    first = data["step_seconds"][0, 0] / data["bound"][0, 0]
    for i, k in enumerate(data["k_max"]):
        middle.loglog(chis, 1e3 * data["step_seconds"][i], f"C{i}o-", ms=3, label=f"$k={k:g}$")
        middle.loglog(chis, 1e3 * first * data["bound"][i], f"C{i}:", lw=1)
    middle.set_xticks(chis[::2], [f"{chi:g}" for chi in chis[::2]])
    middle.minorticks_off()
    middle.set(xlabel=r"$\chi$", ylabel="time of a step (ms)", title="(b) S = 8; dotted: bound")
    middle.legend(fontsize=7)
    right.barh([name.replace(" and", "\nand") for name in data["part"]], 1e3 * data["part_seconds"])
    right.set(xlabel="ms", title=f"(c) one update, {float(data['of_peak']):.0%} of peak")
    return figure
