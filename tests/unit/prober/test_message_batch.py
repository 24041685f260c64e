"""One set of buffers for sockets of both families: what one has left says nothing of the other's packets."""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ipsecping.net import timestamping
from ipsecping.net.message_batch import MessageBatch, raw_address

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
FAMILIES = list(LOOPBACK)


@contextmanager
def pair(family: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two UDP sockets on loopback."""
    with ExitStack() as stack:
        both = [stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(2)]
        for sock in both:
            sock.bind((LOOPBACK[socket.AddressFamily(family)], 0))
        yield both[0], both[1]


@pytest.mark.parametrize("order", [FAMILIES, FAMILIES[::-1]], ids=["IPv4 first", "IPv6 first"])
def test_the_source_of_a_datagram_is_that_of_its_own_family_whatever_was_read_before(
    order: list[socket.AddressFamily],
) -> None:
    batch = MessageBatch()
    with ExitStack() as stack:
        pairs = [stack.enter_context(pair(family)) for family in order]
        for _ in range(2):
            for sender, receiver in pairs:
                for number in range(3):
                    sender.sendto(bytes([number]), receiver.getsockname())
                select.select([receiver], [], [], 5)

                came = batch.arrivals(receiver)

                source = raw_address(sender.family, sender.getsockname())
                assert [(each[0], each[1]) for each in came] == [(source, bytes([n])) for n in range(3)]


def test_an_error_is_about_the_target_of_its_own_family_whatever_was_read_before() -> None:
    batch = MessageBatch()
    with pair(socket.AF_INET6) as six, pair(socket.AF_INET) as four:
        six[0].sendto(b"before", six[1].getsockname())
        select.select([six[1]], [], [], 5)
        batch.arrivals(six[1])
        closed = four[1].getsockname()
        four[1].close()
        timestamping.enable_errors(four[0])
        four[0].sendto(b"refused", closed)
        poll = select.poll()
        poll.register(four[0], 0)  # POLLERR is told without being asked for
        poll.poll(5000)

        _, refusals = batch.error_queue(four[0])

        assert [refusal.target for refusal in refusals] == [raw_address(socket.AF_INET, closed)]
