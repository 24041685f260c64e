"""A flow that something on the way has gone wrong with for good is left for another one."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from ipsecping.contract import Flows, PlannedProbe, ProbeType, RoundResult, TcpOptions
from ipsecping.net.clocks import Clock
from ipsecping.probes.flows import FlowPorts
from ipsecping.rounds import probe_rounds
from ipsecping.rounds.prober import PathProber

from ...plans import check_of
from .far_ends import probe, prober
from .reflecting import Behaviour, Reflector, answering, reflecting

COUNT = 2


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_rounds, "RENEWED_EVERY", 0)


def stamp_to(reflector: Reflector, **fields: object) -> PlannedProbe:
    usual = {"port": reflector.sock.getsockname()[1], "size": 44, "count": COUNT, "timeout_ms": 30}
    return probe(ProbeType.STAMP, **{**usual, **fields})


async def rounds(made: PathProber, planned: PlannedProbe, count: int) -> list[RoundResult]:
    return [(await made.round(check_of(planned, interval_ms=3_600_000)))[0] for _ in range(count)]


class Firewall:
    """Has taken in the first packets of a flow while the tunnel was down, and drops what follows."""

    def __init__(self) -> None:
        self.tunnel_is_up = False
        self._stuck: set[int] = set()

    def __call__(self, reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
        if not self.tunnel_is_up:
            self._stuck.add(port)
        return [] if port in self._stuck else answering(reflector, data, place, port)


@pytest.mark.parametrize("flows", [1, 4])
async def test_a_flow_that_a_firewall_remembers_from_the_outage_is_left(flows: int) -> None:
    firewall = Firewall()
    with reflecting(firewall) as reflector, prober() as made:
        planned = stamp_to(reflector, flows=flows, timeout_ms=500)
        down = await rounds(made, planned, probe_rounds.SILENT_ROUNDS)
        assert len(set(reflector.ports)) == flows
        firewall.tunnel_is_up = True
        up = await rounds(made, planned, 3)
    assert [each.received for each in (*down, *up)] == [0] * 3 + [COUNT * flows] * 3
    assert len(set(reflector.ports)) == 2 * flows


async def test_so_are_flows_of_connections(unused_tcp_port_factory: Callable[[], int]) -> None:
    port = unused_tcp_port_factory()
    with ExitStack() as opened, prober() as made:
        server = opened.enter_context(socket.socket())
        server.bind(("127.0.0.1", port))
        server.listen(0)
        for _ in range(3):  # no more find room in its queue: the kernel drops what asks for it
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        planned = probe(
            ProbeType.TCP, port=port, count=1, spacing_ms=300, timeout_ms=30, flows=2, options=TcpOptions()
        )
        found = await rounds(made, planned, probe_rounds.SILENT_ROUNDS + 1)
    ports = [figure.first_port for each in found if (figure := each.figure(Flows)) is not None]
    assert len(set(ports[:-1])) == 1
    assert ports[-1] not in ports[:-1]


async def test_ports_that_were_the_second_choice_are_left_as_well() -> None:
    """Those of the row before were taken when they were found, and are not any more."""
    with reflecting() as reflector, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as others:
        planned, clock = stamp_to(reflector, flows=2), Clock()
        usual = _ports_of(FlowPorts("seed"), planned, clock)
        others.bind(("127.0.0.1", usual))
        ports = FlowPorts("seed")
        found = _ports_of(ports, planned, clock)
        others.close()
        ports.move_on()
        assert _ports_of(ports, planned, clock) not in (usual, found)


def _ports_of(ports: FlowPorts, planned: PlannedProbe, clock: Clock) -> int | None:
    """The first of them, once they were in use."""
    for session in ports.open(planned, "127.0.0.1", clock):
        session.close()
    return ports.first


async def test_a_round_says_from_which_ports_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not over when the next begins from others."""
    monkeypatch.setattr(probe_rounds, "SILENT_ROUNDS", 0)
    firewall = Firewall()
    with reflecting(firewall) as reflector, prober() as made:
        planned = stamp_to(reflector, flows=2, count=1, timeout_ms=300)
        check = check_of(planned, interval_ms=3_600_000)
        both = await asyncio.gather(made.round(check), made.round(check))
    firsts = [figure.first_port or 0 for (each,) in both if (figure := each.figure(Flows)) is not None]
    assert sorted(reflector.ports) == sorted(first + flow for first in firsts for flow in range(2))


async def test_no_new_flow_before_a_while_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_rounds, "RENEWED_EVERY", 10**12)
    with reflecting(Firewall()) as reflector, prober() as made:
        await rounds(made, stamp_to(reflector), 2 * probe_rounds.SILENT_ROUNDS)
    assert len(set(reflector.ports)) == 1


async def test_a_port_that_the_plan_fixes_is_kept(unused_udp_port_factory: Callable[[], int]) -> None:
    port = unused_udp_port_factory()
    with reflecting(Firewall()) as reflector, prober() as made:
        await rounds(made, stamp_to(reflector, source_port=port), 2 * probe_rounds.SILENT_ROUNDS)
    assert set(reflector.ports) == {port}


def short(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
    return [reflector.answer(data, port)[:20]]


def of_others(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
    answer = bytearray(reflector.answer(data, port))
    answer[28 + 4] ^= 1  # in the sender's timestamp
    return [bytes(answer)]


def odd_ones(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
    return answering(reflector, data, place, port) if port % 2 else []


@pytest.mark.parametrize(
    ("behave", "flows"),
    [
        pytest.param(short, 1, id="too short"),
        pytest.param(of_others, 1, id="another timestamp"),
        pytest.param(odd_ones, 2, id="a dead member of several ways"),
    ],
)
async def test_a_flow_is_kept_while_anything_is_heard(behave: Behaviour, flows: int) -> None:
    with reflecting(behave) as reflector, prober() as made:
        await rounds(made, stamp_to(reflector, flows=flows), 2 * probe_rounds.SILENT_ROUNDS)
    assert len(set(reflector.ports)) == flows
