"""The IKE probe's rounds: how often a gateway is asked, and what a round says."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ipsecping.contract import (
    IkeOptions,
    Invalidity,
    LossReason,
    Nat,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    result_from_json,
    result_to_json,
)
from ipsecping.contract.methods.ike import Require
from ipsecping.net.sender import Sender, SourceUnavailable
from ipsecping.probes import ike as probe_ike
from ipsecping.probes.base import Outcome, RoundMethod
from ipsecping.probes.ike import MINUTE, Gateways, Ration, outcome_of
from ipsecping.probes.ike_exchange import Exchange, PortOutcome
from ipsecping.rounds.round_method import run_method
from ipsecping.wire import ike
from ipsecping_operator.verdict.tally import Tally

from ...result_figures import unanswered_of

SECOND = 1_000_000_000
REFUSAL = ike.Answer(2, frozenset({41}), {ike.Notify.NO_PROPOSAL_CHOSEN: [b""]})
PROBE = PlannedProbe(
    name="ike", type=ProbeType.IKE, count=10, spacing_ms=100, timeout_ms=300, size=0,
    options=IkeOptions(gateway="192.0.2.1"),
)  # fmt: skip


CURIOUS = replace(PROBE, options=IkeOptions(gateway="192.0.2.1", detect_nat=True))


def nat_of(outcome: Outcome) -> bool | None:
    return next((figure.found for figure in outcome.figures if isinstance(figure, Nat)), None)


def check(uid: str) -> PlannedCheck:
    return PlannedCheck(
        uid=uid, namespace="n", name="c", generation=1, tunnel_name="t", path="default",
        target="192.0.2.1", interval_ms=1000, probes=(PROBE,),
    )  # fmt: skip


@pytest.mark.parametrize("interval", [1, 7, 30, 60])
def test_a_gateway_is_asked_at_most_once_a_minute_in_the_long_run(interval: int) -> None:
    ration = Ration(MINUTE)
    hours = 3
    asked = sum(ration.take(now * SECOND) for now in range(0, hours * 3600, interval))
    assert hours * 50 < asked <= hours * 60 + 1


def test_a_round_every_minute_is_not_skipped_for_ticks_that_come_a_little_early_or_late() -> None:
    ration = Ration(MINUTE)
    early_and_late = [n * MINUTE + (n % 3 - 1) * SECOND // 4 for n in range(1, 100)]
    assert all(ration.take(now) for now in early_and_late)


def test_after_a_pause_a_gateway_is_not_asked_in_a_burst() -> None:
    ration = Ration(MINUTE)
    assert ration.take(0)
    assert ration.take(100 * MINUTE)
    assert not ration.take(100 * MINUTE + 2)


class Asked:
    """Stands for the gateways; remembers who was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: list[str] = []
        self.ports: list[tuple[int, ...]] = []
        self.nat = 0
        self.now = SECOND
        monkeypatch.setattr(probe_ike, "ask_ports", self.ask_ports)
        monkeypatch.setattr(probe_ike, "ask_nat", self.ask_nat)
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.now)

    async def ask_ports(
        self, address: str, *, timeout: int, sender: Sender, ports: Sequence[int], plain: Sequence[int]
    ) -> list[PortOutcome]:
        self.addresses.append(address)
        self.ports.append(tuple(ports))
        await asyncio.sleep(0)
        return [PortOutcome(500, REFUSAL, None, 1), PortOutcome(4500, None, LossReason.TIMEOUT)]

    async def ask_nat(self, address: str, port: int, *, timeout: int, sender: Sender, plain: bool) -> bool:
        assert (port, timeout) == (500, 300_000_000 // 4)
        self.nat += 1
        return True


async def test_every_check_reports_an_exchange_once_and_none_asks_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(monkeypatch)
    gateways = Gateways()
    first, second = await asyncio.gather(
        gateways.measure(check("a"), PROBE, "192.0.2.1"), gateways.measure(check("b"), PROBE, "192.0.2.1")
    )
    assert first == second
    assert (first.received, first.losses) == (1, {LossReason.TIMEOUT: 1})
    again = await gateways.measure(check("a"), PROBE, "192.0.2.1")
    assert (again.received, again.losses) == (0, {})
    await gateways.measure(check("a"), PROBE, "192.0.2.2")
    assert asked.addresses == ["192.0.2.1", "192.0.2.2"]


async def test_nat_is_asked_for_at_most_every_ten_minutes_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(monkeypatch)
    gateways = Gateways()
    told = []
    for _ in range(61):  # half an hour
        told.append(nat_of(await gateways.measure(check("a"), CURIOUS, "192.0.2.1")))
        asked.now += MINUTE // 2
    assert (asked.nat, len(asked.addresses)) == (4, 31)
    assert [at for at, nat in enumerate(told) if nat] == [0, 20, 40, 60]
    assert set(told) == {True, None}


async def test_nobody_is_asked_about_nat_unless_a_probe_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch)
    gateways = Gateways()
    await gateways.measure(check("a"), PROBE, "192.0.2.1")
    assert asked.nat == 0
    # Who wants it learns it, though another probe always is the first to ask.
    found = []
    for _ in range(3):
        asked.now += MINUTE
        assert nat_of(await gateways.measure(check("a"), PROBE, "192.0.2.1")) is None
        found.append(nat_of(await gateways.measure(check("b"), CURIOUS, "192.0.2.1")))
    assert (asked.nat, found) == (1, [None, True, None])
    for _ in range(30):
        asked.now += MINUTE
        await gateways.measure(check("a"), PROBE, "192.0.2.1")
    assert asked.nat == 1, "the probe that wanted it is gone"


