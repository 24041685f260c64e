"""Certificates and kubeconfigs by the openssl command: EC P-256 throughout, 0.3 s for a whole cluster."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..host.commands import run

DAYS = "3650"
_CURVE = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A leaf certificate. ``names``: subject alternative names as openssl writes them (``IP:127.0.0.1``)."""

    name: str
    subject: str
    usage: str = "clientAuth"
    names: tuple[str, ...] = ()
    authority: str = "ca"


def api_certificates(*, names: Iterable[str]) -> tuple[Certificate, ...]:
    """What an API server and its administrator need. ``names`` are the server's."""
    return (
        Certificate("apiserver", "/CN=kube-apiserver", "serverAuth", tuple(names)),
        Certificate("admin", "/O=system:masters/CN=admin"),
    )


def node_certificates(*, node: str, address: str) -> tuple[Certificate, ...]:
    """What the other components of a cluster need; bootstrap RBAC binds each of these subjects."""
    return (
        Certificate("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
        Certificate(
            "kubelet-serving",
            f"/O=system:nodes/CN=system:node:{node}",
            "serverAuth",
            (f"DNS:{node}", f"IP:{address}"),
        ),
        Certificate("controller-manager", "/CN=system:kube-controller-manager"),
        Certificate("scheduler", "/CN=system:kube-scheduler"),
        Certificate("kubelet", f"/O=system:nodes/CN=system:node:{node}"),
        Certificate("kube-proxy", "/CN=system:kube-proxy"),
        # requests that the API server makes on behalf of users to aggregated APIs
        Certificate("front-proxy-client", "/CN=front-proxy-client", authority="front-proxy-ca"),
    )


def write(
    directory: Path,
    *,
    cluster: str,
    server: str,
    certificates: Iterable[Certificate],
    users: Iterable[str],
) -> None:
    """Write authorities, certificates, the service-account key and one kubeconfig a user to ``directory``.

    A directory that was written completely before is left as it is.

    Raises:
        LabError: openssl is missing or refuses.
    """
    complete = directory / "complete"
    if complete.exists():
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)
    wanted = tuple(certificates)
    for authority in sorted({certificate.authority for certificate in wanted}):
        _authority(directory, authority, cluster)
    key = directory / "service-account.key"
    run(["openssl", "genpkey", *_CURVE, "-out", key])
    run(["openssl", "pkey", "-in", key, "-pubout", "-out", directory / "service-account.pub"])
    for certificate in wanted:
        _issue(directory, certificate)
    for user in users:
        _kubeconfig(directory, user, cluster=cluster, server=server)
    for secret in directory.glob("*.key"):
        secret.chmod(0o600)
    complete.touch()


def _authority(directory: Path, name: str, cluster: str) -> None:
    key = directory / f"{name}.key"
    run(["openssl", "genpkey", *_CURVE, "-out", key])
    subject = ["-subj", f"/CN={cluster}-{name}", "-days", DAYS]
    run(["openssl", "req", "-x509", "-new", "-key", key, *subject, "-out", directory / f"{name}.crt"])


def _issue(directory: Path, certificate: Certificate) -> None:
    key = directory / f"{certificate.name}.key"
    extensions = [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        f"extendedKeyUsage={certificate.usage}",
        *([f"subjectAltName={','.join(certificate.names)}"] if certificate.names else []),
    ]
    extension_file = directory / f"{certificate.name}.ext"
    extension_file.write_text("\n".join(extensions) + "\n")
    run(["openssl", "genpkey", *_CURVE, "-out", key])
    request = run(["openssl", "req", "-new", "-key", key, "-subj", certificate.subject]).stdout
    authority = directory / certificate.authority
    output = directory / f"{certificate.name}.crt"
    signer = ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", DAYS]
    files: list[str | Path] = ["-extfile", extension_file, "-out", output]
    run(["openssl", "x509", "-req", *signer, *files], stdin=request)
    extension_file.unlink()


def _kubeconfig(directory: Path, user: str, *, cluster: str, server: str) -> None:
    def encoded(name: str) -> str:
        return base64.b64encode((directory / name).read_bytes()).decode()

    cluster_entry = {"server": server, "certificate-authority-data": encoded("ca.crt")}
    user_entry = {
        "client-certificate-data": encoded(f"{user}.crt"),
        "client-key-data": encoded(f"{user}.key"),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": cluster_entry}],
        "users": [{"name": user, "user": user_entry}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
    }
    # JSON is YAML, and needs no writer of its own
    path = directory / f"{user}.kubeconfig"
    path.write_text(json.dumps(config, indent=1) + "\n")
    path.chmod(0o600)
