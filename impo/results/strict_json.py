"""JSON that any parser reads: infinities and nan, which JSON does not know, are written as objects.

inf becomes {"float": "inf"}, and so do -inf and nan. Files of schemas 1 to 3 have the bare names
NaN and Infinity, which are read as well.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from impo.arguments import ArgumentError

_NAMES = ("inf", "-inf", "nan")


def dumps(value: Any) -> str:
    """Return a value made of JSON types, and of NumPy numbers and arrays, as text.

    Raises
    ------
    ArgumentError
        If a part of it is none of these.
    """
    return json.dumps(_strict(value), default=_refuse, allow_nan=False)


def loads(text: str) -> Any:
    """Return what `dumps` was given, with lists for tuples and arrays."""
    return json.loads(text, object_hook=_number)


def _strict(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _refuse(item: Any) -> Any:
    raise ArgumentError(f"Attributes must be JSON types, but {item!r} is not.")


def _number(found: dict[str, Any]) -> Any:
    """Return the number that an object stands for, or the object."""
    name = found.get("float")
    return float(name) if len(found) == 1 and name in _NAMES else found
