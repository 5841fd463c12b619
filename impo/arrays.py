"""The type of arrays in annotations; docstrings tell their shapes and units."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""An array of numbers of any kind."""
