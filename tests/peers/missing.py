"""The one error of this package."""


class PeerMissing(Exception):
    """A program or a network of a test cannot be had on this machine; the message says why and what helps.

    A test that lets it through is skipped with that message.
    """
