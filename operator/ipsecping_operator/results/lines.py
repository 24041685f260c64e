"""Cut a stream of bytes into lines of bounded length. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ipsecping.contract import ContractError
from ipsecping.contract.stream import MAX_LINE


@dataclass(slots=True)
class LineSplitter:
    """Holds at most one unfinished line."""

    limit: int = MAX_LINE
    held: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines completed by `data`, without their ends; raises ContractError for one too long."""
        self.held += data
        start = 0
        while (end := self.held.find(b"\n", start)) >= 0:
            if end - start > self.limit:
                raise ContractError(f"line: longer than {self.limit} octets")
            yield bytes(self.held[start:end])
            start = end + 1
        del self.held[:start]
        if len(self.held) > self.limit:
            raise ContractError(f"line: longer than {self.limit} octets")
