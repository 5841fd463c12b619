"""Numbers and verdicts of twenty-two results are those of the kept file, within their errors."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.kept_solves import SOLVES, without_times

KEPT = json.loads(Path(__file__).with_name("data").joinpath("kept_solves.json").read_text())


def is_estimate(item):
    if not isinstance(item, list) or len(item) != 2 or isinstance(item[0], str):
        return False
    value, error = np.shape(item[0]), np.shape(item[1])
    return value in (error, (2, *error))  # complex numbers are pairs


def test_kept_file_holds_every_result():
    assert KEPT.keys() == SOLVES.keys()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", SOLVES)
def test_result_is_that_of_the_kept_file(name):
    found, kept = without_times(SOLVES[name]()), KEPT[name]
    assert json.dumps(found.get("status"), default=str) == json.dumps(kept.get("status"))
    assert without_lengths(found) == without_lengths(kept)
    if isinstance(kept.get("diagnostics"), dict):
        assert found["diagnostics"].keys() == kept["diagnostics"].keys()
    compared = 0
    for key, item in kept.items():
        if key.startswith("xi_"):
            compared += same_where_known(found, kept, key)
        elif f"{key}_error" in kept:
            compared += same(found[key], found[f"{key}_error"], item, kept[f"{key}_error"])
        elif key not in ("residual", "history", "diagnostics", "extras") and is_estimate(item):
            compared += same(*found[key], *item)
    assert compared > 0


def without_lengths(data):
    """Return the names of what does not depend on whether a length is known."""
    return {name for name in data if not name.startswith("xi_")}


def same_where_known(found, kept, key):
    """Compare lengths where both have one: whether a small function has one rounding may decide."""
    if key not in found or f"{key}_error" not in kept:
        return 0
    columns = found[key], found[f"{key}_error"], kept[key], kept[f"{key}_error"]
    value, error, before, bar = (np.array(column, dtype=float) for column in columns)
    known = np.isfinite(value) & np.isfinite(before)
    return same(value[known], error[known], before[known], bar[known])


def same(value, error, kept, kept_error):
    """Check that values agree within both errors; nan only where nan was kept."""
    values, olds = (np.asarray(x, dtype=float) for x in (value, kept))
    bars = [np.nan_to_num(np.asarray(x, dtype=float), posinf=1e300) for x in (error, kept_error)]
    np.testing.assert_array_equal(np.isnan(values), np.isnan(olds))
    apart = np.nan_to_num(np.abs(values - olds))
    assert np.all(apart <= bars[0] + bars[1] + 1e-9 * np.maximum(1, np.nan_to_num(np.abs(olds))))
    return 1
