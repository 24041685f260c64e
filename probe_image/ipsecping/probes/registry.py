"""The measuring side of each probe type, imported when the first packet of the type is sent.

A prober that sends ICMP alone starts much sooner without the others.
"""

from importlib import import_module

from ..contract import METHODS, ProbeType
from .base import ProbeMethod, RoundMethod

_imported: dict[ProbeType, ProbeMethod | RoundMethod] = {}


def method_of(kind: ProbeType) -> ProbeMethod | RoundMethod:
    """Return the METHOD of the module that the type's declaration names."""
    method = _imported.get(kind)
    if method is None:
        module = import_module(f".{METHODS[kind].module}", __package__)
        method = _imported[kind] = module.METHOD
    return method


def packet_method(kind: ProbeType) -> ProbeMethod:
    """Return the same of a type that sends at the pace of the plan; raises KeyError for any other."""
    method = method_of(kind)
    if isinstance(method, RoundMethod):
        raise KeyError(kind)
    return method
