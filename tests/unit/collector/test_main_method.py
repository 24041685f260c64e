"""By which of several ways to ask the target a diagnosis measures what takes many packets."""

import pytest

from ipsecping.collector.steps import Asked, Method
from ipsecping.collector.trains import main_method
from ipsecping.contract import ProbeType
from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.evidence import Batch

TARGET = "10.50.1.10"
STAMP, ECHO, ICMP = ProbeType.STAMP, ProbeType.UDP_ECHO, ProbeType.ICMP


def batch(kind: ProbeType, *, answered: int, part: Part = Part.METHODS) -> Batch:
    return Batch(
        part=part, type=kind, address=TARGET, at=0, size=84, spacing=10**8, sent=4, answered=answered
    )


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], STAMP),
        ([batch(STAMP, answered=0), batch(ECHO, answered=0)], STAMP),
        ([batch(STAMP, answered=0), batch(ECHO, answered=1), batch(ICMP, answered=4)], ECHO),
        ([batch(STAMP, answered=0), batch(ICMP, answered=4, part=Part.CLASSES)], ICMP),
        ([batch(STAMP, answered=0), batch(ICMP, answered=4, part=Part.FAR_INSIDE)], STAMP),
    ],
    ids=["nothing known", "no answer", "the first answered", "answered later", "answered by a control"],
)
def test_it_is_the_first_that_the_target_answers_and_the_first_where_it_answers_none(
    seen: list[Batch], expected: ProbeType
) -> None:
    methods = tuple(Method(type=kind) for kind in (STAMP, ECHO, ICMP))
    known = Evidence(at=0, path="a", target=TARGET, address=TARGET, batches=tuple(seen))
    assert main_method(Asked(host=TARGET, methods=methods), known).type is expected
