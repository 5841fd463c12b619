"""Named arrays with units: the data of a study."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from impo.arrays import Array
from impo.results.estimate import Status
from impo.results.fields import stored
from impo.results.hdf5 import check_dimensions
from impo.results.store import Arrays, Stored, Told, Variables
from impo.results.table import Table, dataset_table
from impo.results.variable import Variable


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Stored):
    """The data of a study, from which its figure is drawn; `data["name"]` is an array.

    Attributes
    ----------
    variables
        Arrays with dimensions and units, by name.
    attributes
        Whatever else belongs to the study, as JSON types.
    """

    kind: ClassVar[str] = "dataset"
    variables: Mapping[str, Variable]
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __getitem__(self, name: str) -> Array:
        return self.variables[name].values

    def __hash__(self) -> int:
        return hash((self.kind, *sorted(self.variables)))

    def _value(self) -> Any:
        return {name: vars(item) for name, item in self.variables.items()}, self.attributes

    def __contains__(self, name: str) -> bool:
        return name in self.variables

    @property
    def unconverged(self) -> int:
        """Number of verdicts, in the variables `status` and `*_status`, that are not converged."""
        names = [name for name in self.variables if name == "status" or name.endswith("_status")]
        return sum(int(np.sum(np.asarray(self[name]) != Status.CONVERGED)) for name in names)

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
