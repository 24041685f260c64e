"""The operator under test, in a namespace of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer

from ..kubectl import Kubectl
from . import settable
from .clocks import Clock
from .cluster import Cluster
from .processes import OperatorProcess, operator_process
from .reflectors import Reflector, stamp_reflector


@pytest.fixture
def cluster(kubectl: Kubectl, tmp_path: Path) -> Iterator[Cluster]:
    """Controllers and kubelet of the test's namespace."""
    made = Cluster(kubectl=kubectl, workdir=tmp_path)
    yield made
    made.stop()


@pytest.fixture
def operator(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """A running operator for the test's namespace; its log is shown when the test fails."""
    namespace = cluster.kubectl.namespace
    process = operator_process(
        server.kubeconfig,
        tmp_path,
        f"--namespaces={namespace}",
        cluster.key_secret(),
    )
    process.start()
    yield process
    process.clear_up()


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that is right."""
    return Clock(tmp_path / "offset")


@pytest.fixture
def clocked(server: ApiServer, cluster: Cluster, clock: Clock, tmp_path: Path) -> Iterator[OperatorProcess]:
    """A running operator with that clock."""
    process = operator_process(
        server.kubeconfig, tmp_path, f"--namespaces={cluster.kubectl.namespace}", cluster.key_secret()
    )
    process.words = [settable.__file__, str(clock.file), *process.words[2:]]
    process.start()
    yield process
    process.clear_up()


@pytest.fixture
def reflector(tmp_path: Path) -> Iterator[Reflector]:
    """A running reflector."""
    made = stamp_reflector(tmp_path / "reflector.log")
    yield made
    made.stop_if_running()
