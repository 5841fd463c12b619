"""The clock that leaves out compilation."""

import time

from numba import njit

from impo.compilation import COMPILING, COMPUTING, announced, clock, watch


def test_compilation_is_announced_once_and_takes_no_time():
    watch()
    told = []
    inner = njit(lambda x: x + 1)
    outer = njit(lambda x: inner(x) * 2)
    wall, begin = time.perf_counter(), clock()
    with announced(told.append):
        assert outer(1) == 4
        compiled = clock() - begin, time.perf_counter() - wall
        assert outer(2) == 6
    assert told == [COMPILING, COMPUTING]  # not of the function inside, nor of the second call
    assert compiled[0] < 0.5 * compiled[1]
    njit(lambda x: x - 1)(1)
    assert len(told) == 2  # nobody listens any more
