import os
import signal
import threading
import time

import numpy as np
import pytest
from numba import njit

from impo.methods import ITEBD
from impo.methods.api import steady_state
from impo.tensor.interrupts import interruptible
from models.gain_loss import chain


@njit(nogil=True)
def _busy(count):
    """Compute for a while and return two arrays: the second meets the exception of the first."""
    total = 0.0
    for n in range(count):
        total = np.sin(total + n)
    return np.full(3, total), np.full(2, total)


@pytest.fixture(autouse=True)
def _listen():
    """Undo what a shell does to processes in the background: they ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_after(seconds, function, *arguments):
    """Call a function while a signal is on its way, and wait for it if the call was faster."""
    sender = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    sender.start()
    function(*arguments)
    sender.join()
    time.sleep(60)


@pytest.mark.parametrize("times", range(3))
def test_ctrl_c_ends_compiled_code_like_any_other(times):
    call = interruptible(_busy)
    call(1)
    with pytest.raises(KeyboardInterrupt):
        interrupt_after(0.05, call, 10**7)


def test_other_errors_stay_what_they_are():
    def broken(error):
        raise error

    for error in (SystemError("library"), ValueError("values")):
        with pytest.raises(type(error), match=str(error)) as caught:
            interruptible(broken)(error)
        assert caught.value is error


@pytest.fixture(scope="module")
def _imported():
    """What a relaxation imports is there: Python does not clean up after imports that end so."""
    steady_state(chain(0.5, 1.0, 0.5, 1.5, 1.0), ITEBD(tol=3e-2))


@pytest.mark.usefixtures("_imported")
@pytest.mark.parametrize("delay", np.linspace(0.01, 0.3, 8))
def test_a_relaxation_ends_by_a_keyboard_interrupt(delay):
    model, method = chain(S=1, g=1, h=0.5, gain=1.5, loss=1.0), ITEBD(chi_max=200, tol=1e-9)
    with pytest.raises(KeyboardInterrupt):
        interrupt_after(delay, steady_state, model, method)
