"""When the bytes of a connection came: neither reading late nor answering late is time of the path."""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from ipsecping.contract.methods.http import Method
from ipsecping.contract.methods.tcp import Step
from ipsecping.net.clocks import Clock
from ipsecping.net.tcp import SocketStream
from ipsecping.net.timestamping import SO_TIMESTAMPING
from ipsecping.probes.conversation import Conversation
from ipsecping.probes.http import respond

MS = 1_000_000
WALL = 1_796_000_000_000_000_000


class Line(socket.socket):
    """Hands out bytes with the instants at which the kernel got them; takes what is sent."""

    def __init__(self) -> None:
        self.now = 1_000 * MS
        self.set = 0
        self.due: list[tuple[bytes, int | None]] = []
        near, self._far = socket.socketpair()
        super().__init__(near.family, near.type, near.proto, fileno=os.dup(near.fileno()))
        near.close()

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, realtime=lambda: self.now + WALL + self.set)

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
        data, came = self.due.pop(0)
        stamp = 0 if came is None else came + WALL
        times = struct.pack("=6q", *divmod(stamp, 1_000 * MS), 0, 0, 0, 0)
        return data, [(socket.SOL_SOCKET, SO_TIMESTAMPING, times)], 0, None

    def close(self) -> None:
        super().close()
        self._far.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


async def read(line: Line, stream: SocketStream, *, came: int | None, read_at: int) -> int:
    """Milliseconds at which the next bytes are said to have come."""
    line.due.append((b"x", None if came is None else came * MS))
    line.now = read_at * MS
    await asyncio.sleep(0)
    return (await stream.receive()).at // MS


async def test_what_is_read_late_came_when_the_kernel_got_it(line: Line) -> None:
    stream = SocketStream(line, stamped=True, clock=line.clock)
    assert await read(line, stream, came=1_012, read_at=1_240) == 1_012
    assert await read(line, stream, came=1_300, read_at=1_301) == 1_300


async def test_what_this_host_lets_pass_before_it_answers_counts_for_nothing(line: Line) -> None:
    stream = SocketStream(line, stamped=True, clock=line.clock)
    assert await read(line, stream, came=1_010, read_at=1_200) == 1_010
    line.now = 1_210 * MS
    await stream.send(b"more")
    await stream.send(b"and more")  # is no answer to anything new
    assert await read(line, stream, came=1_220, read_at=1_260) == 1_020
    await stream.send(b"last")
    assert await read(line, stream, came=1_270, read_at=1_270) == 1_030


@pytest.mark.parametrize("came", [None, 900, 1_900])
async def test_a_stamp_that_cannot_be_is_no_stamp(line: Line, came: int | None) -> None:
    """None at all, from before the connection, or from the future."""
    stream = SocketStream(line, stamped=True, clock=line.clock)
    assert await read(line, stream, came=came, read_at=1_240) == 1_240


async def test_a_clock_that_is_set_meanwhile_costs_the_stamps_and_no_truth(line: Line) -> None:
    stream = SocketStream(line, stamped=True, clock=line.clock)
    line.set = 100 * MS
    assert await read(line, stream, came=1_130, read_at=1_240) == 1_240


async def test_what_a_target_says_unasked_has_waited_for_nothing_that_was_sent_later(line: Line) -> None:
    """A banner that came before we spoke: to take our delay off would make its round trip too short, or less
    than none."""
    stream = SocketStream(line, stamped=True, clock=line.clock)
    assert await read(line, stream, came=1_010, read_at=1_100) == 1_010
    assert await stream.send(b"hello") == 1_010 * MS
    assert await read(line, stream, came=1_012, read_at=1_200) == 1_012
    assert await stream.send(b"again") == 1_010 * MS
    assert await read(line, stream, came=1_230, read_at=1_240) == 1_040


async def test_a_line_that_came_with_another_one_came_when_that_did(line: Line) -> None:
    stream = SocketStream(line, stamped=True, clock=line.clock)
    line.due.append((b"220 ready\r\n250 ok\r\n", 1_010 * MS))
    line.now = 1_100 * MS
    steps = (Step(expect="^220", send="HELO a\r\n"), Step(expect="^250"))
    assert await Conversation(stream).hold(steps) == 1_010 * MS


async def test_what_is_said_last_counts_from_when_it_could_be_said(line: Line) -> None:
    stream = SocketStream(line, stamped=True, clock=line.clock)
    line.due.append((b"220 ready\r\n", 1_010 * MS))
    line.now = 1_100 * MS
    assert await Conversation(stream).hold((Step(expect="^220", send="QUIT\r\n"),)) == 1_010 * MS


async def test_a_response_begins_with_itself_and_not_with_what_announces_it(line: Line) -> None:
    """Interim responses, in pieces and with the beginning of the next one (RFC 9110 section 15.2)."""
    stream = SocketStream(line, stamped=True, clock=line.clock)
    line.due += [
        (b"HTTP/1.1 100 Con", 1_010 * MS),
        (b"tinue\r\n\r\nHTTP/1.1 103 Early Hints\r\n", 1_020 * MS),
        (b"Link: </a>\r\n\r\nHTT", 1_230 * MS),
        (b"P/1.1 200 OK\r\n", 1_260 * MS),
    ]
    line.now = 1_300 * MS
    # Sent at 1,300 only: the responses have not waited for it.
    assert (await respond(stream, b"GET / HTTP/1.1\r\n\r\n", Method.GET)).began_at == 1_230 * MS
