"""One IKE_SA_INIT exchange with one port of a gateway."""

import asyncio
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import NamedTuple

from ..contract import LossReason
from ..contract.methods.ike import PORTS
from ..net.connected_socket import MAX_BATCH, ConnectedSocket, TooBigHere, open_connected_udp
from ..net.errors import NotSent
from ..net.sender import DEFAULT, Sender
from ..wire import ike

TRANSMISSIONS = 3
"""A request is sent so often at most, evenly over the timeout (RFC 7296 section 2.1)."""
MAX_REQUESTS = 3
"""To find out about NAT: the first request, one with the gateway's cookie, one with its choice of group."""
MAX_COOKIE = 64
"""Bytes (RFC 7296 section 2.6)."""
MAX_MESSAGES = 128
"""Taken from one port in an exchange, whatever they are; a gateway sends a few."""
PACE_SECONDS = 0.01
"""Between two batches, once more than one came."""


class PortOutcome(NamedTuple):
    """What became of the request to one port."""

    port: int
    answer: ike.Answer | None
    reason: LossReason | None
    """Why there is no answer; None with one, and when this host is at fault."""
    rtt: int | None = None
    """Nanoseconds from the last transmission to the answer, by the program's own clock."""
    responder_spi: int = 0
    note: str = ""
    """More on the reason."""


class Exchange:
    """A conversation with one port, from an ephemeral source port. In a running event loop."""

    def __init__(
        self, address: str, port: int, *, timeout: int, sender: Sender = DEFAULT, plain: bool = False
    ) -> None:
        """`timeout` in nanoseconds, for each request; `plain`: as on port 500, whatever the port.

        Raises OSError.
        """
        self._port = port
        self._timeout = timeout
        self._address = address
        self._sock: ConnectedSocket = open_connected_udp(address, port, sender=sender)
        self._marker = b"" if plain or port == ike.PORT else ike.NON_ESP_MARKER
        self._spi = secrets.randbits(63) + 1
        self._nonce = secrets.token_bytes(ike.NONCE_SIZE)
        self._taken = 0

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    async def ask_refused(self) -> PortOutcome:
        """Ask with a proposal that is refused: is the daemon alive?"""
        return await self._request(
            ike.pack_sa_init(
                spi=self._spi,
                nonce=self._nonce,
                proposals=[ike.REFUSED],
                group=ike.REFUSED_GROUP,
                public_key=secrets.token_bytes(32),
            )
        )

    async def ask_nat(self) -> bool | None:
        """Ask with an acceptable proposal whether there is NAT on the way; None: the answers do not tell.

        Leaves a half-open SA at the gateway until that forgets it.
        """
        group, cookie = ike.CURVE25519, b""
        local, local_port = self._sock.local
        for _ in range(MAX_REQUESTS):
            outcome = await self._request(
                ike.pack_sa_init(
                    spi=self._spi,
                    nonce=self._nonce,
                    proposals=[ike.ACCEPTABLE, ike.ACCEPTABLE_CBC],
                    group=group,
                    public_key=_public_key(group),
                    notifies=[
                        *([(int(ike.Notify.COOKIE), cookie)] if cookie else []),
                        (
                            ike.Notify.NAT_DETECTION_SOURCE_IP,
                            ike.nat_hash(self._spi, 0, local, local_port),
                        ),
                        (
                            ike.Notify.NAT_DETECTION_DESTINATION_IP,
                            ike.nat_hash(self._spi, 0, self._address, self._port),
                        ),
                    ],
                )
            )
            if outcome.answer is None:
                return None
            said = outcome.answer.notifies
            if cookies := said.get(ike.Notify.COOKIE):
                cookie = cookies[0]
                if not 1 <= len(cookie) <= MAX_COOKIE:
                    return None
            elif groups := said.get(ike.Notify.INVALID_KE_PAYLOAD):
                group = int.from_bytes(groups[0], "big")
                if group not in ike.KEY_SIZES:
                    return None
            else:
                return self._nat(outcome.responder_spi, said)
        return None

    def _nat(self, responder_spi: int, said: Mapping[int, Sequence[bytes]]) -> bool | None:
        theirs = said.get(ike.Notify.NAT_DETECTION_SOURCE_IP)
        ours = said.get(ike.Notify.NAT_DETECTION_DESTINATION_IP)
        if not theirs or not ours:
            return None
        seen = ike.nat_hash(self._spi, responder_spi, self._address, self._port)
        return seen not in theirs or ike.nat_hash(self._spi, responder_spi, *self._sock.local) not in ours

    async def _request(self, message: bytes) -> PortOutcome:
        reason: LossReason | None = LossReason.TIMEOUT
        start = time.monotonic_ns()
        for transmission in range(1, TRANSMISSIONS + 1):
            sent_at = time.monotonic_ns()
            try:
                self._sock.send(self._marker + message)
            except TooBigHere:
                return PortOutcome(self._port, None, LossReason.MESSAGE_TOO_BIG)
            except NotSent as error:
                return PortOutcome(self._port, None, error.reason)
            until = start + self._timeout * transmission // TRANSMISSIONS
            outcome = await self._await_answer(sent_at, until)
            if outcome is not None and (outcome.answer is not None or outcome.note):
                return outcome
            if outcome is not None and outcome.reason is not None:
                reason = outcome.reason
                if reason is LossReason.REFUSED:
                    break
        return PortOutcome(self._port, None, reason)

    async def _await_answer(self, sent_at: int, until: int) -> PortOutcome | None:
        reason: LossReason | None = None
        while True:
            arrivals, refusals = self._sock.receive()
            self._taken += len(arrivals) + len(refusals)
            now = time.monotonic_ns()
            for arrival in arrivals:
                if not arrival.data.startswith(self._marker):
                    continue
                data = arrival.data[len(self._marker) :]
                spis = ike.parse_spis(data)
                if spis is None or spis[0] != self._spi:
                    continue  # foreign
                answer = ike.parse_answer(data)
                if answer is not None:
                    return PortOutcome(self._port, answer, None, now - sent_at, spis[1])
                reason = LossReason.BAD_ANSWER
            for refusal in refusals:
                reason = refusal.reason
            if reason is LossReason.REFUSED or now >= until:
                return None if reason is None else PortOutcome(self._port, None, reason)
            if self._taken > MAX_MESSAGES:
                return PortOutcome(
                    self._port, None, LossReason.BAD_ANSWER, note=f"more than {MAX_MESSAGES} messages"
                )
            if len(arrivals) + len(refusals) >= MAX_BATCH:
                await asyncio.sleep(PACE_SECONDS)
            await self._sock.wait(until - now)


