"""Ctrl-C in compiled code."""

from collections.abc import Callable
from functools import wraps
from typing import Any


def interruptible(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Return a compiled function that Ctrl-C ends like any other.

    A signal that arrives while compiled code runs is handled when the arrays that it returns are
    handed over. There the `KeyboardInterrupt` becomes the cause of a `SystemError`, which whoever
    catches an `Exception` would take for a failure of the computation.
    """

    @wraps(compiled)
    def call(*arguments: Any) -> Any:
        try:
            return compiled(*arguments)
        except SystemError as error:
            root: BaseException = error
            while root.__cause__ is not None:
                root = root.__cause__
            raise root from None

    return call
