"""Looks receivers' names up in threads of their own, one for each name.

Not in those of the event loop, of which there are few: while the names of some receivers hang in the resolver
(as they may where it is reached by the tunnel that is down), the API server's is looked up there, and the
Lease would be lost.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address

MOST = 4
"""Addresses of a name that are tried."""


def _look_up(name: str) -> list[str]:
    """Raises OSError; blocks."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))[:MOST]


class ReceiverNames:
    """Of one receiver, whose URL may be replaced. Belongs to one event loop."""

    def __init__(self, look_up: Callable[[str], list[str]] = _look_up) -> None:
        self._look_up = look_up
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}

    async def addresses(self, name: str) -> list[str]:
        """Return the first addresses of a name, or the address that it is. Raises OSError."""
        try:
            return [str(ip_address(name))]
        except ValueError:
            pass
        found = self._under_way.get(name)
        if found is None:
            # A look-up cannot be stopped: whoever comes while it hangs waits for the same one.
            found = self._under_way[name] = asyncio.get_running_loop().create_future()
            found.add_done_callback(lambda done: self._over(name, done))
            threading.Thread(target=self._work, args=(name, found), name=f"name {name}", daemon=True).start()
        return await asyncio.shield(found)

    def _over(self, name: str, done: "asyncio.Future[list[str]]") -> None:
        self._under_way.pop(name, None)
        if not done.cancelled():
            done.exception()  # nobody may wait for it any more

    def _work(self, name: str, found: "asyncio.Future[list[str]]") -> None:
        addresses, error = list[str](), None
        try:
            addresses = self._look_up(name)
        except Exception as caught:
            error = caught
        try:
            found.get_loop().call_soon_threadsafe(_settle, found, addresses, error)
        except RuntimeError:  # the loop has ended
            return


def _settle(found: "asyncio.Future[list[str]]", addresses: list[str], error: Exception | None) -> None:
    if found.done():
        return
    if error is None:
        found.set_result(addresses)
    else:
        found.set_exception(error)
