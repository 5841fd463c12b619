"""From the words of a command line to models, methods, grids and studies."""

import dataclasses
import importlib.util
import inspect
import math
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np

from impo.arguments import (
    ArgumentError,
    UnsupportedModelError,
    fail,
    one_of,
    positive_integer,
    shown,
)
from impo.methods import METHODS
from impo.model import LindbladModel
from impo.results.observed import known_observables
from impo.results.store import StoreError
from impo.scans.executors import ClusterError
from impo.scans.grid import Axis, check_size

_AXIS_NAME = re.compile(r"(model\.|method\.)?[^\W\d]\w*")
_WORDS = {"none": None, "null": None, "true": True, "false": False}


def value(text: str) -> Any:
    """Return what a word means: None, a boolean, a number (also `3/2` and `1+0.5j`) or text.

    Words joined by commas give a tuple.
    """
    if "," in text:
        return tuple(value(part) for part in text.split(","))
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    ratio = re.fullmatch(r"([-+]?\d+)/(\d+)", text)
    if ratio:  # the text of what is no number, or no number that Python reads
        with suppress(ValueError, ArithmeticError):
            return int(ratio[1]) / int(ratio[2])
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    if re.search(r"\d", text):  # `j` and `infj` are names
        with suppress(ValueError):
            return complex(text)
    return text


def assignments(words: Iterable[str]) -> dict[str, Any]:
    """Return {name: value} of words `name=value`; every name once."""
    out: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier() or not text:
            raise ArgumentError(f"A parameter must be given as name=value, but is {shown(word)}.")
        if name in out:
            raise ArgumentError(f"Parameter `{name}` must be given once, but is given twice.")
        out[name] = value(text)
    return out


def axis(word: str) -> Axis:
    """Return the axis of `name=VALUES` or `name,name=VALUES`; for VALUES see `numbers`."""
    names, equals, text = word.partition("=")
    if not equals or not all(map(_AXIS_NAME.fullmatch, names.split(","))):
        raise fail("--over", f"name={_GRID}, name={_LIST} (names tied by commas)", word)
    return Axis(tuple(names.split(",")), numbers("--over", text, word, "name={}"))


_GRID = "start:stop:count[:log]"
_LIST = "value,value,..."


def numbers(
    option: str, text: str, word: str, form: str = "{}", least: int = 2
) -> tuple[float, ...]:
    """Return the numbers of `start:stop:count`, `start:stop:count:log` or `value,value,...`.

    They are integers if all are whole and the ends, or all values, are written so.

    Parameters
    ----------
    option, word
        The option, and what was given for it, for messages.
    text
        The part of the word that stands for the numbers.
    form
        What surrounds that part.
    least
        Number of values that a list must have.
    """
    allowed = f"{form.format(_GRID)} or {form.format(_LIST)} of finite numbers"
    parts = text.split(":")
    if len(parts) == 1:
        check_size([text.count(",") + 1])
        listed = [value(part) for part in text.split(",")]
        if len(listed) < least or not all(map(is_finite, listed)):
            raise fail(option, allowed, word)
        whole = all(isinstance(x, int) for x in listed)
        return tuple(x if whole else float(x) for x in listed)
    logarithmic = parts[3:] == ["log"]
    found = [value(part) for part in (parts[:3] if logarithmic else parts)]
    if len(found) != 3 or not all(map(is_finite, found)):
        raise fail(option, allowed, word)
    start, stop, count = found
    check_size([positive_integer("count", count)])
    if logarithmic and not min(start, stop) > 0:
        raise fail(option, "of positive ends if its values are logarithmic", word)
    with np.errstate(over="ignore", invalid="ignore"):
        spaced = np.geomspace if logarithmic else np.linspace
        points = spaced(float(start), float(stop), count)
    if not np.all(np.isfinite(points)):
        raise fail(option, "of ends whose difference is finite", word)
    tidy = [_tidy(x, 4e-15 if logarithmic else 4e-16) for x in points]
    whole = isinstance(start, int) and isinstance(stop, int) and all(x % 1 == 0 for x in tidy)
    return tuple(map(int, tidy) if whole else tidy)


def is_finite(x: Any) -> bool:
    """Return whether a value is a finite real number that a float can hold."""
    try:
        return type(x) in (int, float) and math.isfinite(x)
    except OverflowError:
        return False


