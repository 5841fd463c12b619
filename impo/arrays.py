"""The type of arrays in annotations (docstrings tell their shapes and units), and locked arrays."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""An array of numbers of any kind."""


def read_only(value: Any) -> Any:
    """Return an array that cannot be written to, of the same memory, or a tuple of such.

    Anything else is returned as it is.
    """
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    elif type(value) is tuple:
        value = tuple(map(read_only, value))
    return value
