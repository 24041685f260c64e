"""Carries out one audit: opens its sockets, sends what the cases ask for, and notes what comes."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from ..addresses import is_ipv6, unmapped
from ..contract import LossReason
from ..contract.methods.audit import MAX_PACKETS
from ..net.connected_socket import ConnectedSocket, TooBigHere, open_connected_ping, open_connected_udp
from ..net.errors import NotSent, PingForbidden
from ..net.sender import DEFAULT, Sender
from .audit_cases import BURST, TRIES, Dialect, Exchange, Origin, Reply, StampDialect
from .audit_verdict import SUSPECT, Burst, Control, Datagram, Record, Trial, silent_from
from .mtu_packets import EchoPackets, new_token

MAX_CAME = 4 * MAX_PACKETS
"""Datagrams of an audit; with more of them it is given up."""
KEPT = 2048
"""Bytes of a datagram that are looked at."""
RESERVED_PORTS = (7, 19, 13)
"""Echo, chargen and daytime (RFC 862, RFC 864, RFC 867): the first one that is free."""
BURST_SPACING = 10_000_000
"""Nanoseconds between the packets by which a rate is tested."""
REFILL = 1_200_000_000
"""Nanoseconds in which a reflector forgets what of its rate was used."""
UNRATED_SPACING = 100_000_000
"""Nanoseconds between two packets, where nothing else is asked for."""


class NoHost(ValueError):
    """The address stands for many hosts, or for none."""


def check_host(address: str) -> None:
    """Raise NoHost for an address that is not one host's: what answers there would be many."""
    plain = unmapped(address)
    if plain.is_multicast or plain.is_unspecified or str(plain) == "255.255.255.255":
        raise NoHost(f"{address} is not the address of one host")


