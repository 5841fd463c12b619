"""What a command shows on a terminal while it computes: one line, which it erases at the end."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from impo.results.progress import Progress

_REFRESH = 0.5  # seconds
_CLOCK = 12  # columns of the time beside the text


@contextmanager
def shown(stage: str) -> Iterator[Callable[[Progress], None] | None]:
    """Show a stage and the time on a terminal at once, and then what the function is told.

    None takes the place of the function where the error output is no terminal.
    """
    with tqdm(
        desc=stage, bar_format="{desc} [{elapsed}]", file=sys.stderr, disable=None, leave=False
    ) as line:
        if line.disable:
            yield None
            return
        closed = threading.Event()

        def show(now: Progress) -> None:
            room = max((line.ncols or 80) - _CLOCK, 0)
            line.set_description_str(str(now)[:room])

        def tick() -> None:
            while not closed.wait(_REFRESH):
                line.refresh()

        clock = threading.Thread(target=tick, daemon=True)
        clock.start()
        try:
            yield show
        finally:
            closed.set()
            clock.join()
