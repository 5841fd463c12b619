"""Words of command lines: mostly such as a person might type, and some that nobody would."""

from dataclasses import fields

from hypothesis import strategies as st

from impo.methods import METHODS

MODELS = """
import sys
from impo import Boson, Jump, LindbladModel, Spin, Term
def decay(rate=1.0, S=0.5): return LindbladModel((Spin(S),), (), (Jump(rate, "S-", 0),))
def dimer(J=0.5, S=0.5, gain=1.0, loss=0.3):
    hop = Term(J, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True)
    jumps = (Jump(gain, "S+", 0), Jump(loss, "S-", 1))
    return LindbladModel((Spin(S), Spin(S)), (hop,), jumps)
def chain(J=0.5, loss=1.0, field=0.3):
    hop = Term(J, ("S+", 0, 0), ("S-", 0, 1), plus_hc=True)
    return LindbladModel((Spin(0.5),), (hop, Term(field, ("Sx", 0, 0))), (Jump(loss, "S-", 0),))
def square(J=0.5, loss=1.0):
    hops = [Term(J, ("Sx", 0, (0, 0)), ("Sx", 0, far)) for far in ((0, 1), (1, 0))]
    return LindbladModel((Spin(0.5),), hops, (Jump(loss, "S-", 0),), 2)
def boson(cutoff=3, drive=0.2):
    push = Term(drive, ("B", 0, 0), plus_hc=True)
    return LindbladModel((Boson(cutoff),), (push,), (Jump(1.0, "B", 0),))
def any_of(**parameters): return decay()
def number(): return 3
def boom(x=1): raise RuntimeError("no\\nway")
def leaves(code=0): sys.exit(code)
def silent(): raise BaseException
constant = 1
"""
PARAMETERS = {
    "decay": ("rate", "S"), "dimer": ("J", "S", "gain", "loss"), "chain": ("J", "loss", "field"),
    "square": ("J", "loss"), "boson": ("drive",), "any_of": ("a", "b"), "number": (),
    "boom": ("x",), "leaves": ("code",), "silent": (),
}  # fmt: skip
STUDIES = {
    "good": '''
"""A line."""
import numpy as np
from impo import Dataset, Variable
from matplotlib.figure import Figure
COST = {"quick": "1 s", "full": "1 s"}
def compute(quick): return Dataset({"x": Variable(("x",), np.arange(3.0))})
def draw(data): return Figure()
''',
    "exits": "import sys\nsys.exit(0)\n",
    "helper": "x = 1\n",
    "bench": "def main(): print('1 ns')\n",
    "bench_bad": "def main(): raise RuntimeError('no\\nway')\n",
    "poor": 'COST = {"quick": "", "full": ""}\ndef compute(quick): return 1\ndraw = compute\n',
}
CHEAP = {
    "itebd": {"chi_max": "4", "tol": "0.1", "t_max": "20"},
    "tebd": {"cells": "2", "chi_max": "4", "tol": "0.1", "t_max": "20"},
    "exact": {}, "twa": {"cells": "1", "trajectories": "64", "max_time": "2", "dt": "0.1"},
    "hpa": {}, "mf": {}, "cmf": {"sites": "2"},
}  # fmt: skip
COUNTS = {"chi_max", "k_max", "cells", "trajectories", "max_time", "t_max", "sites", "dt", "cutoff"}

RARELY = st.sampled_from([False] * 9 + [True])


def mostly(usual, *others):
    """Return a strategy that nine times of ten draws what is usual."""
    return RARELY.flatmap(lambda rare: st.one_of(*others) if rare else usual)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NUMBERS = st.sampled_from(["0", "1", "2", "1/2", "3/2", "0.5", "1.0", "0.3", "2.5", "1e-3", "+1"])
