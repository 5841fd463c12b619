"""Every study in its quick form, run by the command: its data are right and its figures draw.

What must hold of the data of a study stands in a function `check_NAME` below; what its helpers do
is tested in files of their own.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from impo.cli import study as studies
from impo.cli.main import main
from impo.results.estimate import Status
from impo.results.store import load
from impo.scans import executors
from runs._tasks import mirrored
from tests import boundary_driven
from tests.runs.fewer import shrink

STUDIES = studies.studies()
NEVER = {"ring_xi", "ring_xi_error"}  # two cells have no correlation length
# nor is that of SzSz of S = 1000 seen in a short run
NEVER |= {f"TWA_S1000_equal_along{part}" for part in ("", "_error", "_wavenumber")}
LIMITED = {"fig9"}  # its text says why: what the cutoffs change is measured by the study itself
ROOT = Path(__file__).parents[2]
PICTURES = {path.stem: path.with_suffix(".h5") for path in (ROOT / "docs").glob("*.png")}
# What must hold compares spins and phases, of which tests solve too few: it is seen in the picture.
BY_PICTURE = {"crossover", "spectra"}
LONG = {"calibration"}  # ten minutes; `test_calibration` computes a case of every part


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STUDIES if name not in LONG])
def test_quick_form(name, tmp_path, monkeypatch):
    """In this process: processes of their own, tested elsewhere, would import everything again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(executors, "usable_cores", lambda: 1)
    shrink(name, STUDIES[name], monkeypatch)
    code = main(["run", name, "--quick", "-o", "data.h5"])
    data = load("data.h5")
    settled = not data.unconverged_points()
    assert settled or name in LIMITED
    assert code == (0 if settled else 3)
    assert data.attributes["study"] == name
    for ending in ("png", "pdf"):
        assert (tmp_path / f"data.{ending}").stat().st_size > 2000
    for key, variable in data.variables.items():
        assert np.ndim(variable.values) == len(variable.dims), key
        if variable.values.dtype.kind in "fc" and key not in NEVER:
            assert np.isfinite(variable.values).any(), key
        for axis, dim in enumerate(variable.dims):
            if dim in data:
                assert len(data[dim]) == variable.values.shape[axis], key
    if name not in BY_PICTURE:
        globals()[f"check_{name}"](data)
    if name in PICTURES:
        compare_with_picture(load(PICTURES[name]), data)


@pytest.mark.parametrize("name", sorted(set(PICTURES) - LONG))
def test_a_picture_shows_what_must_hold(name):
    """Also of spins, rates and phases that `fewer` leaves out."""
    globals()[f"check_{name}"](load(PICTURES[name]))


def test_every_picture_has_its_data_beside_it_and_is_made_by_one_command():
    made = (ROOT / "Makefile").read_text()
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {
        path
        for page in pages
        for path in re.findall(r"!\[.*\]\((?:docs/)?([\w/]+)\.png\)", page.read_text())
    }
    others = set(STUDIES) - set(PICTURES)
    assert shown == set(PICTURES) | {f"studies/{name}" for name in others}
    for name, path in PICTURES.items():
        data = load(path)
        form = "quick" if data.attributes["quick"] else "full"
        assert f"{name} --{form} -o docs/{name}.h5" in made
        assert studies.drawn(studies.study(name), data).axes


