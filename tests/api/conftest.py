"""A real etcd and kube-apiserver for the whole run, with our CRD; a namespace of its own for each test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping_lab.apiserver import ApiServer, api_server

from .administrator import Administrator
from .api_client import path_of
from .crd import install_crd
from .kubectl import Kubectl

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server, with the CRD established."""
    with api_server(tmp_path_factory.mktemp("api")) as api:
        install_crd(api)
        yield api


@pytest.fixture(scope="session")
def dry(server: ApiServer) -> Kubectl:
    """kubectl for tests that store nothing."""
    return Kubectl(server.kubectl, server.kubeconfig, "default")


@pytest.fixture
def kubectl(server: ApiServer) -> Kubectl:
    """kubectl in a new namespace that enforces the restricted Pod Security level."""
    made = Kubectl(server.kubectl, server.kubeconfig, f"test-{uuid.uuid4().hex[:8]}")
    metadata = {"name": made.namespace, "labels": RESTRICTED}
    made.plain.create(path_of("namespace", ""), {"metadata": metadata})
    return made


@pytest.fixture
def administrator(tmp_path: Path) -> Iterator[Administrator]:
    """Of a cluster in which nothing of ours is installed."""
    with api_server(tmp_path / "api") as api:
        yield Administrator(api, tmp_path)
