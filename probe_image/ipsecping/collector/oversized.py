"""Packets of the link's size to a silent target, and what routers say of them."""

import time
from collections import Counter

from ..contract import LossReason
from ..contract.bounds import MAX_MTU
from ..diagnosis.evidence import MAX_KINDS
from ..diagnosis.too_big import OversizedFound, TooBig
from ..net.connected_socket import Refusal, TooBigHere
from ..net.errors import NotSent
from ..probes.mtu_packets import new_token
from .searches import open_unfragmented
from .steps import MTU_HIGH, OVERSIZED_SPACING, OversizedStep

MAX_HEARD = 1000
"""Answers and ICMP errors; with more of them it is given up."""


class OversizedRun:
    """One such train. Belongs to one event loop.

    The kernel's own path MTU, which it keeps for minutes, refuses none of them (`never_fragment`): what is
    said, a router says now.
    """

    def __init__(self, step: OversizedStep) -> None:
        """Open the socket. Raises OSError, PingForbidden, and RoundInvalid while keys cannot be used."""
        self._count = step.packets
        self._sock, self._packets = open_unfragmented(step.method, step.address)
        self._size = MTU_HIGH
        self._tokens: list[int] = []
        self._told = Counter[tuple[str, int]]()
        self._heard = 0
        self._doubtful = False

    @property
    def packets_sent(self) -> int:
        """So far."""
        return len(self._tokens)

    async def run(self) -> OversizedFound | None:
        """Send and listen; None: they could not be sent, too much came in, or nobody knows from whom."""
        try:
            for _ in range(self._count):
                self._send()
                await self._listen(until=time.monotonic_ns() + OVERSIZED_SPACING)
        finally:
            self._sock.close()
        if not self._tokens or self._heard > MAX_HEARD or (self._doubtful and not self._told):
            return None
        told = (
            TooBig(router=router, mtu=mtu, count=count)
            for (router, mtu), count in self._told.most_common(MAX_KINDS)
        )
        return OversizedFound(size=self._size, sent=len(self._tokens), told=tuple(told))

    def _send(self) -> None:
        """Send one; where our own link carries less, as much as it does."""
        token = new_token()
        try:
            self._sock.send(self._packets.encode(len(self._tokens), token, self._size))
        except TooBigHere as here:
            if not self._tokens and self._packets.floor <= here.mtu < self._size:
                self._size = here.mtu
                self._send()
        except NotSent:
            return
        else:
            self._tokens.append(token)

    async def _listen(self, *, until: int) -> None:
        while (rest := until - time.monotonic_ns()) > 0 and self._heard <= MAX_HEARD:
            await self._sock.wait(rest)
            arrivals, refusals = self._sock.receive()
            self._heard += len(arrivals) + len(refusals)
            for refusal in refusals:
                self._refused(refusal)

    def _refused(self, refusal: Refusal) -> None:
        """A quote that is not of a packet of ours is not believed; one cut short may be anybody's."""
        if refusal.reason is not LossReason.MESSAGE_TOO_BIG or refusal.sender is None:
            return
        quoted = self._packets.quoted(refusal.quote)
        if quoted is None:
            self._doubtful = True
            return
        ours = quoted[0] < len(self._tokens) and self._tokens[quoted[0]] == quoted[1]
        if ours and self._told.total() < len(self._tokens):
            self._told[refusal.sender, min(refusal.mtu, MAX_MTU)] += 1
