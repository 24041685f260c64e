"""Packets of the link's size to a silent target: what is sent, and what is believed of what comes."""

import pytest

from ipsecping.collector import oversized
from ipsecping.collector.oversized import OversizedRun
from ipsecping.collector.steps import Method, OversizedStep
from ipsecping.contract import LossReason, ProbeType
from ipsecping.diagnosis.too_big import OversizedFound, TooBig
from ipsecping.net.connected_socket import Arrival, Refusal, TooBigHere
from ipsecping.probes.mtu_packets import StampPackets

OURS = "10.99.0.2"
STEP = OversizedStep(method=Method(type=ProbeType.STAMP, port=862), address="10.50.1.10")
HEADERS = 28


class Line:
    """A socket whose link carries `mtu` bytes, and a gateway behind it that says something of each packet."""

    def __init__(self, *said: Refusal, mtu: int = 9000, arrivals: int = 0) -> None:
        self.said, self.mtu, self.arrivals = said, mtu, arrivals
        self.sizes: list[int] = []
        self.closed = False
        self._due: list[Refusal] = []

    def send(self, data: bytes) -> None:
        if len(data) + HEADERS > self.mtu:
            raise TooBigHere(self.mtu)
        self.sizes.append(len(data) + HEADERS)
        self._due += [replace_quote(each, data) for each in self.said]

    async def wait(self, nanoseconds: int) -> None:
        pass

    def receive(self) -> tuple[list[Arrival], list[Refusal]]:
        due, self._due = self._due, []
        return [Arrival(b"", None)] * self.arrivals, due

    def close(self) -> None:
        self.closed = True


def replace_quote(refusal: Refusal, sent: bytes) -> Refusal:
    return refusal if refusal.quote else refusal._replace(quote=sent[:64])


def too_big(mtu: int = 1446, *, quote: bytes = b"", sender: str | None = OURS) -> Refusal:
    return Refusal(quote, LossReason.MESSAGE_TOO_BIG, mtu, sender)


async def found_on(line: Line, monkeypatch: pytest.MonkeyPatch) -> OversizedFound | None:
    monkeypatch.setattr(oversized, "OVERSIZED_SPACING", 2_000_000)
    monkeypatch.setattr(oversized, "open_unfragmented", lambda *_: (line, StampPackets(ipv6=False)))
    found = await OversizedRun(STEP).run()
    assert line.closed
    return found


async def test_what_our_gateway_says_of_each_packet_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(too_big())
    found = await found_on(line, monkeypatch)
    assert found == OversizedFound(size=1500, sent=4, told=(TooBig(router=OURS, mtu=1446, count=4),))
    assert line.sizes == [1500] * 4


async def test_a_smaller_link_of_our_own_gets_packets_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(mtu=1420)
    assert await found_on(line, monkeypatch) == OversizedFound(size=1420, sent=4)
    assert line.sizes == [1420] * 4


@pytest.mark.parametrize("mtu", [0, 10, 40])
async def test_a_link_without_room_for_a_packet_is_not_tested(
    mtu: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await found_on(Line(mtu=mtu), monkeypatch) is None


@pytest.mark.parametrize(
    "forged",
    [
        too_big(quote=bytes(64)),
        too_big(sender=None),
        replace_quote(Refusal(b"", LossReason.UNREACHABLE, 0, OURS), b""),
    ],
    ids=["not of our packet", "by nobody", "not of its size"],
)
async def test_what_is_not_about_the_size_of_our_packets_counts_for_nothing(
    forged: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await found_on(Line(forged), monkeypatch) == OversizedFound(size=1500, sent=4)


async def test_who_quotes_too_little_to_have_seen_the_packet_may_be_anybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await found_on(Line(too_big(quote=bytes(8))), monkeypatch) is None
    beside = Line(too_big(mtu=1400, quote=bytes(8), sender="10.244.0.77"), too_big())
    found = await found_on(beside, monkeypatch)
    assert found == OversizedFound(size=1500, sent=4, told=(TooBig(router=OURS, mtu=1446, count=4),))


async def test_more_is_said_than_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many count as there are packets, and no MTU is larger than there can be."""
    found = await found_on(Line(*[too_big(2**32 - 1)] * 9), monkeypatch)
    assert found == OversizedFound(size=1500, sent=4, told=(TooBig(router=OURS, mtu=65_535, count=4),))


async def test_a_flood_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await found_on(Line(arrivals=600), monkeypatch) is None
