"""What refuses objects: quotas, admission policies, webhooks."""

import base64
import contextlib
import http.server
import json
import ssl
import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.kube.kinds import Kind

from .kubectl import Kubectl

Object = dict[str, Any]


def make(kubectl: Kubectl, body: Object, status: Object | None = None) -> None:
    """Make an object, of the cluster or of the namespace, with a status that a controller would write."""
    kubectl("create", "-f", "-", stdin=json.dumps(body))
    if status is not None:
        words = ("--subresource=status", "--type=merge", f"--patch={json.dumps({'status': status})}")
        kubectl("patch", body["kind"], body["metadata"]["name"], *words)


def quota(hard: Mapping[str, str]) -> Object:
    """A ResourceQuota, which no controller counts."""
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": hard}}


@contextlib.contextmanager
def of_the_cluster(kubectl: Kubectl, *bodies: Object) -> Iterator[None]:
    """Objects without a namespace, which other tests must not meet."""
    for body in bodies:
        make(kubectl, body)
    try:
        yield
    finally:
        for body in bodies:
            kubectl("delete", body["kind"], body["metadata"]["name"], "--ignore-not-found")


def only_here(namespace: str) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


def rule_of(kind: Kind) -> Object:
    """When an object of the kind is made."""
    return {
        "apiGroups": [kind.group],
        "apiVersions": [kind.version],
        "operations": ["CREATE"],
        "resources": [kind.plural],
    }


def admission_policy(kubectl: Kubectl, kind: Kind, validation: Object) -> tuple[Object, Object]:
    """A policy for objects of the kind that are made in this namespace, and its binding."""
    name = f"frozen-{uuid.uuid4().hex[:8]}"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [rule_of(kind)]}, "validations": [validation]},
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": only_here(kubectl.namespace)},
        },
    }
    return policy, binding


class Webhook(http.server.BaseHTTPRequestHandler):
    """Denies all, with the code and the words that stand in the path: /CODE/WORDS."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code, _, words = self.path.partition("?")[0].strip("/").partition("/")
        response = {"uid": review["request"]["uid"], "allowed": False}
        if words:
            response["status"] = {"code": int(code), "message": words}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@contextlib.contextmanager
def webhook(server: ApiServer, handler: type[Webhook] = Webhook) -> Iterator[int]:
    """The port of a webhook that the API server can call: with the API server's own certificate."""
    pki = server.kubeconfig.parent
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        made.socket = context.wrap_socket(made.socket, server_side=True)
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made.server_address[1]
        made.shutdown()
        thread.join()


def webhook_configuration(server: ApiServer, kubectl: Kubectl, kind: Kind, url: str) -> Object:
    """One that has to be asked before an object of the kind is made in this namespace."""
    authority = base64.b64encode((server.kubeconfig.parent / "ca.crt").read_bytes()).decode()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"hook-{uuid.uuid4().hex[:8]}"},
        "webhooks": [
            {
                "name": "policy.example.com",
                "clientConfig": {"url": url, "caBundle": authority},
                "rules": [rule_of(kind)],
                "namespaceSelector": only_here(kubectl.namespace),
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "failurePolicy": "Fail",
                "timeoutSeconds": 30,
            }
        ],
    }
