"""Names to addresses within a bounded time, going on with what was known while the resolver is away.

`getaddrinfo` cannot be stopped, so it runs in a daemon thread that nobody waits for at exit. How many there
are is bounded, and a name takes one of them: one whose servers are silent does not use all of them up.

An answer is used again for `LIFE`: getaddrinfo does not tell the answer's own time to live, and CoreDNS lets
answers live for 30 s unless told otherwise. After that the name is asked for anew. Where the resolver fails
then (not where it says that there is no such name), the last answer serves on until it is `STALE`, as
RFC 8767 has it.
"""

import asyncio
import errno
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..addresses import is_ipv6, parse_address, unmapped
from ..contract import Family

MAX_LOOKUPS = 64
"""Names that are looked up at the same time."""
MAX_SHOWN = 4
"""Addresses that a message names."""
MAX_KNOWN = 4096
"""Names whose addresses are kept; who has not been asked for longest goes first."""
SECONDS = 5.0
LIFE = 30.0
STALE = 600.0
PATIENCE = 0.5
"""Seconds that a name with an older answer is waited for: a silent resolver must not hold up every round."""

_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})
_SOCKET_FAMILIES = {Family.IPV6: socket.AF_INET6, Family.IPV4: socket.AF_INET}

Lookup = Callable[[str], list[str]]


class ResolveError(Exception):
    """The name could not be turned into an address; the message names it."""


class NoSuchName(ResolveError):
    """The resolver says that there is no such name, or that it has no address."""


class ResolverFailed(ResolveError):
    """The resolver did not answer in time, or answered that it could not: the name may be there."""


class Addresses(NamedTuple):
    """What a target stands for."""

    ips: tuple[str, ...]
    """At least one, the system's preferred one first."""
    age: float = 0.0
    """Seconds since the resolver said so, where it has failed since; 0 where it has not."""


class Address(NamedTuple):
    """One of them."""

    ip: str
    age: float = 0.0
    """As of `Addresses`."""


@dataclass(slots=True)
class _Answer:
    addresses: list[str]
    at: float


def is_address(target: str) -> bool:
    """Whether the target is an IP address (IPv6 with or without a zone) rather than a name."""
    try:
        parse_address(target)
    except ValueError:
        return False
    return True


def lookup(name: str, *, family: int = socket.AF_UNSPEC) -> list[str]:
    """The addresses of a name, the system's preferred one first; blocks. Raises OSError.

    Asked for both families at once, the C library says that there is no such name where the servers say so of
    one family and fail at the other, as with a CoreDNS that answers AAAA itself while its upstream is away.
    So before that is believed, each family is asked for alone.
    """
    try:
        return _lookup(name, family)
    except socket.gaierror as error:
        if error.errno not in _NO_SUCH_NAME or family != socket.AF_UNSPEC:
            raise
        found = [address for each in _SOCKET_FAMILIES.values() for address in _unless_absent(name, each)]
        if not found:
            raise
        return found


def lookup_alone(name: str, family: Family) -> list[str]:
    """The addresses of one family, none where there are none; blocks. Raises OSError."""
    return _unless_absent(name, _SOCKET_FAMILIES[family])


def _unless_absent(name: str, family: int) -> list[str]:
    try:
        return _lookup(name, family)
    except socket.gaierror as error:
        if error.errno not in _NO_SUCH_NAME:
            raise
        return []


def _lookup(name: str, family: int) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_DGRAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, f"not a name: {error}") from error
    return list(dict.fromkeys(_as_borne(str(item[4][0])) for item in found))


def _as_borne(address: str) -> str:
    """Of an IPv4-mapped address, as some zones have them, the IPv4 address: ICMPv6 has no way to it."""
    bare = unmapped(address)
    return str(bare) if bare.version == 4 else address


