"""How a long computation reports, and what it can be resumed from."""

from collections.abc import Mapping
from typing import Any, Protocol

from impo.arrays import Array


class Progress(Protocol):
    """Follows one long computation: hears how far it is, and keeps what it can go on from.

    A method that takes it goes on, after an interruption, to the same numbers bit for bit.
    """

    def report(self, entry: Mapping[str, Any]) -> None:
        """Take notice of a history entry."""

    def load(self) -> tuple[Mapping[str, Array], Mapping[str, Any]] | None:
        """Return what was saved last for this very computation, or None."""

    def due(self) -> bool:
        """Return whether it is time to save."""

    def save(self, arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> None:
        """Keep named arrays and JSON attributes from which the computation can go on."""
