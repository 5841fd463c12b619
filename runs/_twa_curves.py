"""TWA in figures: curves along a path of models, and which points have equilibrated."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from impo.model import LindbladModel
from impo.plot import points
from impo.result import Dataset, Status, SteadyState, Variable
from impo.twa import TWA, steady_state
from models.gain_loss import chain


def equilibrated(state: SteadyState) -> bool:
    """Return whether the verdict is converged, or at least both starts of a TWA run agree.

    Where a correlation length is wanted, TWA runs until `max_time` with an unreachable `tol`: the
    length has an error of its own.
    """
    return state.status is Status.CONVERGED or bool(state.diagnostics.get("starts_agree", False))


def verdict(state: SteadyState) -> str:
    """Return `converged` for what has equilibrated, else the status of the state."""
    return str(Status.CONVERGED if equilibrated(state) else state.status)


def twa_curve(
    models: Iterable[LindbladModel], method: TWA, dim: str, prefix: str = "twa"
) -> dict[str, Variable]:
    """Return observables of TWA steady states along a path, as variables of a dataset.

    Parameters
    ----------
    models
        One model per point; all sites of the same spin.
    method
        Settings; `method.tol` refers to <S_z>/S and Var/S^2.
    dim
        Name of the dimension that runs along the path.
    prefix
        Beginning of all names.

    Returns
    -------
    dict
        Scaled by S or S^2, each with a variable `..._error`: `_Sz` and `_Sz_var` (dim, site),
        `_transverse` = sqrt(<S_x>^2 + <S_y>^2)/S (dim, site), `_xi` of S+S- on site 0 (dim; nan
        where there is none); and `_settled` (dim), see `equilibrated`.
    """
    columns: dict[str, list] = {}

    def add(name: str, value: NDArray | float, error: NDArray | float) -> None:
        columns.setdefault(name, []).append(value)
        columns.setdefault(f"{name}_error", []).append(error)

    settled = []
    for model in models:
        state = steady_state(model, method)
        spin = float(model.sites[0].S)
        plus = state.expect("S+")
        add("Sz", state.expect("Sz").value / spin, state.expect("Sz").error / spin)
        spread = state.variance("Sz")
        add("Sz_var", spread.value / spin**2, spread.error / spin**2)
        add("transverse", np.abs(plus.value) / spin, plus.error / spin)
        length = state.correlation_length("S+", "S-", (0, 0))
        add("xi", *((np.nan, np.nan) if length is None else (length.value, length.error)))
        settled.append(equilibrated(state))
    names = {
        "Sz": "<S_z>/S", "Sz_var": "Var(S_z)/S^2", "transverse": "S_perp/S",
        "xi": "correlation length of S+S- in cells",
    }  # fmt: skip
    out = {}
    for key, values in columns.items():
        array = np.array(values)
        name = names[key.removesuffix("_error")]
        long_name = f"TWA, {name}" + (", error" if key.endswith("_error") else "")
        dims = (dim, "site") if array.ndim == 2 else (dim,)
        out[f"{prefix}_{key}"] = Variable(dims, array, long_name=long_name)
    out[f"{prefix}_settled"] = Variable((dim,), np.array(settled), long_name="TWA, equilibrated")
    return out


def along_loss(
    losses: NDArray, method: TWA, gain: float | None = None, prefix: str = "twa"
) -> dict[str, Variable]:
    """Return TWA curves of the chain with S = 1000, g = 1, h = 1/2 along a path of rates.

    Deep in the PT phase (gain = loss < g - h) it takes a time of order S/Gamma to equilibrate:
    such points come out unsettled, with errors as large as the difference of the two starts.

    Parameters
    ----------
    losses
        Loss rates; they become the coordinate `<prefix>_loss`.
    method
        Settings. For correlation lengths, a small `tol` spends all of `max_time`.
    gain
        Gain rate; None ties it to the loss (the symmetry line).
    prefix
        Beginning of all names.

    Returns
    -------
    dict
        The variables of `twa_curve` over the dimension `<prefix>_loss`.
    """
    models = [chain(1000, 1.0, 0.5, loss if gain is None else gain, loss) for loss in losses]
    dim = f"{prefix}_loss"
    return {
        dim: Variable((dim,), np.asarray(losses, dtype=float), "g", "loss rate"),
        **twa_curve(models, method, dim, prefix),
    }


def draw_curve(
    axes: Axes,
    data: Dataset,
    key: str,
    site: int | None = None,
    scale: float = 1.0,
    prefix: str = "twa",
    **line,
) -> None:
    """Draw `<prefix>_<key>` over `<prefix>_loss` * scale; hollow points have not equilibrated.

    `site` picks a site where there is one; `line` goes to `impo.plot.points`.
    """
    value, error = data[f"{prefix}_{key}"], data[f"{prefix}_{key}_error"]
    if site is not None:
        value, error = value[:, site], error[:, site]
    points(
        axes, data[f"{prefix}_loss"] * scale, value, error, data[f"{prefix}_settled"],
        **{"markersize": 3, "linewidth": 1, **line},
    )  # fmt: skip
