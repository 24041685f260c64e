"""Asks the control addresses of all paths now and then, and remembers which of them answer."""

import asyncio
import logging
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..addresses import is_address
from ..contract import Control, PlannedCheck, PlannedProbe, ProbeType, RoundResult, controls
from ..net.clocks import Clock
from ..net.errors import PingForbidden
from ..net.resolve import ResolveError, Resolver
from ..net.sender import interface_index
from ..net.timers import Deadline, running_timers
from ..probes.base import Session
from ..probes.registry import packet_method
from ..rounds.quiet_packets import QuietPackets
from .control_memory import ControlMemory

log = logging.getLogger(__name__)

_MS, _SECOND = 1_000_000, 1_000_000_000
INTERVAL = controls.INTERVAL_S * _SECOND
AT_FIRST, FIRST_EACH = 10 * _SECOND, _SECOND // 10
"""All are asked for the first time within so long, or within so much for each where there are many."""
SLACK = _SECOND // 4
TIMEOUT_MS = 2000
WELL_ROUNDS = 2
"""A path is well if a round of so many intervals has had an answer."""

Key = tuple[str, str]
"""(check UID, path)."""


class Asked(NamedTuple):
    """A host that is asked, for whatever paths it is a control of."""

    host: str
    source: str | None


class ControlWatch:
    """Follows the plan's paths. Belongs to one event loop.

    A host is asked once for all paths that it is a control of, by the sockets that all ICMP probes share.
    """

    def __init__(self, clock: Clock, resolver: Resolver, *, interval: int = INTERVAL) -> None:
        """`interval`: from one time that a control is asked to the next, nanoseconds."""
        self.clock = clock
        self.resolver = resolver
        self.interval = interval
        self._asked: dict[Asked, _Control] = {}
        self._well_at: dict[Key, int] = {}
        """When a round of each path that has controls had an answer, monotonic nanoseconds; 0: never."""

    def follow(self, checks: Iterable[PlannedCheck]) -> None:
        """Ask the controls of these paths, each by its interval, and no others any more."""
        wanted: dict[Asked, dict[tuple[Key, Control], PlannedCheck]] = {}
        for check in checks:
            for control, host in check.controls.items() if check.interval_ms is not None else ():
                asked = Asked(host, _source(check, control))
                wanted.setdefault(asked, {})[(check.uid, check.path), control] = check
        paths = {key for users in wanted.values() for key, _ in users}
        self._well_at = {key: self._well_at.get(key, 0) for key in paths}
        for gone in self._asked.keys() - wanted.keys():
            self._asked.pop(gone).close()
        spread = min(max(AT_FIRST, len(wanted) * FIRST_EACH), self.interval)
        for asked, users in wanted.items():
            if (control_ := self._asked.get(asked)) is not None:
                control_.used_by(users)
                continue
            made = self._asked[asked] = _Control(self, asked)
            made.used_by(users)
            made.start(spread)

    def observe(self, check: PlannedCheck, result: RoundResult) -> None:
        """Take note of a round: whether its path is well."""
        key = (check.uid, check.path)
        if key in self._well_at and result.received and result.invalid is None:
            self._well_at[key] = time.monotonic_ns()

    def known(self, uid: str, path: str) -> Mapping[Control, ControlMemory]:
        """What is remembered of the controls of a path."""
        return {
            control: memory
            for asked in self._asked.values()
            for (key, control), memory in asked.memories()
            if key == (uid, path)
        }

    def close(self) -> None:
        """Ask no more, and give the sockets back."""
        self.follow(())

    def is_well(self, key: Key, check: PlannedCheck) -> bool:
        """Whether a round of the path has had an answer lately."""
        well_at = self._well_at.get(key, 0)
        interval = (check.interval_ms or 0) * _MS
        return bool(well_at) and time.monotonic_ns() - well_at <= WELL_ROUNDS * interval


@dataclass(slots=True)
class _User:
    """A path whose control it is."""

    check: PlannedCheck
    memory: ControlMemory = field(default_factory=ControlMemory)


