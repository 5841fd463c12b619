"""How much the property-based tests try: a little and always the same, or as much as asked for.

`IMPO_FUZZ=2000 pytest tests/fuzz` draws 2000 new examples in every test. What fails is printed
with a line `@reproduce_failure` that brings it back.
"""

import os

from hypothesis import HealthCheck, settings

VARIABLE = "IMPO_FUZZ"


def long_run() -> bool:
    """Return whether the environment asks for more than the short run."""
    return VARIABLE in os.environ


def examples(short: int) -> int:
    """Return the number of examples of a test: its own, or what the environment says."""
    return int(os.environ.get(VARIABLE, short))


def fuzz(short: int) -> settings:
    """Return the settings of a test that tries `short` examples in the short run: a decorator."""
    return settings(
        max_examples=examples(short),
        derandomize=not long_run(),
        database=None,
        deadline=None,  # times say nothing on a busy machine
        print_blob=True,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.function_scoped_fixture,
        ],
    )
