"""The rounds of one probe to several addresses of its target, each measured by itself."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..contract import PlannedProbe
from ..contract.bounds import MAX_ADDRESSES
from ..net.clocks import Clock
from .log_once import LogOnce
from .probe_rounds import ProbeRounds


class AddressRounds(NamedTuple):
    """The rounds to one address, and what is logged of them: others' must not speak in between."""

    address: str
    rounds: ProbeRounds
    log: LogOnce


class EachAddress:
    """Keeps the rounds of one probe to each address. Belongs to one event loop."""

    __slots__ = ("_clock", "_host", "_known", "_probe")

    def __init__(self, probe: PlannedProbe, host: str, clock: Clock) -> None:
        self._probe = probe
        self._host = host
        self._clock = clock
        self._known: dict[str, AddressRounds] = {}

    def follow(self, addresses: Iterable[str]) -> list[AddressRounds]:
        """The rounds to these addresses, in their order; those to others are closed once they are over."""
        before, self._known = self._known, {}
        for address in addresses:
            self._known[address] = before.pop(address) if address in before else self._to(address)
        for gone in before.values():
            gone.rounds.close()
        return list(self._known.values())

    def close(self) -> None:
        """Close all sockets, once the rounds that use them are over."""
        self.follow(())

    def _to(self, address: str) -> AddressRounds:
        log = LogOnce()
        return AddressRounds(address, ProbeRounds(self._probe, self._host, self._clock, log), log)


def measured(found: Sequence[str], before: Sequence[str]) -> tuple[str, ...]:
    """Which of the addresses are measured: at most `MAX_ADDRESSES`, those measured `before` first."""
    present = set(found)
    staying = [address for address in before if address in present]
    return tuple(dict.fromkeys((*staying, *found)))[:MAX_ADDRESSES]


def in_turn(count: int, *, start: int, spacing: int) -> list[int]:
    """When the first packet to each of so many addresses is due: one spacing has one to each, evenly apart.

    Side by side, they would meet in the tunnel's queue and lose one another's time.
    """
    return [start + spacing * number // count for number in range(count)]
