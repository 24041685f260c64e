"""Names to addresses: what one name with a silent server costs the others."""

import asyncio
import socket
import threading
from dataclasses import dataclass, field

import pytest

from ipsecping.contract import Family
from ipsecping.net import resolve
from ipsecping.net.resolve import (
    LIFE,
    MAX_LOOKUPS,
    STALE,
    NoSuchName,
    ResolveError,
    Resolver,
    ResolverFailed,
)

from .far_ends import by_family


async def test_a_name_whose_servers_are_silent_takes_three_threads_however_often_it_is_asked_for() -> None:
    silent, asked = threading.Event(), list[str]()

    def find(name: str) -> list[str]:
        asked.append(name)
        if name == "silent.example":
            silent.wait(30)
        return ["192.0.2.1"]

    resolver = Resolver(find, alone=by_family(find))
    asking = [
        asyncio.create_task(resolver.resolve("silent.example", seconds=0.05)) for _ in range(2 * MAX_LOOKUPS)
    ]
    assert (await resolver.resolve("good.example")).ip == "192.0.2.1"
    for task in asking:
        with pytest.raises(ResolveError, match=r"no answer from the resolver in 0\.05 s"):
            await task
    assert sorted(asked) == ["good.example", *["silent.example"] * 3]  # both families at once, and each
    silent.set()
    assert (await resolver.resolve("silent.example")).ip == "192.0.2.1"


V4, V6 = "192.0.2.1", "2001:db8::1"
GAI = {"none": socket.EAI_NONAME, "no data": socket.EAI_NODATA, "away": socket.EAI_AGAIN}


@pytest.mark.parametrize(
    ("both", "ipv4", "ipv6", "expected"),
    [
        ("no data", "away", "no data", ResolverFailed),  # AAAA answered by the cluster, A by an upstream
        ("none", "away", "none", ResolverFailed),
        ("no data", "no data", "away", ResolverFailed),
        ("none", "none", "none", NoSuchName),
        ("no data", "no data", "no data", NoSuchName),
        ("away", "none", "none", ResolverFailed),
        ("none", "192.0.2.1", "none", None),  # the server was back by then
    ],
)
async def test_no_such_name_is_believed_once_the_servers_say_so_of_each_family(
    monkeypatch: pytest.MonkeyPatch, both: str, ipv4: str, ipv6: str, expected: type[ResolveError] | None
) -> None:
    said = {socket.AF_UNSPEC: both, socket.AF_INET: ipv4, socket.AF_INET6: ipv6}

    def getaddrinfo(name: str, port: None, family: int, kind: int) -> list[object]:
        told = said[socket.AddressFamily(family)]
        if told in GAI:
            raise socket.gaierror(GAI[told], told)
        return [(family, kind, 17, "", (told, 0))]

    monkeypatch.setattr("ipsecping.net.lookup.socket.getaddrinfo", getaddrinfo)
    if expected is None:
        assert (await Resolver().resolve("gw.example")).ip == ipv4
        return
    with pytest.raises(ResolveError) as raised:
        await Resolver().resolve("gw.example")
    assert type(raised.value) is expected


