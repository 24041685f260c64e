"""`python -m tests.peers.hostile KIND PORT`."""

import argparse
import signal
import sys

from . import clients, datagrams, http, tls
from .kinds import KINDS

_MODULES = (http, tls, datagrams, clients)


def main() -> None:
    """Run one kind until the process is ended."""
    told = "\n".join(
        f"  {name:<20} {(function.__doc__ or '').splitlines()[0]}" for name, function in KINDS.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m tests.peers.hostile",
        description=f"A hostile target or client on 127.0.0.1.\n\nkinds:\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", metavar="KIND", choices=KINDS, help="one of the kinds above")
    parser.add_argument("port", metavar="PORT", type=int, help="to listen on (0: any), or of the victim")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    KINDS[arguments.kind](arguments.port)


if __name__ == "__main__":
    main()
