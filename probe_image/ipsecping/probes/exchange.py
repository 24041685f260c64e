"""Sessions of the probe types whose packet is an exchange over a TCP connection of its own."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ..contract import Figure, Invalidity, LossReason
from ..contract.refused_packets import IcmpError
from ..measure.ledger import Answer, Ledger
from ..measure.packet import Observer, Packet
from ..net.errors import reason_of
from ..net.sender import SourceUnavailable
from ..net.tcp import ExchangeFailed, Stream
from .base import RoundInvalid
from .telling import Telling

log = logging.getLogger(__name__)

MAX_AT_ONCE = 8192
"""Exchanges under way in one session: 10 ms apart with a timeout of a minute makes 6,000."""

_WORTH_TELLING = frozenset({LossReason.TLS_FAILED, LossReason.UNEXPECTED_STATUS, LossReason.BAD_ANSWER})
"""Reasons that leave open what exactly was wrong."""


class Answered(NamedTuple):
    """The exchange has reached what its probe asks for. Monotonic nanoseconds."""

    at: int
    """When the last bytes for it came (`SocketStream.came`), or it was done."""
    kernel_rtt: int | None = None
    """The whole round trip as the kernel took it, where it did."""


Report = Callable[[Answered | ExchangeFailed], None]
Exchange = Callable[[Stream, Ledger, Report], Awaitable[None]]
"""Has one conversation on a connection that is being made, and reports what becomes of it as soon as that is
known; may go on until the timeout. Raises ExchangeFailed. Need not close the connection."""


class ExchangeSession:
    """See Session. An exchange ends with its packet's timeout: no answer comes late or twice."""

    def __init__(
        self,
        *,
        address: str,
        connect: Callable[[], Stream],
        exchange: Exchange,
        timeout: int,
        ready: Callable[[], None] | None = None,
        at_once: int = MAX_AT_ONCE,
        closed: Callable[[], None] | None = None,
    ) -> None:
        """`timeout` in nanoseconds; `ready` raises RoundInvalid when this host lacks what it needs.

        At most `at_once` exchanges are under way; `closed` is called when the session is.
        """
        self.address = address
        self.ledger = Ledger(timeout=timeout)
        self._connect = connect
        self._exchange = exchange
        self._timeout = timeout
        self._ready = ready
        self._at_once = at_once
        self._closed = closed
        self._running: dict[asyncio.Task[None], Stream] = {}
        self._troubles = Telling()

    def send(self, observer: Observer | None = None) -> Packet:
        """Send the SYN now; see Session."""
        if self._ready is not None:
            self._ready()
        at = time.monotonic_ns()
        if len(self._running) >= self._at_once:
            packet = self.ledger.record(at=at, observer=observer)
            self._not_sent(packet, None, f"{len(self._running)} exchanges are under way already")
            return packet
        try:
            stream = self._connect()
        except SourceUnavailable as error:
            raise RoundInvalid(Invalidity.SOURCE_UNAVAILABLE, error.strerror or str(error)) from error
        except OSError as error:
            packet = self.ledger.record(at=at, observer=observer)
            self._not_sent(packet, reason_of(error), error.strerror or str(error))
            return packet
        packet = self.ledger.record(at=at, observer=observer)
        task = asyncio.create_task(self._run(packet, stream))
        self._running[task] = stream
        task.add_done_callback(self._over)
        return packet

    def drain(self, instant: int) -> bool:
        """Nothing waits: each exchange takes its answers in itself."""
        return True

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        """See Session: what its exchanges have entered into the ledger."""
        return self.ledger.figures

    def drops(self) -> int:
        """None: TCP loses no answers on this host."""
        return 0

    def dropped_since(self, drops: int) -> bool:
        """See `drops`."""
        return False

    def close(self) -> None:
        """Break off what is under way."""
        for task, stream in self._running.items():
            task.cancel()
            stream.close()
        if self._closed is not None:
            self._closed()

    async def _run(self, packet: Packet, stream: Stream) -> None:
        rest = packet.sent_at + self._timeout - time.monotonic_ns()
        try:
            async with asyncio.timeout(rest / 1e9):
                await self._exchange(stream, self.ledger, partial(self._reported, packet))
        except TimeoutError:
            pass  # no answer: who waits for the packet knows its timeout
        except ExchangeFailed as error:
            self._reported(packet, error)
        except OSError as error:
            self._failed(packet, reason_of(error), error.strerror or str(error))
        except Exception:
            log.exception("%s: exchange failed", self.address)
            self._failed(packet, None, "internal error")

    def _reported(self, packet: Packet, answered: Answered | ExchangeFailed) -> None:
        if isinstance(answered, ExchangeFailed):
            self._failed(packet, answered.reason, str(answered), answered.error)
            return
        arrived_at = None
        if answered.kernel_rtt is not None:
            # The kernel tells the distance of the two moments, not when they were.
            packet.departed_at = packet.sent_at
            arrived_at = packet.sent_at + answered.kernel_rtt
        self.ledger.answered(Answer(packet.sequence), arrived_at=arrived_at, read_at=answered.at)

    def _failed(
        self,
        packet: Packet,
        reason: LossReason | None,
        message: str,
        error: IcmpError | None = None,
    ) -> None:
        if packet.settled:
            return
        if reason is None:
            self._not_sent(packet, None, message)
        else:
            if reason in _WORTH_TELLING:
                self._tell(f"{reason}: {message}")
            self.ledger.refused(packet.sequence, reason, error, token=packet.token)

    def _not_sent(self, packet: Packet, reason: LossReason | None, message: str) -> None:
        self._tell(f"not sent: {message}")
        self.ledger.not_sent(packet, reason)

    def _tell(self, trouble: str) -> None:
        if self._troubles.worth_telling(trouble, now=time.monotonic_ns()):
            log.warning("%s: %s", self.address, trouble)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task).close()
