"""Command lines of etcd and kube-apiserver, shared by the cluster and by the API-only fixture."""

from __future__ import annotations

from pathlib import Path

SERVICE_ISSUER = "https://kubernetes.default.svc.cluster.local"
API_NAMES = (
    "DNS:localhost",
    "DNS:kubernetes",
    "DNS:kubernetes.default",
    "DNS:kubernetes.default.svc",
    "DNS:kubernetes.default.svc.cluster.local",
    "IP:127.0.0.1",
)


def etcd(binary: Path, *, data: Path, client_port: int, peer_port: int) -> list[str | Path]:
    """One member on loopback. No fsync: a lab's data need not outlive a power cut."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        binary,
        "--name=lab",
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lab={peer}",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=5m",
    ]


def api_server(
    binary: Path, *, pki: Path, etcd_port: int, bind: str, port: int, service_network: str
) -> list[str | Path]:
    """An API server with TLS, RBAC and service-account tokens."""
    return [
        binary,
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--bind-address={bind}",
        f"--secure-port={port}",
        f"--service-cluster-ip-range={service_network}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--service-account-issuer={SERVICE_ISSUER}",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        "--profiling=false",
        "--event-ttl=2h",
    ]
