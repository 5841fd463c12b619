"""A result that is none: why a point of a scan could not be computed."""

from dataclasses import dataclass
from typing import ClassVar

from impo.results.estimate import Status
from impo.results.state import SteadyState


@dataclass(frozen=True, kw_only=True, eq=False)
class Failure(SteadyState):
    """What was to be solved, without a single number; `message` is the reason in one line.

    `seconds` is the computing time that was lost, and `diagnostics` whatever helps to find the
    cause.
    """

    kind: ClassVar[str] = "failure"
    status: Status = Status.FAILED
