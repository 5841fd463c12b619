"""Settings of the Holstein-Primakoff approximation."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

from impo.arguments import fail

_SIGNS = {"+": 1, "-": -1, 1: 1, -1: -1}


@dataclass(frozen=True)
class HolsteinPrimakoff:
    """Settings of the Holstein-Primakoff approximation.

    Parameters
    ----------
    configuration
        "+" (up) or "-" (down) for every spin of the unit cell, as "+-", or the numbers +1 and -1;
        None takes the stable configuration.
    """

    name: ClassVar[str] = "hpa"
    configuration: str | tuple[int, ...] | None = None

    def __post_init__(self):
        value = self.configuration
        if value is None:
            return
        if not isinstance(value, str | tuple | list) or not all(map(_is_sign, value)):
            raise fail("configuration", 'a string of "+" and "-", or None', value)
        if isinstance(value, list):
            object.__setattr__(self, "configuration", tuple(value))

    @property
    def signs(self) -> tuple[int, ...] | None:
        """The configuration as numbers +1 and -1."""
        return None if self.configuration is None else tuple(_SIGNS[s] for s in self.configuration)


def _is_sign(value: Any) -> bool:
    return isinstance(value, str | Integral) and value in _SIGNS
