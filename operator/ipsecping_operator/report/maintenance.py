"""What windows of maintenance mean for a report: what is silent meanwhile, what is told after it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ipsecping_operator.api.conditions import ConditionStatus, ConditionType
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.status.conditions import Condition, Conditions, condition
from ipsecping_operator.status.maintenance import Maintenance, said
from ipsecping_operator.status.silence import LOUD, is_bad, is_open
from ipsecping_operator.verdict.maintenance import look
from ipsecping_operator.verdict.outage import Maintained


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The windows at one instant, compared with the last report."""

    maintenance: Maintenance
    conditions: Conditions
    """The condition Maintenance; empty where the spec has no windows."""
    ended: bool
    """What was open has closed since, or has left the spec."""


def follow_maintenance(
    before: Maintenance, conditions: Conditions, check: CompiledCheck | None, *, generation: int, now: int
) -> Followed:
    """Look at the windows; `before` and `conditions` are those of the last report."""
    kind = ConditionType.MAINTENANCE
    was_open = is_open(conditions)
    windows = () if check is None else check.maintenance
    outlook = look(windows, now=now, before=before.outlook) if windows else None
    shown = None if outlook is None else outlook.open
    until: int | None
    if shown is not None:
        until = shown.end
    elif was_open:
        # Windows may have been edited, or the clock set, since it was told when this one would close.
        until = now if before.until is None else min(before.until, now)
    else:
        until = before.until
    conditions_now = dict[ConditionType, Condition]()
    if outlook is not None:
        reason, message = said(outlook)
        held = condition(kind, reason, message, previous=conditions, generation=generation, now=now)
        if was_open and shown is None:
            held = replace(held, since=now if until is None else until)
        conditions_now[kind] = held
    maintenance = before
    if outlook is not before.outlook or until != before.until:
        maintenance = Maintenance(outlook=outlook, until=until)
    return Followed(maintenance=maintenance, conditions=conditions_now, ended=was_open and shown is None)


def maintained(followed: Followed, before: Conditions, *, now: int) -> Maintained | None:
    """Return the last window that has closed, and since when the check was not healthy then."""
    until = followed.maintenance.until
    if until is None or until > now:
        return None
    healthy = before.get(ConditionType.HEALTHY)
    bad = healthy is not None and healthy.status is ConditionStatus.FALSE
    return Maintained(until=until, bad_since=healthy.lasts_since if healthy is not None and bad else None)


def resurfaced(followed: Followed, before: Conditions, after: Conditions) -> Iterator[Condition]:
    """Yield what the end of a window leaves that is bad and no news: nobody was told of it."""
    if followed.ended:
        for kind, held in after.items():
            then = before.get(kind)
            same = then is not None and (then.status, then.reason) == (held.status, held.reason)
            if same and is_bad(held) and held.reason not in LOUD:
                yield held
