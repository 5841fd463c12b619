"""Completion of command lines in a shell, as a script that knows all commands and options.

The script is made once, by shtab: pressing the tab key starts no Python.
"""

import argparse
from collections.abc import Collection, Iterator
from typing import Any

from impo.methods import METHODS

SHELLS = ("bash", "zsh")


def script(parser: argparse.ArgumentParser, shell: str, file_types: Collection[Any]) -> str:
    """Return what a shell has to read to complete the words after `impo`.

    Parameters
    ----------
    parser
        The parser of all commands.
    shell
        One of `SHELLS`.
    file_types
        Types of arguments that are paths.
    """
    import shtab

    for action in _actions(parser):
        if action.type in file_types:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest == "method":
            action.choices = tuple(METHODS)
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield all arguments of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for made in action.choices.values():
                yield from _actions(made)
