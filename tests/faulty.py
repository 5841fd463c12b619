"""A method that fails where it is told to, and writes down what it computes."""

import os
import signal
import time
from dataclasses import dataclass
from typing import ClassVar

from impo.methods.base import Method
from tests import dense


@dataclass(frozen=True)
class Faulty(Method):
    """As `tests.dense.Dense`; `log` is a file, each fault a value of the loss."""

    name: ClassVar[str] = "faulty"
    warm_starts: ClassVar[bool] = True
    log: str
    raises: float = -1.0
    memory: float = -1.0
    kills: float = -1.0
    seconds: float = 0.0
    accuracy: float = 1e-10
    tol: float = 1e-6

    def steady_state(self, model, start=None, progress=None):
        return steady_state(model, self, start)


@dataclass(frozen=True, kw_only=True, eq=False)
class FaultyState(dense.DenseState):
    """As that of `Dense`."""

    kind: ClassVar[str] = "faulty"


def steady_state(model, method, start=None):
    """Solve, or fail."""
    loss = model.parameters["loss"]
    begun = "cold" if start is None else start.model.parameters["loss"]
    with open(method.log, "a") as file:
        file.write(f"{model.parameters['gain']} {loss} {begun} {os.getpid()} {time.time_ns()}\n")
    time.sleep(method.seconds)
    if loss == method.raises:
        raise ValueError("no\nway")
    if loss == method.memory:
        raise MemoryError
    if loss == method.kills:
        os.kill(os.getpid(), signal.SIGKILL)
    found = dense.steady_state(model, method)
    return FaultyState(
        model=model, method=method, status=found.status, residual=found.residual, rho=found.rho
    )


def computed(log):
    """Return (gain, loss, loss of the start) of every computation."""
    with open(log) as file:
        return [tuple(line.split()[:3]) for line in file]
