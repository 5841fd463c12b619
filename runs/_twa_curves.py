"""TWA in figures: curves along a path of models, and which points have equilibrated."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from impo.model import LindbladModel
from impo.result import Status, SteadyState, Variable
from impo.twa import TWA, steady_state


def equilibrated(state: SteadyState) -> bool:
    """Return whether the verdict is converged, or at least both starts of a TWA run agree.

    Where a correlation length is wanted, TWA runs until `max_time` with an unreachable `tol`: the
    length has an error of its own.
    """
    return state.status is Status.CONVERGED or bool(state.diagnostics.get("starts_agree", False))


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
