"""What every method can do."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from impo.arguments import ArgumentError, UnsupportedModelError, fail, non_negative
from impo.arrays import Array
from impo.model import LindbladModel
from impo.operators.product_state import density_matrices
from impo.results.claims import Claim
from impo.results.progress import Follower
from impo.results.settings import Settings
from impo.results.spectrum import Spectrum
from impo.results.state import SteadyState
from impo.results.trajectory import Trajectory

_LARGEST_WEIGHT = 10.0
Start = SteadyState | Sequence[ArrayLike]
"""A state by the same method, or one entry for each site of the unit cell, such as `Coherent`."""


@dataclass(frozen=True)
class Omission:
    """What a method leaves out of its error bars.

    Attributes
    ----------
    valid_for
        Where the method is valid, and what it leaves out, in words.
    size
        Relative size of what is left out: 0 for nothing, nan if it is not known.
    """

    valid_for: str = ""
    size: float = math.nan


class Method(Settings):
    """A method: frozen settings, and all that can be done with them.

    A subclass is a frozen dataclass with a class attribute `name`, in a folder of its own, and
    overrides the verbs that it has. `impo.steady_state` and `impo.evolve` check arguments, limit
    the threads of linear algebra and take the time before they call a verb.

    Attributes
    ----------
    name
        Name on the command line.
    warm_starts
        Whether a point of a scan starts from the state of its neighbour.
    blas_threads
        Threads of the linear algebra library that a verb may use; None sets no limit.
    """

    warm_starts: ClassVar[bool] = False
    blas_threads: ClassVar[int | None] = 1

    def steady_state(
        self, model: LindbladModel, start: Start | None = None, progress: Follower | None = None
    ) -> SteadyState:
        """Return the steady state of a model.

        Parameters
        ----------
        model
            A description with at least one jump of positive rate.
        start
            What the search starts from; None for the default of the method.
        progress
            Hears how far the computation is; a method that keeps nothing may only report.

        Raises
        ------
        UnsupportedModelError
            If the method cannot treat the model.
        """
        raise UnsupportedModelError(f"Method `{self.name}` has no `steady_state`.")

    def evolve(
        self, model: LindbladModel, start: Start | None, times: Array,
        progress: Follower | None = None,
    ) -> Trajectory:  # fmt: skip
        """Return the states at rising times >= 0, in inverse rates of the model, shape (T,).

        Raises
        ------
        UnsupportedModelError
            If the method cannot treat the model, or has no dynamics.
        """
        raise UnsupportedModelError(f"Method `{self.name}` has no `evolve`.")

    def spectrum(
        self, model: LindbladModel, charge: tuple[int, ...] | int | None, k: float | None,
        count: int,
    ) -> Spectrum:  # fmt: skip
        """Return eigenvalues of the Liouvillian: see `impo.spectrum`."""
        raise UnsupportedModelError(f"Method `{self.name}` has no `spectrum`.")

    def compile(self, model: LindbladModel) -> None:
        """Compile what the method needs for a model, so that other processes find it compiled."""

    def check(self, result: Any) -> Iterator[Claim]:
        """Yield what the equations of the method say of a state or trajectory by it."""
        yield from ()

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what the method leaves out of the error bars of a state, if there is one."""
        return Omission()


def on_call(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that is imported when it is first called.

    A method that is not used then costs no time: its verbs stand beside the libraries they need.
    """

    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(import_module(module), name)(*arguments, **options)

    return call


def rank_weight(value: Any) -> float:
    """Return the setting `weight` of a matrix product, from 0 to 10.

    With a larger one, high ranks are below rounding.
    """
    if (weight := non_negative("weight", value)) > _LARGEST_WEIGHT:
        raise fail("weight", f"a number from 0 to {_LARGEST_WEIGHT:g}", value)
    return weight


def refuse_no_state(model: LindbladModel, start: Any) -> None:
    """Raise `ArgumentError` if a start is no state, though the result does not depend on it."""
    if not (start is None or isinstance(start, SteadyState)):
        density_matrices(model, start)


def refuse_long(times: Array, longest: float) -> None:
    """Raise `ArgumentError` if an evolution would take too many steps.

    Parameters
    ----------
    times
        Shape (T,), rising.
    longest
        The last time that may be asked for.
    """
    if not times[-1] <= longest:
        raise ArgumentError(
            f"Argument `times` must end at {longest:.3g} at the latest, but ends at "
            f"{times[-1]:.3g}: that takes too many steps of the fastest motion."
        )


def left_out(name: str, size: float) -> str:
    """Return what is left out in words, as the end of a sentence; nothing if it is not known."""
    if math.isnan(size):
        return ""
    return f": leaves out {name} = {size:.2g}" + (", which is not small" if size > 0.2 else "")


def shape_text(cells: int | tuple[int, ...]) -> str:
    """Return a number of cells, or numbers in each direction, as text."""
    return " x ".join(map(str, cells)) if isinstance(cells, tuple) else str(cells)
