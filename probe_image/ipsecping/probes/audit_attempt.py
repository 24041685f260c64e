"""The tries of one case of an audit, from a socket of its own."""

import os
from collections.abc import Sequence

from ..addresses import is_ipv6
from ..net.connected_socket import ConnectedSocket
from ..net.errors import PingForbidden
from ..net.sender import Sender
from .audit_cases import TRIES, Dialect, Exchange, Origin, Reply
from .audit_channel import AuditChannel
from .audit_verdict import Trial, datagram
from .mtu_packets import EchoPackets, new_token

RESERVED_PORTS = (7, 19, 13)
"""Echo, chargen and daytime (RFC 862, RFC 864, RFC 867): the first one that is free."""


class Attempt:
    """One trial under way; what comes of it stands in the trial."""

    def __init__(
        self, channel: AuditChannel, trial: Trial, dialect: Dialect, sender: Sender, *, outside: str | None
    ) -> None:
        """`sender` is where ordinary packets come from, `outside` the address that should not be answered."""
        self.trial = trial
        self._channel, self._dialect, self._sender, self._outside = channel, dialect, sender, outside
        self._sock: ConnectedSocket | None = None
        self._openings: list[bytes] = []

    async def make(self, number: int) -> bool:
        """Send the packet of a try, once what has to go ahead of it was answered; False: it did not leave."""
        trial = self.trial
        if self._sock is None and not trial.trouble:
            self._sock = self._opened()
        if self._sock is None or (trial.case.opened and not await self._exchanged(self._sock)):
            return False
        packet = trial.case.packet(number, trial.exchange)
        if not self._channel.send(self._sock, packet):
            return False
        trial.sent.append(packet)
        trial.behind.append(len(self._channel.record.controls) - 1)
        return True

    async def _exchanged(self, sock: ConnectedSocket) -> bool:
        """Whether a right packet on this socket was answered; a new one is sent as long as none was."""
        trial = self.trial
        if trial.exchange is None:
            opening = self._dialect.request()
            self._openings.append(opening)
            if not self._channel.send(sock, opening):
                return False
            await self._channel.wait(lambda: trial.exchange is not None)
        return trial.exchange is not None

    def _came(self, data: bytes) -> None:
        trial = self.trial
        answered = next((each for each in self._openings if self._answers(each, data)), None)
        if answered is not None and trial.exchange is None:
            trial.exchange = Exchange(answered, datagram(data).data)
        elif trial.sent and (answered is None or (trial.exchange and answered == trial.exchange.request)):
            # What answers an opening that was given up is late, and no answer to a try.
            trial.came.append(datagram(data))

    def _answers(self, opening: bytes, data: bytes) -> bool:
        return self._dialect.reply(opening, data) is not Reply.FOREIGN

    def _opened(self) -> ConnectedSocket | None:
        """The socket; where there is none, the trial says why."""
        origin, trouble = self.trial.case.origin, ""
        if origin is Origin.OUTSIDE:
            self._ping()
        for sender in self._senders(origin):
            try:
                return self._channel.open(sender, self._came)
            except OSError as error:
                why = os.strerror(error.errno) if error.errno else str(error)
                trouble = f"this host cannot send from {origin.value}: {why}"
        self.trial.trouble = trouble
        return None

    def _senders(self, origin: Origin) -> Sequence[Sender]:
        """From where the packets of a case may leave, the best first."""
        if origin is Origin.OWN_PORT:
            return [self._sender._replace(port=self._channel.port)]
        if origin is Origin.RESERVED_PORT:
            return [self._sender._replace(port=each) for each in RESERVED_PORTS]
        if origin is Origin.OUTSIDE:
            return [self._sender._replace(source=self._outside, port=0)]
        return [self._sender]

    def _ping(self) -> None:
        """Ask by ICMP whether an answer to the outside address could come back at all."""
        trial, token = self.trial, new_token()
        packets = EchoPackets(ipv6=is_ipv6(self._channel.address))

        def came(data: bytes) -> None:
            reading = packets.decode(data)
            trial.pinged |= reading is not None and reading.token == token

        try:
            (sender,) = self._senders(Origin.OUTSIDE)
            sock = self._channel.open_ping(sender, came)
        except (OSError, PingForbidden):
            return  # nothing is known of the way back then
        for sequence in range(TRIES):
            self._channel.send(sock, packets.encode(sequence, token, packets.floor))