def spacing_for(rate: int | None, least: int = UNRATED_SPACING) -> int:
    """Nanoseconds between two packets, so that they keep below the reflector's own rate."""
    return least if rate is None else max(least, 1_100_000_000 // rate)


class AuditRun:
    """One audit of one port, in a running event loop. Times in nanoseconds."""

    def __init__(
        self,
        *,
        address: str,
        port: int,
        dialect: Dialect,
        fallback: StampDialect | None = None,
        timeout: int,
        spacing: int,
        until: int,
        sender: Sender = DEFAULT,
        outside: str | None = None,
        rate: int | None = None,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Speak `dialect`, and `fallback` where no packet of that is answered.

        `outside` is an address of this host that the reflector should not answer. Nothing is sent after
        `until` (monotonic); answers are awaited for a timeout more. `told` is told how many packets were
        sent so far. Raises OSError.
        """
        self._address, self._port, self._dialect, self._fallback = address, port, dialect, fallback
        self._timeout, self._spacing, self._until = timeout, spacing, until
        self._sender, self._outside, self._told = sender, outside, told
        self._sockets: list[ConnectedSocket] = []
        self._news = asyncio.Event()
        self.record = Record(protocol=dialect.protocol, signed=dialect.signed, rate=rate)
        self.refusals: Counter[LossReason] = Counter()
        """Of the controls, by ICMP or by this host's routes and rules."""
        self.failed_here = False
        """This host could not send one (ENOBUFS, ENOMEM, ...)."""
        self._sock = self._open(self._sender, self._control_came)

    def close(self) -> None:
        """Close the sockets: only now, so that no late answer meets another case."""
        for sock in self._sockets:
            sock.close()

    async def run(self, *, controls_only: bool = False) -> Record:
        """Send the controls and, where they are answered, the cases."""
        reached = await self._reach()
        cases = self._dialect.cases(port=self._port, outside=self._outside is not None)
        self.record.trials = [Trial(case) for case in cases]
        if reached and not controls_only:
            await self._try_all()
            if self.record.rate is not None and not self.record.fell_silent:
                await self._exceed(self.record.rate)
        return self.record

    def _open(self, sender: Sender, came: Callable[[bytes], None]) -> ConnectedSocket:
        """Open a socket whose datagrams `came` gets. Raises OSError."""
        return self._watch(open_connected_udp(self._address, self._port, sender=sender), came)

    def _watch(self, sock: ConnectedSocket, came: Callable[[bytes], None]) -> ConnectedSocket:
        self._sockets.append(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), partial(self._readable, sock, came))
        return sock

    def _readable(self, sock: ConnectedSocket, came: Callable[[bytes], None]) -> None:
        arrivals, refusals = sock.receive()
        if sock is self._sock:
            self.refusals.update(refusal.reason for refusal in refusals)
        for arrival in arrivals:
            self.record.came += 1
            came(arrival.data)
        if self.record.came > MAX_CAME:
            self.record.flooded = True
            for each in self._sockets:
                asyncio.get_running_loop().remove_reader(each.fileno())
        self._news.set()

    def _control_came(self, data: bytes) -> None:
        datagram = Datagram(len(data), data[:KEPT])
        for control in self.record.controls:
            reply = self._dialect.reply(control.request, data)
            if reply is not Reply.FOREIGN:
                control.reply = reply
                control.answers.append(datagram)
                return
        self.record.strays.append(datagram)

    async def _reach(self) -> bool:
        """Send controls until one is answered; where none is, those of the fallback."""
        if await self._answered_control():
            return True
        if self._fallback is None or self._over():
            return False
        signed, keyed, self._dialect = len(self.record.controls), self._dialect, self._fallback
        if not await self._answered_control():
            self._dialect = keyed
            return False
        # The path is judged by those that the reflector does answer.
        del self.record.controls[:signed]
        self.record.signed, self.record.untold_keys = False, True
        return True

    async def _answered_control(self) -> bool:
        for _ in range(TRIES):
            if self._over():
                return False
            control = self._control()
            if await self._wait(partial(_is_answered, control)):
                return True
        return False

    def _control(self) -> Control:
        control = Control(self._dialect.request())
        self.record.controls.append(control)
        self._send(self._sock, control.request, of_path=True)
        return control

    async def _try_all(self) -> None:
        for rough in (False, True):
            some = [_Attempt(self, trial) for trial in self.record.trials if trial.case.rough is rough]
            for number in range(TRIES):
                for attempt in some:
                    if not (self._over() or await self._fell_silent()):
                        await self._try(attempt, number)
        await asyncio.sleep(self._timeout / 1e9)
        if self._is_suspect():
            await self._answered_control()

    async def _try(self, attempt: "_Attempt", number: int) -> None:
        if await attempt.make(number):
            await asyncio.sleep(self._spacing / 1e9)
            self._control()
            await asyncio.sleep(self._spacing / 1e9)

    async def _fell_silent(self) -> bool:
        """Whether the last controls are not answered, though they had their time: nobody is left to try."""
        return self._is_suspect() and not await self._wait(lambda: not self._is_suspect())

    def _is_suspect(self) -> bool:
        return silent_from(self.record.controls) <= len(self.record.controls) - SUSPECT

    async def _exceed(self, rate: int) -> None:
        """Send more than the rate for a second, then look whether the reflector is still there."""
        answers = 0

        def came(data: bytes) -> None:
            nonlocal answers
            answers += 1

        await asyncio.sleep(REFILL / 1e9)
        if self._over(BURST * BURST_SPACING + self._timeout + REFILL):
            return
        sock = self._open(self._sender, came)
        started, sent = time.monotonic_ns(), 0
        for number in range(BURST):
            sent += self._send(sock, self._dialect.request())
            ended = time.monotonic_ns()
            await asyncio.sleep(max(started + (number + 1) * BURST_SPACING - ended, 0) / 1e9)
        await asyncio.sleep((self._timeout + REFILL) / 1e9)
        answered = answers
        followed = await self._answered_control()
        self.record.burst = Burst(rate, sent, min(answered, sent), (ended - started) / 1e9, followed)

    def _send(self, sock: ConnectedSocket, data: bytes, *, of_path: bool = False) -> bool:
        """Send; False: it did not leave. `of_path`: why it did not counts."""
        if self.record.packets >= MAX_PACKETS:
            return False
        try:
            sock.send(data)
        except (NotSent, TooBigHere) as error:
            reason = error.reason if isinstance(error, NotSent) else LossReason.MESSAGE_TOO_BIG
            self.failed_here |= reason is None
            if of_path and reason is not None:
                self.refusals[reason] += 1
            return False
        self.record.packets += 1
        self._told(self.record.packets)
        return True

    async def _wait(self, happened: Callable[[], bool]) -> bool:
        """Wait until something has happened, at most for the timeout, and not longer than may be sent."""
        deadline = min(time.monotonic_ns() + self._timeout, self._until)
        while not happened():
            rest = deadline - time.monotonic_ns()
            if rest <= 0 or self.record.flooded:
                return False
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), rest / 1e9)
        return True

    def _over(self, needed: int = 0) -> bool:
        """Whether nothing more may be sent, or not for so long."""
        return (
            self.record.flooded
            or self.record.packets >= MAX_PACKETS
            or time.monotonic_ns() + needed >= self._until
        )


