"""States at given times: what `evolve` returns for every method."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from impo.arrays import Array, read_only
from impo.model import LindbladModel, Place
from impo.results.estimate import Estimate, Status
from impo.results.fields import stored, stored_array
from impo.results.files import malformed
from impo.results.products import Bond
from impo.results.state import SteadyState
from impo.results.store import Arrays, Stored, Told, Variables, reads_kind, rebuilt
from impo.results.summary import readable_trajectory
from impo.results.table import Table, trajectory_table

_PARTS = ("value", "error")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trajectory(Stored):
    """States at given times; observables are those of the states, with one leading time axis.

    Attributes
    ----------
    times
        In units of the inverse rates of the model, rising, shape (T,).
    states
        The state at every time.
    status, message
        The verdict on all of them.
    start
        The state at time zero, from which `impo check` follows the motion again; None if it is the
        first of `states`, and in files up to schema 3.

    Examples
    --------
    >>> from impo import Exact, evolve
    >>> from models.gain_loss import dimer
    >>> path = evolve(dimer(S=0.5), Exact(), [[1, 0], [0, 1]], [0, 1, 2])
    >>> path.expect("Sz").value[0], path.correlation("S+", "S-", (0, 1)).value.shape
    (array([ 0.5, -0.5]), (3, 1))
    >>> path.variance("Sz").value.shape, path.density_matrix([(0, 0)]).shape
    ((3, 2), (3, 2, 2))
    >>> path.distribution([(0, 0), (1, 0)]).shape, path.structure_factor("Sz", "Sz", 0.0)
    ((3, 2, 2), None)
    >>> path.observing(["Sz.Sz"]).observe, path.holds((0, 0))
    (('Sz.Sz',), True)
    >>> {bond: found.value.round(2).tolist() for bond, found in path.current().items()}
    {((0, 0), (1, 0)): [0.0, 0.59, 0.5]}
    """

    kind: ClassVar[str] = "trajectory"
    times: Array
    states: tuple[SteadyState, ...]
    status: Status
    message: str
    start: SteadyState | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", read_only(self.times))

    def __hash__(self) -> int:
        return hash((self.kind, self.model, len(self)))

    def _value(self) -> Any:
        return self.times, [part._value() for part in self._parts], self.status, self.message

    @property
    def model(self) -> LindbladModel:
        """The description that was evolved."""
        return self.states[0].model

    @property
    def method(self) -> Any:
        """The settings of the method."""
        return self.states[0].method

    @property
    def observe(self) -> tuple[str, ...]:
        """Observables that tables and files hold besides: see `impo.results.observed`."""
        return self.states[0].observe

    @property
    def _parts(self) -> tuple[SteadyState, ...]:
        """All states that are held, the start at the end."""
        return self.states if self.start is None else (*self.states, self.start)

    @property
    def path(self) -> list[tuple[float, SteadyState]]:
        """All states with their times, in rising order; the first is the start if it is known."""
        known = list(zip(self.times.tolist(), self.states, strict=True))
        return known if self.start is None else [(0.0, self.start), *known]

    def __len__(self) -> int:
        return len(self.states)

    def holds(self, place: Place) -> bool:
        """Return whether the lattice has this (site, cell)."""
        return self.states[0].holds(place)

    def observing(self, names: Iterable[str]) -> "Trajectory":
        """Return the same trajectory with other observables to hold besides."""
        start = None if self.start is None else self.start.observing(names)
        states = tuple(state.observing(names) for state in self.states)
        return replace(self, states=states, start=start)

    def _stack(self, quantity: Callable[[SteadyState], Estimate | None]) -> Estimate | None:
        found = [quantity(state) for state in self.states]
        values = _stacked([None if item is None else item.value for item in found])
        errors = _stacked([None if item is None else item.error for item in found])
        return None if values is None else Estimate(values, errors)

    def expect(self, op: Any, *others: Any) -> Estimate | None:
        """Return <op>, shape (T, sites that have it), or of a product or matrix, shape (T,)."""
        return self._stack(lambda state: state.expect(op, *others))

    def variance(self, op: str) -> Estimate | None:
        """Return <op^2> - <op>^2, shape (T, sites that have it)."""
        return self._stack(lambda state: state.variance(op))

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20,
        string: Any = None,
    ) -> Estimate | None:  # fmt: skip
        """Return <A_{site a, cell 0} B_{site b, cell r}>, shape (T, r).

        As of a state, r ends at `max_cells`, or at the largest distance of a finite lattice.
        """
        return self._stack(lambda state: state.correlation(op_a, op_b, sites, max_cells, string))

    def current(self, op: str | None = None) -> dict[Bond, Estimate] | None:
        """Return the current of a charge through every bond, shape (T,): see `SteadyState`."""
        found = [state.current(op) for state in self.states]
        known = [currents for currents in found if currents is not None]
        if len(known) < len(found):
            return None
        return {
            bond: Estimate(*(np.array([getattr(at[bond], x) for at in known]) for x in _PARTS))
            for bond in known[0]
        }

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>), shape (T, shape of k)."""
        return self._stack(lambda state: state.structure_factor(op_a, op_b, k, sites))

    @property
    def purity_density(self) -> Estimate | None:
        """-ln Tr rho^2 per unit cell, shape (T,)."""
        return self._stack(lambda state: state.purity_density)

    def density_matrix(self, places: Sequence[Place]) -> Array | None:
        """Return the reduced density matrices of (site, cell) pairs, shape (T, d, d)."""
        return _stacked([state.density_matrix(places) for state in self.states])

    def distribution(self, places: Sequence[Place]) -> Array | None:
        """Return P(m_1, m_2, ...) on (site, cell) pairs, with a leading axis of length T."""
        return _stacked([state.distribution(places) for state in self.states])

    def _table(self) -> Table:
        return trajectory_table(self)

    def readable(self) -> Variables:
        """Return the observables on the sites as variables with dimensions, units and names."""
        return readable_trajectory(self)

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the times and the arrays of all states, and what tells them apart as JSON types.

        Arrays of one shape are stacked, others are numbered; what all states share stands once.
        """
        parts = [state.to_arrays() for state in self._parts]
        arrays: dict[str, Array] = {"times": self.times}
        for name in parts[0][0]:
            found = [np.asarray(part[0][name]) for part in parts if name in part[0]]
            if len(found) == len(parts) and len({array.shape for array in found}) == 1:
                arrays[f"all.{name}"] = np.stack(found)
        for number, (found_here, _) in enumerate(parts):
            rest = {k: v for k, v in found_here.items() if f"all.{k}" not in arrays}
            arrays |= {f"{number}.{name}": array for name, array in rest.items()}
        first = parts[0][1]
        shared = {k: v for k, v in first.items() if all(part[1].get(k) == v for part in parts)}
        own = [{k: v for k, v in told.items() if k not in shared} for _, told in parts]
        return arrays, {
            "kind": self.states[0].kind, "status": str(self.status), "message": self.message,
            "start": self.start is not None,  # it is the last of the parts
            "shared": shared, "states": own,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Arrays, attributes: Told) -> "Trajectory":
        """Rebuild the trajectory from what `to_arrays` returned."""
        told = stored(attributes, "states", list, "a list of objects, one for every time")
        begins = bool(attributes.get("start", False))  # its start is the last of the parts
        times = stored_array(arrays, "times", (len(told) - begins,))
        stacked = {
            k.removeprefix("all."): stored_array(arrays, k, (len(told), *v.shape[1:]), "iufc")
            for k, v in arrays.items() if k.startswith("all.")
        }  # fmt: skip
        states = []
        for number, own in enumerate(told):
            start = f"{number}."
            mine = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            mine |= {name: array[number] for name, array in stacked.items()}
            states.append(rebuilt(attributes["kind"], mine, {**attributes["shared"], **own}))
        begin = states.pop() if begins else None
        if not all(isinstance(state, SteadyState) for state in states) or not states:
            raise malformed("a trajectory must have a state at every time")
        return cls(
            times=times, states=tuple(states), start=begin, status=Status(attributes["status"]),
            message=stored(attributes, "message", str, "text"),
        )  # fmt: skip


def trajectory_of(
    state: Callable[..., SteadyState],
    times: Array,
    fields: Iterable[Mapping[str, Any]],
    start: Mapping[str, Any] | None = None,
    status: Status = Status.CONVERGED,
    message: str = "The equations of motion are integrated to their accuracy.",
) -> Trajectory:
    """Return a trajectory of states that are made from their own fields, one mapping per time.

    Parameters
    ----------
    state
        Makes a state from keyword arguments: the fields, and `status` and `message`, which say that
        a state on its way is no steady state.
    times
        Shape (T,).
    fields
        T mappings from names of fields to their values.
    start
        The same at time zero; it is kept unless the first of the times is zero.
    status, message
        The verdict on the whole trajectory.
    """

    def at(time: float, own: Mapping[str, Any]) -> SteadyState:
        return state(status=Status.NOT_CONVERGED, message=f"The state at time {time:g}.", **own)

    return Trajectory(
        times=times, states=tuple(map(at, times, fields)), status=status, message=message,
        start=None if start is None or times[0] == 0 else at(0.0, start),
    )  # fmt: skip


def joint_verdict(states: Sequence[SteadyState]) -> tuple[Status, str]:
    """Return the first verdict that is not `converged`, else the last."""
    bad = [state for state in states if state.status != Status.CONVERGED]
    chosen = bad[0] if bad else states[-1]
    return chosen.status, chosen.message


def _stacked(found: list[Array | None]) -> Array | None:
    known = [item for item in found if item is not None]
    return np.array(known) if len(known) == len(found) else None


@reads_kind("state_trajectory")
def _numbered(variables: Variables, arrays: Arrays, told: Told) -> Trajectory:
    """Rebuild a trajectory of schema 2, which had no verdict of its own."""
    unjudged = {"shared": {}, "status": "failed", "message": ""}
    read = Trajectory.from_arrays(arrays, {**unjudged, **told})
    status, message = joint_verdict(read.states)
    return replace(read, status=status, message=message)
