"""How long the compiler of the kernels takes, and who is told that it works.

numba keeps what it compiled on disk. Only what is not there is compiled, and only that is counted.
A room with compiled functions calls `watch`; all others need not import numba.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

COMPILING = "compiling the engine, once per machine"
COMPUTING = "computing"

_spent = 0.0
_depth = 0  # a function is compiled in the middle of one that calls it
_begun = 0.0
_told: list[Callable[[str], None]] = []


@cache
def watch() -> None:
    """Follow the compiler from now on."""
    from numba.core import event

    class Listener(event.Listener):
        """Counts the outermost compilations; the compiler works in one thread at a time."""

        def on_start(self, _: Any) -> None:
            global _depth, _begun
            _depth += 1
            if _depth == 1:
                _begun = time.perf_counter()
                for tell in _told:
                    tell(COMPILING)

        def on_end(self, _: Any) -> None:
            global _depth, _spent
            _depth -= 1
            if _depth == 0:
                _spent += time.perf_counter() - _begun
                for tell in _told:
                    tell(COMPUTING)

    event.register("numba:compile", Listener())  # type: ignore[no-untyped-call]


def clock() -> float:
    """Return a time in seconds that stands still while the compiler works."""
    return (_begun if _depth else time.perf_counter()) - _spent


@contextmanager
def announced(tell: Callable[[str], None]) -> Iterator[None]:
    """Call a function with `COMPILING` when the compiler starts, and then with `COMPUTING`."""
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)
