"""Carries out one audit: sends controls and what the cases ask for, and notes what comes."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from ..addresses import unmapped
from ..net.sender import DEFAULT, Sender
from .audit_attempt import Attempt
from .audit_cases import BURST, TRIES, Dialect, Reply, StampDialect
from .audit_channel import AuditChannel
from .audit_verdict import SUSPECT, Burst, Control, Record, Trial, datagram, silent_from

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
        self._dialect, self._fallback, self._sender, self._outside = dialect, fallback, sender, outside
        self._timeout, self._spacing = timeout, spacing
        self.record = Record(protocol=dialect.protocol, signed=dialect.signed, rate=rate)
        self.channel = AuditChannel(
            self.record, address=address, port=port, timeout=timeout, until=until, told=told
        )
        self._sock = self.channel.open(sender, self._control_came)

    def close(self) -> None:
        """Close the sockets."""
        self.channel.close()

    async def run(self, *, controls_only: bool = False) -> Record:
        """Send the controls and, where they are answered, the cases."""
        reached = await self._reach()
        cases = self._dialect.cases(port=self.channel.port, outside=self._outside is not None)
        self.record.trials = [Trial(case) for case in cases]
        if reached and not controls_only:
            await self._try_all()
            if self.record.rate is not None and not self.record.fell_silent:
                await self._exceed(self.record.rate)
        return self.record

    def _control_came(self, data: bytes) -> None:
        for control in self.record.controls:
            reply = self._dialect.reply(control.request, data)
            if reply is not Reply.FOREIGN:
                control.reply = reply
                control.answers.append(datagram(data))
                return
        self.record.strays.append(datagram(data))

    async def _reach(self) -> bool:
        """Send controls until one is answered; where none is, those of the fallback."""
        if await self._answered_control():
            return True
        if self._fallback is None or self.channel.over():
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
            if self.channel.over():
                return False
            control = self._control()
            if await self.channel.wait(partial(_is_answered, control)):
                return True
        return False

    def _control(self) -> Control:
        control = Control(self._dialect.request())
        self.record.controls.append(control)
        self.channel.send(self._sock, control.request)
        return control

    async def _try_all(self) -> None:
        for rough in (False, True):
            some = [self._attempt(trial) for trial in self.record.trials if trial.case.rough is rough]
            for number in range(TRIES):
                for attempt in some:
                    if not (self.channel.over() or await self._fell_silent()):
                        await self._try(attempt, number)
        await asyncio.sleep(self._timeout / 1e9)
        if self._is_suspect():
            await self._answered_control()

    def _attempt(self, trial: Trial) -> Attempt:
        return Attempt(self.channel, trial, self._dialect, self._sender, outside=self._outside)

    async def _try(self, attempt: Attempt, number: int) -> None:
        if await attempt.make(number):
            await asyncio.sleep(self._spacing / 1e9)
            self._control()
            await asyncio.sleep(self._spacing / 1e9)

    async def _fell_silent(self) -> bool:
        """Whether the last controls are not answered, though they had their time: nobody is left to try."""
        return self._is_suspect() and not await self.channel.wait(lambda: not self._is_suspect())

    def _is_suspect(self) -> bool:
        return silent_from(self.record.controls) <= len(self.record.controls) - SUSPECT

    async def _exceed(self, rate: int) -> None:
        """Send more than the rate for a second, then look whether the reflector is still there."""
        answers = 0

        def came(data: bytes) -> None:
            nonlocal answers
            answers += 1

        await asyncio.sleep(REFILL / 1e9)
        if self.channel.over(BURST * BURST_SPACING + self._timeout + REFILL):
            return
        sock = self.channel.open(self._sender, came)
        started, sent = time.monotonic_ns(), 0
        for number in range(BURST):
            sent += self.channel.send(sock, self._dialect.request())
            ended = time.monotonic_ns()
            await asyncio.sleep(max(started + (number + 1) * BURST_SPACING - ended, 0) / 1e9)
        await asyncio.sleep((self._timeout + REFILL) / 1e9)
        answered = answers
        followed = await self._answered_control()
        self.record.burst = Burst(rate, sent, min(answered, sent), (ended - started) / 1e9, followed)


def _is_answered(control: Control) -> bool:
    return control.answered
