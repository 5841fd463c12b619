import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from impo.analysis.plot_sampled import sampled
from impo.arguments import ArgumentError
from impo.results.sampled import SampledFunction

TIMES, OMEGA = np.linspace(0, 1, 5), np.linspace(-1, 1, 4)
ORIGIN = {"model": "m", "method": "exact", "status": "converged", "message": ""}


def function(shape, axes, steady=None, imaginary=0.0):
    value = np.arange(float(np.prod(shape))).reshape(shape) - 3
    value = value + 1j * imaginary if imaginary else value
    error = np.full(shape, 0.01)
    return SampledFunction(value, error, "two_time", axes, "A B", steady, ORIGIN)


def meshes(ax):
    return [one for one in ax.collections if isinstance(one, QuadMesh)]


def test_few_wave_numbers_are_curves_and_many_a_map():
    found = function((3, 4), {"k": np.arange(3.0), "omega": OMEGA}, imaginary=1.0)
    (ax,) = sampled(found).axes
    curves = [line for line in ax.lines if len(line.get_xdata()) == 4]
    assert len(curves) == 6  # real and imaginary parts
    np.testing.assert_allclose(curves[1].get_ydata(), found.value[1].real)
    assert not meshes(ax)
    found = function((9, 4), {"k": np.arange(9.0)[::-1], "omega": OMEGA})
    ax, _ = sampled(found).axes
    (mesh,) = meshes(ax)
    np.testing.assert_allclose(mesh.get_array(), found.value.T[:, ::-1])


def test_a_quench_is_drawn_as_the_change_on_every_site():
    axes = {"time": TIMES, "cell": np.arange(-4, 5), "site": np.array([0, 2])}
    found = function((5, 9, 2), axes, steady=np.array([1.0, 2.0]))
    panels = [ax for ax in sampled(found).axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == ["site 0", "site 2"]
    for n, ax in enumerate(panels):
        np.testing.assert_allclose(meshes(ax)[0].get_array(), found.value[..., n] - n - 1)


def test_a_single_point_is_no_picture():
    with pytest.raises(ArgumentError, match="two points or more"):
        sampled(function((1, 1), {"time": TIMES[:1], "cell": np.arange(1)}))
