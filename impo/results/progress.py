"""How a long computation reports, and what it can be resumed from."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from impo.arguments import fail
from impo.arrays import Array
from impo.compilation import clock


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a computation stands; what a method does not have is None.

    Attributes
    ----------
    method
        Name of the method.
    stage
        What is done now, in words.
    chi, k_max
        Bond dimension and multipole cut-off.
    remaining
        Distance of the observables from where they are heading.
    time, time_limit
        Evolution time and its limit, in inverse rates of the model.
    error
        Largest error so far of <Sz>/S and Var/S^2.
    size
        Dimension of the problem that is solved.
    seconds
        Time since the computation began, without compilation.
    """

    method: str = ""
    stage: str = ""
    chi: int | None = None
    k_max: int | None = None
    remaining: float | None = None
    time: float | None = None
    time_limit: float | None = None
    error: float | None = None
    size: int | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, entry: Mapping[str, Any], **more: Any) -> "Progress":
        """Return what is known of a report; names without a place here are left out."""
        known = {name: value for name, value in entry.items() if name in cls.__dataclass_fields__}
        return cls(**{**more, **known})

    def __str__(self) -> str:
        """Return all that is known but the seconds, in one line."""
        limit = "" if self.time_limit is None else f" of {self.time_limit:.3g}"
        words = [
            self.stage, _word("chi", self.chi), _word("k_max", self.k_max),
            _word("remaining", self.remaining, ".0e"), _word("error", self.error, ".0e"),
            _word("time", self.time, ".3g") + (limit if self.time is not None else ""),
            _word("dimension", self.size),
        ]  # fmt: skip
        told = ", ".join(word for word in words if word)
        return f"{self.method}: {told}" if self.method else told


def _word(name: str, value: float | None, form: str = "") -> str:
    return "" if value is None or math.isinf(value) else f"{name} {value:{form}}"


@runtime_checkable
class Follower(Protocol):
    """Follows one long computation: hears how far it is, and keeps what it can go on from.

    A method that takes it goes on, after an interruption, to the same numbers bit for bit.
    """

    def report(self, entry: Mapping[str, Any]) -> None:
        """Take notice of a history entry, or of a stage: of names and values as in `Progress`."""

    def load(self) -> tuple[Mapping[str, Array], Mapping[str, Any]] | None:
        """Return what was saved last for this very computation, or None."""

    def due(self) -> bool:
        """Return whether it is time to save."""

    def save(self, arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> None:
        """Keep named arrays and JSON attributes from which the computation can go on."""


def tell(follower: Follower | None, stage: str, **entry: Any) -> None:
    """Tell a follower, if there is one, what is done now; see `Progress` for the names."""
    if follower is not None:
        follower.report({"stage": stage, **entry})


class Telling:
    """Tells a function, and keeps nothing: a `Follower`.

    Parameters
    ----------
    tell
        Called with a `Progress`.
    method
        Name of the method.
    clock
        Seconds, as of `time.perf_counter`.

    Attributes
    ----------
    failed
        What the function raised: an error of the caller, of which no method is guilty.
    """

    def __init__(self, tell: Callable[[Progress], Any], method: str, clock: Callable[[], float]):
        self._tell, self._method, self._clock, self._began = tell, method, clock, clock()
        self.failed: Exception | None = None

    def report(self, entry: Mapping[str, Any]) -> None:
        """Tell what is known of an entry."""
        seconds = self._clock() - self._began
        try:
            self._tell(Progress.of(entry, method=self._method, seconds=seconds))
        except Exception as error:
            self.failed = error
            raise

    def load(self) -> None:
        """Return None: nothing is kept."""

    def due(self) -> bool:
        """Return False."""
        return False

    def save(self, arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> None:
        """Keep nothing."""


@contextmanager
def following(progress: Any, method: str) -> Iterator[Follower | None]:
    """Give what a method reports to, while it computes.

    Parameters
    ----------
    progress
        None, "tqdm", a function of a `Progress`, or a `Follower`.
    method
        Name of the method.

    Raises
    ------
    ArgumentError
        If `progress` is anything else.
    """
    if progress is None or isinstance(progress, Follower):
        yield progress
    elif isinstance(progress, str) and progress == "tqdm":
        from tqdm.auto import tqdm

        with tqdm(bar_format="{desc} [{elapsed}]") as line:

            def show(now: Progress) -> None:
                line.set_description_str(str(now))

            yield Telling(show, method, clock)
    elif callable(progress) and not isinstance(progress, type):
        yield Telling(progress, method, clock)
    else:
        raise fail("progress", 'None, "tqdm" or a function', progress)
