"""Every public class and function has an example in its docstring, and the examples run."""

import doctest
import inspect

import pytest

import impo
from impo.operators.local import local_operators
from impo.operators.product_state import Coherent
from impo.results.modes import Decay
from impo.results.trajectory import Trajectory

PUBLIC = {name: getattr(impo, name) for name in impo.__all__ if name != "METHODS"}
PUBLIC |= {one.__name__: one for one in (Coherent, Decay, Trajectory, local_operators)}
PARSER = doctest.DocTestParser()
NO_QUESTIONS = (
    "to_arrays", "from_arrays", "readable", "save", "summary", "to_xarray", "to_dataframe", "holds",
)  # fmt: skip


def methods(item):
    """Return the methods of a class, by name, with inherited ones that no other page shows."""
    bases = inspect.getmro(item)[::-1] if inspect.isclass(item) else ()
    shown = () if item is impo.SteadyState else inspect.getmro(impo.SteadyState)
    ours = [base for base in bases if base.__module__.startswith("impo")]
    return {
        name: one for base in ours if base is item or base not in shown
        for name, one in vars(base).items()
    }  # fmt: skip


def documented(item):
    """Return a class or function and the methods of a class that have examples, with names."""
    members = methods(item).items()
    found = [(item.__name__, inspect.getdoc(item))]
    found += [
        (name, inspect.getdoc(one))
        for name, one in members
        if not name.startswith("_") and inspect.isfunction(one)
    ]
    return [(name, text) for name, text in found if text and ">>>" in text]


@pytest.mark.parametrize("name", PUBLIC)
def test_examples(name, tmp_path, monkeypatch):
    """Methods go on from the names of the example of their class."""
    monkeypatch.chdir(tmp_path)
    item = PUBLIC[name]
    names = dict(vars(inspect.getmodule(item)))
    tests = documented(item)
    assert tests, f"{name} has no example"
    assert tests[0][0] == item.__name__, f"{name} has no example of its own"
    for part, text in tests:
        told = []
        test = PARSER.get_doctest(text, names, f"{name}.{part}", None, None)
        doctest.DocTestRunner().run(test, out=told.append, clear_globs=False)
        names = test.globs
        assert not told, "".join(told)


@pytest.mark.parametrize("item", [impo.SteadyState, Trajectory], ids=lambda item: item.__name__)
def test_every_question_is_in_an_example(item):
    """A method has an example of its own, or is used in that of its class."""
    text = "\n".join(part for _, part in documented(item))
    questions = [
        name for name, one in methods(item).items()
        if not name.startswith("_") and inspect.isfunction(one) and name not in NO_QUESTIONS
    ]  # fmt: skip
    assert len(questions) > 4
    missing = [name for name in questions if f".{name}(" not in text]
    assert not missing
