"""A function of times, distances, wave numbers or frequencies, as it is measured and stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from impo.arrays import Array, read_only
from impo.results.estimate import Estimate
from impo.results.fields import stored, stored_array
from impo.results.files import malformed
from impo.results.notation import with_error
from impo.results.store import Arrays, Stored, Told, Variables
from impo.results.table import Table
from impo.results.variable import Variable

AXES = {
    "time": "time (1/rate)", "cell": "distance (cells)", "site": "site of the unit cell",
    "k": "wavenumber (1/cell)", "omega": "frequency (rate)",
}  # fmt: skip
"""What each axis of a function is called."""
_ROWS, _COLUMNS = 17, 7  # of a table


@dataclass(frozen=True, eq=False, repr=False)
class SampledFunction(Estimate, Stored):
    """An estimate of a function, with the places at which it is known.

    `found.save("file.h5")` writes it, `load` reads it and `impo plot` draws it.

    Attributes
    ----------
    value, error
        As of any estimate; their axes are those of `axes`, in this order.
    quantity
        Name of the method of a state that returned it, such as "two_time".
    axes
        Places by the names of `AXES`; one may have any shape, and none for a single number.
    label
        What was measured, in words.
    steady
        What a local quench relaxes to, on every site; None of all else.
    origin
        Texts `model`, `method`, `status` and `message` of the state.
    """

    kind: ClassVar[str] = "sampled"
    quantity: str
    axes: Mapping[str, Array]
    label: str
    steady: Array | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("value", "error", "steady"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        axes = {name: read_only(np.asarray(places)) for name, places in self.axes.items()}
        object.__setattr__(self, "axes", axes)

    __eq__ = Stored.__eq__  # not of the numbers alone

    def __hash__(self) -> int:
        return hash((self.kind, self.quantity, self.label))

    @property
    def status(self) -> str:
        """The verdict on the state; failed if a number is not finite."""
        finite = np.all(np.isfinite(self.value)) and np.all(np.isfinite(self.error))
        return self.origin.get("status", "") if finite else "failed"

    @property
    def message(self) -> str:
        """What the verdict rests on."""
        return self.origin.get("message", "")

    @property
    def title(self) -> str:
        """What was measured, of which model and by which method."""
        return f"{self.label} of {self.origin.get('model')} by {self.origin.get('method')}"

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return values, errors and axes, and the texts."""
        arrays = {"value": np.asarray(self.value), "error": np.asarray(self.error)}
        arrays |= {f"axis_{name}": np.asarray(places) for name, places in self.axes.items()}
        if self.steady is not None:
            arrays["steady"] = self.steady
        return arrays, {
            "quantity": self.quantity, "label": self.label, "axes": list(self.axes),
            "origin": dict(self.origin),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Arrays, attributes: Told) -> "SampledFunction":
        """Rebuild the function from what `to_arrays` returned."""
        names = stored(attributes, "axes", list, "a list of names")
        if not all(name in AXES and f"axis_{name}" in arrays for name in names):
            raise malformed("`axes` names places that are missing")
        axes = {name: np.asarray(arrays[f"axis_{name}"]) for name in names}
        shape = tuple(length for places in axes.values() for length in places.shape)
        steady = stored_array(arrays, "steady", (None,)) if "steady" in arrays else None
        return cls(
            stored_array(arrays, "value", shape, "fc")[()],
            stored_array(arrays, "error", shape)[()],
            stored(attributes, "quantity", str, "text"), axes,
            stored(attributes, "label", str, "text"), steady,
            stored(attributes, "origin", dict, "an object"),
        )  # fmt: skip

    def readable(self) -> Variables:
        """Return real part, imaginary part and error with the axes as coordinates."""
        out: Variables = {}
        dims: tuple[str, ...] = ()
        for name, places in self.axes.items():
            many = np.ndim(places) > 1
            own = tuple(f"{name}_{n}" if many else name for n in range(np.ndim(places)))
            out[name] = Variable(own, np.asarray(places), "1", AXES[name])
            dims += own
        out["real"] = Variable(dims, np.real(self.value), "1", self.label)
        if np.iscomplexobj(self.value):
            text = f"imaginary part of {self.label}"
            out["imaginary"] = Variable(dims, np.imag(self.value), "1", text)
        out["error"] = Variable(dims, np.asarray(self.error), "1", f"error of {self.label}")
        out["status"] = Variable((), np.array(self.status), "1", "verdict")
        return out

    def facts(self) -> dict[str, Any]:
        """Return the function in JSON types; what is not finite is null."""

        def plain(values: Any) -> Any:
            known = np.array(values, dtype=object)
            known[~np.isfinite(values)] = None
            return known.tolist()

        parts = {"real": np.real(self.value), "imaginary": np.imag(self.value)}
        return {
            "quantity": self.quantity, "label": self.label, **self.origin, "status": self.status,
            "axes": {name: np.asarray(places).tolist() for name, places in self.axes.items()},
            **{name: plain(part) for name, part in parts.items()}, "error": plain(self.error),
        }  # fmt: skip

    def _table(self) -> Table:
        """Show the first axis in rows and all others in columns, some of both if there are many."""
        first, *rest = [(n, np.ravel(p)) for n, p in self.axes.items()]
        down, across = len(first[1]), int(np.prod([len(p) for _, p in rest], dtype=int))
        values, errors = (np.reshape(part, (down, across)) for part in (self.value, self.error))
        rows, columns = _some(down, _ROWS), _some(across, _COLUMNS)
        heads = []
        for column in columns:
            place = np.unravel_index(column, [len(p) for _, p in rest])
            words = [f"{n} {p[i]:.4g}" for (n, p), i in zip(rest, place, strict=True)]
            heads.append(", ".join(words))
        body = [[first[0], *heads]]
        for row in rows:
            cells = [with_error(values[row, c], errors[row, c]) for c in columns]
            body.append([f"{first[1][row]:.6g}", *cells])
        some = len(rows) < down or len(columns) < across
        note = "Some of the numbers; all with --json or in a file." if some else ""
        return Table(f"{self.title}\n{self.status}: {self.message}", body, note)

    def table(self) -> str:
        """Return what the command line prints."""
        return self._table().text()


def _some(count: int, most: int) -> list[int]:
    """Return up to `most` of the first whole numbers, evenly spread."""
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    return [int(number) for number in chosen]
