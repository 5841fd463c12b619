"""Settings of mean-field theory."""

from dataclasses import dataclass
from typing import ClassVar

from impo.arguments import positive


@dataclass(frozen=True)
class MeanField:
    """Settings of mean-field theory.

    Parameters
    ----------
    t_max
        Longest time to wait for a fixed point, in units of the inverse of the model's fastest rate;
        what still moves then is reported as a limit cycle.
    """

    name: ClassVar[str] = "mf"
    t_max: float = 1000.0

    def __post_init__(self):
        positive("t_max", self.t_max)
