import math
from functools import partial

import pytest

from impo import memory
from impo.arguments import UnsupportedModelError


def test_products_do_not_overflow():
    assert memory.product([3, 4], 2) == 144
    assert memory.product([2], 28) == 2**28
    assert memory.product([], 5) == memory.product([7], 0) == 1
    assert memory.product([2], 10**9) == memory.product([10**15], 10**15) == math.inf
    assert memory.product([1], 10**9) == 1


def test_amounts_are_short():
    assert memory.amount(16384.0) == "16384"
    assert memory.amount(2.0**40) == "1.1e+12"
    assert memory.amount(0.123456) == "0.123"
    assert memory.amount(math.inf) == "over 1e+300"


def test_what_is_larger_than_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "memory_limit", lambda: 2.0 * 2**30)
    memory.refuse_larger("It", 2.0 * 2**30, "use less")
    assert memory.shortage(1e9) is None
    for size, told in (
        (3.0 * 2**30, "3"),
        (math.inf, "over 1e[+]300"),
        (math.nan, "over 1e[+]300"),
    ):
        message = rf"^It: it needs {told} GiB of memory, but 2 GiB are allowed; use less\.$"
        with pytest.raises(UnsupportedModelError, match=message):
            memory.refuse_larger("It", size, "use less")


def test_most_of_the_physical_memory_is_allowed():
    assert 2**28 < memory.memory_limit() < 2**50


@pytest.mark.parametrize(
    ("listing", "folder", "name"),
    [("0::/user/job/step", "user/job", "memory.max"),
     ("9:cpuset:/\n4:memory:/slurm/job/step", "memory/slurm/job", "memory.limit_in_bytes"),
     ("4:memory:/outside/of/the/container", "memory", "memory.limit_in_bytes")],
)  # fmt: skip
def test_a_job_has_the_memory_of_its_group(tmp_path, listing, folder, name):
    (tmp_path / "listing").write_text(listing + "\n")
    limit = partial(memory._group_limit, tmp_path / "listing", tmp_path)
    assert limit() == math.inf
    (tmp_path / folder / "step").mkdir(parents=True)
    (tmp_path / folder / name).write_text("2147483648\n")
    (tmp_path / folder / "step" / name).write_text("max\n")
    assert limit() == 2.0**31
    assert memory._group_limit(tmp_path / "none", tmp_path) == math.inf