NO_NUMBERS = st.one_of(
    st.sampled_from([
        "nan", "inf", "-inf", "-1", "-0", "-1/2", "1/0", "0/1", "1e-400", "1e400", "½", "٣", "",
        "''", '"', "None", "true", "no", "1+2j", "nan+1j", "j", "a", "é", "\udce9", "🙂", "x y",
        "a\nb", "=", "-", ",", "1,2", "1,2,3", "None,None", "0x10", "1e", "--5",
        "__import__('os').system('touch executed')", "$(touch executed)",
    ]),
    TEXT,
)  # fmt: skip
HUGE = st.sampled_from(["9" * 30, "9" * 400, "9" * 5000, "1e308", "-1e308", "1e300", "10000000000"])
VALUES = mostly(NUMBERS, NO_NUMBERS, HUGE)
SMALL = mostly(st.sampled_from(["1", "2", "3", "4", "8", "16", "0.1"]), NO_NUMBERS)


@st.composite
def targets(draw, at_most=3):
    """Draw (module:function, its assignments)."""
    if draw(RARELY):
        odd = [
            ":",
            "mine",
            "mine:",
            ":decay",
            "mine:constant",
            "mine:nothing",
            "nothing:f",
            "a..b:c",
        ]
        odd += [
            "exits:f",
            "syntax:f",
            "mine:decay:x",
            "os:getcwd",
            "mine.py",
            "builtins:exit",
            ".:f",
        ]
        return draw(st.one_of(st.sampled_from(odd), TEXT)), []
    name = draw(st.sampled_from(["decay", "dimer", "chain"] * 3 + list(PARAMETERS)))
    known = [*PARAMETERS[name], *(["S", "no", "cells", "2x"] if draw(RARELY) else [])]
    some = st.lists(st.sampled_from(known), max_size=at_most, unique=True) if known else st.just([])
    return f"mine:{name}", [f"{key}={draw(VALUES)}" for key in draw(some)]


@st.composite
def settings_of(draw, name):
    """Draw settings of a method, cheap ones if it has its own."""
    chosen = dict(CHEAP.get(name, {}))
    known = [item.name for item in fields(METHODS[name])] if name in METHODS else ["tol"]
    for key in draw(st.lists(mostly(st.sampled_from(known), st.sampled_from(["no", "x.y", ""])),
                             max_size=1)):  # fmt: skip
        if key != "seed":
            chosen[key] = draw(SMALL if key in COUNTS else VALUES)
    return [f"{key}={value}" for key, value in chosen.items()]


METHOD_NAMES = mostly(st.sampled_from(list(METHODS)), st.sampled_from(["fancy", "", "ITEBD"]))
ODD_OUTPUTS = ["out.txt", "", "no/out.h5", ".h5", "folder.h5", "x" * 300 + ".h5", "/no/x.h5"]
OUTPUTS = mostly(st.just("out.h5"), st.sampled_from([*ODD_OUTPUTS, "out é.h5", "-.h5"]))
JSON = st.sampled_from([[], ["--json"]])
OBSERVE = st.one_of(
    st.just([]),
    mostly(
        st.sampled_from(["Sx", "Sz.Sz", "Sx,S+.S-,Sz.Id.Sz", "N.N"]),
        st.sampled_from(["", ",", "Sz.", ".", "Sz,Sz", "Sz.Q", "-Sz"]), TEXT,
    ).map(lambda word: ["--observe", word]),
)  # fmt: skip


@st.composite
def numbers(draw):
    """Draw a grid, a logarithmic grid or a list, as after `--over name=` or `--times`."""
    if draw(RARELY):
        return draw(st.one_of(TEXT, VALUES))
    if draw(st.booleans()):
        return ",".join(draw(st.lists(VALUES, min_size=1, max_size=3)))
    count = draw(mostly(st.sampled_from("123"), SMALL, HUGE))
    end = draw(mostly(st.sampled_from(["", "", ":log"]), st.sampled_from([":lin", ":", ":log:1"])))
    return f"{draw(VALUES)}:{draw(VALUES)}:{count}{end}"


@st.composite
def axes(draw):
    """Draw what stands after `--over`."""
    odd = ["S", "tol", "model.J", "method.tol", "no", "a,b", "J,J"]
    name = draw(mostly(st.sampled_from(["J", "loss"]), st.sampled_from(odd)))
    if draw(RARELY):
        return draw(st.one_of(TEXT, st.just(name)))
    return f"{name}={draw(numbers())}"


