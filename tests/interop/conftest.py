"""Programs that are not ours. One that cannot be had skips its tests, with the reason."""

from collections.abc import Iterator

import pytest

from ..peers import debian, network
from ..peers.crates import STAMP_SUITE, TWAMP_LIGHT
from ..peers.network import Cable


@pytest.fixture(scope="session")
def stamp_suite() -> str:
    """Path of stamp-suite."""
    return str(STAMP_SUITE.install())


@pytest.fixture(scope="session")
def twamp_light() -> str:
    """Path of the TWAMP-Light program, which takes a configuration file."""
    return str(TWAMP_LIGHT.install())


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of promtool."""
    return debian.program("promtool", "prometheus")


@pytest.fixture(scope="session")
def socat() -> str:
    """Path of socat."""
    return debian.program("socat", "socat")


@pytest.fixture(scope="session")
def fping() -> str:
    """Path of fping."""
    return debian.program("fping", "fping")


@pytest.fixture(scope="session")
def ping() -> str:
    """Path of ping(8)."""
    return debian.program("ping", "iputils-ping")


@pytest.fixture
def cable() -> Iterator[Cable]:
    """Two network namespaces with a cable between them."""
    with network.cable() as made:
        yield made
