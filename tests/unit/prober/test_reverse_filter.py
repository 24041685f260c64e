"""What this host's reverse path filter has dropped is read from the kernel's counters, and not too often."""

import pytest

from ipsecping.contract import ProbeType, Refusal, RefusedAnswers, RoundResult
from ipsecping.net import reverse_filter
from ipsecping.net.reverse_filter import FRESH, ReverseFilter, dropped_in
from ipsecping.probes import datagram

from ...plans import check_of
from .far_ends import probe, prober
from .reflecting import Reflector, reflecting

NETSTAT = "TcpExt: SyncookiesSent IPReversePathFilter\nTcpExt: 3 {}\nIpExt: InNoRoutes\nIpExt: 9\n"


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        (NETSTAT.format(7), 7),
        (NETSTAT.format("x"), None),
        ("", None),
        ("TcpExt: IPReversePathFilter\n", None),
        ("TcpExt: A IPReversePathFilter\nTcpExt: 1\n", None),
    ],
)
def test_the_kernels_count(text: str, dropped: int | None) -> None:
    assert dropped_in(text) == dropped


def test_it_is_read_only_once_a_moment_and_missed_where_it_cannot_be() -> None:
    texts = iter([NETSTAT.format(1), NETSTAT.format(2)])

    def read() -> str:
        try:
            return next(texts)
        except StopIteration:
            raise PermissionError from None

    found = ReverseFilter(read=read)
    assert [found.drops(now=now) for now in (0, FRESH, FRESH + 1, 3 * FRESH)] == [1, 1, 2, None]


@pytest.mark.parametrize(
    ("before", "drops", "recent", "told"),
    [
        pytest.param("0", 3, datagram.RECENT, 3, id="as many"),
        pytest.param("0", 90, datagram.RECENT, 3, id="more"),
        pytest.param("0", 2, datagram.RECENT, 0, id="fewer"),
        pytest.param("0", 3, -1, 0, id="long ago"),
        pytest.param("unreadable", 90, datagram.RECENT, 0, id="unknown how many before"),
    ],
)
async def test_as_many_as_answers_are_missing_are_told(
    monkeypatch: pytest.MonkeyPatch, before: str, drops: int, recent: int, told: int
) -> None:
    said = [before]
    found = ReverseFilter(read=lambda: NETSTAT.format(said[-1]))
    monkeypatch.setattr(reverse_filter, "FRESH", 0)
    monkeypatch.setattr(datagram, "own_reverse_filter", lambda: found)
    monkeypatch.setattr(datagram, "RECENT", recent)

    def dropping(reflector: Reflector, data: bytes, place: int, port: int) -> list[bytes]:
        said.append(str(drops))
        return []

    with reflecting(dropping) as reflector, prober() as made:
        port = reflector.sock.getsockname()[1]
        planned = probe(ProbeType.STAMP, port=port, size=44, timeout_ms=50)
        result: RoundResult = (await made.round(check_of(planned, interval_ms=3_600_000)))[0]
    refused = result.figure(RefusedAnswers)
    assert (0 if refused is None else refused.by_reason[Refusal.FILTERED]) == told
