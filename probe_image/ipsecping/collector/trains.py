"""The trains that several stages send: packets over many ports, in classes, by one method. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from ..contract import ProbeType
from ..contract.methods import stamp
from ..diagnosis.evidence import Evidence, Part
from ..diagnosis.tally import part_of
from .steps import Asked, Method, Train

ICMP = Method(type=ProbeType.ICMP)
CODE_POINTS = 0, 10, 26, 46
FLOWS, PACKETS_OF_FLOW = 16, 3
MIXED = 8
"""Source ports that classes and rates are spread over: else a dead port would look like a dead class."""
PACKETS_OF_CLASS = 2
SPARSE = 24, 160, 2
"""Packets of a class, milliseconds between them, and source ports, where a rate costs something."""
_PAYLOAD = 56


def main_method(asked: Asked, known: Evidence) -> Method:
    """Return the method that tells most of those that are answered; of none answered the first."""
    methods = [method for method in asked.methods if method.is_datagram]
    to_target = (Part.METHODS, Part.FLOWS, Part.CLASSES)
    answered = {batch.type for part in to_target for batch in part_of(known, part) if batch.answered}
    return next((method for method in methods if method.type in answered), methods[0])


def method_of_controls(asked: Asked) -> Method:
    """ICMP, from where the packets to the target leave."""
    return replace(ICMP, source=asked.methods[0].source)


def flow_train(method: Method, address: str) -> Train:
    """Return a few packets from each of many source ports."""
    return train(Part.FLOWS, method, address, PACKETS_OF_FLOW, 300, flows=FLOWS)


def class_trains(method: Method, address: str, *, sparse: bool = False) -> Sequence[Train]:
    """Return packets of each class over several source ports; `sparse`: more of them, 25 a second in all."""
    packets, spacing, flows = SPARSE if sparse else (PACKETS_OF_CLASS * MIXED, 50, MIXED)
    flows = min(flows, flows_of(method))
    return [
        train(
            Part.CLASSES,
            method,
            address,
            packets // flows,
            spacing * flows,
            dscp=dscp,
            flows=flows,
            window=2 if sparse else 1,
        )
        for dscp in CODE_POINTS
    ]


def flows_of(method: Method) -> int:
    """Return how many source ports the packets of a method are spread over."""
    return 1 if method.type == ProbeType.ICMP else MIXED


def train(
    part: Part,
    method: Method,
    address: str,
    count: int,
    spacing_ms: int,
    *,
    dscp: int | None = None,
    flows: int = 1,
    payload: int | None = None,
    window: int = 1,
) -> Train:
    """Return a train of `count` packets a flow, those of one flow so far apart."""
    usual = _PAYLOAD if method.is_datagram else 0
    if method.type == ProbeType.STAMP:
        usual = stamp.payload(signed=method.signed, source=True, dscp=True)
    return Train(
        part=part,
        method=method,
        address=address,
        count=count,
        spacing_ms=spacing_ms,
        payload=usual if payload is None else payload,
        dscp=method.dscp if dscp is None else dscp,
        flows=flows,
        window=window,
    )
