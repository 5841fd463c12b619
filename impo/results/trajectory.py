"""States at given times."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from impo.arrays import Array
from impo.model import LindbladModel
from impo.results.estimate import Estimate
from impo.results.state import Stored, stored_kind


@dataclass(frozen=True, eq=False)
class StateTrajectory(Stored):
    """States at given times; observables are those of the states, with one leading time axis."""

    kind: ClassVar[str] = "state_trajectory"
    times: Array
    states: tuple[Any, ...]

    @property
    def model(self) -> LindbladModel:
        """The description that was evolved."""
        return self.states[0].model

    @property
    def method(self) -> Any:
        """The settings of the method."""
        return self.states[0].method

    def __len__(self) -> int:
        return len(self.states)

    def _stack(self, quantity: Callable[[Any], Any]) -> Estimate:
        found = [quantity(state) for state in self.states]
        return Estimate(
            np.array([item.value for item in found]), np.array([item.error for item in found])
        )

    def expect(self, op: str) -> Estimate:
        """Return <op>, shape (times, sites that have it)."""
        return self._stack(lambda state: state.expect(op))

    def variance(self, op: str) -> Estimate:
        """Return <op^2> - <op>^2, shape (times, sites that have it)."""
        return self._stack(lambda state: state.variance(op))

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20
    ) -> Estimate:
        """Return <A_{site a, cell 0} B_{site b, cell r}>, shape (times, r)."""
        return self._stack(lambda state: state.correlation(op_a, op_b, sites, max_cells))

    @property
    def purity_density(self) -> Estimate:
        """Return -ln Tr rho^2 per unit cell, shape (times,)."""
        return self._stack(lambda state: state.purity_density)

    def density_matrix(self, places: Sequence[tuple[int, int]]) -> Array:
        """Return the reduced density matrices of (site, cell) pairs."""
        return np.array([state.density_matrix(places) for state in self.states])

    def distribution(self, places: Sequence[tuple[int, int]]) -> Array:
        """Return P(m_1, m_2, ...) on (site, cell) pairs."""
        return np.array([state.distribution(places) for state in self.states])

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the times and, numbered, what all states return."""
        arrays, told = {"times": self.times}, []
        for number, state in enumerate(self.states):
            found, attributes = state.to_arrays()
            arrays |= {f"{number}.{name}": array for name, array in found.items()}
            told.append(attributes)
        return arrays, {"kind": self.states[0].kind, "states": told}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Array], attributes: Mapping[str, Any]
    ) -> "StateTrajectory":
        """Rebuild the trajectory from what `to_arrays` returned."""
        kind = stored_kind(attributes["kind"])
        if kind is None:
            raise ValueError(f"unknown kind of state {attributes['kind']!r}")
        states = []
        for number, told in enumerate(attributes["states"]):
            start = f"{number}."
            mine = {key[len(start) :]: arrays[key] for key in arrays if key.startswith(start)}
            states.append(kind.from_arrays(mine, told))
        return cls(np.asarray(arrays["times"]), tuple(states))
