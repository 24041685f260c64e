"""Objects read by plain HTTP: waiting for one asks often, and kubectl takes 0.1 s of CPU each time."""

import base64
import functools
import http.client
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from ipsecping.tls_client import client_context
from ipsecping_operator.api.names import API_VERSION, PLURAL

_NAMESPACED = {
    "itc": f"/apis/{API_VERSION}/namespaces/{{}}/{PLURAL}",
    "configmap": "/api/v1/namespaces/{}/configmaps",
    "pod": "/api/v1/namespaces/{}/pods",
    "resourcequota": "/api/v1/namespaces/{}/resourcequotas",
    "deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "daemonset": "/apis/apps/v1/namespaces/{}/daemonsets",
    "cronjob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "job": "/apis/batch/v1/namespaces/{}/jobs",
    "event": "/apis/events.k8s.io/v1/namespaces/{}/events",
    "secret": "/api/v1/namespaces/{}/secrets",
    "lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "crd": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


def path_of(kind: str, namespace: str, name: str | None = None) -> str:
    """Where the API serves a kind (its name or short name, in the singular), or one object."""
    collection = _NAMESPACED[kind.lower()].format(namespace)
    return collection if name is None else f"{collection}/{name}"


class Reader:
    """One connection, made anew when it breaks."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._tls = client_context(ca_data=_decoded(cluster, "certificate-authority-data"))
        with tempfile.NamedTemporaryFile("w") as pair:  # the ssl module reads keys from files only
            pair.write(_decoded(user, "client-certificate-data") + _decoded(user, "client-key-data"))
            pair.flush()
            self._tls.load_cert_chain(pair.name)
        self._address = urlsplit(cluster["server"]).netloc
        self._connection: http.client.HTTPSConnection | None = None

    def get(self, path: str, **query: str) -> Any:
        """The decoded answer; fails the test when it is a refusal. Raises OSError without an API server."""
        try:
            status, body = self._ask(f"{path}?{urlencode(query)}")
        except (OSError, http.client.HTTPException):
            self._connection = None
            status, body = self._ask(f"{path}?{urlencode(query)}")
        content = json.loads(body)
        assert status == 200, f"GET {path}: {content.get('message')}"
        return content

    def _ask(self, target: str) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._address, context=self._tls, timeout=60)
        self._connection.request("GET", target)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _decoded(source: Mapping[str, str], key: str) -> str:
    return base64.b64decode(source[key]).decode()


@functools.cache
def reader(kubeconfig: Path) -> Reader:
    """The one of this kubeconfig."""
    return Reader(kubeconfig)
