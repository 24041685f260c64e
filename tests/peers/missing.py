"""The one error of this package."""


class PeerMissing(Exception):
    """A peer program cannot be had on this machine; the message says why and what helps."""
