"""Which alerts of all checks fire: those that have lasted for as long as their kind asks. Pure.

Times are seconds of a steady clock, but for `began`, which is told: Unix time in nanoseconds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .alerts import Alert, Labels
from .gateways import PathFacts, gateway_alerts

Subject = str | Labels
"""What alerts are about: a check, by its UID, or a gateway, by the labels that its alerts are routed by."""


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
        self._held: dict[Subject, dict[tuple[str, str], Held]] = {}
        self._facts: dict[str, tuple[PathFacts, ...]] = {}
        self._gateways: dict[Labels, dict[str, list[PathFacts]]] = {}
        """What each check says of a gateway, by UID."""

    def put(
        self,
        subject: Subject,
        alerts: Iterable[Alert],
        *,
        now: float,
        wall: int,
        age: Callable[[Alert], float] = lambda alert: 0.0,
    ) -> bool:
        """Take over all that is deserved; what is new has lasted for so many seconds already.

        Returns whether there are others than before, or other labels: texts may wait for the next repeat.
        """
        before, held = self._held.get(subject, {}), dict[tuple[str, str], Held]()
        for alert in alerts:
            key = alert.kind.name, alert.path
            known = before.get(key)
            if known is None:
                lasts = age(alert)
                began = wall - int(lasts * 1_000_000_000)
                held[key] = Held(alert=alert, since=now - lasts, began=began)
            else:
                held[key] = replace(known, alert=alert)
        if held:
            self._held[subject] = held
        else:
            self._held.pop(subject, None)
        return _labels(before) != _labels(held)

    def put_facts(self, uid: str, facts: tuple[PathFacts, ...], *, now: float, wall: int) -> bool:
        """Take over what a check says of its gateway; empty: nothing. Returns as `put` does."""
        before = self._facts.get(uid, ())
        if facts == before:
            return False
        # Of the gateways that it names, no others: thousands of checks may name one each.
        touched = dict.fromkeys(each.routing for each in (*before, *facts))
        for routing in touched:
            self._gateways.setdefault(routing, {}).pop(uid, None)
        for each in facts:
            self._gateways[each.routing].setdefault(uid, []).append(each)
        if facts:
            self._facts[uid] = facts
        else:
            del self._facts[uid]
        changes = [self._look_at(routing, now=now, wall=wall) for routing in touched]
        return any(changes)

    def _look_at(self, routing: Labels, *, now: float, wall: int) -> bool:
        told = (each for of in self._gateways[routing].values() for each in of)
        changed = self.put(routing, gateway_alerts(told), now=now, wall=wall)
        if not self._gateways[routing]:
            del self._gateways[routing]
        return changed

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


def _labels(held: Mapping[tuple[str, str], Held]) -> dict[tuple[str, str], Labels]:
    return {key: each.alert.labels for key, each in held.items()}
