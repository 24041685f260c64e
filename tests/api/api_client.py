"""Objects read and written by plain HTTP: tests do so often, and kubectl takes 0.1 s of CPU each time."""

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
from ipsecping_operator.api.names import API_VERSION, KIND, PLURAL

_CHECKS = f"/apis/{API_VERSION}/namespaces/{{}}/{PLURAL}"
_PATHS = {
    "namespace": "/api/v1/namespaces",
    "itc": _CHECKS,
    KIND.lower(): _CHECKS,
    "configmap": "/api/v1/namespaces/{}/configmaps",
    "pod": "/api/v1/namespaces/{}/pods",
    "resourcequota": "/api/v1/namespaces/{}/resourcequotas",
    "replicaset": "/apis/apps/v1/namespaces/{}/replicasets",
    "deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "daemonset": "/apis/apps/v1/namespaces/{}/daemonsets",
    "cronjob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "job": "/apis/batch/v1/namespaces/{}/jobs",
    "endpointslice": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "event": "/apis/events.k8s.io/v1/namespaces/{}/events",
    "secret": "/api/v1/namespaces/{}/secrets",
    "lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "crd": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


def path_of(kind: str, namespace: str, name: str | None = None) -> str:
    """Where the API serves a kind (its name or short name, in the singular), or one object."""
    collection = _PATHS[kind.lower()].format(namespace)
    return collection if name is None else f"{collection}/{name}"


class ApiClient:
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
        return self._answer("GET", f"{path}?{urlencode(query)}")

    def found(self, path: str, *, accept: str) -> Any:
        """The same in the form that is asked for; None where there is nothing yet (404, or 503 meanwhile)."""
        status, said = self._said("GET", path, None, {"Accept": accept})
        assert status in (200, 404, 503), f"GET {path}: {status}"
        return json.loads(said) if status == 200 else None

    def create(self, path: str, manifest: Mapping[str, Any]) -> Any:
        """A new object of a collection, as stored; fails as `get` does."""
        return self._answer("POST", path, manifest, "application/json")

    def apply(self, path: str, manifest: Mapping[str, Any]) -> Any:
        """The object after server-side apply by a user, who owns these fields then; fails as `get` does."""
        query = urlencode({"fieldManager": "kubectl", "force": "true", "fieldValidation": "Strict"})
        return self._answer("PATCH", f"{path}?{query}", manifest, "application/apply-patch+yaml")

    def refusal(self, path: str, manifest: Mapping[str, Any]) -> list[str]:
        """Why the server would not create it, in the lines that kubectl prints; fails when it would."""
        target = f"{path}?{urlencode({'dryRun': 'All', 'fieldValidation': 'Strict'})}"
        content = self._answer("POST", target, manifest, "application/json", refused=True)
        causes = content.get("details", {}).get("causes", ())
        lines = dict.fromkeys(f"{each['field']}: {each['message']}" for each in causes)  # some come twice
        return list(lines) or [content["message"]]

    def merge(self, path: str, patch: Mapping[str, Any]) -> Any:
        """The object, or the part of it, after a merge patch (RFC 7396); fails as `get` does."""
        return self._answer("PATCH", path, patch, "application/merge-patch+json")

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _answer(
        self, method: str, target: str, body: object = None, kind: str = "", *, refused: bool = False
    ) -> Any:
        text = None if body is None else json.dumps(body)
        status, said = self._said(method, target, text, {"Content-Type": kind} if kind else {})
        content = json.loads(said)
        assert (status >= 300) is refused, f"{method} {target}: {content.get('message', 'accepted')}"
        return content

    def _said(self, *words: Any) -> tuple[int, bytes]:
        try:
            return self._ask(*words)
        except (OSError, http.client.HTTPException):  # the server has closed it: it did not read this
            self.close()
            return self._ask(*words)

    def _ask(self, *words: Any) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._address, context=self._tls, timeout=60)
        self._connection.request(*words)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _decoded(source: Mapping[str, str], key: str) -> str:
    return base64.b64decode(source[key]).decode()


@functools.cache
def client(kubeconfig: Path) -> ApiClient:
    """The one of this kubeconfig."""
    return ApiClient(kubeconfig)
