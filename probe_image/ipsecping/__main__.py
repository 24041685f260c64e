"""`python3 -m ipsecping`, and the start of the zipapp.

Written so that any Python can read it: an old one is told what is needed instead of failing at newer syntax.
"""

import sys

LEAST_PYTHON = (3, 11)


def start():
    # type: () -> None
    """Run the command line."""
    if sys.version_info < LEAST_PYTHON:
        needed, present = (".".join(map(str, version[:2])) for version in (LEAST_PYTHON, sys.version_info))
        told = "ipsecping: needs Python {0} or newer; {1} is {2}. Start it with a newer one: python{0} {3}"
        sys.exit(told.format(needed, sys.executable, present, sys.argv[0]))
    from .cli.main import main

    sys.exit(main())


if __name__ == "__main__":
    start()
