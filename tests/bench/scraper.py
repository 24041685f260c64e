"""Scrapes of a measured agent, and how long its event loop lets others wait meanwhile."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ASK_SECONDS = 0.025
"""Between two requests that have next to nothing to do: whoever waits for them waits for the event loop."""
_NOTHING = "/nothing"


@dataclass(slots=True)
class Scrapes:
    """What was seen, in seconds and bytes."""

    took: list[float] = field(default_factory=list)
    octets: int = 0
    """Of the latest scrape."""
    waited: list[float] = field(default_factory=list)
    """For each of the small requests."""


@contextmanager
def scraping(port: int, *, every: float | None) -> Iterator[Scrapes]:
    """Ask for little all the time and, unless `every` (seconds) is None, for /metrics at that interval."""
    seen, stop = Scrapes(), threading.Event()

    def scrape() -> None:
        while every is not None and not stop.wait(every):
            took, seen.octets = fetch(port, "/metrics")
            seen.took.append(took)

    def ask() -> None:
        while not stop.wait(ASK_SECONDS):
            seen.waited.append(fetch(port, _NOTHING)[0])

    threads = [threading.Thread(target=each) for each in (scrape, ask)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def fetch(port: int, path: str) -> tuple[float, int]:
    """Seconds that a request took, and bytes of its answer, which are thrown away."""
    begun, octets, room = time.monotonic(), 0, bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: agent\r\n\r\n".encode())
        while got := connection.recv_into(room):
            octets += got
    return time.monotonic() - begun, octets
