"""A probe with a source port of its own, which the rounds hold: a diagnosis has to ask from others."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ipsecping.collector.collector import Collector
from ipsecping.collector.conclusion import conclude
from ipsecping.collector.planned import asked_of
from ipsecping.contract import PlannedProbe, ProbeType
from ipsecping.contract.diagnosis_report import DiagnosisReport
from ipsecping.contract.diagnosis_terms import Outcome

from ...plans import check_of

LOOPBACK = "127.0.0.1"
FREE = PlannedProbe(
    name="free", type=ProbeType.UDP_ECHO, count=10, spacing_ms=100, timeout_ms=1000, size=56, port=7
)
FIXED = replace(FREE, name="fixed", source_port=20862)


class Echo(asyncio.DatagramProtocol):
    """Answers what comes from other ports, or nothing at all."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._answers:
            self._transport.sendto(data, addr)


def diagnosed(probe: PlannedProbe, *, answers: bool) -> DiagnosisReport:
    async def measure() -> DiagnosisReport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Echo(answers=answers), local_addr=(LOOPBACK, 0)
        )
        port = transport.get_extra_info("sockname")[1]
        check = check_of(replace(probe, port=port), target=LOOPBACK)
        collector = Collector(asked_of(check), progress=lambda *_: None)
        try:
            evidence = await collector.collect()
        finally:
            transport.close()
        return conclude(evidence, check=check.ref, request="x", duration=0, packets=collector.sent).report

    return asyncio.run(measure())


@pytest.mark.long
def test_silence_towards_other_ports_is_neither_a_fault_nor_health() -> None:
    report = diagnosed(FIXED, answers=False)
    assert (report.outcome, report.findings) == (Outcome.NOT_MEASURED, ())
    assert "UDPEcho from port 20862 alone" in report.summary


def test_answers_to_other_ports_are_as_good_as_any() -> None:
    assert diagnosed(FIXED, answers=True).outcome is Outcome.NO_FAULT


@pytest.mark.parametrize("probes", [(FIXED, FREE), (FREE, FIXED)])
def test_of_two_alike_the_one_without_a_port_is_asked(probes: tuple[PlannedProbe, ...]) -> None:
    method, _ = asked_of(check_of(*probes, target=LOOPBACK)).methods
    assert (method.type, method.assumed, method.rounds_port) == (ProbeType.UDP_ECHO, False, None)
