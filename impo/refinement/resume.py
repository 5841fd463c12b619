"""What a refinement has done so far, from which it goes on after an interruption.

A refinement is a fixed sequence of relaxations, each decided by the results of those before. So a
list of relaxed approximations, and the state of the relaxation under way, are enough to repeat it
bit for bit: what was done is looked up, not computed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from impo.arrays import Array
from impo.operators.liouvillian import Generator
from impo.refinement.approximation import Approximation
from impo.refinement.storage import pack_approximations, unpack_approximations
from impo.results.progress import Follower

States: TypeAlias = tuple[Approximation, ...]


class Relaxing(NamedTuple):
    """A relaxation between two blocks of Trotter steps, from one start or from two at a time.

    Attributes
    ----------
    now
        The approximations as they are.
    seen
        Their monitored observables at the start and after every block; # start observable.
    quiet
        Number of looks, up to this one, at which they were close enough to their limit.
    """

    now: States
    seen: list[Array]
    quiet: int


class Extrapolating(NamedTuple):
    """An extrapolation of slow modes between two of the states that it needs.

    Attributes
    ----------
    rows
        Of every start the states at equal intervals so far; the first is where they begin.
    looks
        Number of looks in an interval.
    before
        Distance from the limit after the extrapolation before; infinite if there was none.
    rate
        Slowest rate that was seen.
    """

    rows: tuple[States, ...]
    looks: int
    before: float = math.inf
    rate: float | None = None


@dataclass
class Resume:
    """Finished relaxations, the one under way, and the history, kept by a `Follower` if any.

    Attributes
    ----------
    progress
        Where entries are reported to, and where all this is kept.
    history
        All entries.
    finished
        Relaxed approximations, by relaxation, in the order in which they were asked for.
    begun
        The relaxation that was interrupted, or the extrapolation before it, until it is asked for.
    asked
        How many relaxations have been asked for.
    """

    progress: Follower | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    finished: list[States] = field(default_factory=list)
    begun: Relaxing | Extrapolating | None = None
    asked: int = 0

    @classmethod
    def of(cls, generator: Generator, progress: Follower | None) -> "Resume":
        """Return what `progress` has kept, or an empty record."""
        saved = None if progress is None else progress.load()
        if saved is None:
            return cls(progress)
        arrays, attributes = saved
        approximations = iter(unpack_approximations(generator, arrays, attributes["pictures"]))
        finished = [tuple(islice(approximations, count)) for count in attributes["starts"]]
        begun: Relaxing | Extrapolating | None = None
        if attributes["quiet"] is not None:
            begun = Relaxing(finished.pop(), list(arrays["seen"]), attributes["quiet"])
        elif attributes["extrapolating"] is not None:
            count, *rest = attributes["extrapolating"]
            begun = Extrapolating(tuple(finished[-count:]), *rest)
            del finished[-count:]
        return cls(progress, list(attributes["history"]), finished, begun)

    def recall(self) -> tuple[States | None, Relaxing | Extrapolating | None]:
        """Return what is known of the next relaxation: its result, or how far it had come."""
        self.asked += 1
        if self.asked <= len(self.finished):
            return self.finished[self.asked - 1], None
        begun, self.begun = self.begun, None
        return None, begun

    def record(self, entry: Mapping[str, Any], **told: Any) -> None:
        """Add an entry to the history, and report it with what else is to be told."""
        self.history.append(dict(entry))
        self.tell(**entry, **told)

    def tell(self, **entry: Any) -> None:
        """Report without an entry in the history."""
        if self.progress is not None:
            self.progress.report(entry)

    def pause(self, begun: Relaxing | Extrapolating) -> None:
        """Offer to save in the middle of a relaxation, or of the extrapolation before it."""
        if isinstance(begun, Relaxing):
            self._save([*self.finished, begun.now], seen=begun.seen, quiet=begun.quiet)
        else:
            rows, *rest = begun
            self._save([*self.finished, *rows], extrapolating=[len(rows), *rest])

    def finish(self, relaxed: States) -> States:
        """Take down the result of a relaxation, and return it."""
        self.finished.append(relaxed)
        self._save(self.finished)
        return relaxed

    def _save(
        self, relaxed: Sequence[States], seen: Sequence[Array] = (), quiet: int | None = None,
        extrapolating: list[Any] | None = None,
    ) -> None:  # fmt: skip
        if self.progress is None or not self.progress.due():
            return
        arrays, settings = pack_approximations([approx for one in relaxed for approx in one])
        attributes = {
            "pictures": settings, "starts": [len(one) for one in relaxed], "quiet": quiet,
            "extrapolating": extrapolating, "history": self.history,
        }  # fmt: skip
        self.progress.save({**arrays, "seen": np.array(seen)}, attributes)
