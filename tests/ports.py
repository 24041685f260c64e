"""Ports for the programs that tests and benches start."""

from ipsecping_lab.host.ports import free_port

__all__ = ["free_port"]
