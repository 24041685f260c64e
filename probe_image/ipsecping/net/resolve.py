"""Names to addresses within a bounded time, going on with what was known while the resolver is away.

`getaddrinfo` cannot be stopped, so it runs in a daemon thread that nobody waits for at exit. How many there
are is bounded, and a name takes three of them at most: one whose servers are silent does not use up all of
them.

The C library, asked for both families at once, says nothing until it has given up on a family that the
servers are silent about, which takes 10 s or longer. So when it is slow, each family is asked for by itself,
and the addresses of one are enough (in the spirit of RFC 8305 section 3), unless the name had both.

An answer is used again for `LIFE`: getaddrinfo does not tell the answer's own time to live, and CoreDNS lets
answers live for 30 s unless told otherwise. After that the name is asked for anew. Where the resolver fails
then (not where it says that there is no such name), the last answer serves on until it is `STALE`, as
RFC 8767 has it.
"""

import asyncio
import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..addresses import is_address, is_ipv6
from ..contract import Family
from .lookup import NO_SUCH_NAME, SOCKET_FAMILIES, lookup, lookup_alone

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
SLOW = 1.0
"""Seconds after which each family is asked for by itself, and so many more that the second one is waited for;
at most half of those that the name is waited for."""

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


class _Question(NamedTuple):
    name: str
    family: Family | None
    """None: both families, at once."""


