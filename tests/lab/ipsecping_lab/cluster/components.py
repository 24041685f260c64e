"""The programs that run on the node, as a table of command lines in the order in which they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..layout import Layout
from . import addresses, control_plane


@dataclass(frozen=True, slots=True)
class Component:
    """A long-running program of the node."""

    name: str
    argv: tuple[str | Path, ...]


def all_components(layout: Layout, built: Mapping[str, Path]) -> tuple[Component, ...]:
    """Every component of the node; ``built`` gives the programs' paths."""
    return (
        _etcd(layout, built),
        Component(
            "containerd", ("containerd", f"--config={layout.conf}/containerd.toml", "--log-level=warn")
        ),
        _api_server(layout, built),
        _controller_manager(layout, built),
        _scheduler(layout, built),
        Component(
            "kubelet",
            (
                built["kubelet"],
                f"--config={layout.conf}/kubelet.yaml",
                f"--kubeconfig={layout.pki}/kubelet.kubeconfig",
                f"--hostname-override={layout.name}",
                f"--node-ip={','.join(addresses.NODE_IPS)}",
            ),
        ),
        Component("kube-proxy", (built["kube-proxy"], f"--config={layout.conf}/kube-proxy.yaml")),
    )


COMPONENT_NAMES = (
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)


def _etcd(layout: Layout, built: Mapping[str, Path]) -> Component:
    argv = control_plane.etcd(
        built["etcd"],
        data=layout.state / "etcd",
        client_port=addresses.ETCD_PORT,
        peer_port=addresses.ETCD_PEER_PORT,
    )
    return Component("etcd", tuple(argv))


def _api_server(layout: Layout, built: Mapping[str, Path]) -> Component:
    pki = layout.pki
    common = control_plane.api_server(
        built["kube-apiserver"],
        pki=pki,
        etcd_port=addresses.ETCD_PORT,
        bind="::",  # of both families, everywhere: the lab's namespace has no uplink
        port=addresses.API_PORT,
        service_network=",".join(addresses.SERVICE_NETWORKS),
    )
    return Component(
        "kube-apiserver",
        (
            *common,
            f"--advertise-address={addresses.NODE_IP}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
            f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
            # without the front-proxy authority other components log that it is missing, again and again
            f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
            f"--proxy-client-key-file={pki}/front-proxy-client.key",
        ),
    )


def _controller_manager(layout: Layout, built: Mapping[str, Path]) -> Component:
    pki = layout.pki
    return Component(
        "kube-controller-manager",
        (
            built["kube-controller-manager"],
            *_own_credentials(pki / "controller-manager.kubeconfig"),
            "--use-service-account-credentials",
            "--kube-api-qps=200",  # the default service accounts appear seconds earlier
            "--kube-api-burst=400",
            "--flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins",
            f"--root-ca-file={pki}/ca.crt",
            f"--service-account-private-key-file={pki}/service-account.key",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
        ),
    )


def _scheduler(layout: Layout, built: Mapping[str, Path]) -> Component:
    credentials = _own_credentials(layout.pki / "scheduler.kubeconfig")
    return Component("kube-scheduler", (built["kube-scheduler"], *credentials))


def _own_credentials(kubeconfig: Path) -> tuple[str, ...]:
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
    )
