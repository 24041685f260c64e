"""Following an agent over a real loopback connection, well-behaved and otherwise."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ipsecping.contract import ContractError, RoundResult
from ipsecping.contract.result_stream import MAX_LINE, Heartbeat, Hello, Item, line_to_json
from ipsecping_operator.results.lines import LineSplitter
from ipsecping_operator.results.rejection import Rejection
from ipsecping_operator.results.stream import MAX_MISSED, Agent, Reader
from ipsecping_operator.results.unreadable import Unreadable

from .agent_server import POD_UID, Ring, Script, Send, encoded, serving
from .builders import NOON, SECOND, result

LOG = logging.LoggerAdapter(logging.getLogger("test"), {})


class Followed:
    """What a reader delivered and rejected."""

    def __init__(self) -> None:
        self.results: list[tuple[RoundResult, int]] = []
        self.rejected: dict[Rejection, int] = {}
        self.troubles: list[Unreadable | None] = []
        self._news = asyncio.Event()
        self.reader: Reader
        self.reading: asyncio.Task[None]

    def deliver(self, given: RoundResult, start: int) -> None:
        self.results.append((given, start))
        self._news.set()

    def reject(self, reason: Rejection, count: int) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + count
        self._news.set()

    def tell(self, trouble: Unreadable | None) -> None:
        self.troubles.append(trouble)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._news.clear()
                await self._news.wait()

    @property
    def order(self) -> list[int]:
        return [given.started_at for given, _ in self.results]


@asynccontextmanager
async def following(
    script: Script,
    *,
    pod_uid: str = POD_UID,
    silence: float = 25.0,
    clock: int = NOON + 3600 * SECOND,
    first_pause: float = 0.01,
    wanted: Sequence[str] = (),
    shown: Sequence[str] = (),
    grace: float = 3600,
) -> AsyncIterator[Followed]:
    followed = Followed()
    async with serving(script, tokens=wanted) as port:
        reader = followed.reader = Reader(
            Agent(pod_uid=pod_uid, pod="probe-1", address="127.0.0.1", port=port),
            deliver=followed.deliver,
            reject=followed.reject,
            log=LOG,
            clock=lambda: clock,
            tokens=shown,
            tell=followed.tell,
            silence=silence,
            first_pause=first_pause,
            grace=grace,
        )
        task = followed.reading = asyncio.create_task(reader.run())
        try:
            yield followed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def rounds(count: int) -> list[RoundResult]:
    return [result(at=NOON + index * 30 * SECOND) for index in range(count)]


async def test_every_result_in_the_ring_is_delivered_in_order() -> None:
    ring = Ring()
    ring.results = rounds(200)
    async with following(ring.script) as followed:
        await followed.until(lambda: len(followed.results) == 200)
    assert followed.order == [each.started_at for each in ring.results]
    assert followed.rejected == {}


async def test_a_broken_connection_is_resumed_where_it_broke_and_nothing_counts_twice() -> None:
    ring = Ring()
    ring.results, ring.cut_after = rounds(10), 4
    async with following(ring.script) as followed:
        await followed.until(lambda: len(followed.results) == 10)
    assert followed.order == [each.started_at for each in ring.results]
    assert ring.served == [None, "boot-1:4"]
    assert followed.rejected == {}


async def test_an_agent_that_started_anew_is_read_from_its_beginning() -> None:
    ring = Ring()
    ring.results, ring.cut_after = rounds(5), 5
    async with following(ring.script) as followed:
        await followed.until(lambda: len(followed.results) == 5)
        ring.boot, ring.results = "boot-2", rounds(3)
        await followed.until(lambda: len(followed.results) == 8)
    assert followed.rejected == {}


async def test_an_agent_whose_pod_has_changed_is_asked_again_at_once() -> None:
    ring, broken = Ring(), asyncio.Event()

    async def script(after: str | None, send: Send) -> None:
        if not broken.is_set():
            broken.set()
            return
        await ring.script(after, send)

    ring.results = rounds(1)
    async with following(script, first_pause=3600) as followed:
        await broken.wait()
        while not followed.results:
            followed.reader.hasten()
            await asyncio.sleep(0.01)
    assert ring.served == [None]


async def test_results_that_left_the_ring_while_nobody_read_are_said_to_be_missing() -> None:
    early, late = Ring(), Ring()
    early.results, early.cut_after = rounds(5), 2
    late.first, late.results = 6, rounds(3)

    async def script(after: str | None, send: Send) -> None:
        await (early if after is None else late).script(after, send)

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 5)
    assert late.served == ["boot-1:2"]
    assert followed.rejected == {Rejection.MISSED: 3}


async def test_an_agent_that_sends_an_item_twice_counts_once() -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1)))
        for sequence in (1, 1, 2, 5):
            await send(encoded(Item(sequence=sequence, ended=NOON, result=result())))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 3)
    assert followed.rejected == {Rejection.DUPLICATE: 1, Rejection.MISSED: 2}


@pytest.mark.parametrize("answering", ["00000000-0000-0000-0000-000000000000", None])
async def test_another_pod_at_the_same_address_is_not_believed(answering: str | None) -> None:
    ring = Ring(pod_uid=answering)
    ring.results = rounds(3)
    async with following(ring.script) as followed:
        await followed.until(lambda: followed.rejected.get(Rejection.FOREIGN_POD, 0) >= 2)
        assert followed.results == []
        ring.pod_uid = POD_UID
        await followed.until(lambda: len(followed.results) == 3)


@pytest.mark.parametrize(
    "garbage",
    [
        b"not json\n",
        b"[1, 2]\n",
        b'{"hello": 1}\n',
        b'{"sequence": 1}\n',
        b"\xff\xfe\n",
        b"x" * (MAX_LINE + 1),
        b"[" * 60_000 + b"\n",
        encoded(Heartbeat(now=1)),
        encoded(Item(sequence=1, ended=NOON, result=result())),
    ],
    ids=["text", "list", "bad-hello", "bare-item", "no-utf-8", "endless", "deep", "beat-first", "item-first"],
)
async def test_garbage_delivers_nothing_and_the_agent_is_tried_again(garbage: bytes) -> None:
    ring, answers = Ring(), 0
    ring.results = rounds(2)

    async def script(after: str | None, send: Send) -> None:
        nonlocal answers
        answers += 1
        if answers == 1:
            await send(garbage)
            await asyncio.Event().wait()
        await ring.script(after, send)

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
    assert followed.rejected == {Rejection.MALFORMED: 1}


def item(sequence: int, **changed: Any) -> bytes:
    """A line of the stream, with wrong fields in its result."""
    line = line_to_json(Item(sequence=sequence, ended=NOON, result=result(at=NOON + sequence)))
    line["result"] |= changed
    return json.dumps(line).encode() + b"\n"


HELLO = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1))


@pytest.mark.parametrize(
    "bad",
    [
        item(2, received=11),
        item(2, remoteIP="\ud800"),
        item(2, startedAt=-1),
        item(2, type="TCP", certificateExpiry=-86_400),
        item(2, type="TCP", certificateExpiry=253_402_300_800),
        item(2, sent=0, received=0, rtt={}),
        item(2).replace(b'"ended"', b'"end"'),
        item(2).replace(b'"sequence": 2', b'"sequence": -2'),
        item(2).replace(b'"sequence": 2', b'"sequence": NaN'),
        b"not json\n",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"[1, 2]\n",
        b"x" * (2 * MAX_LINE) + b"\n",
    ],
    ids=lambda line: line[-60:].decode(errors="replace"),
)
async def test_a_line_that_breaks_the_contract_is_passed_over_once_and_the_next_is_read(
    bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connections = list[str | None]()

    async def script(after: str | None, send: Send) -> None:
        connections.append(after)
        start = int(after.partition(":")[2]) if after else 0
        first = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=start + 1))
        await send(b"".join([first, *[item(1), bad, item(3)][start:]]))
        if len(connections) > 2:
            await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
        while len(connections) < 3:
            await asyncio.sleep(0.01)
    assert followed.order == [NOON + 1, NOON + 3]
    assert followed.rejected == {Rejection.MALFORMED: 1}
    assert connections == [None, "b:3", "b:3"]
    assert sum("passed over" in record.message for record in caplog.records) == 1


async def test_lines_that_cannot_be_read_at_all_are_not_met_again_when_the_connection_ends() -> None:
    connections = list[str | None]()

    async def script(after: str | None, send: Send) -> None:
        connections.append(after)
        start = int(after.partition(":")[2]) if after else 0
        first = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=start + 1))
        await send(b"".join([first, *[item(1), b"?\n", b"?\n"][start:]]))
        if len(connections) > 1:
            await send(item(4))
            await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
    assert connections == [None, "b:3"]
    assert followed.rejected == {Rejection.MALFORMED: 2}


async def test_a_line_of_a_kind_to_come_takes_no_place() -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + b'{"weather": "fine"}\n' + (b"" if after else item(1)))
        if after:
            await send(item(2))
            await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 2)
    assert followed.rejected == {Rejection.MALFORMED: 2}


async def test_what_is_wrong_is_logged_once_for_each_field(caplog: pytest.LogCaptureFixture) -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + b"".join(item(number, remoteIP=f"evil-{number}") for number in range(1, 40)))
        await send(item(40, received=number_of_packets))
        await asyncio.Event().wait()

    number_of_packets = 99
    async with following(script) as followed:
        await followed.until(lambda: followed.rejected.get(Rejection.MALFORMED) == 40)
    assert [record.message for record in caplog.records] == [
        "results of pod probe-1: passed over: result.remoteIP: 'evil-1' is not an IP address",
        "results of pod probe-1: passed over: result.received: 99 is outside 0..10",
    ]


async def test_an_agent_cannot_spoil_the_counter_of_missed_results() -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + item(2**62))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 1)
    assert followed.rejected == {Rejection.MISSED: MAX_MISSED}


async def test_an_agent_that_jumps_time_and_again_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(HELLO + b"".join(map(item, range(2, 400, 2))))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: len(followed.results) == 199)
    assert followed.rejected == {Rejection.MISSED: 199}
    assert warnings(caplog) == ["results of pod probe-1: 1 left its ring before they were read"]


@pytest.mark.parametrize(
    "hello",
    [
        {"bootID": "\ud800"},
        {"bootID": "b" * 65},
        {"bootID": "a b"},
        {"first": 0},
        {"podUID": "p\n"},
        {"now": -1},
    ],
    ids=str,
)
async def test_a_hello_that_no_cursor_could_answer_is_no_hello(
    hello: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    good = {"bootID": "b", "podUID": POD_UID, "now": NOON, "first": 1}

    async def script(after: str | None, send: Send) -> None:
        await send(json.dumps({"hello": good | hello}).encode() + b"\n" + item(1))
        await asyncio.Event().wait()

    async with following(script) as followed:
        await followed.until(lambda: followed.rejected.get(Rejection.MALFORMED, 0) >= 2)
    assert followed.results == []
    assert sum("hello." in record.message for record in caplog.records) == 1


async def test_a_connection_without_heartbeats_is_given_up_and_made_again() -> None:
    ring = Ring()
    ring.results = rounds(1)
    async with following(ring.script, silence=0.05) as followed:
        await followed.until(lambda: len(followed.results) == 1)
        async with asyncio.timeout(10):
            while len(ring.served) < 3:
                await asyncio.sleep(0.01)
    assert ring.served[1:3] == ["boot-1:1", "boot-1:1"]
    assert len(followed.results) == 1


@pytest.mark.parametrize("skew", [-7200, 7200])
async def test_rounds_are_placed_on_the_operator_s_clock(skew: int) -> None:
    now = NOON + 3600 * SECOND
    agent_clock = now + skew * SECOND
    ring = Ring(now=5000 * SECOND, wall=agent_clock)
    ring.results = [result(at=agent_clock - 60 * SECOND)]
    async with following(ring.script, clock=now) as followed:
        await followed.until(lambda: len(followed.results) == 1)
    assert followed.results[0][1] == now - 60 * SECOND


def test_lines_are_cut_wherever_the_pieces_end() -> None:
    splitter = LineSplitter(limit=10)
    pieces = [b"on", b"e\ntwo\nthr", b"ee", b"\n", b"0123456789\n"]
    assert [line for piece in pieces for line in splitter.feed(piece)] == [
        b"one",
        b"two",
        b"three",
        b"0123456789",
    ]


def test_a_line_that_is_too_long_is_passed_over_and_not_held() -> None:
    splitter = LineSplitter(limit=10)
    pieces = [b"one\n0123456789a", b"b" * 50, b"c\ntwo\n", b"0123456789d\n", b"three\n"]
    assert [line for piece in pieces for line in splitter.feed(piece)] == [
        b"one",
        None,
        b"two",
        None,
        b"three",
    ]
    assert splitter.held == b""


def test_a_line_without_end_is_an_error_before_it_takes_for_ever() -> None:
    splitter = LineSplitter(limit=10)
    pieces = [list(splitter.feed(b"0123456789")) for _ in range(16)]
    assert [line for lines in pieces for line in lines] == [None]
    with pytest.raises(ContractError, match="no end after 160 octets"):
        list(splitter.feed(b"0"))


async def test_what_an_ending_agent_still_hands_out_is_read_and_no_connection_follows() -> None:
    told, connections = asyncio.Event(), list[str | None]()

    async def script(after: str | None, send: Send) -> None:
        connections.append(after)
        await send(encoded(Hello(boot_id="boot-1", pod_uid=POD_UID, now=0, first=1)))
        await told.wait()
        await send(encoded(Item(sequence=1, ended=0, result=result(at=NOON))))

    async with following(script) as followed, asyncio.timeout(10):
        while not connections:
            await asyncio.sleep(0.01)
        followed.reader.end()
        told.set()
        await followed.reading
    assert followed.order == [NOON]
    assert connections == [None]


async def test_the_agent_is_shown_the_token_and_the_one_before_while_it_knows_no_other() -> None:
    ring = Ring()
    ring.results = rounds(3)
    for wanted in (["new"], ["old"], ["new", "old"]):
        async with following(ring.script, wanted=wanted, shown=["new", "old"]) as followed:
            await followed.until(lambda seen=followed: len(seen.results) == 3)  # type: ignore[misc]
        assert followed.troubles == [None]


async def test_an_agent_that_takes_no_token_is_told_of_and_nothing_is_lost_meanwhile() -> None:
    ring, wanted = Ring(), ["other"]
    ring.results = rounds(3)
    async with following(ring.script, wanted=wanted, shown=["new", "old"]) as followed:
        await followed.until(lambda: len(followed.troubles) > 2)
        first = followed.troubles[0]
        assert first is not None
        assert first.unauthorized
        assert "pod probe-1 cannot be read: http://127.0.0.1:" in str(first)
        assert "/v1/results answers 401" in str(first)
        wanted[:] = ["new"]
        await followed.until(lambda: len(followed.results) == 3)
        assert followed.troubles[-1] is None
    assert followed.rejected == {}


async def test_a_connection_that_is_refused_names_address_port_and_error() -> None:
    async def gone(_: str | None, __: Send) -> None:
        raise ConnectionResetError

    async with following(gone, pod_uid="x") as followed:
        followed.reader._agent = Agent(pod_uid="x", pod="probe-1", address="127.0.0.1", port=1)
        await followed.until(lambda: any(t and ":1/" in t.text for t in followed.troubles))
    assert "cannot connect to http://127.0.0.1:1/v1/results: Connection refused" in str(followed.troubles[-1])


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def broken_off(after: str | None, send: Send) -> None:
    """An agent that ends each stream right after its greeting."""
    await send(encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1)))


async def test_what_may_pass_by_itself_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with following(broken_off):
        async with asyncio.timeout(10):
            while "the agent ended the stream" not in caplog.text:
                await asyncio.sleep(0.01)
    assert warnings(caplog) == []


async def test_what_lasts_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    async with following(broken_off, grace=0.05):
        async with asyncio.timeout(10):
            while not warnings(caplog):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    assert warnings(caplog) == ["results of pod probe-1: the agent ended the stream"]


async def test_an_answer_that_is_no_agent_s_is_a_warning_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def script(after: str | None, send: Send) -> None:
        await send(b"not json\n")

    async with following(script) as followed:
        await followed.until(lambda: Rejection.MALFORMED in followed.rejected)
        await followed.until(lambda: followed.rejected[Rejection.MALFORMED] >= 2)
    (said,) = warnings(caplog)
    assert "not an agent's answer" in said
