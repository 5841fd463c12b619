"""A result that is none: why a point of a scan could not be computed."""

from dataclasses import dataclass
from typing import ClassVar

from impo.results.estimate import Status
from impo.results.state import SteadyState


@dataclass(frozen=True, kw_only=True, eq=False)
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
    """

    kind: ClassVar[str] = "failure"
    status: Status = Status.FAILED
