"""Named arrays with units: the data of a study."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from impo.arrays import Array
from impo.results import points
from impo.results.estimate import Status
from impo.results.fields import stored
from impo.results.hdf5 import check_dimensions
from impo.results.store import Arrays, Stored, Told, Variables, load
from impo.results.table import Table, dataset_table
from impo.results.variable import Variable

if TYPE_CHECKING:
    from impo.results.state import SteadyState

LONGEST_FAMILY = 8
"""Values of an axis up to which a figure draws a curve for each; two longer axes need a map."""


def unconverged(verdicts: Array) -> Array:
    """Return which verdicts are not converged; where there is none, nothing was to be solved."""
    poor: Array = (verdicts != Status.CONVERGED) & (verdicts != "")
    return poor


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Stored):
    """The data of a study, from which its figure is drawn; `data["name"]` is an array.

    Attributes
    ----------
    variables
        Arrays with dimensions and units, by name.
    attributes
        Whatever else belongs to the study, as JSON types.

    Examples
    --------
    >>> import numpy as np
    >>> from impo import Dataset, Variable
    >>> data = Dataset({"status": Variable(("point",), np.array(["converged", "chi_limited"]))})
    >>> data.verdicts, data.unconverged, data.unconverged_points()
    (2, 1, ['point=1: chi_limited'])
    """

    kind: ClassVar[str] = "dataset"
    variables: Mapping[str, Variable]
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __getitem__(self, name: str) -> Array:
        return self.variables[name].values

    def __hash__(self) -> int:
        return hash((self.kind, *sorted(self.variables)))

    def _value(self) -> Any:
        told = {key: held for key, held in self.attributes.items() if key != points.DIRECTORY}
        return {name: vars(item) for name, item in self.variables.items()}, told

    def __contains__(self, name: str) -> bool:
        return name in self.variables

    @property
    def verdicts(self) -> int:
        """Number of verdicts, in the variables `status` and `*_status`; an empty text is none."""
        return sum(int(np.sum(self[name] != "")) for name in self._statuses())

    @property
    def unconverged(self) -> int:
        """Number of verdicts that are not converged."""
        return sum(int(np.sum(unconverged(self[name]))) for name in self._statuses())

    def unconverged_points(self) -> list[str]:
        """Return one line for every verdict that is not converged: where, verdict, and why.

        Why is in the variable `message` or `*_message` that goes with the verdict. Parameters of a
        scan that take their values together (the attribute `axes`) are all named.
        """
        lines = []
        tied = {names[0]: names for names in self.attributes.get("axes", ())}
        for name in self._statuses():
            found, label = self.variables[name], name.removesuffix("status")
            told = self.variables.get(f"{label}message")
            for place in map(tuple, np.argwhere(unconverged(found.values))):
                where = []
                for dim, index in zip(found.dims, place, strict=True):
                    for coordinate in tied.get(dim, [dim]):
                        known = coordinate in self and index < np.size(self[coordinate])
                        value = self[coordinate][index] if known else index
                        where.append(f"{coordinate}={value}")
                why = "" if told is None else str(told.values[place])
                parts = label.rstrip("_"), ", ".join(where), str(found.values[place]), why
                lines.append(": ".join(part for part in parts if part))
        return lines

    def state(self, /, **parameters: Any) -> "SteadyState":
        """Return the complete result of one point of a scan, from the file that the scan has kept.

        Parameters
        ----------
        **parameters
            The point: a value for every axis of the scan, to rounding, by any of the names that are
            tied to it; and "forward" or "backward" as `direction` of a scan in both.

        Raises
        ------
        ArgumentError
            If the data are not of a scan, or do not know the files of its points; if a parameter is
            missing, belongs to no axis, or has a value that is none of its axis.
        StoreError
            If the file of the point is gone, or cannot be read.
        """
        file = points.file_of(self.variables, self.attributes, self.file, parameters)
        found: SteadyState = load(file)
        return found

    def _told_in(self, file: Path, told: Told) -> Told:
        """Tell where the points of a scan lie relative to the table, so that both can be moved."""
        if points.FILE not in self or points.DIRECTORY not in told:
            return told
        directory = points.relative_to(str(told[points.DIRECTORY]), self.file, file)
        return {**told, points.DIRECTORY: directory}

    def _statuses(self) -> list[str]:
        """Return the names of the variables that hold verdicts."""
        return [name for name in self.variables if name == "status" or name.endswith("_status")]

    def _table(self) -> Table:
        return dataset_table(self)

    def readable(self) -> Mapping[str, Variable]:
        """Return all variables."""
        return self.variables

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return no arrays besides the variables, and the attributes."""
        return {}, dict(self.attributes)

    @classmethod
    def _from_file(cls, variables: Variables, arrays: Arrays, told: Told) -> "Dataset":
        check_dimensions(variables)
        return cls(variables, stored({"attributes": told}, "attributes", dict, "an object"))
