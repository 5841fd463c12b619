"""What is at hand: the models of the package `models`, the methods and their settings."""

import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from impo.arguments import ArgumentError, one_of
from impo.cli import parse
from impo.methods import METHODS

_WIDTH = 100


def models() -> str:
    """Return the model functions of the package `models`, with parameters and first line.

    Raises
    ------
    ArgumentError
        If there is no such package; the message says where models come from.
    """
    parse.imported("models")
    blocks = []
    for path, module in parse.loaded(parse.modules_of("models") or ["models"]):
        if isinstance(module, ArgumentError):
            blocks.append(f"{path}\n    {module}")
            continue
        for name in parse.model_names(module):
            function = getattr(module, name)
            signature = parse.signature_of(name, function)
            if _may_be_model(signature):
                taken = " ".join(_parameter(item) for item in signature.parameters.values())
                blocks.append(f"{path}:{name} {taken}".rstrip() + f"\n    {_first_line(function)}")
    return "\n".join(blocks) or "The package `models` has no model functions."


def _may_be_model(signature: inspect.Signature) -> bool:
    """Return whether a function does not say that it returns something else than a model."""
    told = signature.return_annotation
    name = told if isinstance(told, str) else getattr(told, "__name__", str(told))
    return told is signature.empty or name.rpartition(".")[2] == "LindbladModel"


def _parameter(item: inspect.Parameter) -> str:
    if item.kind in (item.VAR_KEYWORD, item.VAR_POSITIONAL):
        return "name=value ..."
    return item.name if item.default is item.empty else f"{item.name}={item.default}"


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def methods(name: str | None) -> str:
    """Return a line for every method, or all settings of one.

    Raises
    ------
    ArgumentError
        If there is no method of that name.
    """
    if name is None:
        return "\n".join(f"{known:8} {_first_line(made)}" for known, made in METHODS.items())
    made = METHODS[one_of("NAME", name, METHODS)]
    lines = [f"{name}: {_first_line(made)}", ""]
    meanings = dict(_attributes(inspect.getdoc(made) or ""))
    for item in dataclasses.fields(made):  # type: ignore[arg-type]
        default = item.default
        told = "(must be given)" if default is dataclasses.MISSING else f"= {default}"
        lines.append(f"{item.name} {told}")
        text = textwrap.fill(meanings.get(item.name, ""), _WIDTH - 4)
        lines.append(textwrap.indent(text, "    "))
    lines += ["", f"Give them as --set name=value, with `compare` as --set {name}.name=value."]
    return "\n".join(lines)


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """Yield names and meanings of the section Attributes of a NumPy docstring."""
    _, _, section = text.partition("\nAttributes\n----------\n")
    names: list[str] = []
    meaning: list[str] = []
    for line, following in pairwise([*section.splitlines(), ""]):
        if following and not following.strip("-"):  # the title of the next section
            break
        if line[:1].strip():
            yield from ((name, " ".join(meaning)) for name in names)
            names, meaning = [part.strip() for part in line.split(":")[0].split(",")], []
        else:
            meaning.append(line.strip())
    yield from ((name, " ".join(meaning).strip()) for name in names)
