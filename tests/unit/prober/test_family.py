"""A name with addresses of both families, and a tunnel that carries one."""

from dataclasses import replace

import pytest

from ipsecping.contract import (
    ContractError,
    Family,
    Invalidity,
    Plan,
    ProbeType,
    plan_from_json,
    plan_to_json,
)
from ipsecping.net.resolve import NoSuchName, Resolver

from ...plans import check_of
from .far_ends import LOOPBACK, probe, prober, udp_echo

BOTH = {"both.example": ["127.0.0.1", "::1"], "old.example": ["127.0.0.1"]}


@pytest.mark.parametrize(("family", "address"), [(None, "127.0.0.1"), *zip(Family, LOOPBACK, strict=True)])
async def test_the_plan_s_family_is_measured(family: Family | None, address: str) -> None:
    async with udp_echo(address) as port:
        planned = probe(ProbeType.UDP_ECHO, size=16, count=1, port=port)
        check = replace(check_of(planned, target="both.example"), family=family)
        with prober(find=lambda name: BOTH[name]) as made:
            (result,) = await made.round(check)
    assert (result.received, result.remote_ip) == (1, address)


async def test_a_name_without_the_family_is_unresolved_and_the_message_names_what_there_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    check = replace(check_of(probe(ProbeType.ICMP, size=56), target="old.example"), family=Family.IPV6)
    with prober(find=lambda name: BOTH[name]) as made:
        (result,) = await made.round(check)
    assert (result.sent, result.invalid) == (0, Invalidity.NO_SUCH_NAME)
    assert "old.example: no IPv6 address, only 127.0.0.1" in caplog.text


async def test_an_answer_of_both_families_serves_each() -> None:
    asked = list[str]()

    def find(name: str) -> list[str]:
        asked.append(name)
        return BOTH[name]

    resolver = Resolver(find)
    await resolver.resolve("both.example")
    for family, address in zip(Family, LOOPBACK, strict=True):
        assert (await resolver.resolve("both.example", prefer="127.0.0.1", family=family)).ip == address
    assert asked == ["both.example"]
    with pytest.raises(NoSuchName, match=r"127\.0\.0\.1: no IPv6 address"):
        await resolver.resolve("127.0.0.1", family=Family.IPV6)


def test_a_plan_keeps_its_family_and_refuses_an_address_of_the_other() -> None:
    check = replace(check_of(probe(ProbeType.ICMP, size=56), target="both.example"), family=Family.IPV6)
    plan = Plan(checks=(check,))
    assert plan_from_json(plan_to_json(plan)) == plan
    assert check.nonce != replace(check, family=None).nonce
    wrong = Plan(checks=(replace(check, target="10.0.0.1"),))
    with pytest.raises(ContractError, match=r"family: 10\.0\.0\.1 is no IPv6 address"):
        plan_from_json(plan_to_json(wrong))
