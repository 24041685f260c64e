"""The lab: a real one-node Kubernetes and real IPsec gateways on one Linux machine.

The command is ``tests/lab/lab``. Tests may also import:

* :func:`ipsecping_lab.apiserver.api_server`: only etcd and kube-apiserver, on loopback, within seconds;
* :func:`ipsecping_lab.building.binaries.binaries`: paths of the built programs;
* :class:`ipsecping_lab.layout.Layout`: where a running lab keeps its files.

Standard library only, because it runs before any virtual environment exists.
"""