@pytest.mark.parametrize("name", sorted(set(STUDIES) - set(PICTURES) - {"claims"}))
def test_a_picture_of_the_gallery_alone_is_made_by_one_command(name):
    data = load(ROOT / "docs" / "studies" / f"{name}.h5")
    form = "QUICK" if data.attributes["quick"] else "FULL"
    made = re.search(rf"^{form} := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert name in made[1].split()
    assert studies.drawn(STUDIES[name], data).axes
    if name not in BY_PICTURE:
        globals()[f"check_{name}"](data)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_other_data_is_noticed(name):
    kept = load(PICTURES[name])
    compare_with_picture(kept, kept)
    changed = {
        "truncation": "error",
        "fig5": "impo_i_Sz",
        "crossover": "TWA_Sz_var",
        "twa_validity": "off_Sz_var",
        "lengths": "height",
        "calibration": "median",
        "certified": "width",
        "spectra": "power",
        "quench": "number",
        "lattice_gap": "lattice",
        "boundary": "current",
    }[name]
    moved = replace(kept.variables[changed], values=1.2 * kept[changed])
    with pytest.raises(AssertionError, match=changed):
        compare_with_picture(kept, replace(kept, variables={**kept.variables, changed: moved}))


def place(axis, value):
    """Return where a value lies on an axis, whose numbers end in digits of another machine."""
    if axis.dtype.kind != "f":
        return list(axis).index(value)
    nearest = int(np.abs(axis - value).argmin())
    assert abs(axis[nearest] - value) <= 1e-12 * abs(value), value
    return nearest


NUMBERED = {"map_loss": "rate"}  # whose numbers an axis without coordinates has


def compare_with_picture(kept, now):
    """The data of a picture are what is computed now, as far as a quick form reaches."""
    assert set(now.variables) <= set(kept.variables)

    def known(name):
        """Return what the picture has at the places of `now`: a full form has more of them."""
        dims, values = [NUMBERED.get(x, x) for x in now.variables[name].dims], kept[name]
        places = [
            [place(kept[dim], one) for one in now[dim]] if dim in now else range(length)
            for dim, length in zip(dims, now[name].shape, strict=True)
        ]
        return values[np.ix_(*places)]

    for name, item in now.variables.items():
        before, values = known(name), item.values
        if name.endswith("status"):
            np.testing.assert_array_equal(values, before, name)
        if values.dtype.kind != "f" or name.endswith(("_error", "residual", "wavenumber")):
            continue
        if "_along" in name:  # weak functions: the truncation decides where a length is known
            pass
        elif now.attributes["study"] == "lengths":  # the picture is more accurate: it has more
            assert np.isnan(before).sum() <= 1 + np.isnan(values).sum(), name
        elif name.endswith("_xi"):  # whether there is one can be a matter of the noise
            assert abs(np.isnan(values).sum() - np.isnan(before).sum()) <= 1, name
        else:
            np.testing.assert_array_equal(np.isnan(values), np.isnan(before), name)
        share = 0.02 if now.attributes["study"] == "truncation" else 1e-7  # of small differences
        solved = 2e-5 if name.startswith(("bounds", "width")) else 1e-7  # twice the tol of `bounds`
        allowed = solved + share * np.abs(before)
        if f"{name}_error" in now:
            errors = now[f"{name}_error"], known(f"{name}_error")
            allowed = allowed + 5 * np.hypot(*np.nan_to_num(errors))
        both = np.isfinite(values) & np.isfinite(before)
        assert np.all((np.abs(values - before) <= allowed)[both]), name


def test_every_study_says_what_must_hold():
    for name in set(STUDIES) - LONG:
        assert globals()[f"check_{name}"].__doc__, name


def check_bench_engine(data):
    """Every engine that ran to the end reaches the error asked for, impo with the smallest chi."""
    done = data["completed"] > 0
    assert done[:, 0].all()
    assert np.all(data["error"][done] < np.broadcast_to(data["asked"][:, None], done.shape)[done])
    assert np.all(data["chi"][:, :1] <= data["chi"])
    assert np.all(data["residual"] < 0.1)
    assert np.all(data["alone_error"] <= data["asked"])
    assert float(data["product_flops"]) <= float(data["update_flops"])
    np.testing.assert_allclose(data["part_seconds"].sum(), float(data["update_seconds"]))


def check_truncation(data):
    """A weight is better than none for every spin, and the references agree better than that.

    Weights that are learned from a coarse state fail for large spins at a small bond dimension.
    """
    schemes = list(data["scheme"])
    typical = STUDIES["truncation"].typical(data, slice(None))  # S phase scheme
    plain, chosen = typical[..., schemes.index("none")], typical[..., schemes.index("(2k+1)^-1")]
    assert np.all(np.log(chosen / plain).mean(axis=1) < np.log(0.5))
    assert np.all(data["reference_difference"].max(axis=-1) < 0.3 * plain)
    assert np.nanmax(data["error"][data["S"] <= 1]) < 0.2
    assert np.nanmax(np.delete(data["error"], schemes.index("moments"), axis=2)) < 0.2


def check_cavity_array(data):
    """The local term stabilises AM for gain loss (1 + 4 w^2/(gain + loss)^2) > (g + h)^2."""
    gain, loss = np.meshgrid(data["gain"], data["loss"], indexing="ij")
    for strength, stable in zip(data["local"], data["stable"], strict=True):
        expected = gain * loss * (1 + 4 * strength**2 / (gain + loss) ** 2) > 1.5**2
        np.testing.assert_array_equal(stable % 2 == 1, expected)
        assert np.all(np.diag(stable) % 2 == 1) == (strength > 1.5)  # on the symmetry line


def check_coexistence(data):
    """Up and down agree within the errors, the phases on both sides differ by much more."""
    for name in ("Sz", "Sz_var"):
        assert np.abs(data[f"{name}_deviation"]).max() < 1
        assert np.abs(data[f"{name}_difference"]).max() < data.attributes["tol"]
    total = data["Sz"].sum(axis=-1)  # S, path, direction, point
    paths = list(data["path"])
    across = total[:, paths.index("FM-FM")]
    np.testing.assert_allclose(across, -across[:, :, ::-1], atol=2 * data.attributes["tol"])
    assert np.all(across[:, :, 0] > 1)
    assert np.all(np.diff(across, axis=-1) < 0)  # no jump back
    polarised = total[:, paths.index("FM-PPT")]
    assert np.all(polarised[:, :, 0] - polarised[:, :, -1] > 0.4)
    assert np.all(np.diff(polarised, axis=-1) < 0)
    staggered = data["Sz"][:, paths.index("AM-PPT"), ..., 0] - data["Sz"][:, -1, ..., 1]
    assert np.all(np.diff(staggered, axis=-1) > 0)
    # a scan that found its point finished would be no test: every one has to move from the last
    assert data["time"].min() > 5


def check_phase_diagram(data):
    """FM at low rates, AM at high ones, mixed between; fluctuations scaled by S^2 fall with S."""
    spins = list(data["S"])
    gain, loss = np.meshgrid(data["gain"], data["loss"], indexing="ij")
    order, variance, error = data["Mz"], data["variance"], data["Mz_error"]
    half = len(data["gain"]) * (len(data["gain"]) + 1) // 2
    assert data.verdicts <= len(spins) * half  # a mirrored point is no second verdict
    good = mirrored(data["status"]) == Status.CONVERGED
    assert good[:-1].all()  # all of iMPO
    assert good[-1].mean() > 0.85
    assert np.all(error[good] < 0.05)
    np.testing.assert_allclose(order, -np.swapaxes(order, 1, 2), atol=0.1)
    below = gain > 1.05 * loss
    assert np.all(order[:-1][:, below] > 0)
    ferro = gain * loss < 0.8 * 0.5**2
    anti = gain * loss > 1.3 * 1.5**2
    large = spins.index(1000.0)
    polarised = ferro & below & good[large]
    assert polarised.any()
    assert np.all(order[large][polarised] > 0.98)
    assert np.all(np.abs(order[large][anti & good[large]]) < 0.01)
    assert np.all(variance[large][anti & good[large]] < 0.01)
    mixed = (gain * loss > 1.3 * 0.5**2) & (gain * loss < 0.8 * 1.5**2) & good[large]
    assert np.all(variance[large][mixed] > 0.1)
    assert np.all(np.diff(variance[:-1, anti], axis=0) < 0)
    # the corner farthest from all boundaries: AM to leading order, and less so for small spins
    assert np.all(np.abs(order[:-1, -1, -1]) < 1e-3)
    assert np.all(np.diff(variance[:, -1, -1]) < 0)
    known = np.isfinite(data["boundary_AM"])
    edge = data["boundary_AM"][known] * data["boundary_gain"][known]
    np.testing.assert_allclose(edge, 1.5**2, rtol=1e-6)


def check_crossover(data):
    """Every pair of methods agrees where both should hold, and TWA comes from afar at S = 2."""
    spins = {name: list(data[f"{name}_S"]) for name in ("ring", "iMPO", "TWA", "HPA")}
    phases = list(data["phase"])
    am, ppt, fm = (phases.index(name) for name in ("AM", "PPT", "FM"))
    assert np.all(data["HPA_status"][ppt] == "")  # no ordered configuration is stable
    for phase in (am, fm):
        np.testing.assert_allclose(
            data["TWA_Sz"][phase, spins["TWA"].index(1000)],
            data["HPA_Sz"][phase, spins["HPA"].index(1000)], atol=1e-3,
        )  # fmt: skip
        xi = [data[f"{name}_xi"][phase, spins[name].index(1000)] for name in ("TWA", "HPA")]
        error = data["TWA_xi_error"][phase, spins["TWA"].index(1000)]
        assert abs(xi[0] - xi[1]) < 4 * error < 0.3 * xi[1]
        gap = np.abs(data["TWA_Sz"][phase, 1:3] - data["HPA_Sz"][phase, 1:3]).max(axis=-1)
        assert gap[1] < 0.2 * gap[0]  # from S = 8 to 32, faster than 1/S
    two = data["TWA_Sz"][:, spins["TWA"].index(2)] - data["iMPO_Sz"][:, spins["iMPO"].index(2)]
    assert 0.01 < np.abs(two).max() < 0.1
    for number, spin in enumerate(spins["ring"]):  # a ring of two cells is not the chain
        chain = data["iMPO_Sz"][:, spins["iMPO"].index(spin)]
        assert np.abs(data["ring_Sz"][:, number] - chain).max() < 0.1


def check_twa_validity(data):
    """TWA comes closer as S grows, at every point; what shared decay leaves out falls like 1/S."""
    for key, largest in (("Sz", 0.25), ("Sz_var", 2.0)):
        off, error = data[f"off_{key}"], data[f"off_{key}_error"]
        assert np.all(np.diff(off, axis=1) < 3 * error[:, 1:])
        assert np.all(off < largest)
        assert np.all(off[:, 0] > 5 * error[:, 0])
    two = list(data["S"]).index(2)
    assert data["off_Sz"][:, two].max() < 0.06
    assert data["off_Sz_var"][:, two].max() < 0.2
    for key, better in (("Sz", 4), ("Sz_var", 10)):  # than the other scheme, at every point
        assert np.all(better * data[f"hybrid_off_{key}"] < data[f"off_{key}"][:, 0])
    bias = np.abs(data["decay_off"]).max(axis=(1, 2))
    error = data["decay_off_error"].max(axis=(1, 2))
    assert np.all(bias < 0.08 / data["pair_S"] + 3 * error)
    assert bias[0] > 5 * error[0]


def check_nu(data):
    """On the AM side nu = 1/2 for large spins; on the PPT side it is not, if there is a length."""
    nu = data.attributes["nu"]
    for name in ("HPA_AM", "TWA_S1000_AM"):
        value, error = nu[name]
        assert abs(value - 0.5) < 4 * error + 0.03
    value, error = nu["TWA_S1000_PPT"]
    assert value is None or value - 3 * error > 0.6  # it grows faster, where there is a length
    xi, error = data["TWA_S1000_PPT_xi"], data["TWA_S1000_PPT_xi_error"]
    assert np.isnan(xi).sum() >= 2  # what falls faster than any exponential
    far = (data["TWA_S1000_PPT_distance"] > 0.09) & np.isfinite(xi)
    assert np.all(error[far] > 0.1 * xi[far])
    small = [name for name in nu if re.fullmatch("iMPO_S(0.5|1)_AM", name)]
    assert small
    for name in small:  # no transition at finite spin: xi hardly depends on the rate
        assert nu[name][0] < 0.2


def check_lengths(data):
    """The length of S+S- has a maximum, which grows and moves to g + h as the spin grows."""
    for name in ("height", "position"):
        assert np.all(np.diff(data[name]) > 0), name
    assert np.all(data["position"] < data.attributes["g"] + data.attributes["h"])
    assert data["height"][0] == pytest.approx(0.502, abs=data["height_error"][0])
    bosons = data["HPA_equal_transverse"]
    assert np.all(np.diff(bosons[np.argsort(data["HPA_equal_loss"])]) < 0)
    for name in (key for key in data.variables if key.endswith("_reason")):
        known = np.isfinite(data[name.removesuffix("_reason")])
        np.testing.assert_array_equal(known, data[name] == "", name)


def check_claims(data):
    """Every claim has a number from a file, and none fails."""
    assert np.all(np.isfinite(data["value"]))
    assert "not reproduced" not in data["finding"]
    for file in set(data["file"]):
        assert (ROOT / file).is_file()


def check_spectra(data):
    """Power is positive; AM nears bosons as S grows, PPT is a line at k = 0 that narrows with S."""
    k, omega, power = data["k"], data["omega"], data["power"][:, :, -1]
    assert np.all(power > -data["power_error"][:, :, -1])
    phases = list(data["phase"])
    middle = np.flatnonzero(np.abs(omega) < 1e-9)[0]
    zero, edge = np.argmin(np.abs(k)), -1
    bosons = data["bosons"][phases.index("AM"), -1]
    assert np.isnan(data["bosons"][phases.index("PPT")]).all()
    limit = bosons[np.argmin(np.abs(data["wave"])), np.argmin(np.abs(data["turn"]))]
    apart = np.abs(power[phases.index("AM"), :, zero, middle] - limit)
    assert apart[1] < 0.5 * apart[0] < 0.25 * limit
    soft = power[phases.index("PPT")]
    assert np.all(soft[:, zero, middle] == soft.max(axis=(1, 2)))
    widths = [np.sum(one > one.max() / 2) for one in soft[:2, zero]]
    assert widths[1] < 0.7 * widths[0]
    fm = power[phases.index("FM"), 1]
    assert fm[edge].argmax() == middle
    assert abs(omega[fm[zero].argmax()]) > 0.5


def check_fig2(data):
    """Both sublattices mirror each other on the symmetry line, the order parameter across it."""
    np.testing.assert_allclose(data["order"], -data["order"].T, atol=1e-6)
    known = np.isfinite(data["magnetisation"]).all(axis=-1)
    total = data["magnetisation"].sum(axis=-1)
    np.testing.assert_allclose(total[known], 0, atol=1e-6)
    gap = data["gap"]
    assert np.all(gap[np.isfinite(gap)] > 0)


def check_lattice_gap(data):
    """The lattice is settled and near its rings; of those, the larger is nearer."""
    lattice, error = data["lattice"][0], data["lattice_error"][0]
    assert np.all(np.isin(data["lattice_kind"][0], ("isolated", "edge of a continuum")))
    assert np.all(error < 0.1 * lattice)
    small, large = data["ring"][:2]
    assert np.all(np.abs(lattice - large) <= np.abs(small - large) + error)
    assert np.all(data["ring_error"] < 1e-8)


def check_quench(data):
    """At first all spins move as bosons do; small ones leave them first, large ones grow alike."""
    number, error, bosons = data["number"], data["number_error"], data["bosons"]
    np.testing.assert_allclose(number[:, 0], number[:, 3], atol=5 * error.max())  # mirrored
    assert np.all(number[..., -1] < 4 * data["S"] + 5 * error[..., -1])
    for n, spin in enumerate(data["S"][2:], 2):
        few = bosons < spin / 8
        apart = np.abs(number[:, :, n] - bosons)
        assert np.all((apart <= 0.1 * bosons + 4 * error[:, :, n])[few])
    unstable = data["largest"] > 1.5
    halved = 0.5 * bosons[unstable, -1]
    assert np.all(number[unstable, 0, -1] < halved)
    np.testing.assert_allclose(
        data["largest"][list(data["phase"]).index("AM")],
        [np.sqrt(3.75), -0.5, 3.5, np.sqrt(3.75)], atol=1e-6,
    )  # fmt: skip


def check_fig3(data):
    """Distributions are normalised, and purities lie between that of the mixed state and one."""
    np.testing.assert_allclose(data["joint"].sum(axis=(1, 2)), 1, atol=1e-8)
    assert data["joint"].min() > -1e-8
    purity = data["purity"]
    least = 1 / (2 * data["S"] + 1) ** 2
    known = np.isfinite(purity)
    assert np.all((purity >= least[:, None] * (1 - 1e-9))[known])
    assert np.all(purity[known] < 1)


def check_fig4(data):
    """The Kerr oscillator agrees with its closed form."""
    same = np.abs(data["F_closed"][:, None] - data["F_solved"]).argmin(axis=0)
    np.testing.assert_allclose(data["F_closed"][same], data["F_solved"], atol=1e-9)
    np.testing.assert_allclose(data["purity"], data["purity_closed"][:, same], atol=1e-5)
    np.testing.assert_allclose(data["number"], data["number_closed"], atol=1e-5)
    assert np.all(np.diff(data["gap"][:, 0]) < 0)  # the transition sharpens with D


def check_certified(data):
    """All numbers of iMPO lie in their intervals, on both sites; narrow ones at strong rates."""
    for path in ("i", "ii"):
        assert np.all(data[f"impo_{path}_status"] == Status.CONVERGED)
        for name in ("Sz", "Sz_var"):
            low, high = np.moveaxis(data[f"bounds_{path}_{name}"], -1, 0)
            value, error = (data[f"impo_{path}_{name}{end}"] for end in ("", "_error"))
            assert np.all((low <= value + error) & (value - error <= high))
        width = np.diff(data[f"bounds_{path}_Sz"], axis=-1)[0]  # of S = 1/2
        assert np.all(width > 0)
        assert width[data["loss"] > 1.2].max() < 0.1
        assert width[-1].max() < 0.02
    assert data["width"][-1, -1] < 0.02 < data["width"][:, 0].min()


def check_fig5(data):
    """From FM over PPT to AM; iMPO converges, and large spins agree with the linearised ones."""
    for label in ("i", "ii"):
        assert np.all(data[f"impo_{label}_status"] == Status.CONVERGED)
        assert data[f"impo_{label}_Sz_error"].max() < data.attributes["tol"] * 1.001
    both = data["impo_i_Sz"].sum(axis=-1)  # S, loss
    assert np.all(both[:, 0] > 1)
    assert np.all(np.diff(both[:, data["impo_i_loss"] < 2.1], axis=1) < 0)
    loss = data["impo_i_loss"]
    for sign, side in ((1, loss < 1.4), (-1, loss > 1.6)):  # odd about gain = loss
        assert np.all(sign * both[:, side] > 0.01)
    assert np.all(data["impo_i_Sz"][:, -1, 0] > 0.6)
    assert np.all(data["impo_i_Sz"][:, -1, 1] < -0.6)
    np.testing.assert_allclose(data["impo_ii_Sz"].sum(axis=-1), 0, atol=2 * data.attributes["tol"])
    for site in (0, 1):
        linear = np.interp(data["twa_i_loss"], data["hpa_i_loss"], data["hpa_i_Sz"][:, site])
        edges = np.array([0.5, 1.5]) ** 2 / data.attributes["gain"]
        far = np.minimum(*np.abs(data["twa_i_loss"] - edges[:, None])) > 0.05
        ordered = (data["twa_i_loss"] < edges[0]) | (data["twa_i_loss"] > edges[1])
        known = np.isfinite(linear) & ordered & far
        assert known.sum() >= 4
        np.testing.assert_allclose(data["twa_i_Sz"][known, site], linear[known], atol=2e-3)


def check_fig7ab(data):
    """Larger clusters break the symmetry less at a high rate."""
    for axis in ("sites", "S"):
        assert np.all(data[f"by_{axis}_error"] < 1e-5)
    below = (data["rate"] > 0.7) & (data["rate"] < 1.4)
    assert np.all(np.diff(data["by_sites_transverse"][:, below], axis=0) < 0)


def check_fig9(data):
    """The distance to the effective model falls with the separation of scales."""
    known = data["distance"][:, :, 0]
    assert np.all(np.diff(known, axis=1) < 0)


def check_fig1c(data):
    """The boundaries are those of Eq. 3."""
    assert max(data.attributes["largest_deviation_from_eq_3"].values()) < 1e-8


def check_fig6(data):
    """Below the threshold large spins have the transverse length of Eq. 9."""
    below = data["rate"] < 0.9 * 1.5
    np.testing.assert_allclose(data["transverse"][-1][below], data["limit"][below], atol=0.02)


def check_fig7c(data):
    """Symmetry is restored in a time that grows with S, at first faster than one logarithm."""
    for name in ("e", "0.1"):
        slope, error = data[f"slope_{name}"], data[f"slope_{name}_error"]
        assert np.all(slope > 5 * error)
        assert slope[1] - slope[0] > 3 * np.hypot(*error)
        assert data.attributes[f"tau_{name}_one_logarithm"][0] > 9
        assert np.all(np.diff(np.log(data[f"tau_{name}"])) < np.log(4) / 2)  # far below tau ~ S
    assert 1.5 < data.attributes["tau_0.1_ratio_16_S"]["64"] < 3
    assert np.all(data["tau_0.1"] > data["tau_e"])


def check_fig8(data):
    """Of the 256 configurations of four cells one is stable in AM and none in PPT; 36 are slow."""
    at_four = list(data["cells"]).index(4)
    assert list(data["counts_AM"][at_four]) == [1, 0, 0, 0, 255]
    assert list(data["counts_PPT"][at_four]) == [0, 0, 0, 36, 256]
    assert list(data["equal_PPT"][at_four]) == [0, 9]
    assert list(data["limit"]) == [0.1, 0.5]
    assert data["counts_PT"][at_four][1] > 0


def check_fm_boundary(data):
    """The FM phase ends with nu = 1/2, and is gone for h = g."""
    assert data["exponent"][0] == pytest.approx(0.5, abs=1e-3)
    assert np.all(data["growth"][-1] > 0)
    assert data["polarisation"][-1, 0].min() > 0.9  # large S: polarised up to the boundary


def check_gutzwiller(data):
    """One-site cluster mean field is App. B only for S -> infinity, and not in its steady state."""
    spins = data["S_threshold"]
    np.testing.assert_allclose(data["threshold"][:, 0], 1, atol=1e-6)
    np.testing.assert_allclose(data["threshold"][:, 1], 2 * spins / (2 * spins + 1), atol=1e-9)
    off = np.abs(data["attracted"][:, 0] - data["attracted"][:, 1])
    assert np.all(off[1:] < 0.75 * off[:-1])  # towards 1/2 for every doubling of S
    assert np.all(data["ppt"][:, 0, 2] > 0.2)  # the variance stays
    assert np.all(np.abs(np.diff(data["ppt"], axis=1)[:, 0, 1]) > 0.08)
    quickly = data["motion"][:, 0]
    assert np.all(quickly[1:] < 0.6 * quickly[:-1])
    assert np.all(data["motion"][-1, 1:] >= data["motion"][-1, :-1])


def check_boundary(data):
    """Free spins without dephasing have a current that hardly falls; the edges end in the bulk."""
    free, slow = data["exponent"][0, 0], data["exponent"][0, 2]
    assert np.all(np.abs(free) < 0.05)
    assert np.all(slow > 0.3)
    damped = data["exponent"][1]
    assert np.isfinite(damped[:, :2]).all()
    assert not np.any(damped <= free.max())
    middle = len(data["edge"]) // 2
    apart = np.abs(data["edge"][middle] - data["bulk"])
    assert np.all(apart < data["edge_error"][middle] + data["bulk_error"])
    flow = 1 / (2 + 0.5 + (data["length"] - 1) * 0.5)  # J = drive = bias = dephasing = 1
    known = {(1, 0): flow}
    for number, delta in enumerate(data["delta"]):  # in the units of the exact solution it is 4 I
        known[0, number] = [boundary_driven.current(n, delta) / 4 for n in data["length"]]
    for at, exact in known.items():
        there = np.isfinite(data["current"][at])
        assert there[:3].all()
        apart = np.abs(data["current"][at] - exact)
        assert np.all(apart[there] < data["current_error"][at][there])


def check_negativity(data):
    """The maximum is at the transition for h = 0 only."""
    ratios = list(data["ratio"])
    assert data["peak"][ratios.index(0.0), 0] < 1.01
    assert data["peak"][ratios.index(0.5), 0] == pytest.approx(1.121, abs=2e-3)
    np.testing.assert_allclose(
        data["negativity"].max(axis=1), data["peak"][:, 1], rtol=1e-2
    )  # of a grid
