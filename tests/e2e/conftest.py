"""The end-to-end bench: a real cluster, a real IPsec tunnel, the operator installed by its Helm chart.

Needs root on Linux (the lab makes namespaces), or LAB=existing with a cluster of one's own. A lab that was
not up before is taken down afterwards; LAB_KEEP=1 leaves it. Side by side (pytest -n 2) each worker has a lab
of its own, so that no test sees another one's faults.
"""

import json
import os
import uuid
from collections.abc import Iterator

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.layout import Layout

from .bench import HOST_NAMESPACE, Bench

FIRST_WORKER = "gw0"
LONG = (
    "test_quickstart.py",
    "test_alerting.py",
    "test_documents.py",
    "test_measuring.py",
    "test_names.py",
    "test_resilience.py",
    "test_kubelet.py",
    "test_truth.py",
    "test_chart.py",
)
"""Files that take a minute or more, the longest first: lest one lab wait for the other at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


def pytest_configure() -> None:
    """Name this worker's lab: the first has the lab as it is for everybody, the others one beside it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", FIRST_WORKER)
    if worker == FIRST_WORKER:
        return
    if workbench.existing_cluster():
        raise pytest.UsageError("LAB=existing: there is one cluster of yours, so run pytest with -n 0")
    os.environ["LAB_NAME"] = f"{Layout.from_environment().name}-{worker}"


@pytest.fixture(scope="session", autouse=True)
def cluster() -> Iterator[None]:
    """The cluster with the operator of this very tree."""
    if workbench.existing_cluster():
        workbench.install(values=workbench.host_network(HOST_NAMESPACE))
        yield
        return
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces (or LAB=existing with a cluster of your own)")
    was_up = json.loads(workbench.lab("status", "--json")).get("up", False)
    workbench.install(values=workbench.host_network(HOST_NAMESPACE))
    workbench.lab("fault", "clear")
    yield
    if not was_up and not os.environ.get("LAB_KEEP"):
        workbench.lab("down")


@pytest.fixture
def tunnel() -> Iterator[None]:
    """A tunnel to which faults can be done; healthy before and after."""
    if workbench.existing_cluster():
        pytest.skip("LAB=existing: faults are only injected into the lab's own tunnels")
    mend()
    yield
    mend()
    workbench.lab("flow", "clear")


def mend() -> None:
    """Clear what is in force; where nothing is, `lab fault clear` would undo all that there can be."""
    if json.loads(workbench.lab("fault", "list", "--json")):
        workbench.lab("fault", "clear")


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A fresh namespace that enforces restricted pods, with the calls a user makes in it."""
    made = Bench(namespace=f"e2e-{uuid.uuid4().hex[:8]}")
    made.create()
    yield made
    made.delete()
