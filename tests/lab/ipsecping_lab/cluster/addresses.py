"""Addresses and names of the cluster, inside the lab's network namespace."""

NODE_IP = "172.30.0.1"
NODE_DEVICE = "node0"
POD_BRIDGE = "cni0"
POD_NETWORK = "10.244.0.0/24"
POD_GATEWAY = "10.244.0.1"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IP = "10.96.0.10"
API_PORT = 6443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "localhost/pause:1"
