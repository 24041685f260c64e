"""A raw ICMP socket shared by many targets, as ping sockets are."""

import socket

from .clocks import Clock
from .flow import Leaving
from .message_batch import Arrival, MessageBatch, SocketAddress
from .raw_echo import RawEcho
from .shared_socket import SharedSocket


class RawEchoSocket(SharedSocket):
    """See SharedSocket; its flows send and get the same messages as those of a ping socket."""

    def __init__(self, sock: socket.socket, clock: Clock, batch: MessageBatch, echo: RawEcho) -> None:
        """Takes `sock` over. Raises OSError."""
        super().__init__(sock, clock, batch, confirm_drops=False, own_filter=echo.own)
        self._echo = echo

    @property
    def local_port(self) -> int:
        """The identifier, as of a ping socket."""
        return self._echo.identifier

    def send(self, data: bytes, target: SocketAddress, packet: Leaving) -> None:
        """See Flow."""
        super().send(self._echo.outgoing(data), target, packet)

    def _arrivals(self) -> list[Arrival]:
        incoming = self._echo.incoming
        return [(source, incoming(data), stamp) for source, data, stamp in super()._arrivals()]

    def _is_ours(self, quote: bytes) -> bool:
        return self._echo.is_ours(quote)
