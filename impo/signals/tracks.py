"""Slow poles of matrices of correlation functions, followed through shifted windows.

    C_ij(t) = sum_n a_in b_nj exp(z_n t)    or an integral over a continuum of z

The block Hankel matrix of a window, H_(ai)(bj) = C_ij(a + b), has the column space of the vectors
(a_n, a_n e^{z_n}, a_n e^{2 z_n} ...). A basis U of it obeys U_2 = U_1 F, where U_1 and U_2 lack the
last and the first block row, and exp(z_n) are the eigenvalues of F: a generalised eigenvalue
problem. Singular values that the errors of the samples can make are left out.

One window cannot tell an eigenvalue from the edge of a continuum, nor from a transient. A pole is
therefore followed from window to window. That of an eigenvalue comes to rest exponentially fast;
that at the edge of a continuum with a density like (z_0 - z)^c moves like (c + 1)/t.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from impo.arrays import Array
from impo.signals.pencil import eigenvalues

WINDOWS = (0.0, 0.15, 0.3, 0.45)
"""Where windows begin; each is 0.55 of the samples long."""
_LENGTH = 0.55
_FEWEST = 10  # samples
_DELAYS = 24  # block rows at most
_ABOVE = 2.0  # singular values kept, in units of what the errors of the samples make
_ROUNDING = 1e-13
_KNOWN = 0.05  # largest share of its size up to which a sample is of use, see `useful`
_DRIFTS = 2.0  # a drift is one from so many errors on
_SLOWS = 0.4  # a drift that falls less from window to window does not end exponentially
_SETTLED = 0.05  # largest error of a pole that is known, in units of its rate


class Kind(StrEnum):
    """What a pole is, as far as the windows tell.

    Attributes
    ----------
    ISOLATED
        It does not depend on the window.
    EDGE
        Its rate falls like 1/t from window to window: the edge of a continuum.
    UNSETTLED
        It depends on the window in another way, or is not known well.
    """

    ISOLATED = "isolated"
    EDGE = "edge of a continuum"
    UNSETTLED = "unsettled"


@dataclass(frozen=True)
class Window:
    """A stretch of samples, and how many poles stand above their errors there."""

    begin: int
    end: int
    rank: int

    def poles(self, samples: Array, spacing: float) -> Array:
        """Return the poles z of samples with axes # time i j; as many as the rank."""
        basis = np.linalg.svd(_hankel(samples[self.begin : self.end]), full_matrices=False)[0]
        found = eigenvalues(basis[:, : self.rank], samples.shape[1])
        size = np.maximum(np.abs(found), 1e-300)  # a pole of zero is over at once
        return np.asarray((np.log(size) + 1j * np.angle(found)) / spacing)


@dataclass(frozen=True)
class Track:
    """A pole in consecutive windows.

    Attributes
    ----------
    windows
        Where it was found, the latest last.
    poles
        Its positions z = -rate + i frequency there.
    """

    windows: tuple[Window, ...]
    poles: tuple[complex, ...]


def useful(samples: Array, noise: Array) -> int:
    """Return how many samples are known to a twentieth of the largest element at their time."""
    size = np.abs(samples).max(axis=(1, 2))
    known = noise.max(axis=(1, 2)) <= _KNOWN * size
    return len(known) if known.all() else int(np.argmin(known))


def windows(samples: Array, noise: Array) -> list[Window]:
    """Return shifted windows of what is known of some samples; none if these are too few.

    Parameters
    ----------
    samples
        Complex; # time i j.
    noise
        Errors of the samples, of the same shape.
    """
    count = useful(samples, noise)
    if count < _FEWEST:
        return []
    found, ranks = [], []
    for share in WINDOWS:
        begin = round(share * count)
        end = min(count, begin + round(_LENGTH * count))
        sizes = np.linalg.svd(_hankel(samples[begin:end]), compute_uv=False)
        unknown = np.linalg.norm(_hankel(noise[begin:end]), 2)
        rank = int(np.sum(sizes > _ABOVE * unknown + _ROUNDING * sizes[0]))
        rows = (_delays(end - begin) - 1) * samples.shape[1]
        found.append((begin, end))
        ranks.append(min(rank, rows))
    rank = min(ranks)  # a pole moves by jumps if there are others in every window
    return [Window(*one, rank) for one in found] if rank else []


