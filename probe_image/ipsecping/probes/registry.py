"""The one place where probe types are registered."""

from collections.abc import Mapping
from types import MappingProxyType

from ..contract import ProbeType
from . import dns, http, icmp, ike, path_mtu, stamp, tcp, udp_echo
from .base import ProbeMethod, RoundMethod

METHODS: Mapping[ProbeType, ProbeMethod] = MappingProxyType(
    {
        ProbeType.ICMP: icmp.METHOD,
        ProbeType.UDP_ECHO: udp_echo.METHOD,
        ProbeType.STAMP: stamp.METHOD,
        ProbeType.TCP: tcp.METHOD,
        ProbeType.HTTP: http.METHOD,
        ProbeType.DNS: dns.METHOD,
    }
)

ROUND_METHODS: Mapping[ProbeType, RoundMethod] = MappingProxyType(
    {
        ProbeType.PATH_MTU: path_mtu.METHOD,
        ProbeType.IKE: ike.METHOD,
    }
)
"""Of the types that run their rounds by themselves."""