async def test_a_round_names_the_port_that_did_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    Asked(monkeypatch)
    method = RoundMethod(measure=Gateways().measure)
    result = await run_method(method, check("a"), PROBE, "192.0.2.1")
    assert unanswered_of(result_from_json(result_to_json(result))) == {4500: LossReason.TIMEOUT}


async def test_a_round_in_which_nothing_is_sent_is_no_round_to_the_operator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Asked(monkeypatch)
    method = RoundMethod(measure=Gateways().measure)
    results = [await run_method(method, check("a"), PROBE, "192.0.2.1") for _ in range(2)]
    read = [result_from_json(result_to_json(result)) for result in results]
    assert [(result.sent, result.received) for result in read] == [(2, 1), (0, 0)]
    assert [Tally.of(result, start=0).rounds for result in read] == [1, 0]


def test_a_packet_that_this_host_could_not_send_makes_the_round_invalid() -> None:
    outcome = outcome_of([PortOutcome(500, REFUSAL, None), PortOutcome(4500, None, None)])
    assert outcome.invalid is Invalidity.LOCAL_SEND_FAILED


async def test_probes_that_ask_other_ports_have_exchanges_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(monkeypatch)
    gateways = Gateways()
    forwarded = replace(PROBE, options=IkeOptions(gateway="192.0.2.1", ports=(4500,)))
    lax = replace(PROBE, options=IkeOptions(gateway="192.0.2.1", require=Require.ANY))
    for each in (PROBE, forwarded, lax):
        await gateways.measure(check("a"), each, "192.0.2.1")
    assert asked.ports == [(500, 4500), (4500,)]


async def test_where_any_port_may_answer_a_silent_one_is_told_and_no_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Asked(monkeypatch)
    method = RoundMethod(measure=Gateways().measure)
    lax = replace(PROBE, options=IkeOptions(gateway="192.0.2.1", require=Require.ANY))
    result = result_from_json(result_to_json(await run_method(method, check("a"), lax, "192.0.2.1")))
    assert (result.sent, result.received, result.losses) == (1, 1, {})
    assert unanswered_of(result) == {4500: LossReason.TIMEOUT}


def test_where_no_port_answers_that_is_one_loss_with_the_reason_that_says_most() -> None:
    silent = [PortOutcome(500, None, LossReason.TIMEOUT), PortOutcome(4500, None, LossReason.REFUSED)]
    outcome = outcome_of(silent, Require.ANY)
    assert (outcome.received, outcome.losses) == (0, {LossReason.REFUSED: 1})
    assert outcome_of(silent).losses == {LossReason.TIMEOUT: 1, LossReason.REFUSED: 1}


def test_a_port_that_this_host_could_not_ask_spoils_nothing_where_another_answers() -> None:
    answered, not_sent = PortOutcome(500, REFUSAL, None), PortOutcome(4500, None, None)
    assert outcome_of([answered, not_sent], Require.ANY).invalid is None
    assert outcome_of([not_sent], Require.ANY).invalid is Invalidity.LOCAL_SEND_FAILED


async def test_a_source_that_this_host_has_not_makes_the_round_invalid() -> None:
    away = replace(PROBE, source="192.0.2.77")
    with pytest.raises(SourceUnavailable):
        await Gateways().measure(check("a"), away, "127.0.0.1")


class Gateway(asyncio.DatagramProtocol):
    """A gateway on loopback that answers as it is told, from the second transmission on."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.requests: list[bytes] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.requests.append(data)
        if len(self.requests) > 1:
            spi = data.removeprefix(ike.NON_ESP_MARKER)[:8]
            for answer in self.answers:
                self.transport.sendto(answer.replace(b"SPISPISP", spi), addr)


def answer(spi: bytes = b"SPISPISP") -> bytes:
    return ike.NON_ESP_MARKER + spi + bytes.fromhex(
        "1112131415161718 29 20 22 20 00000000 00000024 00 00 0008 00 00 000e"
    )  # fmt: skip


async def exchange(*answers: bytes, plain: bool = False) -> tuple[PortOutcome, Gateway]:
    loop = asyncio.get_running_loop()
    transport, gateway = await loop.create_datagram_endpoint(
        lambda: Gateway(*answers), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    asking = Exchange("127.0.0.1", port, timeout=SECOND // 2, plain=plain)
    try:
        return await asking.ask_refused(), gateway
    finally:
        asking.close()
        transport.close()


async def test_a_lost_request_is_sent_again_unchanged_and_its_answer_counts() -> None:
    outcome, gateway = await exchange(answer())
    assert outcome.answer is not None
    assert outcome.answer.kind == "NO_PROPOSAL_CHOSEN"
    # On a busy machine it may be sent a third time before the answer is there.
    assert len(gateway.requests) >= 2
    assert len(set(gateway.requests)) == 1
    assert gateway.requests[0].startswith(ike.NON_ESP_MARKER)


async def test_a_port_that_is_forwarded_to_500_is_asked_without_the_marker() -> None:
    outcome, gateway = await exchange(answer(), answer()[4:], plain=True)
    assert outcome.answer is not None
    assert not gateway.requests[0].startswith(ike.NON_ESP_MARKER)


async def test_answers_to_others_and_without_the_marker_are_passed_over() -> None:
    outcome, _ = await exchange(b"", b"\0\0\0", answer(b"somebody"), answer()[4:], answer())
    assert outcome.answer is not None


async def test_only_foreign_answers_are_a_timeout() -> None:
    outcome, _ = await exchange(answer(b"somebody"))
    assert (outcome.answer, outcome.reason) == (None, LossReason.TIMEOUT)


async def test_an_answer_to_us_that_is_no_ike_is_said_to_be_bad() -> None:
    outcome, _ = await exchange(answer()[:-3])
    assert (outcome.answer, outcome.reason) == (None, LossReason.BAD_ANSWER)