def _tidy(x: float, rounding: float) -> float:
    """Undo the rounding of a grid: 0.30000000000000004 becomes 0.3, 1/3 stays."""
    short = float(f"{x:.12g}")
    return short if math.isclose(short, x, rel_tol=rounding) else float(x)


def grid(
    words: Iterable[str],
    function: Callable[..., Any],
    method_name: str,
    fixed: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[list[Axis], set[str]]:
    """Return the axes of all `--over` by plain names, and which of these are settings.

    A name is a parameter of the model, or else a setting of the method. If it could be both it must
    be written `model.name` or `method.name`.

    Raises
    ------
    ArgumentError
        If a name is unknown, could be both, or has got a value elsewhere.
    """
    signature = signature_of("MODEL", function)
    known = {item.name for item in dataclasses.fields(_method_class(method_name))}

    def owner_of(name: str) -> str:
        if name in known and (_takes_any_name(signature) or name in signature.parameters):
            raise ArgumentError(
                f"`{name}` must be written model.{name} or method.{name}: it is a parameter of the "
                "model as well as a setting of the method."
            )
        return "method" if name in known else "model"

    axes: list[Axis] = []
    owners: dict[str, str] = {}
    for one in map(axis, words):
        for word in one.names:
            owner, _, name = word.rpartition(".")
            owner = owner or owner_of(name)
            if name in owners or name in (settings if owner == "method" else fixed):
                raise ArgumentError(f"Parameter `{name}` must be given once, but is given twice.")
            owners[name] = owner
        check_size([*(len(other.values) for other in axes), len(one.values)])
        axes.append(Axis(tuple(word.rpartition(".")[2] for word in one.names), one.values))
    return axes, {name for name, owner in owners.items() if owner == "method"}


def model_function(target: str) -> Callable[..., Any]:
    """Return the function `module:function`; the current directory is searched first."""
    module_name, colon, name = target.partition(":")
    if not colon or not module_name or not name.isidentifier():
        raise ArgumentError(f"MODEL must be module:function, but is {target!r}.")
    module = imported(module_name)
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        public = ", ".join(model_names(module)) or "none"
        known = f"its functions are: {public}"
        raise ArgumentError(f"Module `{module_name}` has no function `{name}`; {known}.")
    return function


def build(target: str, function: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
    """Return the model that a function makes of its parameters.

    Raises
    ------
    ArgumentError
        If a parameter is unknown or missing, if the function refuses a value, raises anything else,
        or does not return a `LindbladModel`.
    """
    signature = signature_of(target, function)
    takes = signature.parameters
    unknown = [name for name in parameters if name not in takes]
    if unknown and not _takes_any_name(signature):
        allowed = ", ".join(takes) or "none"
        raise ArgumentError(f"Unknown parameter `{unknown[0]}`: `{target}` takes {allowed}.")
    for name, parameter in takes.items():
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        optional = variadic or parameter.default is not parameter.empty
        if not optional and name not in parameters:
            raise ArgumentError(f"Parameter `{name}` of `{target}` is missing; give {name}=value.")
    model = called(f"`{target}`", function, parameters)
    if not isinstance(model, LindbladModel):
        kind = type(model).__name__
        raise ArgumentError(f"`{target}` must return a `LindbladModel`, but returned a `{kind}`.")
    defaults = {name: parameter.default for name, parameter in takes.items()}
    plain = {name: x for name, x in defaults.items() if isinstance(x, int | float | str)}
    told = model.parameters or {**plain, **parameters}
    return dataclasses.replace(model, name=model.name or target, parameters=told)


def called(label: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return what a function makes of its arguments; its errors become one line."""
    try:
        return function(**arguments)
    except (ArgumentError, UnsupportedModelError, StoreError, ClusterError, KeyboardInterrupt):
        raise
    except BaseException as error:  # `sys.exit`, too, which would end the command
        raise ArgumentError(f"{label} raised {_brief(error)}") from error


def _takes_any_name(signature: inspect.Signature) -> bool:
    return any(item.kind is item.VAR_KEYWORD for item in signature.parameters.values())


def signature_of(target: str, function: Callable[..., Any]) -> inspect.Signature:
    """Return the parameters of a function, or raise `ArgumentError` if it does not tell them."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        raise ArgumentError(f"`{target}` must be a function of named parameters.") from None


def _method_class(name: str) -> type:
    return METHODS[one_of("--method", name, METHODS)]


def observables(word: str | None, model: LindbladModel) -> tuple[str, ...]:
    """Return the names of `--observe`; there are none if it is not given."""
    if word is None:
        return ()
    try:
        return known_observables(model, word)
    except ArgumentError as error:
        raise ArgumentError(
            str(error).replace("Argument `observe`", "Option `--observe`")
        ) from None


def method(name: str, settings: Mapping[str, Any], prefix: str = "") -> Any:
    """Return the method of that name; `prefix` stands before a setting on the command line."""
    made = _method_class(name)
    fields = {item.name: item for item in dataclasses.fields(made)}
    for key in settings:
        if key not in fields:
            raise ArgumentError(f"Unknown setting `{key}`: `{name}` takes {', '.join(fields)}.")
    for key, item in fields.items():
        optional = (item.default, item.default_factory) != (dataclasses.MISSING,) * 2
        if not optional and key not in settings:
            give = f"--set {prefix}{key}=value"
            raise ArgumentError(f"Setting `{key}` of `{name}` is missing; give {give}.")
    return called(f"The settings of `{name}`", made, settings)


def methods(names: str, words: Iterable[str]) -> list[Any]:
    """Return the methods of `name,name,...` with their settings `name.setting=value`."""
    chosen = names.split(",")
    settings: dict[str, list[str]] = {name: [] for name in chosen}
    if len(settings) < len(chosen):
        raise ArgumentError(f"Argument `--methods` must name each once, but is {names!r}.")
    for word in words:
        name, dot, setting = word.partition(".")
        if not dot or name not in settings:
            raise ArgumentError(
                f"A setting must be given as method.name=value with one of {', '.join(chosen)}, "
                f"but is {word!r}."
            )
        settings[name].append(setting)
    return [method(name, assignments(settings[name]), f"{name}.") for name in chosen]


def imported(name: str) -> ModuleType:
    """Import a module, looking into the current directory first."""
    search_here()
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # `sys.exit`, too, which would end the command
        missing = isinstance(error, ModuleNotFoundError) and error.name
        if missing and f"{name}.".startswith(f"{missing}."):
            raise ArgumentError(
                f"There is no module `{name}` here or installed{_advice(name, missing)}."
            ) from None
        raise ArgumentError(f"Importing `{name}` raised {_brief(error)}") from error


def _advice(name: str, missing: str) -> str:
    """Return where models come from if a module of `models` is missing."""
    if missing == "models":
        return (
            ": the models of the repository lie in its folder `models`, so run impo in the "
            "repository, or give MODEL as a function of a file of your own here (mine:chain)"
        )
    return "; `impo models` lists those at hand" if name.startswith("models.") else ""


def modules_of(package: str) -> list[str]:
    """Return the names of the public modules of a package, also of those inside it, in order.

    The current directory is searched first; there are none if there is no such package.
    """
    search_here()
    if importlib.util.find_spec(package) is None:
        return []
    places = getattr(imported(package), "__path__", ())
    paths = _walk(places, f"{package}.")
    return sorted(path for path in paths if not path.rpartition(".")[2].startswith("_"))


def loaded(paths: Iterable[str]) -> Iterator[tuple[str, ModuleType | ArgumentError]]:
    """Yield modules, or why they cannot be imported: one that is broken hides no other."""
    for path in paths:
        try:
            yield path, imported(path)
        except ArgumentError as error:
            yield path, error


def _walk(places: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield the modules below a package without importing any."""
    for info in pkgutil.iter_modules(places, prefix):
        if info.ispkg:
            last = info.name.rpartition(".")[2]
            yield from _walk([os.path.join(place, last) for place in places], f"{info.name}.")
        else:
            yield info.name


def search_here() -> None:
    """Put the current directory first on the path, as `python -m` does."""
    if os.getcwd() not in sys.path[:1]:
        sys.path.insert(0, os.getcwd())


def model_names(module: ModuleType) -> list[str]:
    """Return the names of the public functions that a module defines."""
    return [
        name
        for name, item in vars(module).items()
        if inspect.isfunction(item) and item.__module__ == module.__name__ and name[0] != "_"
    ]


def _brief(error: BaseException) -> str:
    """Return an exception in one line."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else f"{type(error).__name__}."
