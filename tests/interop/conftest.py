"""Programs that are not ours. One that cannot be had skips its tests, with the reason."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..peers import debian, network
from ..peers.crates import STAMP_SUITE, TWAMP_LIGHT
from ..peers.missing import PeerMissing
from ..peers.network import Cable


def _or_skip(get: Callable[[], Path | str]) -> str:
    try:
        return str(get())
    except PeerMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def stamp_suite() -> str:
    """Path of stamp-suite."""
    return _or_skip(STAMP_SUITE.install)


@pytest.fixture(scope="session")
def twamp_light() -> str:
    """Path of the TWAMP-Light program, which takes a configuration file."""
    return _or_skip(TWAMP_LIGHT.install)


@pytest.fixture(scope="session")
def socat() -> str:
    """Path of socat."""
    return _or_skip(lambda: debian.program("socat", "socat"))


@pytest.fixture(scope="session")
def fping() -> str:
    """Path of fping."""
    return _or_skip(lambda: debian.program("fping", "fping"))


@pytest.fixture(scope="session")
def ping() -> str:
    """Path of ping(8)."""
    return _or_skip(lambda: debian.program("ping", "iputils-ping"))


@pytest.fixture
def cable() -> Iterator[Cable]:
    """Two network namespaces with a cable between them."""
    try:
        with network.cable() as made:
            yield made
    except PeerMissing as error:
        pytest.skip(str(error))
