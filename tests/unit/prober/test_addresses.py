"""A name with several addresses: each is measured by itself, and who comes and goes is followed."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from ipsecping.contract import (
    Addresses,
    ContractError,
    Invalidity,
    Plan,
    PlannedCheck,
    ProbeType,
    plan_from_json,
    plan_to_json,
)
from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import LIFE, Resolver
from ipsecping.rounds.address_rounds import in_turn, measured
from ipsecping.rounds.prober import PathProber

from ...plans import check_of
from .far_ends import closed_port, probe, prober, udp_echo

NAME = "many.example"
AWAY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
ECHO = probe(ProbeType.UDP_ECHO, size=16, count=2, timeout_ms=1000)


def check(port: int, *, target: str = NAME, **fields: object) -> PlannedCheck:
    planned = check_of(replace(ECHO, port=port), target=target)
    return replace(planned, **{"addresses": Addresses.ALL, **fields})  # type: ignore[arg-type]


def knows(*addresses: str) -> Callable[[str], list[str]]:
    return lambda _: list(addresses)


async def test_each_address_has_a_result_of_its_own_and_a_dead_one_costs_no_other() -> None:
    async with udp_echo("127.0.0.1") as port, udp_echo("127.0.0.3", port=port):
        with prober(find=knows("127.0.0.1", "127.0.0.2", "127.0.0.3")) as made:
            results = await made.round(check(port))
    assert [(r.remote_ip, r.received, r.sent, r.addresses) for r in results] == [
        ("127.0.0.1", 2, 2, 3),
        ("127.0.0.2", 0, 2, 3),
        ("127.0.0.3", 2, 2, 3),
    ]


async def test_an_address_that_has_gone_is_measured_no_more_and_the_others_go_on_with_their_sessions() -> (
    None
):
    clock = 0.0
    known = ["127.0.0.1", "127.0.0.2"]
    made = PathProber(Clock(), Resolver(lambda _: list(known), clock=lambda: clock))
    async with udp_echo("127.0.0.1") as port:
        first = await made.round(check(port))
        staying = made._each["p"]._known["127.0.0.1"].rounds
        known[:] = ["127.0.0.4", "127.0.0.1"]
        clock = LIFE
        second = await made.round(check(port))
    assert [r.remote_ip for r in first] == ["127.0.0.1", "127.0.0.2"]
    assert [r.remote_ip for r in second] == ["127.0.0.1", "127.0.0.4"]
    assert made._each["p"]._known["127.0.0.1"].rounds is staying
    made.close()


async def test_a_round_to_an_address_that_goes_meanwhile_comes_to_its_end() -> None:
    clock, known = 0.0, ["127.0.0.1", "127.0.0.2"]
    made = PathProber(Clock(), Resolver(lambda _: list(known), clock=lambda: clock))
    async with udp_echo("127.0.0.1") as port:
        planned = check(port)
        running = asyncio.ensure_future(made.round(planned))
        await asyncio.sleep(0.05)
        known[:], clock = ["127.0.0.1"], LIFE
        (after,) = await made.round(planned)
        results = await running
    assert [(r.remote_ip, r.received) for r in results] == [("127.0.0.1", 2), ("127.0.0.2", 0)]
    assert (after.remote_ip, after.addresses) == ("127.0.0.1", 1)
    made.close()


async def test_a_plan_s_own_list_is_measured_whatever_the_target_is_called() -> None:
    async with udp_echo("127.0.0.1") as port:
        with prober(find=knows()) as made:
            planned = check(port, targets=("127.0.0.1", "127.0.0.2"), addresses=Addresses.FIRST)
            results = await made.round(planned)
            (none,) = await made.round(replace(planned, targets=()))
    assert [(r.remote_ip, r.received) for r in results] == [("127.0.0.1", 2), ("127.0.0.2", 0)]
    assert (none.remote_ip, none.invalid) == (None, Invalidity.NO_SUCH_NAME)


async def test_an_address_that_is_not_allowed_is_refused_and_the_others_are_measured(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with udp_echo("127.0.0.1") as port:
        with prober(find=knows("127.0.0.1", "127.0.0.2")) as made:
            planned = check(port, allowed=("127.0.0.1/32",))
            for _ in range(2):
                good, refused = await made.round(planned)
    assert (good.received, good.invalid) == (2, None)
    assert (refused.remote_ip, refused.sent, refused.invalid) == ("127.0.0.2", 0, Invalidity.NOT_PERMITTED)
    assert caplog.text.count("127.0.0.2 (many.example) is not an allowed target") == 1


async def test_more_addresses_than_are_measured_are_counted_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = [f"127.0.1.{number}" for number in range(MAX_ADDRESSES + 8)]
    port = closed_port(socket.SOCK_DGRAM)
    with prober(find=knows(*found)) as made:
        results = await made.round(check(port))
    assert [r.remote_ip for r in results] == found[:MAX_ADDRESSES]
    assert {r.addresses for r in results} == {MAX_ADDRESSES + 8}
    assert "it has 40 addresses, of which 32 are measured" in caplog.text


@pytest.mark.parametrize("addresses", list(Addresses))
async def test_a_result_says_how_old_an_address_is_that_the_resolver_does_not_confirm(
    addresses: Addresses,
) -> None:
    clock, away = 0.0, False

    def find(_: str) -> list[str]:
        if away:
            raise AWAY
        return ["127.0.0.1"]

    made = PathProber(Clock(), Resolver(find, clock=lambda: clock))
    async with udp_echo("127.0.0.1") as port:
        planned = check(port, addresses=addresses)
        (fresh,) = await made.round(planned)
        clock, away = LIFE + 5, True
        (stale,) = await made.round(planned)
    assert (fresh.received, fresh.address_age) == (2, None)
    assert (stale.received, stale.address_age) == (2, (LIFE + 5) * 10**9)
    made.close()


async def test_types_that_run_their_rounds_by_themselves_measure_each_address_too() -> None:
    search = probe(ProbeType.PATH_MTU, count=1, timeout_ms=1000)
    planned = replace(check_of(search, target=NAME), addresses=Addresses.ALL)
    with prober(find=knows("127.0.0.1", "127.0.0.2")) as made:
        results = await made.round(planned)
    assert [r.remote_ip for r in results] == ["127.0.0.1", "127.0.0.2"]


def test_those_measured_before_stay_and_a_resolver_that_rotates_changes_nothing() -> None:
    assert measured(["c", "a", "b"], ["a", "b", "c"]) == ("a", "b", "c")
    assert measured(["d", "c", "a"], ["a", "b", "c"]) == ("a", "c", "d")
    many = [str(number) for number in range(50)]
    assert measured(many[::-1], many[:MAX_ADDRESSES]) == tuple(many[:MAX_ADDRESSES])


def test_packets_to_several_addresses_leave_one_after_the_other_within_one_spacing() -> None:
    starts = in_turn(5, start=1000, spacing=1000)
    assert starts[0] == 1000
    assert max(starts) < 2000
    assert {b - a for a, b in pairwise(starts)} == {200}


def test_a_plan_keeps_its_addresses_and_the_list_is_bounded_and_has_no_name() -> None:
    many = check(7, targets=("10.0.0.1", "2001:db8::1"))
    assert plan_from_json(plan_to_json(Plan(checks=(many,)))) == Plan(checks=(many,))
    assert many.nonce == check(7, targets=("10.0.0.2",)).nonce
    assert len({many.nonce, check(7).nonce, check(7, addresses=Addresses.FIRST).nonce}) == 3
    for targets in (("far.example",), ("10.0.0.1",) * 2, tuple(f"10.0.0.{n}" for n in range(33))):
        with pytest.raises(ContractError, match=r"plan\.checks\[0\]\.targets"):
            plan_from_json(plan_to_json(Plan(checks=(check(7, targets=targets),))))
