"""A cache whose size in bytes is limited: plans of small tensors are many, large ones few."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

MOST_BYTES = 2**27  # of everything that one function keeps

Made = TypeVar("Made")


def remembered(size: Callable[..., int]) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """Return a decorator: results are kept, the latest used longest, up to `MOST_BYTES`.

    Parameters
    ----------
    size
        Function that returns the bytes that a result and its arguments, which are kept too, take.
    """

    def decorated(function: Callable[..., Made]) -> Callable[..., Made]:
        known: OrderedDict[Hashable, tuple[Made, int]] = OrderedDict()
        total = 0

        def found(*arguments: Hashable) -> Made:
            nonlocal total
            if arguments in known:
                known.move_to_end(arguments)
                return known[arguments][0]
            made = function(*arguments)
            bytes_ = size(made, *arguments)
            known[arguments] = made, bytes_
            total += bytes_
            while total > MOST_BYTES:
                _, (_, gone) = known.popitem(last=False)
                total -= gone
            return made

        return found

    return decorated
