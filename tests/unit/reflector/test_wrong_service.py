"""A probe of one kind that meets the responder of another says so."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from ipsecping.contract import PlannedProbe, ProbeType, Refusal, RefusedAnswers
from ipsecping.reflector.admission import Admission
from ipsecping.reflector.responder import EchoResponder
from ipsecping.reflector.server import Listener

from .sessions import LOOPBACK, NEW, foreign_reflector, one_round, planned, reflector, write_keys


async def refused(probe: PlannedProbe) -> RefusedAnswers | None:
    result = await one_round(probe)
    assert (result.sent, result.received) == (3, 0)
    return result.figure(RefusedAnswers)


@pytest.mark.parametrize("size", [44, 56, 1400])
async def test_an_echo_probe_that_meets_a_stamp_reflector_says_so(size: int) -> None:
    async with reflector(None) as listener:
        probe = PlannedProbe(
            name="echo", type=ProbeType.UDP_ECHO, count=3, spacing_ms=1, timeout_ms=200, size=size,
            port=listener.port,
        )  # fmt: skip
        figure = await refused(probe)
    assert figure is not None
    assert dict(figure.by_reason) == {Refusal.STAMP_ANSWER: 3}
    assert figure.remark() == (
        "3 answers were refused: of a STAMP reflector, which a probe of type stamp measures"
    )


@pytest.mark.parametrize("signed", [True, False])
async def test_a_stamp_probe_that_meets_an_echo_service_says_so(signed: bool, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    write_keys(keys, NEW)
    admission = Admission(allow=[ip_network("127.0.0.0/8")], rate=100, total_rate=100)
    listener = Listener(LOOPBACK, 0, lambda port: EchoResponder(admission=admission, own_ports={port}))
    try:
        figure = await refused(planned(listener.port, keys if signed else None))
    finally:
        listener.close()
    assert figure is not None
    assert dict(figure.by_reason) == {Refusal.SENT_BACK: 3}
    assert "from an echo service, which a probe of type udpEcho measures" in str(figure.remark())


async def test_an_answer_that_lacks_our_timestamp_alone_is_none_that_was_sent_back() -> None:
    """It has a time of its own where a request has none."""

    def without_ours(data: bytes, _: int) -> bytes:
        return data[:16] + b"\1" * 8 + data[24:]

    with foreign_reflector(without_ours) as port:
        figure = await refused(planned(port))
    assert figure is not None
    assert Refusal.SENT_BACK not in figure.by_reason


async def test_another_datagram_is_just_none_of_the_protocol() -> None:
    with foreign_reflector(lambda data, _: b"x" * len(data)) as port:
        probe = PlannedProbe(
            name="echo", type=ProbeType.UDP_ECHO, count=3, spacing_ms=1, timeout_ms=200, size=56, port=port
        )
        figure = await refused(probe)
    assert figure is not None
    assert dict(figure.by_reason) == {Refusal.NOT_AN_ANSWER: 3}
