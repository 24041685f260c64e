"""Addresses and names of the cluster, inside the lab's network namespace; pairs are IPv4 and IPv6."""

NODE_INTERFACES = ("172.30.0.1/24", "fd00:172:30::1/64")
NODE_IPS = tuple(interface.partition("/")[0] for interface in NODE_INTERFACES)
NODE_IP = NODE_IPS[0]
NODE_DEVICE = "node0"
POD_BRIDGE = "cni0"
POD_NETWORKS = ("10.244.0.0/24", "fd00:10:244::/64")
POD_INTERFACES = ("10.244.0.1/24", "fd00:10:244::1/64")
POD_GATEWAYS = tuple(interface.partition("/")[0] for interface in POD_INTERFACES)
IPV6_ONLY_START = "fd00:10:244::1:0:0"
"""Of the pods without IPv4: in the same network, where the other pods' addresses never come."""
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
