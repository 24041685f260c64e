"""Begins with the tests that take long: who begins with one last keeps everybody waiting.

pytest-xdist (`--dist worksteal`) deals the tests out in shares of consecutive ones; whoever has done his
takes from the end of another's. So each share begins with its part of those that are marked `long`. All else
stays in order, for fixtures of a module are made once for those that follow each other.
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

MARK = "long"
T = TypeVar("T")


def dealt(items: Sequence[T], *, workers: int, long: Callable[[T], bool]) -> list[T]:
    """The items in the order in which they are to be dealt out."""
    first = [each for each in items if long(each)]
    rest = [each for each in items if not long(each)]
    order: list[T] = []
    for worker in range(workers):
        size = (len(items) - len(order)) // (workers - worker)
        share = first[worker::workers]
        more = max(0, size - len(share))
        order += share + rest[:more]
        del rest[:more]
    return order + rest


class LongFirst:
    """The plugin; it does nothing where one process runs all tests."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put them in order, in each worker the same."""
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        if workers > 1:
            items[:] = dealt(items, workers=workers, long=_is_long)


def _is_long(item: pytest.Item) -> bool:
    return item.get_closest_marker(MARK) is not None
