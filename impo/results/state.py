"""What every method returns: numbers with error bars, a verdict, and where they come from."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from impo.arrays import Array, read_only
from impo.model import LindbladModel, Place
from impo.results.decays import Decays
from impo.results.estimate import Estimate, Status
from impo.results.expectations import Expectations
from impo.results.fields import optional, stored, stored_number
from impo.results.modes import Decay, no_decay
from impo.results.observed import known_observables
from impo.results.products import known_string
from impo.results.questions import (
    distribution_places,
    known_distance,
    known_operator,
    known_pair,
    matrix_places,
    wave_numbers,
)
from impo.results.settings import settings_from
from impo.results.store import Arrays, Stored, Told
from impo.results.summary import readable, summary
from impo.results.table import Table, state_table
from impo.results.two_time import TwoTimeFunctions
from impo.results.variable import Variable

_WAVES_AT_ONCE = 2048  # of a structure factor: the phases of all distances are in memory
_SHARED = ("message", "residual", "seconds", "history", "diagnostics", "extras", "observe")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SteadyState(Expectations, TwoTimeFunctions, Decays, Stored):
    """The steady state of a model by any method.

    A quantity that a method cannot give is None. Its arguments are checked here, once for all
    methods: a method overrides the one with the underscore, `_expect` for `expect`. All values are
    physical (no rotated frame) and raw (hbar = 1); sites are those of the unit cell.

    Attributes
    ----------
    model, method
        What was solved, by which settings.
    status, message
        The verdict, and a sentence that says what it rests on or what to do.
    residual
        What is left of the equations that the method solves; None if it solves none.
    seconds
        Computing time without compilation, of the last run if it was interrupted.
    history
        How the method came to the result, step by step.
    diagnostics
        What the verdict rests on, as JSON types.
    extras
        Further numbers of the method, by the names that `--json` prints.
    observe
        Observables that `summary` and files hold besides: see `impo.results.observed`.

    Examples
    --------
    >>> from impo import Exact, steady_state
    >>> from models.gain_loss import chain
    >>> model = chain(S=0.5, g=1.0, h=0.5, gain=1.5, loss=1.0)
    >>> state = steady_state(model, Exact(cells=2, periodic=True))  # also in the examples below
    >>> state.variance("Sz").value.round(3), state.distribution([(0, 0)]).round(3)
    (array([0.153, 0.203]), array([0.812, 0.188]))
    >>> round(float(state.purity_density), 3), state.correlation_length("S+", "S-")
    (0.529, None)
    >>> state.two_time("S-", "S+", [0, 1], max_cells=1).value.shape
    (2, 3)
    >>> state.density_matrix([(0, 0), (1, 0)]).shape, state.to_qutip([(0, 0)]).dims
    ((4, 4), [[2], [2]])
    >>> state.observing(["Sz.Sz"]).observe, state.profile("Sz")  # all cells are alike
    (('Sz.Sz',), None)
    """

    no_length: ClassVar[str] = "This state has no correlation lengths."
    model: LindbladModel
    method: Any
    status: Status
    message: str
    residual: float | None = None
    seconds: float = 0.0
    history: Sequence[Mapping[str, Any]] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)
    observe: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for item in fields(self):  # a state does not change, whatever is done with its arrays
            object.__setattr__(self, item.name, read_only(getattr(self, item.name)))

    def __hash__(self) -> int:
        return hash((self.kind, self.model, self.status))

    def _value(self) -> Any:
        arrays, attributes = self.to_arrays()
        return arrays, {key: held for key, held in attributes.items() if key != "seconds"}

    def observing(self, names: Iterable[str]) -> Self:
        """Return the same state with other observables to hold besides: names such as "Sz.Sz".

        They stand in `summary`, in its file, and in the figure. See `impo.results.observed`.
        """
        known = known_observables(self.model, names)
        return self if known == self.observe else replace(self, observe=known)

    def variance(self, op: str) -> Estimate | None:
        """Return <op^2> - <op>^2 on every site of the unit cell that has this operator.

        Shape and errors are those of `expect` of a name; the value is complex for S+ or B.
        """
        return self._variance(known_operator(self.model, op))

    def correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0), max_cells: int = 20,
        string: Any = None,
    ) -> Estimate | None:  # fmt: skip
        """Return <A_{site a, cell 0} B_{site b, cell r}> for r = 0 ... max_cells, not connected.

        In two dimensions r counts cells in the first direction. Cell 0 of an open cluster (`Exact`)
        is the one at its left end; everywhere else, all cells are alike or averaged over.

        Parameters
        ----------
        op_a, op_b
            Names of local operators; on one site (r = 0, equal sites) the product is A B.
        sites
            Site of A and site of B within the unit cell.
        max_cells
            Largest distance in unit cells, up to a million.
        string
            An operator that stands on every site between the two, as in <Sz e^{i pi (Sz + ...)}
            Sz>: a name, a matrix, or one of these for each site of the unit cell. Chains only.

        Returns
        -------
        Estimate or None
            Shape (max_cells + 1,), complex in general. On a finite lattice it is shorter and ends
            at the largest distance that there is: the last cell of a cluster (`Exact`), half the
            number of cells (`TWA`).

        Raises
        ------
        ArgumentError
            If a site does not exist or lacks its operator, or `max_cells` is negative or too large.

        Examples
        --------
        >>> state.correlation("S+", "S-", (0, 1)).value.imag.round(3)  # r = 0, 1
        array([-0.221, -0.124])
        """
        pair, most = known_pair(self.model, op_a, op_b, sites), known_distance(max_cells)
        if string is None:
            return self._correlation(op_a, op_b, pair, most)
        between = known_string(self.model, string)
        return self._string_correlation((op_a, op_b), between, pair, most)

    def correlation_length(
        self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return the decay length xi of the connected correlation function, in unit cells.

        <A_0 B_r> - <A><B> falls like exp(-r / xi). Parameters and errors are those of
        `correlation`. None if there is none, or the method cannot tell it: `decay` says why.
        """
        return self.decay(op_a, op_b, sites).length

    def decay(self, op_a: str, op_b: str, sites: tuple[int, int] = (0, 0)) -> Decay:
        """Return how <A_0 B_r> - <A><B> decays: length, wavenumber, modes, or why there is none.

        Parameters and errors are those of `correlation`.

        Examples
        --------
        >>> print(state.decay("S+", "S-"))
        A finite cluster has no correlation length.
        """
        return self._decay(op_a, op_b, known_pair(self.model, op_a, op_b, sites))

    def density_matrix(self, places: Sequence[Place]) -> Array | None:
        """Return the reduced density matrix of (site, cell) pairs; the last pair runs fastest.

        States are m = S ... -S for spins and n = 0 ... cutoff for bosons.

        Parameters
        ----------
        places
            Different (site of the unit cell, cell) pairs, up to 100,000 cells away.

        Returns
        -------
        array or None
            Shape (D, D) with D the product of the dimensions of the sites, trace 1.

        Raises
        ------
        ArgumentError
            If there is no pair, a pair comes twice, a site does not exist, or the matrix has more
            than 2^28 elements.
        """
        return self._density_matrix(matrix_places(self.model, places))

    def to_qutip(self, places: Sequence[Place]) -> Any:
        """Return `density_matrix` as a `qutip.Qobj`, a factor of its tensor product per place.

        None where `density_matrix` is. Errors are those of `density_matrix`, and an `ArgumentError`
        if QuTiP is not installed.
        """
        qutip = optional("qutip", "to_qutip")
        if (rho := self.density_matrix(places)) is None:
            return None
        dimensions = [self.model.sites[site].dimension for site, _ in places]
        return qutip.Qobj(rho, dims=[dimensions, dimensions])

    def distribution(self, places: Sequence[Place]) -> Array | None:
        """Return the probabilities P(m_1, m_2, ...) on (site, cell) pairs.

        The diagonal of `density_matrix`, one axis for each pair, in its order of states; parameters
        and errors are the same.
        """
        return self._distribution(distribution_places(self.model, places))

    @property
    def purity_density(self) -> Estimate | None:
        """-ln Tr rho^2 per unit cell: 0 for a pure state, ln of the dimension for a mixed one."""
        return None

    def structure_factor(
        self, op_a: str, op_b: str, k: ArrayLike, sites: tuple[int, int] = (0, 0)
    ) -> Estimate | None:
        """Return sum_r exp(i k r) (<A_0 B_r> - <A><B>) over all distances r in unit cells.

        Parameters
        ----------
        op_a, op_b, sites
            As in `correlation`.
        k
            Wave number(s) in units of one over the length of the unit cell, up to a million.

        Returns
        -------
        Estimate or None
            Of the shape of k, complex in general.

        Raises
        ------
        ArgumentError
            If a site does not exist or lacks its operator.

        Examples
        --------
        >>> from impo import HolsteinPrimakoff
        >>> ordered = chain(S=20, g=1.0, h=0.5, gain=2.0, loss=1.8)
        >>> wave = steady_state(ordered, HolsteinPrimakoff()).structure_factor("S+", "S-", [0, 1])
        >>> wave.value.real.round(1)
        array([71.6, 58.7])
        """
        pair = known_pair(self.model, op_a, op_b, sites)
        waves, axes = wave_numbers(self.model, k), self.model.dimension - 1
        shape = waves.shape[: waves.ndim - axes]
        if math.prod(shape) <= _WAVES_AT_ONCE:
            return self._structure_factor(op_a, op_b, waves, pair)
        flat = waves.reshape(-1, *waves.shape[waves.ndim - axes :])
        parts = [
            self._structure_factor(op_a, op_b, flat[first : first + _WAVES_AT_ONCE], pair)
            for first in range(0, len(flat), _WAVES_AT_ONCE)
        ]
        known = [part for part in parts if part is not None]
        if not known:
            return None
        values, errors = (
            np.concatenate(found).reshape(shape)
            for found in ([part.value for part in known], [part.error for part in known])
        )
        return Estimate(values, errors)

    def profile(self, op: str) -> Estimate | None:
        """Return <op> on every site of a finite open chain that has it, from left to right.

        Parameters and errors are those of `expect`. None where all cells are alike, or where the
        method keeps only averages.
        """
        return self._profile(known_operator(self.model, op))

    def _profile(self, op: str) -> Estimate | None:
        return None

    def _variance(self, op: str) -> Estimate | None:
        return None

    def _correlation(
        self, op_a: str, op_b: str, sites: tuple[int, int], max_cells: int
    ) -> Estimate | None:
        return None

    def _decay(self, op_a: str, op_b: str, sites: tuple[int, int]) -> Decay:
        return no_decay(self.no_length)

    def _density_matrix(self, places: Sequence[Place]) -> Array | None:
        return None

    def _distribution(self, places: Sequence[Place]) -> Array | None:
        return None

    def _structure_factor(
        self, op_a: str, op_b: str, k: Array, sites: tuple[int, int]
    ) -> Estimate | None:
        return None

    def _table(self) -> Table:
        return state_table(self)

    def summary(self) -> dict[str, Any]:
        """Return the result in JSON types: the object that `impo solve --json` prints."""
        return dict(self._facts)

    @cached_property
    def _facts(self) -> dict[str, Any]:
        """Kept, as saving and checking ask for it more than once."""
        return summary(self)

    def readable(self) -> Mapping[str, Variable]:
        """Return the numbers of `summary` as variables with dimensions, units and names."""
        return readable(self)

    def _arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the arrays of the method's own fields, and the rest of these as JSON types."""
        return {}, {}

    @classmethod
    def _fields(cls, model: LindbladModel, method: Any, arrays: Arrays, told: Told) -> Told:
        """Return the method's own fields from what `_arrays` returned."""
        return {}

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return (named arrays, attributes made of JSON types)."""
        arrays, own = self._arrays()
        return arrays, {
            "model": self.model.to_json(), "method": self.method.to_json(),
            "status": str(self.status), "message": self.message, "residual": self.residual,
            "seconds": self.seconds, "history": [dict(step) for step in self.history],
            "diagnostics": dict(self.diagnostics), "extras": dict(self.extras), **own,
            **({"observe": list(self.observe)} if self.observe else {}),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Arrays, attributes: Told) -> "SteadyState":
        """Rebuild the state from what `to_arrays` returned."""
        model = LindbladModel.from_json(attributes["model"])
        method = settings_from(attributes["method"], cls.kind)
        shared = {name: _shared(attributes, name) for name in _SHARED if name in attributes}
        if "status" in attributes:
            shared["status"] = Status(attributes["status"])
        own = cls._fields(model, method, arrays, attributes)
        return cls(model=model, method=method, **shared, **own)


def _shared(told: Told, name: str) -> Any:
    """Return a field that all methods have, of its type."""
    if name == "message":
        return stored(told, name, str, "text")
    if name == "observe":
        return tuple(
            stored({name: x}, name, str, "texts") for x in stored(told, name, list, "a list")
        )
    if name in ("diagnostics", "extras"):
        return stored(told, name, dict, "an object")
    if name == "history":
        steps = stored(told, name, list, "a list of objects")
        return [stored({name: step}, name, dict, "a list of objects") for step in steps]
    value = stored_number(told, name)
    return value if name == "residual" else stored({name: value}, name, float, "a number")
