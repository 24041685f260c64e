"""Hostile targets, one of each kind: none holds the event loop or spoils an honest check beside it, and what
is told of each is true."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from ipsecping.contract import (
    DnsOptions,
    HttpOptions,
    Invalidity,
    LossReason,
    PathMtuOptions,
    PlannedProbe,
    ProbeType,
    RoundResult,
    StampOptions,
    TcpOptions,
    TlsOptions,
)
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.probes.ike_exchange import ask_nat, ask_ports
from ipsecping.probes.registry import method_of
from ipsecping.rounds.prober import PathProber

from .. import holds
from ..peers import ours
from ..plans import check_of
from ..ports import free_port
from .hostile_peers import hostile

COUNT, SPACING_MS = 4, 100
PATIENT_MS, SHORT_MS = 20_000, 1000
"""Timeouts: where something comes, however busy this machine is; and where it is awaited in vain."""
SECOND = 1_000_000_000


class Expected(NamedTuple):
    """What the round with a hostile target must come to; of an invalid one only that it is."""

    losses: Mapping[LossReason, int] = {}
    received: int = 0
    invalid: Invalidity | None = None


BAD = Expected({LossReason.BAD_ANSWER: COUNT})
STATUS = Expected({LossReason.UNEXPECTED_STATUS: COUNT})
TLS_FAILED = Expected({LossReason.TLS_FAILED: COUNT})
SILENT = Expected({LossReason.TIMEOUT: COUNT})
GOOD = Expected(received=COUNT)
FLOODED = Expected(invalid=Invalidity.RECEIVE_QUEUE_DROPS)
ANY = None
"""What comes first decides: an answer that will do, the cap or the timeout."""


def planned(kind: ProbeType, port: int, **fields: Any) -> PlannedProbe:
    usual = {"name": "p", "count": COUNT, "spacing_ms": SPACING_MS, "timeout_ms": SHORT_MS, "size": 80}
    return PlannedProbe(type=kind, **{**usual, "port": port, **fields})


def http(port: int, *, tls: bool = False) -> PlannedProbe:
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
    options = HttpOptions(url=url, status_codes=(200,), tls=TlsOptions(verify=False))
    return planned(ProbeType.HTTP, port, options=options)


def tls(port: int) -> PlannedProbe:
    return planned(ProbeType.TCP, port, options=TcpOptions(tls=TlsOptions(verify=False)))


def untrusted(port: int) -> PlannedProbe:
    return planned(ProbeType.TCP, port, options=TcpOptions(tls=TlsOptions()))


def https(port: int) -> PlannedProbe:
    return http(port, tls=True)


def echo(port: int) -> PlannedProbe:
    return planned(ProbeType.UDP_ECHO, port)


def stamp(port: int) -> PlannedProbe:
    return planned(ProbeType.STAMP, port, options=StampOptions(ask_source=True))


def dns(port: int) -> PlannedProbe:
    return planned(ProbeType.DNS, port, options=DnsOptions(query="a.example"))


def mtu(port: int) -> PlannedProbe:
    options = PathMtuOptions(min=576, max=9000)
    return planned(ProbeType.PATH_MTU, port, options=options, timeout_ms=2000)


FAR_ENDS = {
    "http-interim": (http, BAD),
    "http-interim-head": (http, BAD),
    "http-head": (http, GOOD),
    "http-body": (http, GOOD),
    "http-status-line": (http, BAD),
    "http-contradiction": (http, GOOD),
    "http-drip": (http, SILENT),
    "http-garbage": (http, BAD),
    "tcp-silent": (http, SILENT),
    "tls-garbage": (tls, TLS_FAILED),
    "tls-empty-records": (tls, TLS_FAILED),
    "tls-alerts": (tls, TLS_FAILED),
    "tls-fragments": (tls, TLS_FAILED),
    "tls-drip": (tls, SILENT),
    "tls-dhe": (tls, TLS_FAILED),
    "tls-chain": (tls, GOOD),
    "tls-tickets": (https, BAD),
    "tls-records": (https, BAD),
    "tls-key-updates": (https, ANY),
    "tls-retry": (tls, TLS_FAILED),
    "echo-many": (echo, FLOODED),
    "echo-garbage": (echo, ANY),
    "stamp-many": (stamp, FLOODED),
    "stamp-lies": (stamp, GOOD),
    "stamp-tlvs": (stamp, GOOD),
    "dns-pointers": (dns, BAD),
    "dns-records": (dns, BAD),
    "dns-many": (dns, ANY),
    "stamp-sizes": (mtu, ANY),
}


async def rounds(*probes: PlannedProbe) -> list[RoundResult]:
    """One round of each, in checks of their own that share clock and sockets, as in an agent."""
    clock, resolver = Clock(), Resolver()
    probers = [PathProber(clock, resolver) for _ in probes]
    try:
        found = await asyncio.gather(
            *(prober.round(check_of(probe)) for prober, probe in zip(probers, probes, strict=True))
        )
    finally:
        for prober in probers:
            prober.close()
    return [result for (result,) in found]


async def beside_an_honest_one(probe: PlannedProbe) -> RoundResult:
    """One round of a probe; asserts that nothing held the loop and that an honest probe lost nothing."""
    with ours.reflector("udp-echo") as far_end:
        honest = planned(ProbeType.UDP_ECHO, far_end.port, count=20, spacing_ms=50, timeout_ms=PATIENT_MS)
        await rounds(honest)
        method_of(probe.type)  # what is imported on first use is no hold
        with holds.measured() as held:
            result, spared = await rounds(probe, honest)
    assert (spared.received, dict(spared.losses)) == (20, {})
    assert spared.invalid in (None, Invalidity.LATE_TICKS)  # late, if at all, for this machine's other work
    assert held.longest_ms < holds.LIMIT_MS, held
    own_time = ((probe.count - 1) * probe.spacing_ms + probe.timeout_ms) * 1_000_000
    assert result.duration < own_time + 10 * SECOND
    return result


@pytest.mark.parametrize("kind", FAR_ENDS)
async def test_a_hostile_far_end_holds_nothing_spoils_nothing_and_is_told_of(kind: str) -> None:
    make, expected = FAR_ENDS[kind]
    with hostile(kind, free_port() if kind in ("tls-key-updates", "tls-retry") else 0) as port:
        patient = expected in (BAD, STATUS, TLS_FAILED, GOOD)
        planned_probe = replace(make(port), timeout_ms=PATIENT_MS) if patient else make(port)
        result = await beside_an_honest_one(planned_probe)
    if expected is not None:
        figures = ({}, 0) if result.invalid else (result.losses, result.received)
        assert (*figures, result.invalid) == expected


@pytest.mark.parametrize(
    ("kind", "alive"),
    [
        ("ike-payloads", False),
        ("ike-notifies", True),
        ("ike-cookies", True),
        ("ike-groups", True),
        ("ike-many", False),
    ],
)
async def test_a_hostile_gateway_holds_nothing_and_costs_a_bounded_number_of_requests(
    kind: str, alive: bool
) -> None:
    with hostile(kind) as port, holds.measured() as held:
        started = time.monotonic()
        (outcome,) = await ask_ports("127.0.0.1", timeout=SECOND, ports=[port])
        nat = await ask_nat("127.0.0.1", port, timeout=SECOND)
        assert time.monotonic() - started < 10
    assert held.longest_ms < holds.LIMIT_MS, held
    assert (outcome.answer is not None, nat) == (alive, None if kind != "ike-notifies" else True)
    if not alive:
        assert outcome.reason is LossReason.BAD_ANSWER


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to make ICMP errors up")
async def test_icmp_errors_without_end_hold_nothing_and_spoil_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with hostile("icmp-errors") as port:
        result = await beside_an_honest_one(echo(port))
    assert result.losses == {LossReason.UNREACHABLE: COUNT} or "ICMP errors" in caplog.text
