import pytest

from impo.methods import api as steady
from tests.dense import Dense


@pytest.fixture
def dense(monkeypatch):
    """Make the method `dense` known to the command line."""
    monkeypatch.setitem(steady.METHODS, "dense", Dense)
