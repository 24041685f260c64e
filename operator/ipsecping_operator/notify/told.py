"""What one Alertmanager has been told, and is to be told next: the newest state, never a backlog. Pure.

Alertmanager ends an alert by itself when its `endsAt` has passed. So each alert that fires is told again and
again, with an end some repeats ahead: of an operator that dies, nothing fires for ever. What is over is told
again for a while too, with the same end, as a Prometheus does: Alertmanager tells nobody of an end that it
learns while the alert is inhibited or silenced.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from ipsecping_operator.notification_settings import OWN_LABELS

from .alert_book import Held
from .alerts import Alert, Labels
from .shares import by_turns, namespace_of, within_shares

LIFETIME = 5
"""Repeats after which an alert ends that is not told again."""
LEAST_LIFETIME = 180.0
"""Seconds, where repeats are shorter: an operator that is replaced needs the Lease, and SETTLE then. No alert
is to end meanwhile, and fire again."""
SETTLE = 30.0
"""Seconds after which a new operator goes on with what the one before told. By then it knows all checks: the
alert about a dead gateway is not to come behind those that it inhibits, nor where a check knows better."""
MOST_TOLD = 20_000
"""Alerts that fire at a receiver at a time, each namespace within its share of them; others wait until one of
their namespace is over. The ends of as many are told again."""
OVER_FOR = 900.0
"""Seconds for which the end of an alert is told again."""
SECOND = 1_000_000_000


def lifetime(repeat: float) -> float:
    """Return the seconds after which an alert ends that is not told again."""
    return max(LIFETIME * repeat, LEAST_LIFETIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One alert, as it is to be told."""

    labels: Labels
    alert: Alert
    began: int
    """Unix time in nanoseconds."""
    ended: int | None = None
    """The same; None: it fires."""


@dataclass(slots=True)
class _Told:
    alert: Alert
    began: int
    again: float
    ends: float


@dataclass(slots=True)
class _Over:
    posting: Posting
    again: float
    until: float


class Told:
    """One receiver's state. Times are seconds of a steady clock."""

    def __init__(self, *, repeat: float) -> None:
        self._repeat = repeat
        self._told: dict[Labels, _Told] = {}
        self._over: dict[Labels, _Over] = {}
        self._settled_at: float | None = None
        self.left_out: Mapping[str, int] = {}
        """By namespace, how many of those that fire were too many when that was last asked."""

    def assume(self, firing: Mapping[Labels, Held], *, now: float) -> None:
        """Take it that an earlier run of the operator told of these: they go on soon, or are resolved."""
        if self._settled_at is None:
            self._settled_at = now + SETTLE
        again = max(self._settled_at, now)
        for labels, held in firing.items():
            if labels not in self._told:
                self._note(labels, held.alert, held.began, again=again, now=now)

    def due(self, firing: Mapping[Labels, Held], *, now: float, wall: int) -> list[Posting]:
        """Return what is to be told now: first what is over, then what is new, then what is repeated.

        What inhibits others begins before them, and ends behind them; of equals, namespaces take turns.
        Where too many fire, a namespace that was told of more than its share, while others asked for
        less, is told of the rest no more: Alertmanager ends it.

        `wall` is the Unix time in nanoseconds.
        """
        self._told = {labels: told for labels, told in self._told.items() if now < told.ends}
        self._over = {
            labels: over for labels, over in self._over.items() if now < over.until and labels not in firing
        }
        if len(self._over) > MOST_TOLD:
            self._over = {each: self._over[each] for each in within_shares(self._over, most=MOST_TOLD)}
        resolved = [
            Posting(labels=labels, alert=told.alert, began=told.began, ended=wall)
            for labels, told in self._told.items()
            if labels not in firing
        ]
        new = self._new_within_shares(firing)
        again = [
            Posting(labels=labels, alert=firing[labels].alert, began=firing[labels].began)
            for labels, told in self._told.items()
            if labels in firing and now >= told.again
        ]
        resolved, new, again = (by_turns(each, labels=_labels) for each in (resolved, new, again))
        resolved.sort(key=_rank)
        new.sort(key=_rank, reverse=True)
        again.sort(key=_rank, reverse=True)
        room = max(MOST_TOLD - len(self._told), 0)
        over = (each.posting for each in self._over.values() if now >= each.again)
        return [*resolved, *new[:room], *again, *over]

    def _new_within_shares(self, firing: Mapping[Labels, Held]) -> list[Posting]:
        """Return what is new and may be told, and forget what was told beyond its namespace's share."""
        new = [
            Posting(labels=labels, alert=held.alert, began=held.began)
            for labels, held in firing.items()
            if labels not in self._told
        ]
        if len(firing) <= MOST_TOLD:
            self.left_out = {}
            return new
        new.sort(key=_rank, reverse=True)
        # What was told goes first: else both would be new by turns, and told without a pause.
        told = [labels for labels in self._told if labels in firing]
        within = within_shares([*told, *map(_labels, new)], most=MOST_TOLD)
        for labels in told:
            if labels not in within:
                del self._told[labels]
        self.left_out = Counter(namespace_of(labels) for labels in firing if labels not in within)
        return [each for each in new if each.labels in within]

    def next_due(self, firing: Mapping[Labels, Held]) -> float | None:
        """Return when the next repeat is due; None: none is."""
        times = [told.again for labels, told in self._told.items() if labels in firing]
        times += (over.again for labels, over in self._over.items() if labels not in firing)
        return min(times, default=None)

    def delivered(self, postings: Collection[Posting], *, now: float) -> None:
        """Note that the receiver has taken these."""
        for each in postings:
            if each.ended is not None:
                self._told.pop(each.labels, None)
                self._note_over(each, now=now)
            else:
                self._note(each.labels, each.alert, each.began, again=now + self._repeat, now=now)

    def _note(self, labels: Labels, alert: Alert, began: int, *, again: float, now: float) -> None:
        self._told[labels] = _Told(alert=alert, began=began, again=again, ends=now + lifetime(self._repeat))

    def _note_over(self, posting: Posting, *, now: float) -> None:
        known = self._over.get(posting.labels)
        if known is not None:
            known.again = now + self._repeat
        else:
            self._over[posting.labels] = _Over(posting, again=now + self._repeat, until=now + OVER_FOR)


