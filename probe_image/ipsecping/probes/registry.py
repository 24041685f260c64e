"""The one place where probe types are registered, by the name of their module, imported when first used.

A prober that sends ICMP alone starts much sooner without the others.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar

from ..contract import ProbeType
from .base import ProbeMethod, RoundMethod

M = TypeVar("M", ProbeMethod, RoundMethod)


class _Registered(Mapping[ProbeType, M], Generic[M]):
    """The METHOD of each module."""

    def __init__(self, modules: Mapping[ProbeType, str]) -> None:
        self._modules = modules
        self._methods: dict[ProbeType, M] = {}

    def __getitem__(self, kind: ProbeType) -> M:
        method = self._methods.get(kind)
        if method is None:
            module = import_module(f".{self._modules[kind]}", __package__)
            method = self._methods[kind] = module.METHOD
        return method

    def __contains__(self, kind: object) -> bool:
        return kind in self._modules

    def __iter__(self) -> Iterator[ProbeType]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


METHODS: Mapping[ProbeType, ProbeMethod] = _Registered(
    {
        ProbeType.ICMP: "icmp",
        ProbeType.UDP_ECHO: "udp_echo",
        ProbeType.STAMP: "stamp",
        ProbeType.TCP: "tcp",
        ProbeType.HTTP: "http",
        ProbeType.DNS: "dns",
    }
)

ROUND_METHODS: Mapping[ProbeType, RoundMethod] = _Registered(
    {
        ProbeType.PATH_MTU: "path_mtu",
        ProbeType.IKE: "ike",
    }
)
"""Of the types that run their rounds by themselves."""