class _Control:
    """One host that is asked."""

    def __init__(self, watch: "ControlWatch", asked: Asked) -> None:
        self._watch = watch
        self._asked = asked
        self._users: dict[tuple[Key, Control], _User] = {}
        self._timers = running_timers()
        self._deadline: Deadline | None = None
        self._session: Session | None = None
        self._interface = 0
        """That its packets leave by, as of `interface_index`."""
        self._packets: QuietPackets | None = None
        self._lookup: asyncio.Task[None] | None = None
        self._trouble: str | None = None

    def used_by(self, checks: Mapping[tuple[Key, Control], PlannedCheck]) -> None:
        """It is a control of these paths; what is remembered of those that stay is kept."""
        before = self._users
        self._users = {
            user: _User(check, before[user].memory) if user in before else _User(check)
            for user, check in checks.items()
        }

    def memories(self) -> Iterator[tuple[tuple[Key, Control], ControlMemory]]:
        """What is remembered for each path."""
        return ((user, each.memory) for user, each in self._users.items())

    def start(self, spread: int) -> None:
        """Ask for the first time within `spread` nanoseconds; which instant of them follows from the host."""
        place = zlib.crc32(repr(self._asked).encode()) / 2**32
        self._next(int(place * spread))

    def close(self) -> None:
        """Ask no more."""
        for ending in (self._deadline, self._lookup):
            if ending is not None:
                ending.cancel()
        self._end()

    def _next(self, wait: int) -> None:
        self._deadline = self._timers.at(time.monotonic_ns() + wait, self._ask, slack=SLACK)

    def _ask(self) -> None:
        self._next(self._watch.interval)
        if is_address(self._asked.host):
            self._begin(self._asked.host)
        else:
            self._lookup = asyncio.get_running_loop().create_task(self._look_up())

    async def _look_up(self) -> None:
        try:
            found = await self._watch.resolver.resolve_all(self._asked.host)
        except ResolveError as error:
            self._say(str(error))
        else:
            self._begin(found.ips[0])

    def _begin(self, address: str) -> None:
        """Ask at an address, for the paths that may send to it."""
        permitted = [user for user, each in self._users.items() if each.check.permits(address)]
        if not permitted:
            self._say(f"{address} is not an allowed target")
            return
        try:
            session = self._session_with(address)
        except (OSError, PingForbidden) as error:
            self._say(str(error))
            return
        self._packets = QuietPackets(
            session,
            count=controls.PACKETS,
            spacing=controls.SPACING_MS * _MS,
            timeout=TIMEOUT_MS * _MS,
            timers=self._timers,
        )
        self._packets.run(lambda error: self._over(permitted, error))

    def _over(self, users: Collection[tuple[Key, Control]], error: Exception | None) -> None:
        if self._packets is None or self._session is None:
            return
        answered = self._packets.close_book() > 0
        unsent = not answered and any(packet.failed_here for packet in self._packets.sent)
        self._packets = None
        self._session.ledger.take_refused()
        trouble = "this host could not send" if unsent else None
        if error is not None:
            trouble = str(error)
        if trouble is not None:  # of this host; it says nothing of the control
            self._say(trouble)
            self._end()
            return
        self._say(None)
        at = time.time_ns()
        for user in users:
            if (each := self._users.get(user)) is not None:
                before = each.memory.answers, each.memory.silent
                each.memory.asked(at=at, answered=answered, well=self._watch.is_well(user[0], each.check))
                if (each.memory.answers, each.memory.silent) != before:
                    self._say_what_is_known(user[1], each)

    def _session_with(self, address: str) -> Session:
        """The session so far, or one with a new address or interface. Raises OSError and PingForbidden."""
        session, interface = self._session, interface_index(self._asked.source)
        same = session is not None and (session.address, self._interface) == (address, interface)
        if session is not None and same and not session.ledger.exhausted:
            return session
        self._end()
        self._interface = interface
        self._session = packet_method(ProbeType.ICMP).open(self._probe(), address, self._watch.clock)
        return self._session

    def _probe(self) -> PlannedProbe:
        return PlannedProbe(
            name="control",
            type=ProbeType.ICMP,
            count=controls.PACKETS,
            spacing_ms=controls.SPACING_MS,
            timeout_ms=TIMEOUT_MS,
            size=controls.PAYLOAD,
            source=self._asked.source,
        )

    def _end(self) -> None:
        if self._packets is not None:
            self._packets.stop()
        if self._session is not None:
            self._session.close()
        self._packets = self._session = None

    def _say_what_is_known(self, control: Control, user: "_User") -> None:
        """Say beforehand whether a diagnosis will have any use for it."""
        check = user.check
        named = f"{check.namespace}/{check.name} path {check.path}"
        if user.memory.answers:
            log.info("%s: its control %s (%s) answers", named, control, self._asked.host)
        else:
            log.warning(
                "%s: the path is well and its control %s (%s) does not answer ICMP echo: it will tell "
                "nothing when the path is down, choose one that answers",
                named,
                control,
                self._asked.host,
            )

    def _say(self, trouble: str | None) -> None:
        """Log why it cannot be asked, once."""
        if trouble not in (None, self._trouble):
            log.warning("control %s cannot be asked: %s", self._asked.host, trouble)
        self._trouble = trouble


def _source(check: PlannedCheck, control: Control) -> str | None:
    """From where it is asked: as the probes are that take the same way."""
    outside = control is Control.GATEWAY
    same = (probe for probe in check.probes if (probe.type == ProbeType.IKE) is outside)
    return next((probe.source for probe in same), None)