@st.composite
def one_model(draw):
    """Draw a line of `solve`."""
    target, assigned = draw(targets())
    name = draw(METHOD_NAMES)
    given = draw(settings_of(name))
    words = ["solve", target, *assigned, "--method", name, *(["--set", *given] if given else [])]
    return words + draw(OBSERVE) + draw(JSON) + draw(_output())


@st.composite
def many_models(draw):
    """Draw a line of `scan`."""
    target, assigned = draw(targets(at_most=1))
    name = draw(METHOD_NAMES)
    words = ["scan", target, *assigned, "--method", name]
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        words += ["--over", draw(axes())]
    given = draw(settings_of(name))
    words += ["--set", *given] if given else []
    files = ["scheduler.json", "dead.json", "pipe.h5", "endless.h5", "folder.h5", "text.h5", "no"]
    options = {
        "--workers": mostly(st.just("1"), NO_NUMBERS, HUGE, st.just("0")),
        "--task-id": VALUES, "--tasks": VALUES, "--checkpoint": VALUES,
        "--direction": st.sampled_from(["forward", "backward", "both", "up"]),
        "--scheduler-file": st.sampled_from(files),
    }  # fmt: skip
    if draw(st.booleans()):
        option = draw(st.sampled_from(list(options)))
        words += [option, draw(options[option])]
    return [*words, *draw(OBSERVE), "-o", draw(OUTPUTS)]


@st.composite
def one_trajectory(draw, files):
    """Draw a line of `evolve`."""
    target, assigned = draw(targets())
    name = draw(METHOD_NAMES)
    rising = st.sampled_from(["0:1:3", "0,1", "0.1:1:3:log", "0", "1/2,1"])
    words = ["evolve", target, *assigned, "--method", name]
    words += ["--times", draw(mostly(rising, numbers()))]
    given = draw(settings_of(name))
    words += ["--set", *given] if given else []
    if draw(st.booleans()):
        entry = mostly(
            st.sampled_from(["up", "down", "x", "-y", "0.3/1", "1"]), VALUES, st.just("0.3/nan")
        )
        sites = 2 if target == "mine:dimer" else 1
        count = draw(mostly(st.just(sites), st.integers(0, 3)))
        given = st.lists(entry, min_size=count, max_size=count).map(",".join)
        words += ["--start", draw(mostly(given, st.sampled_from(files), TEXT))]
    return words + draw(OBSERVE) + draw(JSON) + draw(_output())


def lists():
    """Return a strategy of lines that list or print what is at hand."""
    name = mostly(st.sampled_from(list(METHODS)), TEXT, VALUES)
    shell = mostly(st.sampled_from(["bash", "zsh"]), st.just("fish"), TEXT)
    return st.one_of(
        st.sampled_from([["models"], ["methods"], ["--version"], ["--help"], ["evolve", "-h"]]),
        name.map(lambda name: ["methods", name]),
        shell.map(lambda shell: ["--print-completion", shell]),
    )  # fmt: skip


@st.composite
def several_methods(draw):
    """Draw a line of `compare`."""
    target, assigned = draw(targets())
    count = draw(mostly(st.integers(2, 3), st.just(1)))
    names = draw(st.lists(METHOD_NAMES, min_size=count, max_size=count))
    words = ["compare", target, *assigned, "--methods", ",".join(names)]
    given = [f"{name}.{one}" for name in dict.fromkeys(names) for one in draw(settings_of(name))]
    words += ["--set", *given] if given else []
    return words + draw(JSON) + draw(_output())


@st.composite
def dynamics(draw, files):
    """Draw a line of `two-time`, `spectral` or `quench`."""
    good = [name for name in files if "schema" in name]
    command = draw(st.sampled_from(["two-time", "spectral", "quench"]))
    words = [command, draw(mostly(st.sampled_from(good), st.sampled_from(files)))]
    numbers_of = st.sampled_from(["0:1:3", "0", "0,1"])
    if command == "quench":
        names = mostly(st.sampled_from(["S-", "Sz", "N"]), TEXT)
        words += ["--operator", draw(names), "--observe", draw(names)]
    else:
        pair = st.sampled_from(["S-,S+", "Sz,Sz", "B,Bd"])
        words += ["--pair", draw(mostly(pair, TEXT, VALUES))]
        words += draw(st.sampled_from([[], [], ["--sites", "0,1"], ["--response"]]))
    if command == "spectral":
        words += ["--k", draw(mostly(numbers_of, VALUES)), "--omega", draw(numbers_of)]
    else:
        words += ["--times", draw(mostly(numbers_of, numbers()))]
        words += ["--cells", draw(mostly(st.sampled_from(["0", "2"]), VALUES, HUGE))]
    return words + draw(JSON) + draw(_output())