class _Attempt:
    """The tries of one case, from a socket of its own."""

    def __init__(self, run: AuditRun, trial: Trial) -> None:
        self._run, self.trial = run, trial
        self._sock: ConnectedSocket | None = None
        self._opening = b""

    async def make(self, number: int) -> bool:
        """Send the packet of a try, once what has to go ahead of it was answered; False: it did not leave."""
        run, trial = self._run, self.trial
        if self._sock is None and not trial.trouble:
            self._sock = self._opened()
        if self._sock is None or (trial.case.opened and not await self._exchanged(self._sock)):
            return False
        packet = trial.case.packet(number, trial.exchange)
        if not run._send(self._sock, packet):
            return False
        trial.sent.append(packet)
        trial.behind.append(len(run.record.controls) - 1)
        return True

    async def _exchanged(self, sock: ConnectedSocket) -> bool:
        """Whether a right packet on this socket was answered; it is sent anew as long as none was."""
        run, trial = self._run, self.trial
        if trial.exchange is None:
            self._opening = run._dialect.request()
            if not run._send(sock, self._opening):
                return False
            await run._wait(lambda: trial.exchange is not None)
        return trial.exchange is not None

    def _came(self, data: bytes) -> None:
        run, trial = self._run, self.trial
        if trial.sent:
            trial.came.append(Datagram(len(data), data[:KEPT]))
        elif (
            self._opening
            and trial.exchange is None
            and run._dialect.reply(self._opening, data) is not Reply.FOREIGN
        ):
            trial.exchange = Exchange(self._opening, data[:KEPT])

    def _opened(self) -> ConnectedSocket | None:
        """The socket; where there is none, the trial says why."""
        run, sender = self._run, self._run._sender
        origin, trouble = self.trial.case.origin, ""
        if origin is Origin.OUTSIDE:
            self._ping()
        for each in _senders(origin, sender, own_port=run._port, outside=run._outside):
            try:
                return run._open(each, self._came)
            except OSError as error:
                trouble = f"this host cannot send from {origin.value}: {error.strerror or error}"
        self.trial.trouble = trouble
        return None

    def _ping(self) -> None:
        """Ask by ICMP whether an answer to the outside address could come back at all."""
        run, trial = self._run, self.trial
        packets, token = EchoPackets(ipv6=is_ipv6(run._address)), new_token()

        def came(data: bytes) -> None:
            reading = packets.decode(data)
            trial.pinged |= reading is not None and reading.token == token

        try:
            sock = open_connected_ping(run._address, sender=run._sender._replace(source=run._outside, port=0))
        except (OSError, PingForbidden):
            return  # nothing is known of the way back then
        run._watch(sock, came)
        for sequence in range(TRIES):
            run._send(sock, packets.encode(sequence, token, packets.floor))


def _senders(origin: Origin, sender: Sender, *, own_port: int, outside: str | None) -> Sequence[Sender]:
    """From where the packets of a case may leave, the best first."""
    if origin is Origin.OWN_PORT:
        return [sender._replace(port=own_port)]
    if origin is Origin.RESERVED_PORT:
        return [sender._replace(port=each) for each in RESERVED_PORTS]
    if origin is Origin.OUTSIDE:
        return [sender._replace(source=outside, port=0)]
    return [sender]


def _is_answered(control: Control) -> bool:
    return control.answered
