"""Settings of the Holstein-Primakoff approximation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

from impo.arguments import fail
from impo.methods.base import Method, Omission, left_out, on_call
from impo.model import LindbladModel
from impo.results.state import SteadyState

_SIGNS = {"+": 1, "-": -1, 1: 1, -1: -1}


def configuration_name(configuration: Sequence[int]) -> str:
    """Return a configuration as a string of "+" and "-"."""
    return "".join("+" if s > 0 else "-" for s in configuration)


@dataclass(frozen=True)
class HolsteinPrimakoff(Method):
    """The Holstein-Primakoff approximation: linear spin waves about a configuration, at large S.

    Attributes
    ----------
    configuration
        "+" (up) or "-" (down) for every spin of the unit cell, as "+-"; the numbers +1 and -1 are
        taken as well. None takes the stable configuration.

    Raises
    ------
    ArgumentError
        If a setting is not of its kind.

    Notes
    -----
    Huber, Kirton and Rabl, Phys. Rev. A 102, 012219 (2020), Appendix A.

    Examples
    --------
    >>> from impo import HolsteinPrimakoff, steady_state
    >>> from models.gain_loss import chain
    >>> state = steady_state(chain(S=20, g=1.0, h=0.5, gain=2.0, loss=1.8), HolsteinPrimakoff("+-"))
    >>> print(state.status, state.expect("Sz").value.round(2))
    converged [ 19.67 -19.64]
    """

    name: ClassVar[str] = "hpa"
    configuration: str | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        value = self.configuration
        if value is None:
            return
        if not isinstance(value, str | tuple | list) or not all(map(_is_sign, value)):
            raise fail("configuration", 'a string of "+" and "-", or None', value)
        self.keep(configuration=configuration_name([_SIGNS[sign] for sign in value]))

    @property
    def signs(self) -> tuple[int, ...] | None:
        """The configuration as numbers +1 and -1."""
        return None if self.configuration is None else tuple(_SIGNS[s] for s in self.configuration)

    steady_state = on_call("impo.methods.holstein_primakoff.solve", "steady_state")
    check = on_call("impo.methods.holstein_primakoff.check", "claims")

    def leaves_out(self, model: LindbladModel, state: SteadyState | None) -> Omission:
        """Return what is left out: corrections of relative order n/(2S)."""
        size = math.nan if state is None else state.diagnostics.get("bosons_per_2S", math.nan)
        return Omission(f"collinear ordered phases at large S{left_out('n/2S', size)}", size)


def _is_sign(value: Any) -> bool:
    return isinstance(value, str | Integral) and value in _SIGNS