@st.composite
def certified(draw):
    """Draw a line of `bounds`."""
    target, assigned = draw(targets())
    usual = st.sampled_from(["Sz", "Sz,Sz", "S+,S-", "N", "Sx", "Id"])
    words = ["bounds", target, *assigned, "--observable", draw(mostly(usual, TEXT, VALUES))]
    words += ["--sites", draw(mostly(st.sampled_from(["1", "3", "4"]), VALUES, HUGE))]
    if draw(st.booleans()):
        words += ["--tol", draw(mostly(st.sampled_from(["1e-2", "1e-5"]), VALUES))]
    return words + draw(JSON)


@st.composite
def _output(draw):
    return ["-o", draw(OUTPUTS)] if draw(st.booleans()) else []


@st.composite
def one_file(draw, names):
    """Draw a line of `check` or `plot`."""
    command = draw(st.sampled_from(["check", "plot"]))
    good = [name for name in names if "schema" in name or name in ("scan.h5", "study.h5")]
    words = [command, draw(st.one_of(st.sampled_from(good), st.sampled_from(names)))]
    if command == "plot":
        usual = [f"out.{end}" for end in ("png", "pdf", "svg")]
        odd = [f"out.{end}" for end in ("pgf", "doc", "eps", "", "raw")]
        path = mostly(st.sampled_from(usual), st.sampled_from([*odd, "no/x.png"]), TEXT)
        words += ["-o", draw(path), *draw(st.sampled_from([[], [], ["--spectrum"]]))]
    return words


def studies():
    """Return a strategy of lines of `run`."""
    odd = st.sampled_from(["nothing", "", "os", "runs", "../mine", "__init__"])
    forms = st.sampled_from([[], ["--quick"], ["--full"], ["--quick", "--full"], ["--huge"]])
    return st.builds(
        lambda name, form, output: ["run", name, *form, "-o", output],
        st.one_of(st.sampled_from([*STUDIES, "--list"]), odd), forms, OUTPUTS,
    )  # fmt: skip


def noise(files):
    """Return a strategy of lines without any sense."""
    options = [
        "--method",
        "--methods",
        "--set",
        "--over",
        "-o",
        "--json",
        "--workers",
        "--tasks",
        "--help",
        "-h",
        "--version",
        "--print-completion",
        "--times",
        "--start",
        "--list",
        "-",
        "--",
        "---",
        "-x",
        "--set=",
        "--method=",
    ]
    words = ["solve", "scan", "evolve", "compare", "bounds", "check", "plot", "run", "models"]
    words += ["methods", "--observable", "two-time", "spectral", "quench"]
    words += ["mine:decay", "exact", "mf", "a=1", "bash"]
    word = st.one_of(
        st.sampled_from(options), st.sampled_from(words), st.sampled_from(files), VALUES
    )  # fmt: skip
    return st.lists(word, max_size=7)


def spoiled(lines):
    """Return a strategy of lines with one word removed, doubled or replaced."""

    def spoil(words, number, way, other):
        place = number % (len(words) + 1)
        here = {"remove": [], "double": words[place : place + 1] * 2, "replace": [other]}[way]
        return [*words[:place], *here, *words[place + 1 :]]

    ways = st.sampled_from(["remove", "double", "replace"])
    return st.builds(spoil, lines, st.integers(0, 99), ways, NO_NUMBERS)


def command_lines(files):
    """Return a strategy of lines of all commands, given the names of files that lie there."""
    lines = st.one_of(
        one_model(), one_model(), many_models(), several_methods(), one_trajectory(files),
        one_trajectory(files), one_file(files), one_file(files), studies(), lists(), certified(),
        dynamics(files),
    )  # fmt: skip
    return mostly(lines, spoiled(lines), noise(files))