def _labels(posting: Posting) -> Labels:
    return posting.labels


def _rank(posting: Posting) -> int:
    return posting.alert.kind.inhibits


def together(due: Sequence[Posting], *, most: int) -> Sequence[Posting]:
    """Return the first of them that are told in one request.

    Of alerts in the same request Alertmanager may send one before it has seen the other that inhibits it.
    """
    return list(takewhile(lambda each: _rank(each) == _rank(due[0]), due[:most]))


def to_json(
    postings: Collection[Posting], *, external: Mapping[str, str], runbooks: str, repeat: float, wall: int
) -> list[dict[str, Any]]:
    """Make the body of `POST /api/v2/alerts`; `wall` is the Unix time in nanoseconds.

    `external` are labels for all alerts. Where names collide, an alert's own label wins over an external one,
    and that over one that a check has added.
    """
    return list(_each(postings, external=external, runbooks=runbooks, repeat=repeat, wall=wall))


def _each(
    postings: Collection[Posting], *, external: Mapping[str, str], runbooks: str, repeat: float, wall: int
) -> Iterator[dict[str, Any]]:
    for each in postings:
        labels = dict(each.labels)
        own = {key: labels[key] for key in OWN_LABELS if key in labels}
        # An end ahead of the clock, which was set back, would be none yet.
        ends = wall + int(lifetime(repeat) * SECOND) if each.ended is None else min(each.ended, wall)
        page = f"{runbooks}/{each.alert.kind.alertname}.md"
        yield {
            "labels": {**labels, **external, **own},
            "annotations": {
                "summary": each.alert.summary,
                "description": each.alert.description,
                "runbook_url": page,
            },
            # It refuses alerts that end before they begin: a clock may have been set back.
            "startsAt": _instant(min(each.began, ends - SECOND)),
            "endsAt": _instant(ends),
            # Alertmanager takes an absolute URL only.
            **({"generatorURL": page} if "://" in page else {}),
        }


def _instant(nanoseconds: int) -> str:
    """RFC 3339 with microseconds; not before 1970, whatever an edited status says of when something began."""
    at = datetime.fromtimestamp(max(nanoseconds, 0) / SECOND, tz=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
