"""For all tests."""

from collections.abc import Generator

import pytest
from hypothesis import is_hypothesis_test, settings

from .long_first import LongFirst
from .peers.missing import PeerMissing
from .stalls import Stalls, StallWatch

# How long an example takes says more about what else the machine does than about the code. The examples of a
# test are the same in each run, so that who breaks one sees it; `make explore` looks for new ones, and more.
settings.register_profile("explore", settings(), deadline=None, max_examples=200)
settings.register_profile("fixed", settings(), deadline=None, max_examples=50, derandomize=True)
settings.load_profile("fixed")


def pytest_configure(config: pytest.Config) -> None:
    """Let what a machine made fail that stood still be tried again, and begin with what takes long."""
    config.pluginmanager.register(Stalls(StallWatch()))
    config.pluginmanager.register(LongFirst())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the property tests, and say in reports which tests other interpreters leave out."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("one_python")
        if item.get_closest_marker("one_python"):
            item.user_properties.append(("pythons", "one"))


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
