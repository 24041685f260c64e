"""How many sockets this process may have open at once."""

import resource
from contextlib import suppress


def raise_descriptor_limit() -> None:
    """Use what the system allows: the soft limit of 1024 is for programs that call select(2).

    Every TCP connection under way takes a descriptor. When a path goes dark they all wait for their timeouts
    at once, and a prober that then runs short would call an outage its own fault.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
