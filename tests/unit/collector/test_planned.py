"""What a plan has diagnosed: probes become methods, and nothing is sent that rounds may not send."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from ipsecping.collector.lookup import look_up
from ipsecping.collector.packets import probe_of
from ipsecping.collector.plan import next_stage
from ipsecping.collector.planned import asked_of, main_probe, why_not
from ipsecping.collector.steps import MtuStep, TraceStep, Train
from ipsecping.contract import (
    Control,
    DnsOptions,
    Expect,
    HttpOptions,
    IkeOptions,
    PathMtuOptions,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    StampOptions,
    TcpOptions,
    TlsOptions,
)
from ipsecping.contract.bounds import DIAGNOSIS_BIT_RATE, DIAGNOSIS_PACKETS
from ipsecping.contract.methods.path_mtu import Responder
from ipsecping.diagnosis import Evidence, Part
from ipsecping.diagnosis.evidence import NameAnswer
from ipsecping.net.resolve import Resolver

from ...plans import check_of

TARGET = "10.50.1.10"


def probe(kind: ProbeType, **more: object) -> PlannedProbe:
    usual = PlannedProbe(name=kind.lower(), type=kind, count=10, spacing_ms=100, timeout_ms=1000, size=56)
    return replace(usual, **more)  # type: ignore[arg-type]


STAMP = probe(ProbeType.STAMP, port=862, options=StampOptions(key_file="/keys", marked_keys=True), dscp=46)
ICMP = probe(ProbeType.ICMP)
HTTP = probe(ProbeType.HTTP, options=HttpOptions(url=f"https://{TARGET}/health"))
ELSEWHERE = probe(ProbeType.HTTP, options=HttpOptions(url="https://example.org/"))
DNS = probe(ProbeType.DNS, port=53, options=DnsOptions(query="db.example"))
TLS = probe(ProbeType.TCP, port=443, options=TcpOptions(tls=TlsOptions()))
SYN = probe(ProbeType.TCP, port=443, options=TcpOptions())
IKE = probe(ProbeType.IKE, options=IkeOptions(gateway="192.0.2.1"))
MTU = probe(ProbeType.PATH_MTU, port=862, options=PathMtuOptions(key_file="/keys"))
ECHO_MTU = probe(ProbeType.PATH_MTU, options=PathMtuOptions(responder=Responder.ICMP))


def kinds(*probes: PlannedProbe) -> list[tuple[str, bool]]:
    return [(method.type, method.assumed) for method in asked_of(check_of(*probes, target=TARGET)).methods]


@pytest.mark.parametrize(
    ("probes", "found"),
    [
        ([ICMP, STAMP], [("STAMP", False), ("ICMP", False)]),
        ([STAMP], [("STAMP", False), ("ICMP", True)]),
        ([MTU], [("STAMP", False), ("ICMP", True)]),
        ([ECHO_MTU, SYN], [("ICMP", False), ("TCP", False)]),
        ([DNS, HTTP, TLS], [("ICMP", True), ("TCP", False), ("HTTP", False), ("DNS", False)]),
        ([ELSEWHERE, ICMP], [("ICMP", False)]),
        ([replace(SYN, expect=Expect.BLOCKED), ICMP], [("ICMP", False)]),
    ],
)
def test_probes_become_methods(probes: list[PlannedProbe], found: list[tuple[str, bool]]) -> None:
    assert kinds(*probes) == found
    assert why_not(check_of(*probes, target=TARGET)) is None


@pytest.mark.parametrize(
    ("probes", "why"),
    [
        (
            [replace(ICMP, expect=Expect.BLOCKED)],
            "every probe of this path expects that nothing gets through",
        ),
        ([IKE], "no probe of this path asks its target by a method that can be diagnosed"),
        ([ELSEWHERE], "no probe of this path asks its target"),
    ],
)
def test_some_paths_have_nothing_to_diagnose(probes: list[PlannedProbe], why: str) -> None:
    assert (why_not(check_of(*probes, target=TARGET)) or "").startswith(why)


def first_look(check: PlannedCheck) -> list[Train | TraceStep | MtuStep]:
    asked = replace(asked_of(check), controls=MappingProxyType({Part.FAR_INSIDE: "10.50.1.1"}))
    known = Evidence(at=0, path="default", target=TARGET, address=TARGET)
    stage = next_stage(asked, known, [], sent=0, elapsed=0)
    assert stage is not None
    assert stage.packets <= DIAGNOSIS_PACKETS
    assert stage.bits_per_second <= DIAGNOSIS_BIT_RATE
    return [step for step in stage.steps if isinstance(step, Train | TraceStep | MtuStep)]


def test_packets_are_signed_and_marked_and_leave_as_those_of_rounds_do() -> None:
    steps = first_look(check_of(replace(STAMP, source="192.0.2.7"), target=TARGET))
    assert {step.method.source for step in steps} == {"192.0.2.7"}
    trains = [step for step in steps if isinstance(step, Train)]
    sent = next(probe_of(train) for train in trains if train.part is Part.METHODS)
    assert isinstance(sent.options, StampOptions)
    assert (sent.options.key_file, sent.options.marked_keys) == ("/keys", True)
    assert (sent.dscp, sent.source, sent.port) == (46, "192.0.2.7", 862)
    assert sent.size == sent.options.least_size(0)
    assert {train.dscp for train in trains if train.part is Part.CLASSES} == {0, 10, 26, 46}
    search = next(step for step in steps if isinstance(step, MtuStep))
    assert search.method.signed


def test_a_service_is_asked_twice_and_never_traced() -> None:
    steps = first_look(check_of(ICMP, DNS, HTTP, TLS, target=TARGET))
    counts = {str(step.method.type): step.count for step in steps if isinstance(step, Train)}
    assert (counts["HTTP"], counts["DNS"], counts["TCP"]) == (2, 2, 2)
    assert {step.method.type for step in steps if isinstance(step, TraceStep)} == {"ICMP", "TCP"}
    assert all(step.packets >= 20 for step in steps if isinstance(step, Train) and step.method.type == "HTTP")


def test_the_main_probe_tells_most() -> None:
    assert main_probe(check_of(ICMP, STAMP, target=TARGET)) == STAMP
    assert main_probe(check_of(ICMP, replace(STAMP, flows=4), target=TARGET)) == ICMP
    assert main_probe(check_of(MTU, target=TARGET)) is None


async def test_of_several_addresses_the_failing_one_is_diagnosed() -> None:
    check = replace(check_of(ICMP), target="db.example", targets=("10.50.1.10", "10.50.1.11"))
    for failing, chosen in ((None, "10.50.1.10"), ("10.50.1.11", "10.50.1.11"), ("10.50.1.12", "10.50.1.10")):
        found = await look_up(asked_of(check, failing=failing, before=("10.50.1.9",)), Resolver())
        assert found.address == chosen
        assert found.names.now == ("10.50.1.10", "10.50.1.11")
        assert found.names.before == ("10.50.1.9",)
    nobody = await look_up(asked_of(replace(check, targets=())), Resolver())
    assert (nobody.address, nobody.names.answer) == (None, NameAnswer.NO_SUCH_NAME)


async def test_only_permitted_addresses_are_sent_to() -> None:
    controls = {
        Control.FAR_INSIDE: "10.50.1.1",
        Control.NEAR_INSIDE: "10.99.0.2",
        Control.GATEWAY: "localhost",
    }
    check = replace(
        check_of(ICMP, target=TARGET), allowed=("10.50.0.0/16",), refused=("10.50.1.1/32",), controls=controls
    )
    found = await look_up(asked_of(check), Resolver())
    assert found.address == TARGET
    assert dict(found.controls) == {}
    assert set(found.refused) == {Part.FAR_INSIDE, Part.NEAR_INSIDE, Part.GATEWAY, Part.IKE}
    allowed = replace(check, allowed=None, refused=("10.50.0.0/16",))
    found = await look_up(asked_of(allowed), Resolver())
    assert found.address is None
    assert found.refused[Part.METHODS] == f"{TARGET} is not an allowed target of this path"
    assert found.controls[Part.NEAR_INSIDE] == "10.99.0.2"
    assert found.controls[Part.GATEWAY] in ("127.0.0.1", "::1")
