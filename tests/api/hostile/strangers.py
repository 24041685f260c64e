"""Connections that want nothing but to be in the way.

    python -m tests.api.hostile.strangers COUNT ADDRESS:PORT...

Some say nothing, some half a request, some ask and read a byte at a time. Those that are closed are opened
again, at most `AGAIN` a second for each process, so that the machine is not what is tested.
"""

import argparse
import contextlib
import random
import selectors
import socket
import time

SAID = (
    b"",
    b"GET /",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/results HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01",
)
AGAIN = 200


def main() -> None:
    """Hold the connections until ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.hostile.strangers", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("targets", nargs="+", metavar="ADDRESS:PORT")
    told = parser.parse_args()
    targets = [(address, int(port)) for address, _, port in (each.rpartition(":") for each in told.targets)]
    chosen = selectors.DefaultSelector()
    while True:
        for _ in range(AGAIN // 10):
            if len(chosen.get_map()) < told.count:
                _open(chosen, random.choice(targets))
        for key, _ in chosen.select(timeout=0.1):
            connection = key.data
            with contextlib.suppress(OSError):
                # Slow readers: a byte at a time, as long as there are any.
                if connection.recv(1):
                    continue
            chosen.unregister(connection)
            connection.close()
        time.sleep(0.1)


def _open(chosen: selectors.DefaultSelector, target: tuple[str, int]) -> None:
    connection = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(0.2)
        connection.connect(target)
        connection.send(random.choice(SAID))
        connection.setblocking(False)
    except OSError:
        connection.close()
        return
    chosen.register(connection, selectors.EVENT_READ, connection)


if __name__ == "__main__":
    main()
