"""Configuration files of the node's components, as pure functions to text.

Kubernetes files are written as JSON, which every YAML reader takes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..layout import Layout
from . import addresses

_UNUSED_PLUGINS = (
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.internal.v1.tracing",
)


def files(layout: Layout) -> dict[str, str]:
    """File name under ``conf`` to content."""
    dual_stack = [
        {"subnet": subnet, "gateway": gateway}
        for subnet, gateway in zip(addresses.POD_NETWORKS, addresses.POD_GATEWAYS, strict=True)
    ]
    # Each network of the CNI notes for itself what it has given away.
    ipv6_only = [dual_stack[1] | {"rangeStart": addresses.IPV6_ONLY_START}]
    return {
        "containerd.toml": containerd(),
        "cni/10-lab.conflist": cni("lab", dual_stack),
        f"cni/{addresses.IPV6_RUNTIME}/10-lab.conflist": cni(addresses.IPV6_RUNTIME, ipv6_only),
        "resolv.conf": "".join(f"nameserver {address}\n" for address in addresses.DNS_SERVICE_IPS),
        "hosts": f"127.0.0.1 localhost\n{addresses.NODE_IP} {layout.name}\n",
        "kubelet.yaml": kubelet(layout),
        "kube-proxy.yaml": kube_proxy(layout),
    }


def containerd() -> str:
    """Paths are the defaults: the node's mount namespace puts the lab's directories there."""
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = {json.dumps(_UNUSED_PLUGINS)}
[grpc]
  address = "{addresses.CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{addresses.PAUSE_IMAGE}"
  restrict_oom_score_adj = true      # works without CAP_SYS_RESOURCE too
  disable_apparmor = true
  enable_unprivileged_icmp = false   # pods must ask through their sysctls, as on any cluster
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
{_runtime("runc", networks="/etc/cni/net.d")}
{_runtime(addresses.IPV6_RUNTIME, networks=f"/etc/cni/net.d/{addresses.IPV6_RUNTIME}")}
"""


def _runtime(name: str, *, networks: str) -> str:
    runtime = f'plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}'
    return f"""    [{runtime}]
      runtime_type = "io.containerd.runc.v2"
      cni_conf_dir = "{networks}"
      [{runtime}.options]
        SystemdCgroup = false"""


def cni(name: str, ranges: Sequence[dict[str, str]]) -> str:
    """A bridge without masquerading: the gateways see the pods' own addresses, as the selectors want.

    A pod gets an address from each of the ranges.
    """
    bridge = {
        "type": "bridge",
        "bridge": addresses.POD_BRIDGE,
        "isDefaultGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[each] for each in ranges]},
    }
    port_map = {"type": "portmap", "capabilities": {"portMappings": True}}
    return _json({"cniVersion": "1.0.0", "name": name, "plugins": [bridge, port_map]})


def kubelet(layout: Layout) -> str:
    pki = layout.pki
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": addresses.NODE_IP,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{pki}/kubelet-serving.crt",
            "tlsPrivateKeyFile": f"{pki}/kubelet-serving.key",
            "containerRuntimeEndpoint": f"unix://{addresses.CONTAINERD_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{layout.name}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "clusterDomain": "cluster.local",
            "clusterDNS": addresses.DNS_SERVICE_IPS,
            "resolvConf": f"{layout.conf}/resolv.conf",
            "serializeImagePulls": False,
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "1%",
                "nodefs.inodesFree": "1%",
                "imagefs.available": "1%",
            },
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",  # the default writes under /usr/libexec
            "logging": {"verbosity": 1},
        }
    )


def kube_proxy(layout: Layout) -> str:
    unchanged = {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": f"{layout.pki}/kube-proxy.kubeconfig"},
            "mode": "nftables",
            "clusterCIDR": ",".join(addresses.POD_NETWORKS),
            "detectLocalMode": "ClusterCIDR",
            "hostnameOverride": layout.name,
            "oomScoreAdj": 0,
            "metricsBindAddress": "127.0.0.1:10249",
            "healthzBindAddress": "127.0.0.1:10256",
            "conntrack": unchanged,
        }
    )


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"