def tracks(samples: Array, spacing: float, stretches: Sequence[Window]) -> list[Track]:
    """Return the poles of some samples, each followed back from the last window that shows it.

    Poles that grow over a window are left out: a steady state has none.
    """
    found: list[Track] = []
    by_window = [_decaying(window, samples, spacing) for window in stretches]
    while any(map(len, by_window)):
        last = max(n for n, poles in enumerate(by_window) if len(poles))
        pole, *rest = sorted(by_window[last], key=lambda z: -z.real)
        by_window[last] = rest
        path = [pole]
        for n in range(last - 1, -1, -1):
            if not by_window[n]:
                break
            near = min(by_window[n], key=lambda z: abs(z - path[0]))
            if abs(near - path[0]) > 0.5 * abs(path[0].real) + 1 / _duration(stretches[n], spacing):
                break
            by_window[n].remove(near)
            path.insert(0, near)
        where = tuple(stretches[last - len(path) + 1 : last + 1])
        found.append(Track(where, tuple(path)))
    return sorted(found, key=lambda track: -track.poles[-1].real)


def found_again(track_list: Sequence[Track], samples: Array, spacing: float) -> Array:
    """Return, for every window of every track, the nearest pole of other samples; flat."""
    known: dict[Window, Array] = {}
    out = []
    for track in track_list:
        for window, pole in zip(track.windows, track.poles, strict=True):
            if window not in known:
                known[window] = window.poles(samples, spacing)
            out.append(known[window][np.argmin(np.abs(known[window] - pole))])
    return np.array(out, dtype=complex)


def judged(track: Track, errors: Array) -> tuple[complex, float, Kind]:
    """Return a pole, its error, and what it is.

    The error is that of the window plus what would still come if the pole drifted like 1/t.

    Parameters
    ----------
    track
        At least one window.
    errors
        Error of its pole in every window.
    """
    if len(track.poles) < 2:
        return track.poles[-1], np.inf, Kind.UNSETTLED
    middle = np.array([(one.begin + one.end) / 2 for one in track.windows])
    poles = np.array(track.poles)
    drift = np.diff(poles)
    ahead = np.abs(drift) * middle[:-1] / np.diff(middle)
    total = errors[1:] + ahead
    if _is_edge(drift.real, errors):
        return complex(poles[-1]), float(total[-1]), Kind.EDGE
    best = int(np.argmin(total))
    pole, error = complex(poles[best + 1]), float(total[best])
    kind = Kind.ISOLATED if error <= _SETTLED * abs(pole.real) else Kind.UNSETTLED
    return pole, error, kind


def _is_edge(rising: Array, errors: Array) -> bool:
    """Return whether the real part of a pole has risen by drifts that do not end."""
    if len(rising) < 2:
        return False
    last, before = rising[-1], rising[-2]
    known = _DRIFTS * (errors[1:] + errors[:-1])
    return bool(last > known[-1] and before > known[-2] and last > _SLOWS * before)


def _decaying(window: Window, samples: Array, spacing: float) -> list[complex]:
    poles = window.poles(samples, spacing)
    growth = 0.1 / _duration(window, spacing)  # over a window, which errors allow
    return [complex(pole) for pole in poles if pole.real <= growth]


def _duration(window: Window, spacing: float) -> float:
    return (window.end - window.begin) * spacing


def _delays(count: int) -> int:
    return min(_DELAYS, (count + 1) // 2)


def _hankel(samples: Array) -> Array:
    """Return the block Hankel matrix of samples; # (delay i) (time j)."""
    delays = _delays(len(samples))
    rows = np.lib.stride_tricks.sliding_window_view(samples, len(samples) - delays + 1, axis=0)
    # delay i j time
    return rows.transpose(0, 1, 3, 2).reshape(delays * samples.shape[1], -1)
