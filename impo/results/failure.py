"""A result that is none: why a point of a scan could not be computed."""

import traceback
from dataclasses import dataclass
from typing import Any, ClassVar

from impo.arguments import UnsupportedModelError
from impo.model import LindbladModel
from impo.results.estimate import Status
from impo.results.state import SteadyState


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Failure(SteadyState):
    """What was to be solved, without a single number: every quantity is None.

    Attributes
    ----------
    model, method
        What was to be solved, by which settings.
    message
        The reason, in one line.
    seconds
        Computing time that was lost.
    diagnostics
        Whatever helps to find the cause.

    Examples
    --------
    >>> from impo import Exact, MeanField, compare
    >>> from models.kerr import oscillator
    >>> print(compare(oscillator(1.0, 1.0, cutoff=6), [Exact(), MeanField()])["status"][1])
    failed
    """

    kind: ClassVar[str] = "failure"
    status: Status = Status.FAILED


def failure(model: LindbladModel, method: Any, error: Exception, seconds: float) -> Failure:
    """Return what is left of a computation that an exception has ended, with its traceback."""
    text = " ".join(str(error).split())
    kind = "Refused" if isinstance(error, UnsupportedModelError) else type(error).__name__
    return Failure(
        model=model, method=method, message=f"{kind}: {text}" if text else kind, seconds=seconds,
        diagnostics={"traceback": "".join(traceback.format_exception(error))},
    )  # fmt: skip
