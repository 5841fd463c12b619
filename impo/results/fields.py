"""Fields of a result as a file holds them: of the type and the shape that they must have."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from impo.arguments import ArgumentError, shown
from impo.arrays import Array
from impo.results.files import malformed


def stored_array(
    arrays: Mapping[str, Array], name: str, shape: Sequence[int | None], kinds: str = "iuf"
) -> Array:
    """Return an array of a file, or say what is wrong with it.

    Parameters
    ----------
    arrays
        Those of the file, by name.
    name
        The one that is wanted.
    shape
        Length of every axis; None for any but zero.
    kinds
        Kinds of numbers that it may hold, as numpy abbreviates them.

    Raises
    ------
    UnreadableError
        If it is missing, or has another shape or type.
    """
    if name not in arrays:
        raise malformed(f"the array `{name}` is missing")
    found = np.asarray(arrays[name])
    fits = len(found.shape) == len(shape) and all(
        length == wanted or (wanted is None and length > 0)
        for length, wanted in zip(found.shape, shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        raise malformed(f"the array `{name}` must have the shape {wanted}, but has {found.shape}")
    if found.dtype.kind not in kinds:
        raise malformed(f"the array `{name}` holds {found.dtype}")
    return found


def stored(told: Mapping[str, Any], name: str, kind: Any, allowed: str) -> Any:
    """Return an attribute of a file that must be of a type, or say that it is not."""
    if name not in told:
        raise malformed(f"`{name}` is missing")
    value = told[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise malformed(f"`{name}` must be {allowed}, but is {shown(value)}")
    return value


def stored_number(told: Mapping[str, Any], name: str) -> float | None:
    """Return an attribute of a file that must be a number, or None."""
    value = stored(told, name, int | float | None, "a number or null")
    return None if value is None else float(value)


def optional(name: str, who: str) -> Any:
    """Return a package that only some people have, or say in one line how to get it."""
    try:
        return import_module(name)
    except ImportError:
        raise ArgumentError(
            f"`{who}` needs the package {name}: pip install 'impo[analysis]'."
        ) from None