def _public_key(group: int) -> bytes:
    """A public key whose private key nobody knows; it is never used.

    For the groups of integers modulo a prime, the square of a small number is one for certain (RFC 6989
    section 2.1); any 32 bytes are one of Curve25519.
    """
    size = ike.KEY_SIZES[group]
    if group == ike.CURVE25519:
        return secrets.token_bytes(size)
    root = secrets.randbits(4 * size - 8) + 2
    return (root * root).to_bytes(size, "big")


async def ask_ports(
    address: str,
    *,
    timeout: int,
    sender: Sender = DEFAULT,
    ports: Sequence[int] = PORTS,
    plain: Collection[int] = (),
) -> list[PortOutcome]:
    """Ask each port; in their order. `timeout` in nanoseconds, `plain`: ports without the non-ESP marker.

    All at the same time, unless a fixed source port allows one socket only. Raises OSError.
    """

    def exchange(port: int) -> Exchange:
        return Exchange(address, port, timeout=timeout, sender=sender, plain=port in plain)

    at_once = 1 if sender.port else len(ports)
    outcomes: list[PortOutcome] = []
    for first in range(0, len(ports), at_once):
        with ExitStack() as stack:
            exchanges = [stack.enter_context(closing(exchange(p))) for p in ports[first : first + at_once]]
            outcomes += await asyncio.gather(*(each.ask_refused() for each in exchanges))
    return outcomes


async def ask_nat(
    address: str, port: int, *, timeout: int, sender: Sender = DEFAULT, plain: bool = False
) -> bool | None:
    """See Exchange.ask_nat; `timeout` for each of at most `MAX_REQUESTS` requests. Raises OSError."""
    with closing(Exchange(address, port, timeout=timeout, sender=sender, plain=plain)) as exchange:
        return await exchange.ask_nat()
