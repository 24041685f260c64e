"""Addresses to names, without waiting for a resolver that is silent.

`getnameinfo` cannot be stopped, so it runs in daemon threads that nobody waits for at exit. Who owns an
address writes its name: it is shown only where it is one.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Callable

MAX_LOOKUPS = 128
"""Addresses that are looked up at all."""
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?")
"""Letters, digits, hyphens (RFC 1123 section 2.1) and the underscores of practice, at most 253 characters."""


def name_of(address: str) -> str | None:
    """The name of an address, or None where it has none that can be shown; blocks."""
    try:
        name, _ = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)
    except OSError:
        return None
    return name if _NAME.fullmatch(name) else None


class Names:
    """Names of addresses, asked for in the background. Belongs to one event loop."""

    def __init__(self, look_up: Callable[[str], str | None] = name_of) -> None:
        self._look_up = look_up
        self._loop = asyncio.get_running_loop()
        self._names: dict[str, str | None] = {}
        self._asked: set[str] = set()
        self._changed = asyncio.Event()

    def ask(self, address: str) -> None:
        """Look it up, unless that is under way or done."""
        if address in self._asked or len(self._asked) >= MAX_LOOKUPS:
            return
        self._asked.add(address)
        try:
            threading.Thread(target=self._work, args=(address,), name=f"name {address}", daemon=True).start()
        except RuntimeError:  # the limit of processes: a trace does without the name
            self._keep(address, None)

    def known(self, address: str) -> str | None:
        """Its name as far as it is known."""
        return self._names.get(address)

    def waits_for(self, address: str) -> bool:
        """Whether it is still being looked up."""
        return address in self._asked and address not in self._names

    async def settle(self, seconds: float) -> None:
        """Wait until all are known, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                while len(self._names) < len(self._asked):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def _work(self, address: str) -> None:
        try:
            name = self._look_up(address)
        except Exception:  # whatever a resolver's plug-in raises
            name = None
        try:
            self._loop.call_soon_threadsafe(self._keep, address, name)
        except RuntimeError:  # the loop has ended: nobody waits for this
            return

    def _keep(self, address: str, name: str | None) -> None:
        self._names[address] = name
        self._changed.set()
