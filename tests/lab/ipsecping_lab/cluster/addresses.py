"""Addresses and names of the cluster, inside the lab's network namespace; pairs are IPv4 and IPv6."""

NODE_IP = "172.30.0.1"
NODE_INTERFACES = (f"{NODE_IP}/24", "fd00:172:30::1/64")
NODE_IPS = (NODE_IP, "fd00:172:30::1")
NODE_DEVICE = "node0"
POD_BRIDGE = "cni0"
POD_NETWORKS = ("10.244.0.0/24", "fd00:10:244::/64")
POD_GATEWAYS = ("10.244.0.1", "fd00:10:244::1")
POD_INTERFACES = ("10.244.0.1/24", "fd00:10:244::1/64")
IPV6_ONLY_START = "fd00:10:244::1:0:0"
SERVICE_NETWORKS = ("10.96.0.0/16", "fd00:10:96::/112")
API_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IPS = ("10.96.0.10", "fd00:10:96::a")
API_PORT = 6443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "localhost/pause:1"
IPV6_RUNTIME = "ipv6-only"
"""The runtime handler and RuntimeClass of pods without IPv4."""
FAMILY_LABEL = "lab.ipsecping.dev/ip-family"
"""On a namespace: with the value IPv6, all its pods are without IPv4."""
