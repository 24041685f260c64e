"""When the bytes of a connection came: neither reading late nor answering late is time of the path."""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from ipsecping.net.clocks import Clock
from ipsecping.net.tcp import SocketStream
from ipsecping.net.timestamping import SO_TIMESTAMPING

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


async def test_what_came_unasked_before_this_host_answered_came_after_what_it_answered(line: Line) -> None:
    """A greeting of two lines, the second one 1 ms behind, and a host that stood still for 300 ms between."""
    stream = SocketStream(line, stamped=True, clock=line.clock)
    assert await read(line, stream, came=1_010, read_at=1_310) == 1_010
    await stream.send(b"more")
    assert await read(line, stream, came=1_011, read_at=1_310) == 1_010


@pytest.mark.parametrize("came", [None, 900, 1_900])
async def test_a_stamp_that_cannot_be_is_no_stamp(line: Line, came: int | None) -> None:
    """None at all, from before the connection, or from the future."""
    stream = SocketStream(line, stamped=True, clock=line.clock)
    assert await read(line, stream, came=came, read_at=1_240) == 1_240


async def test_a_clock_that_is_set_meanwhile_costs_the_stamps_and_no_truth(line: Line) -> None:
    stream = SocketStream(line, stamped=True, clock=line.clock)
    line.set = 100 * MS
    assert await read(line, stream, came=1_130, read_at=1_240) == 1_240