@dataclass(slots=True)
class _Answer:
    addresses: list[str]
    at: float
    apart: bool = False
    """The families were asked for one by one, and the servers were silent about one of them."""


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
        self._known: dict[_Question, _Answer] = {}
        """In the order in which they were asked for last."""
        self._under_way: dict[_Question, asyncio.Future[list[str]]] = {}
        """One look-up for each question, however many ask it."""
        self._waiting: deque[_Question] = deque()
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
        question = _Question(target, family)
        known = self._recall(question)
        if known is not None and self._clock() - known.at < LIFE:
            return _of_family(target, known.addresses, family)
        try:
            fresh = await self._fresh(question, known, seconds=seconds)
        except ResolverFailed:
            if known is None:
                raise
            age = self._clock() - known.at
            return _of_family(target, known.addresses, family)._replace(age=age)
        return _of_family(target, fresh, family)

    def _recall(self, question: _Question) -> _Answer | None:
        """The last answer unless it is stale, which is now the one that was asked for last.

        Of one family also what is known of both, where that has addresses of it.
        """
        answer = self._known.pop(question, None)
        if answer is not None and self._clock() - answer.at < STALE:
            self._known[question] = answer
            return answer
        if question.family is None:
            return None
        both = self._recall(question._replace(family=None))
        return both if both and question.family in map(_family_of, both.addresses) else None

    def _patience(self, question: _Question, known: _Answer) -> float:
        """A look-up that another round has waited for in vain already is not waited for again."""
        asked = _apart(question.name) if known.apart and question.family is None else [question]
        return 0.0 if all(each in self._under_way for each in asked) else PATIENCE

    async def _fresh(self, question: _Question, known: _Answer | None, *, seconds: float) -> list[str]:
        name, family = question
        patience = seconds if known is None else self._patience(question, known)
        try:
            async with asyncio.timeout(patience):
                if family is None:
                    addresses = await self._of_both(name, known, min(SLOW, patience / 2))
                else:
                    addresses = await asyncio.shield(self._find(question))
        except TimeoutError:
            if question in self._waiting:
                why = f"{MAX_LOOKUPS} other names are being looked up, and there was no turn"
            else:
                why = "no answer from the resolver"
            raise ResolverFailed(f"{name}: {why} in {patience:g} s") from None
        except OSError as error:
            if error.errno not in NO_SUCH_NAME:
                raise ResolverFailed(f"{name}: {error.strerror or error}") from error
            addresses = []
        if addresses:
            return addresses
        self._known.pop(question, None)
        if family is not None and (others := await self._others(question)):
            return others
        raise NoSuchName(f"{name}: the resolver knows no such name, or no address of it")

    async def _of_both(self, name: str, known: _Answer | None, slow: float) -> list[str]:
        """The addresses of both families, or of one where the servers are silent about the other.

        That must not be one that the name had before. Raises OSError.
        """
        if known is None or not known.apart:
            both = self._find(_Question(name, None))
            await asyncio.wait({both}, timeout=slow)
            if both.done() or 2 * self._threads > MAX_LOOKUPS:  # other names need their turns
                return await asyncio.shield(both)
        asked = {each.family: self._find(each) for each in _apart(name)}
        had = set(map(_family_of, known.addresses)) if known else set[Family]()
        silent, found, enough = set(asked.values()), list[str](), False
        while silent:
            ended, silent = await asyncio.wait(
                silent, timeout=slow if enough else None, return_when=asyncio.FIRST_COMPLETED
            )
            said = {family: each.result() for family, each in asked.items() if _has_answer(each)}
            found = [address for addresses in said.values() for address in addresses]
            enough = bool(found) and had <= said.keys()
            if not ended:
                break
        if not enough:
            for each in asked.values():
                each.result()  # raises why not
        else:
            self._keep(_Question(name, None), found, apart=bool(silent))
        return found

    async def _others(self, question: _Question) -> list[str]:
        """The addresses that the name has of the other family, for the sake of a message."""
        (other,) = (each for each in _apart(question.name) if each != question)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(self._find(other))
        except OSError:  # TimeoutError is one
            return []

    def _keep(self, question: _Question, addresses: list[str], *, apart: bool) -> None:
        self._known.pop(question, None)
        self._known[question] = _Answer(addresses, self._clock(), apart)
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _find(self, question: _Question) -> "asyncio.Future[list[str]]":
        """The look-up that is under way, or a new one."""
        found = self._under_way.get(question)
        if found is None:
            found = self._under_way[question] = asyncio.get_running_loop().create_future()
            found.add_done_callback(_retrieved)
            self._waiting.append(question)
            self._start_waiting()
        return found

    def _start_waiting(self) -> None:
        while self._waiting and self._threads < MAX_LOOKUPS:
            self._threads += 1
            self._start(self._waiting.popleft())

    def _start(self, question: _Question) -> None:
        loop = asyncio.get_running_loop()
        name, family = question
        known = self._recall(question)
        before = () if known is None else tuple(known.addresses)

        def settle(addresses: list[str], error: Exception | None) -> None:
            self._threads -= 1
            future = self._under_way.pop(question)
            if error is None:
                if addresses:  # also where nobody has waited for so long
                    now = self._known.get(question)  # the families may have been asked for one by one since
                    self._keep(question, addresses, apart=now is not None and now.apart)
                future.set_result(addresses)
            else:
                future.set_exception(error)
            self._start_waiting()

        def work() -> None:
            addresses, failure = [], None
            try:
                if family is None:
                    addresses = self._without_gaps(name, self._lookup(name), before)
                else:
                    addresses = self._alone(name, family)
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


def _apart(name: str) -> list[_Question]:
    """The questions of each family, in the order of `SOCKET_FAMILIES`."""
    return [_Question(name, family) for family in SOCKET_FAMILIES]


def _of_family(name: str, known: list[str], family: Family | None) -> Addresses:
    ips = tuple(each for each in known if family in (None, _family_of(each)))
    if not ips:
        raise NoSuchName(f"{name}: no {family} address, only {', '.join(known[:MAX_SHOWN])}")
    return Addresses(ips)


def _family_of(address: str) -> Family:
    return Family.IPV6 if is_ipv6(address) else Family.IPV4


def _has_answer(future: "asyncio.Future[list[str]]") -> bool:
    return future.done() and future.exception() is None


def _retrieved(future: "asyncio.Future[list[str]]") -> None:
    """Nobody may be left who asks for the error."""
    if not future.cancelled():
        future.exception()
