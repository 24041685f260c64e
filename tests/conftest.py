"""For all tests."""

from collections.abc import Generator

import pytest
from hypothesis import settings

from .peers.missing import PeerMissing

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")


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
