"""What is said on a TCP connection before TLS, and after it."""

import asyncio

from ..contract import LossReason
from ..contract.methods.expressions import pattern
from ..contract.methods.tcp import StartTls, Step
from ..contract.pattern import TooCostly
from ..net.tcp import Channel, Chunk, ExchangeFailed
from ..wire import start_tls

PIECE = 4096
"""Bytes that are looked at before others get their turn: each may be a line of its own."""
_DIALOGUES = {
    StartTls.SMTP: start_tls.smtp,
    StartTls.IMAP: start_tls.imap,
    StartTls.POSTGRES: start_tls.postgres,
    StartTls.LDAP: start_tls.ldap,
}


async def ask_for_tls(channel: Channel, protocol: StartTls) -> None:
    """Have the target expect a TLS handshake. Raises ExchangeFailed."""
    dialogue = _DIALOGUES[protocol]()
    said = next(dialogue)
    while True:
        if said:
            await channel.send(said)
        data = (await channel.receive()).data
        if not data:
            raise ExchangeFailed(LossReason.BAD_ANSWER, f"{protocol}: closed before TLS")
        try:
            said = dialogue.send(data)
        except StopIteration:
            return
        except start_tls.Refused as error:
            raise ExchangeFailed(
                LossReason.UNEXPECTED_STATUS, f"{protocol}, asked for TLS: {error}"
            ) from None


class Conversation:
    """The steps of one conversation."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._come = Chunk(b"", 0)
        """What has come and was not looked at yet."""
        self._rest = b""
        """Of the present piece of it."""
        self._within_line = False
        self.heard = False
        """Whether anything has come that the present step does not wait for."""
        self.waits_for: str | None = None

    async def hold(self, steps: tuple[Step, ...]) -> int:
        """Take all steps; return when the last was done, as of the channel. Raises ExchangeFailed."""
        at = 0
        for step in steps:
            if step.expect is not None:
                at = max(at, await self._expect(step.expect))  # it may have come before it was asked for
            if step.send is not None:
                at = max(at, await self._channel.send(step.send.encode()))
        return at

    async def _expect(self, expression: str) -> int:
        """Wait for a line in which the pattern is found; what else comes is passed over."""
        self.waits_for, self.heard = expression, False
        wanted = pattern(expression)
        search = wanted.search()
        try:
            while True:
                piece, end, rest = self._rest.partition(b"\n")
                if self._within_line:  # the end of a line that was found already
                    self._within_line = not end
                elif search.feed(piece.removesuffix(b"\r")) or (end and search.end()):
                    self._rest, self._within_line = rest, not end
                    return self._come.at
                else:
                    self.heard = self.heard or bool(piece or end)
                    search = wanted.search() if end else search
                self._rest = rest
                if not self._rest:
                    self._rest = await self._piece()
                    if not self._rest:
                        if search.end():
                            return self._come.at
                        raise ExchangeFailed(
                            LossReason.BAD_ANSWER, f"closed before a line that matches {expression!r}"
                        )
        except TooCostly as error:
            # An invalid round says nothing, and so would all that follow: this is about the answer.
            raise ExchangeFailed(LossReason.UNEXPECTED_STATUS, str(error)) from error

    async def _piece(self) -> bytes:
        """Take the next bytes (none: the target has closed); `_come` says when. Raises ExchangeFailed."""
        if self._come.data:
            await asyncio.sleep(0)
        else:
            self._come = await self._channel.receive()
        data, at = self._come
        self._come = Chunk(data[PIECE:], at)
        return data[:PIECE]
