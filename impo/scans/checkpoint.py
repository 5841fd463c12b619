"""Unfinished computations on disk: what a method goes on from after an interruption."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from impo.arrays import Array
from impo.model import LindbladModel
from impo.results.settings import provenance
from impo.results.store import Arrays, Stored, StoreError, Told, load, save

logger = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two checkpoints."""
SHARE = 0.05  # of the computing time that may be spent on writing


class Checkpoint:
    """A file that keeps an unfinished computation; implements `impo.results.progress.Follower`.

    Parameters
    ----------
    path
        The file. It is replaced atomically, and gone once `remove` is called.
    key
        What is computed, by which code: see `computation`. A file with another key is not trusted.
    interval
        Least number of seconds between two checkpoints. More are left where writing takes so long
        that it would cost more than a twentieth of the time.
    report
        Called with every history entry.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        interval: float = INTERVAL,
        report: Callable[[Mapping[str, Any]], None] = lambda entry: None,
    ):
        self.path, self.key, self.report = path, key, report
        self._interval = interval
        self._last = time.monotonic()

    def load(self) -> tuple[Mapping[str, Array], Mapping[str, Any]] | None:
        """Return what was saved last; None if there is nothing, or nothing that can be trusted."""
        if not self.path.exists():
            return None
        try:
            found = load(self.path)
        except StoreError as error:
            logger.warning("%s The computation starts anew.", error)
            return None
        if not isinstance(found, _Unfinished) or found.attributes["key"] != self.key:
            logger.warning("%s is of another computation or code; it starts anew.", self.path)
            return None
        return found.arrays, found.attributes["state"]

    def due(self) -> bool:
        """Return whether the last checkpoint is long enough ago."""
        return time.monotonic() - self._last >= self._interval

    def save(self, arrays: Mapping[str, Array], attributes: Mapping[str, Any]) -> None:
        """Write the file. One that cannot be written is no reason to stop computing."""
        begin = time.monotonic()
        try:
            save(_Unfinished(arrays, {"key": self.key, "state": attributes}), self.path)
        except StoreError as error:
            logger.warning("%s The computation goes on without a checkpoint.", error)
        self._last = time.monotonic()
        self._interval = max(self._interval, (self._last - begin) / SHARE)

    def remove(self) -> None:
        """Delete the file: the computation is complete."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, eq=False, repr=False)
class _Unfinished(Stored):
    """Arrays and attributes as they are."""

    kind: ClassVar[str] = "checkpoint"
    arrays: Mapping[str, Array]
    attributes: Mapping[str, Any]

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return both."""
        return dict(self.arrays), dict(self.attributes)

    @classmethod
    def from_arrays(cls, arrays: Arrays, attributes: Told) -> "_Unfinished":
        """Return both."""
        return cls(arrays, attributes)


def computation(model: LindbladModel, method: Any, start: Stored | None) -> str:
    """Return a digest of a computation: model, settings, start, and the code that does it."""
    told = [model.to_json(), method.to_json(), provenance(), _code()]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    if start is not None:
        arrays, attributes = start.to_arrays()
        attributes = {**attributes, "seconds": None}  # of an equal start, not the same
        digest.update(json.dumps(attributes, sort_keys=True, default=str).encode())
        for name in sorted(arrays):
            digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
            digest.update(arrays[name].tobytes())
    return digest.hexdigest()


@cache
def _code() -> str:
    """Return a digest of the source of the package: a version may be in development."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
