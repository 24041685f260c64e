"""Names to addresses within a bounded time.

`getaddrinfo` cannot be stopped, so it runs in a daemon thread that nobody waits for at exit; a semaphore
bounds how many there are.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address

MAX_LOOKUPS = 16
SECONDS = 5.0

Lookup = Callable[[str], list[str]]


class ResolveError(Exception):
    """The name has no address, or none within the time allowed."""


def is_address(target: str) -> bool:
    """Whether the target is an IP address (IPv6 with or without a zone) rather than a name."""
    try:
        ip_address(target.partition("%")[0])
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
        self._free = asyncio.Semaphore(MAX_LOOKUPS)

    async def resolve(self, target: str, *, prefer: str | None = None, seconds: float = SECONDS) -> str:
        """One address of `target`: `prefer` while the name still has it. Raises ResolveError."""
        if is_address(target):
            return target
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._in_thread(target)
        except TimeoutError:
            raise ResolveError(f"{target}: no answer from the resolver in {seconds:g} s") from None
        except OSError as error:
            raise ResolveError(f"{target}: {error.strerror or error}") from error
        if not addresses:
            raise ResolveError(f"{target}: no address")
        return prefer if prefer in addresses else addresses[0]

    async def _in_thread(self, name: str) -> list[str]:
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[str]] = loop.create_future()

        def settle(addresses: list[str], error: Exception | None) -> None:
            self._free.release()
            if future.done():
                return
            if error is None:
                future.set_result(addresses)
            else:
                future.set_exception(error)

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
        return await future
