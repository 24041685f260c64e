"""Every address means those of both families, and of one alone where the other is absent."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from ipsecping.serving.listening import hosts
from ipsecping.serving.messages import Request, Response
from ipsecping.serving.server import Server

from ...peers.processes import PATIENCE

Make = Callable[..., socket.socket]


def without(family: socket.AddressFamily, make: Make = socket.socket) -> Make:
    """A system that gives no sockets of the family."""

    def limited(asked: socket.AddressFamily, *more: object) -> socket.socket:
        if asked == family:
            raise OSError(97, "Address family not supported by protocol")
        return make(asked, *more)

    return limited


@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        (None, ("0.0.0.0", "::")),
        (socket.AF_INET6, ("0.0.0.0",)),
        (socket.AF_INET, ("::",)),
    ],
)
def test_everywhere_is_each_family_that_the_system_has(
    absent: socket.AddressFamily | None, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if absent is not None:
        monkeypatch.setattr(socket, "socket", without(absent))
    assert hosts("") == expected
    assert hosts("127.0.0.1") == ("127.0.0.1",)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_server_that_listens_everywhere_answers_on_both_families(address: str) -> None:
    async def hello(_: Request) -> Response:
        return Response(body=b"hello")

    server = Server({"/": hello})
    port = await server.start("", 0)
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), PATIENCE)).endswith(b"hello")
    writer.close()
    await writer.wait_closed()
    await server.stop(grace=1)
