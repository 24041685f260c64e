"""Which alerts of all checks fire: those that have lasted for as long as their kind asks. Pure.

Times are seconds of a steady clock, but for `began`, which is told: Unix time in nanoseconds.
It is when an alert fires, as a Prometheus has it. Alertmanager gathers alerts from then on (group_wait): told
of an older time it would send the first of many at once, and alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from .alerts import Alert, Labels
from .gateways import PathFacts, gateway_alerts

SECOND = 1_000_000_000
Of = str | Labels
"""What alerts are about: a check, by its UID, or a gateway, by the labels that it is routed by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An alert that is deserved at present."""

    alert: Alert
    fires_at: float
    """When it has lasted for long enough."""
    began: int
    """The same, by the wall clock."""


class AlertBook:
    """Alerts by check. What is deserved without a break keeps its time, also under other labels."""

    def __init__(self) -> None:
        self._held: dict[Of, dict[tuple[str, str], Held]] = {}
        self._facts: dict[str, tuple[PathFacts, ...]] = {}
        self._known_by: dict[Labels, dict[str, tuple[PathFacts, ...]]] = {}
        """Gateway to what each check says of it."""
        self._inherited: dict[str, float] = {}
        """Since when a check says so of its gateway, as an earlier run had it; until it says otherwise."""

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

        Returns whether there are other alerts than before, or the same under other labels or sooner.
        """
        return self._put(uid, alerts, now=now, wall=wall, age=age)

    def put_facts(self, uid: str, facts: tuple[PathFacts, ...], *, now: float, wall: int) -> bool:
        """Take over what a check says of its gateway; empty: nothing. Returns as `put` does."""
        if facts == self._facts.get(uid, ()):
            return False
        self._inherited.pop(uid, None)
        return self._put_facts(uid, facts, now=now, wall=wall)

    def inherit_facts(
        self, uid: str, facts: tuple[PathFacts, ...], *, age: float, now: float, wall: int
    ) -> Mapping[Labels, Held]:
        """Take over what an earlier run of the operator knew by a check of its gateway, for so many seconds.

        An alert has lasted since the last of the checks said so. Returns what fires about these gateways.
        """
        self._inherited[uid] = now - age
        self._put_facts(uid, facts, now=now, wall=wall)
        gateways = {each.routing for each in facts}
        return _firing((held for each in gateways for held in self._held.get(each, {}).values()), now)

    def _put_facts(self, uid: str, facts: tuple[PathFacts, ...], *, now: float, wall: int) -> bool:
        before = self._facts.pop(uid, ())
        if facts:
            self._facts[uid] = facts
        changed = False
        # Of all gateways only those that the check knew or knows: there may be one for each check.
        for gateway in dict.fromkeys(each.routing for each in (*before, *facts)):
            known = self._known_by.setdefault(gateway, {})
            known[uid] = tuple(each for each in facts if each.routing == gateway)
            if not known[uid]:
                del known[uid]
            if not known:
                del self._known_by[gateway]
            alerts = gateway_alerts(each for of in known.values() for each in of)
            age = now - max((self._inherited.get(each, now) for each in known), default=now)
            changed = self._put(gateway, alerts, now=now, wall=wall, age=_always(age)) or changed
        return changed

    def _put(
        self, of: Of, alerts: Iterable[Alert], *, now: float, wall: int, age: Callable[[Alert], float]
    ) -> bool:
        before, held = self._held.get(of, {}), dict[tuple[str, str], Held]()
        for alert in alerts:
            key = alert.kind.name, alert.path
            known = before.get(key)
            wait = alert.kind.seconds + alert.later
            after = wait - age(alert)
            # What was part of something else, perhaps, and is not: its own time begins now.
            if known is None or (known.alert.later > alert.later and now + after < known.fires_at):
                held[key] = Held(alert=alert, fires_at=now + after, began=wall + int(after * SECOND))
            else:
                held[key] = replace(known, alert=alert)
        if held:
            self._held[of] = held
        else:
            self._held.pop(of, None)
        return _told(before) != _told(held)

    def shift(self, by: int) -> None:
        """Follow the wall clock, which was set forward by so many nanoseconds (back: negative)."""
        self._held = {
            of: {key: replace(each, began=each.began + by) for key, each in held.items()}
            for of, held in self._held.items()
        }

    def firing(self, now: float) -> Mapping[Labels, Held]:
        """Return what fires, by labels; where two are the same to others, the longer one."""
        return _firing((held for of in self._held.values() for held in of.values()), now)

    def firing_of(self, uid: str, now: float) -> Mapping[Labels, Held]:
        """Return what fires of one check."""
        return _firing(self._held.get(uid, {}).values(), now)

    def next_change(self, now: float) -> float | None:
        """Return when the next alert fires that does not yet; None: none waits."""
        everything = (held.fires_at for of in self._held.values() for held in of.values())
        return min((at for at in everything if at > now), default=None)


def _always(seconds: float) -> Callable[[Alert], float]:
    return lambda alert: seconds


def _firing(everything: Iterable[Held], now: float) -> Mapping[Labels, Held]:
    found: dict[Labels, Held] = {}
    for held in everything:
        labels = held.alert.labels
        if held.fires_at <= now and (labels not in found or held.fires_at < found[labels].fires_at):
            found[labels] = held
    return found


def _told(held: Mapping[tuple[str, str], Held]) -> Mapping[tuple[str, str], tuple[Labels, float]]:
    return {key: (each.alert.labels, each.fires_at) for key, each in held.items()}