async def test_an_ipv4_address_that_is_mapped_into_ipv6_is_one_of_ipv4(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = ["::ffff:192.0.2.1", "fe80::1%lo", "2001:db8::1", "192.0.2.1"]
    found = [(socket.AF_INET6, socket.SOCK_DGRAM, 17, "", (each, 0)) for each in told]
    monkeypatch.setattr("ipsecping.net.lookup.socket.getaddrinfo", lambda *_: found)
    assert (await Resolver().resolve_all("gw.example")).ips == ("192.0.2.1", "fe80::1%lo", "2001:db8::1")


async def test_a_host_without_threads_left_looks_the_name_up_once_it_has_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver(lambda _: [V4])
    names = [f"n{number}.example" for number in range(3 * MAX_LOOKUPS)]
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        for found in await asyncio.gather(*map(resolver.resolve, names), return_exceptions=True):
            assert isinstance(found, ResolverFailed)
            assert "this host refuses a thread" in str(found)
    assert (await resolver.resolve(names[0])).ip == V4


@pytest.mark.parametrize("before", [[V4, V6], [V6, V4]])
@pytest.mark.parametrize("fails", [Family.IPV4, Family.IPV6])
async def test_a_family_whose_servers_fail_keeps_its_addresses_while_the_other_is_answered(
    before: list[str], fails: Family
) -> None:
    """Else a check would go on over the other family: beside the tunnel, or where there is no way."""
    dns, now = dict.fromkeys(Family, "there"), 0.0
    known = {Family.IPV4: V4, Family.IPV6: V6}

    def find(_: str) -> list[str]:
        return [each for each in before if dns[Family.IPV6 if ":" in each else Family.IPV4] == "there"]

    def alone(_: str, family: Family) -> list[str]:
        if dns[family] == "away":
            raise socket.gaierror(socket.EAI_AGAIN, "away")
        return [known[family]] if dns[family] == "there" else []

    resolver = Resolver(find, alone=alone, clock=lambda: now)
    assert (await resolver.resolve_all("gw.example")).ips == tuple(before)
    dns[fails], now = "away", LIFE + 1
    assert await resolver.resolve_all("gw.example") == (tuple(before), LIFE + 1)
    assert (await resolver.resolve("gw.example", family=fails)).ip == known[fails]
    others = tuple(each for each in before if each != known[fails])
    now = STALE
    assert (await resolver.resolve_all("gw.example")) == (others, 0.0)
    dns[fails], now = "there", STALE + LIFE
    assert (await resolver.resolve_all("gw.example")).ips == tuple(before)
    dns[fails], now = "gone", STALE + 2 * LIFE
    assert (await resolver.resolve_all("gw.example")).ips == others


@dataclass(slots=True)
class HalfSilent:
    """A resolver whose servers never answer for some families, on a clock that the test sets.

    The C library asks for both at once, and gives up on the silent one when the test has it give up.
    """

    silent: set[Family]
    known: dict[Family, list[str]] = field(default_factory=lambda: {Family.IPV4: [V4]})
    now: float = 0.0
    given_up: threading.Event = field(default_factory=threading.Event)

    def both(self, _: str) -> list[str]:
        if self.silent:
            self.given_up.wait(30)
        return [each for family, found in self.known.items() if family not in self.silent for each in found]

    def alone(self, _: str, family: Family) -> list[str]:
        if family in self.silent:
            self.given_up.wait(30)
            raise AWAY
        return self.known.get(family, [])

    def resolver(self) -> Resolver:
        return Resolver(self.both, alone=self.alone, clock=lambda: self.now)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second family is not waited for as long as usual."""
    monkeypatch.setattr(resolve, "SLOW", 0.01)


@pytest.mark.usefixtures("quick")
async def test_a_name_is_measured_by_the_family_that_is_answered_and_is_not_stale_for_the_silent_one() -> (
    None
):
    dns = HalfSilent({Family.IPV6})
    resolver = dns.resolver()
    for dns.now in (0, LIFE, 2 * LIFE, STALE, STALE + LIFE):
        assert await resolver.resolve("hq.example", seconds=10) == (V4, 0)
        if dns.now == LIFE:
            dns.given_up.set()  # the answer of both families, which comes now, makes nothing stale either
            while len(resolver._under_way):
                await asyncio.sleep(0.01)
            dns.given_up.clear()
    dns.given_up.set()


async def test_who_wants_one_family_does_not_wait_for_the_other_at_all() -> None:
    dns = HalfSilent({Family.IPV6})
    resolver = dns.resolver()
    for dns.now in (0, LIFE, 2 * LIFE):
        assert await resolver.resolve("hq.example", family=Family.IPV4, seconds=10) == (V4, 0)
    assert not resolver._under_way


@pytest.mark.usefixtures("quick")
async def test_a_family_that_the_name_had_is_not_given_up_for_the_silence_of_its_servers() -> None:
    dns = HalfSilent(set(), {Family.IPV6: [V6], Family.IPV4: [V4]})
    resolver = dns.resolver()
    assert (await resolver.resolve_all("hq.example")).ips == (V6, V4)
    dns.silent, dns.now = {Family.IPV6}, LIFE
    assert await resolver.resolve_all("hq.example") == ((V6, V4), LIFE)
    dns.given_up.set()


@pytest.mark.usefixtures("quick")
async def test_that_a_name_has_no_address_of_one_family_is_not_enough_to_say_that_it_has_none() -> None:
    dns = HalfSilent({Family.IPV6}, {})
    with pytest.raises(ResolverFailed, match="no answer from the resolver"):
        await dns.resolver().resolve("hq.example", seconds=0.1)
    with pytest.raises(NoSuchName):
        await dns.resolver().resolve("hq.example", family=Family.IPV4, seconds=10)
    dns.given_up.set()


@pytest.mark.usefixtures("quick")
async def test_once_the_servers_answer_again_both_families_are_asked_for_at_once() -> None:
    dns = HalfSilent({Family.IPV6})
    resolver = dns.resolver()
    await resolver.resolve("hq.example")
    dns.given_up.set()
    dns.silent, dns.known = set(), {Family.IPV6: [V6], Family.IPV4: [V4]}
    while resolver._under_way:
        await asyncio.sleep(0.01)
    for dns.now in (LIFE, 2 * LIFE):
        assert (await resolver.resolve_all("hq.example")).ips == (V6, V4)


async def test_more_names_than_threads_wait_for_their_turn() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def find(name: str) -> list[str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return [name.replace("n", "192.0.2.")]

    resolver = Resolver(find)
    names = [f"n{number}" for number in range(3 * MAX_LOOKUPS)]
    found = await asyncio.gather(*(resolver.resolve(name) for name in names))
    assert [each.ip for each in found] == [name.replace("n", "192.0.2.") for name in names]
    assert most <= MAX_LOOKUPS


async def test_an_error_that_nobody_waits_for_any_more_is_no_trouble() -> None:
    go = threading.Event()

    def find(_: str) -> list[str]:
        go.wait(30)
        raise OSError(2, "gone")

    resolver = Resolver(find)
    with pytest.raises(ResolveError):
        await resolver.resolve("gone.example", seconds=0.01)
    asked = asyncio.create_task(resolver.resolve("gone.example"))
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(ResolveError, match="gone"):
        await asked


AWAY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
GONE = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@dataclass(slots=True)
class Dns:
    """A resolver that answers as told, on a clock that the test sets."""

    answer: list[str] | Exception = field(default_factory=lambda: ["192.0.2.1", "192.0.2.2"])
    now: float = 0.0
    asked: int = 0

    def __call__(self, name: str) -> list[str]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def resolver(self) -> Resolver:
        return Resolver(self, clock=lambda: self.now)


async def test_an_answer_is_used_for_its_life_and_then_asked_for_anew() -> None:
    dns = Dns()
    resolver = dns.resolver()
    for dns.now in (0, LIFE - 1):
        assert await resolver.resolve("hq.example") == ("192.0.2.1", 0)
    assert dns.asked == 1
    dns.answer, dns.now = ["192.0.2.9"], LIFE
    assert await resolver.resolve("hq.example", prefer="192.0.2.1") == ("192.0.2.9", 0)


async def test_an_address_that_the_name_still_has_is_kept() -> None:
    resolver = Dns().resolver()
    assert (await resolver.resolve("hq.example", prefer="192.0.2.2")).ip == "192.0.2.2"


async def test_while_the_resolver_is_away_its_last_answer_serves_on_for_ten_minutes() -> None:
    dns = Dns()
    resolver = dns.resolver()
    await resolver.resolve("hq.example")
    dns.answer = AWAY
    for dns.now in (LIFE, STALE - 1):
        assert await resolver.resolve("hq.example") == ("192.0.2.1", dns.now)
    dns.now = STALE
    with pytest.raises(ResolverFailed, match="Temporary failure"):
        await resolver.resolve("hq.example")
    dns.answer = ["192.0.2.7"]
    assert await resolver.resolve("hq.example") == ("192.0.2.7", 0)


async def test_a_resolver_that_says_there_is_no_such_name_is_believed_at_once() -> None:
    dns = Dns()
    resolver = dns.resolver()
    await resolver.resolve("hq.example")
    dns.answer, dns.now = GONE, LIFE
    with pytest.raises(NoSuchName, match=r"hq\.example"):
        await resolver.resolve("hq.example")
    dns.answer = AWAY
    with pytest.raises(ResolverFailed):
        await resolver.resolve("hq.example")


@pytest.mark.parametrize("name", ["a..b", "x" * 300, "\udcff.example", "exa mple", ""])
async def test_what_cannot_be_a_name_is_no_such_name(name: str) -> None:
    with pytest.raises(ResolveError):
        await Resolver().resolve(name)


async def test_a_silent_resolver_holds_up_one_round_of_a_known_name_and_no_further_one() -> None:
    silent, dns = threading.Event(), Dns()

    def find(name: str) -> list[str]:
        if dns.now:
            silent.wait(30)
        return dns(name)

    resolver = Resolver(find, alone=by_family(find), clock=lambda: dns.now)
    await resolver.resolve("hq.example")
    dns.now = LIFE
    for _ in range(3):
        assert await resolver.resolve("hq.example", seconds=30) == ("192.0.2.1", LIFE)
    dns.answer = ["192.0.2.7"]
    silent.set()
    while (await resolver.resolve("hq.example")).ip != "192.0.2.7":
        await asyncio.sleep(0.01)


async def test_with_all_turns_taken_by_silent_names_a_new_one_is_not_said_to_be_absent() -> None:
    silent = threading.Event()

    def find(name: str) -> list[str]:
        if name.startswith("silent"):
            silent.wait(30)
        return ["192.0.2.1"]

    resolver = Resolver(find, alone=by_family(find))
    asking = [asyncio.create_task(resolver.resolve(f"silent{i}", seconds=30)) for i in range(MAX_LOOKUPS)]
    await asyncio.sleep(0)
    with pytest.raises(ResolverFailed, match=rf"{MAX_LOOKUPS} other names are being looked up"):
        await resolver.resolve("good.example", seconds=0.05)
    silent.set()
    await asyncio.gather(*asking)
    assert (await resolver.resolve("good.example")).ip == "192.0.2.1"


async def test_no_more_names_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "MAX_KNOWN", most := 100)
    dns = Dns()
    resolver = dns.resolver()
    for number in range(most + 2):
        await resolver.resolve(f"n{number}")
    asked = dns.asked
    await resolver.resolve(f"n{most}")
    assert dns.asked == asked
    await resolver.resolve("n0")
    assert dns.asked == asked + 1
