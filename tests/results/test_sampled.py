import numpy as np
import pytest

from impo.results.files import UnreadableError
from impo.results.sampled import SampledFunction
from impo.results.store import load

ORIGIN = {"model": "m", "method": "exact", "status": "converged", "message": "good"}


def function(value, axes, **more):
    value = np.asarray(value)
    error = np.full(value.shape, 0.1)
    return SampledFunction(value, error, "two_time", axes, "A B", origin=ORIGIN, **more)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_places_of_any_shape_are_kept(tmp_path, shape):
    axes = {"k": np.arange(np.prod(shape)).reshape(shape), "omega": np.arange(4.0)}
    found = function(np.random.default_rng(1).normal(size=(*shape, 4)) + 1j, axes)
    found.save(tmp_path / "f.h5")
    back = load(tmp_path / "f.h5")
    assert back == found
    np.testing.assert_array_equal(back.axes["k"], axes["k"])
    assert (back.label, back.status, back.message) == ("A B", "converged", "good")
    np.testing.assert_array_equal(back.to_xarray()["imaginary"].values, found.value.imag)


def test_what_is_not_finite_is_no_success():
    axes = {"time": np.arange(2.0), "cell": np.arange(1)}
    found = function([[1.0], [np.nan]], axes)
    assert found.status == "failed"
    assert found.facts()["real"] == [[1.0], [None]]
    assert found.facts()["status"] == "failed"
    assert "failed: good" in found.table()


def test_a_long_table_says_that_it_is_not_all():
    axes = {"time": np.arange(40.0), "cell": np.arange(-10, 11)}
    lines = function(np.zeros((40, 21)), axes).table().splitlines()
    assert len(lines) == 2 + 1 + 17 + 1
    assert lines[2].split()[:3] == ["time", "cell", "-10"]
    assert lines[-1].startswith("Some of the numbers")
    short = function(np.zeros((2, 3)), {"time": np.arange(2.0), "cell": np.arange(-1, 2)})
    assert "Some" not in short.table()


def test_a_file_that_lacks_places_is_refused(tmp_path):
    found = function(np.zeros((2, 3)), {"time": np.arange(2.0), "cell": np.arange(-1, 2)})
    arrays, told = found.to_arrays()
    del arrays["axis_cell"]
    with pytest.raises(UnreadableError, match="axes"):
        SampledFunction.from_arrays(arrays, told)
    arrays["axis_cell"] = np.arange(5)
    with pytest.raises(UnreadableError, match="value"):
        SampledFunction.from_arrays(arrays, told)
