"""Settings of a method as files tell them, and the versions of what produced a number."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from typing import Any, ClassVar

_KNOWN: dict[str, type["Settings"]] = {}


class Settings:
    """Base of the settings of all methods: frozen dataclasses with a class attribute `name`.

    They are found by their name when a file is loaded.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            _KNOWN[cls.name] = cls

    def keep(self, **settings: Any) -> None:
        """Keep settings as plain Python values; called while the object is made.

        Equal settings have equal text then: the name of a point of a scan depends on it.
        """
        for name, value in settings.items():
            object.__setattr__(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return {"name": ..., setting: value, ...}; `settings_from` reads it."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class RecordedMethod:
    """Name and settings of a method that is not known here."""

    name: str
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return {"name": ..., setting: value, ...}."""
        return {"name": self.name, **self.settings}


def settings_from(told: Mapping[str, Any], name: str) -> Any:
    """Return the method that `Settings.to_json` told of.

    Parameters
    ----------
    told
        Settings by name; those that are missing have their defaults.
    name
        Name of the method where an old file does not tell it.
    """
    settings = {key: value for key, value in told.items() if key != "name"}
    known = _KNOWN.get(told.get("name", name))
    return known(**settings) if known else RecordedMethod(told.get("name", name), settings)


@cache
def provenance() -> dict[str, str]:
    """Return the versions of what produced a number."""
    packages = ("impo", "numpy", "scipy", "physics-tenpy", "numba", "h5py")
    out = {"python": platform.python_version()}
    for package in packages:
        try:
            out[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            out[package] = "not installed"
    return out
