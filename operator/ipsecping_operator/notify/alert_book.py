"""Which alerts of all checks fire: those that have lasted for as long as their kind asks. Pure.

Times are seconds of a steady clock, but for `began`, which is told: Unix time in nanoseconds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .alerts import Alert, Labels
from .gateways import PathFacts, gateway_alerts

_GATEWAYS = ""
"""In the place of a UID: alerts about gateways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An alert that is deserved at present."""

    alert: Alert
    since: float
    began: int

    def fires(self, now: float) -> bool:
        """Return whether it has lasted for long enough."""
        return now - self.since >= self.alert.kind.seconds


class AlertBook:
    """Alerts by check. What is deserved without a break keeps its time, also under other labels."""

    def __init__(self) -> None:
        self._held: dict[str, dict[tuple[str, ...], Held]] = {}
        self._facts: dict[str, tuple[PathFacts, ...]] = {}

    def put(
        self,
        uid: str,
        alerts: Iterable[Alert],
        *,
        now: float,
        wall: int,
        age: Callable[[Alert], float] = lambda alert: 0.0,
    ) -> bool:
        """Take over all that a check deserves; what is new has lasted for so many seconds already.

        Returns whether there is or was any.
        """
        before, held = self._held.get(uid, {}), dict[tuple[str, ...], Held]()
        for alert in alerts:
            key = _key(uid, alert)
            known = before.get(key)
            if known is None:
                lasts = age(alert)
                began = wall - int(lasts * 1_000_000_000)
                held[key] = Held(alert=alert, since=now - lasts, began=began)
            else:
                held[key] = replace(known, alert=alert)
        if held:
            self._held[uid] = held
        else:
            self._held.pop(uid, None)
        return bool(before or held)

    def put_facts(self, uid: str, facts: tuple[PathFacts, ...], *, now: float, wall: int) -> bool:
        """Take over what a check says of its gateway; empty: nothing. Returns as `put` does."""
        if facts == self._facts.get(uid, ()):
            return False
        if facts:
            self._facts[uid] = facts
        else:
            del self._facts[uid]
        everything = (each for known in self._facts.values() for each in known)
        return self.put(_GATEWAYS, gateway_alerts(everything), now=now, wall=wall)

    def firing(self, now: float) -> Mapping[Labels, Held]:
        """Return what fires, by labels; where two are the same to others, the longer one."""
        found: dict[Labels, Held] = {}
        for held in self._all():
            labels = held.alert.labels
            if held.fires(now) and (labels not in found or held.since < found[labels].since):
                found[labels] = held
        return found

    def next_change(self, now: float) -> float | None:
        """Return when the next alert fires that does not yet; None: none waits."""
        waiting = (held.since + held.alert.kind.seconds for held in self._all() if not held.fires(now))
        return min(waiting, default=None)

    def _all(self) -> Iterator[Held]:
        return (held for of in self._held.values() for held in of.values())


def _key(uid: str, alert: Alert) -> tuple[str, ...]:
    """What an alert is of a check, whatever its labels; gateways are told apart by theirs."""
    if uid == _GATEWAYS:
        return tuple(f"{key}={value}" for key, value in alert.labels)
    return alert.kind.name, alert.path
