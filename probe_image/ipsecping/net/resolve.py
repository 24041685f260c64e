"""Names to addresses within a bounded time.

`getaddrinfo` cannot be stopped, so it runs in a daemon thread that nobody waits for at exit. How many there
are is bounded, and a name takes one of them: one whose servers are silent does not use all of them up.
"""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable

from ..addresses import parse_address

MAX_LOOKUPS = 64
"""Names that are looked up at the same time."""
SECONDS = 5.0

Lookup = Callable[[str], list[str]]


class ResolveError(Exception):
    """The name has no address, or none within the time allowed."""


def is_address(target: str) -> bool:
    """Whether the target is an IP address (IPv6 with or without a zone) rather than a name."""
    try:
        parse_address(target)
    except ValueError:
        return False
    return True


def lookup(name: str, *, family: int = socket.AF_UNSPEC) -> list[str]:
    """The addresses of a name, the system's preferred one first; blocks. Raises OSError."""
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_DGRAM)
    except UnicodeError as error:
        raise OSError(f"not a name: {error}") from error
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class Resolver:
    """Looks names up; belongs to one event loop."""

    def __init__(self, lookup: Lookup = lookup) -> None:
        self._lookup = lookup
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}
        """One look-up for each name, however many ask for it."""
        self._waiting: deque[str] = deque()
        self._threads = 0

    async def resolve(self, target: str, *, prefer: str | None = None, seconds: float = SECONDS) -> str:
        """One address of `target`: `prefer` while the name still has it. Raises ResolveError."""
        if is_address(target):
            return target
        try:
            async with asyncio.timeout(seconds):
                addresses = await asyncio.shield(self._find(target))
        except TimeoutError:
            raise ResolveError(f"{target}: no answer from the resolver in {seconds:g} s") from None
        except OSError as error:
            raise ResolveError(f"{target}: {error.strerror or error}") from error
        if not addresses:
            raise ResolveError(f"{target}: no address")
        return prefer if prefer in addresses else addresses[0]

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

        def settle(addresses: list[str], error: Exception | None) -> None:
            self._threads -= 1
            future = self._under_way.pop(name)
            if error is None:
                future.set_result(addresses)
            else:
                future.set_exception(error)
            self._start_waiting()

        def work() -> None:
            addresses, failure = [], None
            try:
                addresses = self._lookup(name)
            except Exception as error:
                failure = error
            try:
                loop.call_soon_threadsafe(settle, addresses, failure)
            except RuntimeError:  # the loop has ended: nobody waits for this
                return

        threading.Thread(target=work, name=f"resolve {name}", daemon=True).start()


def _retrieved(future: "asyncio.Future[list[str]]") -> None:
    """Nobody may be left who asks for the error."""
    if not future.cancelled():
        future.exception()