class Resolver:
    """Looks names up; belongs to one event loop."""

    def __init__(
        self,
        lookup: Lookup = lookup,
        *,
        alone: Callable[[str, Family], list[str]] = lookup_alone,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookup = lookup
        self._alone = alone
        self._clock = clock
        self._known: dict[str, _Answer] = {}
        """In the order in which they were asked for last."""
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}
        """One look-up for each name, however many ask for it."""
        self._waiting: deque[str] = deque()
        self._threads = 0

    async def resolve(
        self,
        target: str,
        *,
        prefer: str | None = None,
        family: Family | None = None,
        seconds: float = SECONDS,
    ) -> Address:
        """One address of `target`, of this family: `prefer` while the name still has it.

        Raises as `resolve_all`.
        """
        found = await self.resolve_all(target, family=family, seconds=seconds)
        return Address(prefer if prefer is not None and prefer in found.ips else found.ips[0], found.age)

    async def resolve_all(
        self, target: str, *, family: Family | None = None, seconds: float = SECONDS
    ) -> Addresses:
        """All addresses of `target` that are of this family.

        Raises:
            NoSuchName: the resolver says so, or that all addresses are of the other family.
            ResolverFailed: nothing is known, and no answer came within `seconds`.
        """
        if is_address(target):
            return _of_family(target, [target], family)
        known = self._recall(target)
        if known is not None and self._clock() - known.at < LIFE:
            return _of_family(target, known.addresses, family)
        try:
            fresh = await self._fresh(target, seconds=seconds if known is None else self._patience(target))
        except ResolverFailed:
            if known is None:
                raise
            age = self._clock() - known.at
            return _of_family(target, known.addresses, family)._replace(age=age)
        return _of_family(target, fresh, family)

    def _recall(self, name: str) -> _Answer | None:
        """The last answer unless it is stale, which is now the one that was asked for last."""
        answer = self._known.pop(name, None)
        if answer is None or self._clock() - answer.at >= STALE:
            return None
        self._known[name] = answer
        return answer

    def _patience(self, name: str) -> float:
        """A look-up that another round has waited for in vain already is not waited for again."""
        return 0.0 if name in self._under_way else PATIENCE

    async def _fresh(self, name: str, *, seconds: float) -> list[str]:
        try:
            async with asyncio.timeout(seconds):
                addresses = await asyncio.shield(self._find(name))
        except TimeoutError:
            if name in self._waiting:
                why = f"{MAX_LOOKUPS} other names are being looked up, and there was no turn"
            else:
                why = "no answer from the resolver"
            raise ResolverFailed(f"{name}: {why} in {seconds:g} s") from None
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME:
                raise ResolverFailed(f"{name}: {error.strerror or error}") from error
            addresses = []
        if not addresses:
            self._known.pop(name, None)
            raise NoSuchName(f"{name}: the resolver knows no such name, or no address of it")
        return addresses

    def _keep(self, name: str, addresses: list[str]) -> None:
        self._known.pop(name, None)
        self._known[name] = _Answer(addresses, self._clock())
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _find(self, name: str) -> "asyncio.Future[list[str]]":
        """The look-up of a name that is under way, or a new one."""
        found = self._under_way.get(name)
        if found is None:
            found = self._under_way[name] = asyncio.get_running_loop().create_future()
            found.add_done_callback(_retrieved)
            self._waiting.append(name)
            self._start_waiting()
        return found

    def _start_waiting(self) -> None:
        while self._waiting and self._threads < MAX_LOOKUPS:
            self._threads += 1
            self._start(self._waiting.popleft())

    def _start(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        known = self._recall(name)
        before = () if known is None else tuple(known.addresses)

        def settle(addresses: list[str], error: Exception | None) -> None:
            self._threads -= 1
            future = self._under_way.pop(name)
            if error is None:
                if addresses:  # also where nobody has waited for so long
                    self._keep(name, addresses)
                future.set_result(addresses)
            else:
                future.set_exception(error)
            self._start_waiting()

        def work() -> None:
            addresses, failure = [], None
            try:
                addresses = self._without_gaps(name, self._lookup(name), before)
            except Exception as error:
                failure = error
            try:
                loop.call_soon_threadsafe(settle, addresses, failure)
            except RuntimeError:  # the loop has ended: nobody waits for this
                return

        try:
            threading.Thread(target=work, name=f"resolve {name}", daemon=True).start()
        except RuntimeError as error:  # the pod's limit of processes
            refused = OSError(errno.EAGAIN, f"this host refuses a thread to look it up in: {error}")
            loop.call_soon(settle, [], refused)

    def _without_gaps(self, name: str, found: list[str], before: Sequence[str]) -> list[str]:
        """What was found; blocks. Raises OSError where the servers fail at a family that it had before.

        Where they answer for the other family, the C library says nothing of that.
        """
        if not found:
            return found
        lacking = {_family_of(each) for each in before} - set(map(_family_of, found))
        return found + [address for family in lacking for address in self._alone(name, family)]


def _of_family(name: str, known: list[str], family: Family | None) -> Addresses:
    ips = tuple(each for each in known if family in (None, _family_of(each)))
    if not ips:
        raise NoSuchName(f"{name}: no {family} address, only {', '.join(known[:MAX_SHOWN])}")
    return Addresses(ips)


def _family_of(address: str) -> Family:
    return Family.IPV6 if is_ipv6(address) else Family.IPV4


def _retrieved(future: "asyncio.Future[list[str]]") -> None:
    """Nobody may be left who asks for the error."""
    if not future.cancelled():
        future.exception()
