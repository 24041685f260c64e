"""Cut a stream of bytes into lines of bounded length. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ipsecping.contract import ContractError
from ipsecping.contract.result_stream import MAX_LINE

ENDLESS = 16
"""A line of so many times the limit is none."""


@dataclass(slots=True)
class LineSplitter:
    """Holds at most one unfinished line."""

    limit: int = MAX_LINE
    held: bytearray = field(default_factory=bytearray)
    skipped: int = 0
    """Octets of a line that is too long, of which nothing more is held."""

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The lines completed by `data`, without their ends; None as soon as one is too long.

        Raises ContractError for a line without end.
        """
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            yield from self._take(data[start:end])
            if not self.skipped:
                yield bytes(self.held)
            self.held.clear()
            self.skipped = 0
            start = end + 1
        yield from self._take(data[start:])

    def _take(self, part: bytes) -> Iterator[None]:
        """More of the unfinished line."""
        if not self.skipped:
            self.held += part
            if len(self.held) <= self.limit:
                return
            self.skipped = len(self.held)
            self.held.clear()
            yield None
        else:
            self.skipped += len(part)
        if self.skipped > ENDLESS * self.limit:
            raise ContractError(f"line: no end after {ENDLESS * self.limit} octets")
