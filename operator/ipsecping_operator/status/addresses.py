"""The addresses that a path's target stands for, and when their change is told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping.contract.fields import canonical_address
from ipsecping_operator.verdict import text

TELL_AGAIN = 300 * 1_000_000_000
"""Nanoseconds between two changes of one path that are told: some names have other addresses every minute."""
MAX_SHOWN = 8
"""Addresses that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAddresses:
    """What the target of a path stands for."""

    target: str
    ips: tuple[str, ...]
    """Those that are measured, in order; at most `MAX_ADDRESSES` of one prober."""
    count: int | None = None
    """How many the name has, where each is measured by itself."""
    stale_since: int | None = None
    """When the resolver told them, where it has failed since; Unix time, nanoseconds."""
    settled: bool = True
    """No round is awaited that would tell of more or fewer."""

    @property
    def trouble(self) -> str | None:
        """What a person should know of them, None when all is well."""
        said = []
        if self.stale_since is not None:
            told = text.moment(self.stale_since)
            said.append(
                f"the resolver fails: {shown(self.ips)} is used for {self.target}, as resolved at {told}"
            )
        if self.count is not None and self.count > MAX_ADDRESSES:
            said.append(f"{self.target} has {self.count} addresses, of which {MAX_ADDRESSES} are measured")
        return "; ".join(said) or None

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the path's status."""
        entry: dict[str, Any] = {"addresses": list(self.ips[:MAX_ADDRESSES])}
        if self.stale_since is not None:
            entry["addressesStaleSince"] = text.moment(self.stale_since)
        return entry


@dataclass(frozen=True, slots=True)
class Told:
    """The addresses that were told last."""

    ips: tuple[str, ...]
    target: str | None = None
    """Whose; None: not known, after a restart."""
    at: int | None = None
    """When a change of them was told last; Unix time, nanoseconds."""

    def shifted(self, by: int) -> "Told":
        """Return the same on a clock that was set forward by so many nanoseconds."""
        return self if self.at is None else replace(self, at=self.at + by)


@dataclass(frozen=True, slots=True)
class AddressChange:
    """The target of a path stands for other addresses than before."""

    message: str


def follow_addresses(
    before: Mapping[str, Told], current: Mapping[str, TargetAddresses], *, now: int
) -> tuple[dict[str, Told], list[AddressChange], int | None]:
    """What counts as told after one more look, what is to be told, and when there may be more to tell."""
    changes, again = list[AddressChange](), list[int]()
    # Of those that are not known at present too.
    told = {path: known for path, known in before.items() if path not in current}
    for path, target in current.items():
        known = before.get(path)
        if known is None or known.target not in (None, target.target):
            if target.settled:
                told[path] = Told(target.ips, target.target)
            continue
        told[path] = replace(known, target=target.target)
        if not target.settled or target.ips == known.ips:
            continue
        if known.at is not None and now < known.at + TELL_AGAIN:
            again.append(known.at + TELL_AGAIN)
            continue
        message = f"{target.target} on path {path}: {shown(known.ips)} -> {shown(target.ips)}"
        changes.append(AddressChange(message))
        told[path] = Told(target.ips, target.target, now)
    return told, changes, min(again, default=None)


def told_by(paths: object) -> dict[str, Told]:
    """Read what an earlier run told from `status.paths`; what cannot be read is left out."""
    told = dict[str, Told]()
    for item in paths if isinstance(paths, list) else ():
        addresses = item.get("addresses") if isinstance(item, Mapping) else None
        if isinstance(addresses, list):
            known = (canonical_address(each) for each in addresses[:MAX_ADDRESSES] if isinstance(each, str))
            told[str(item.get("name"))] = Told(tuple(sorted(filter(None, known))))
    return told


def shown(ips: tuple[str, ...]) -> str:
    """Return the addresses for a message, not all of many."""
    named = ", ".join(ips[:MAX_SHOWN]) or "none"
    return named if len(ips) <= MAX_SHOWN else f"{named} and {len(ips) - MAX_SHOWN} more"
