"""For all tests."""

from collections.abc import Generator

import pytest
from hypothesis import settings

from .peers.missing import PeerMissing

# How long an example takes says more about what else the machine does than about the code. The examples of a
# test are the same in each run, so that who breaks one sees it; `make explore` looks for new ones.
settings.register_profile("explore", settings(), deadline=None)
settings.register_profile("fixed", settings.get_profile("explore"), derandomize=True)
settings.load_profile("fixed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    """Skip a test whose fixtures need what this machine cannot get, with the reason."""
    yield from _or_skip()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Skip a test that finds out by itself."""
    yield from _or_skip()


def _or_skip() -> Generator[None]:
    try:
        yield
    except PeerMissing as error:
        pytest.skip(str(error))
