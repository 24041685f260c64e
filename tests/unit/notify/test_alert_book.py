"""From when on an alert fires, and for how long."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.notify import alert_book
from ipsecping_operator.notify.alert_book import AlertBook
from ipsecping_operator.notify.alerts import Alert
from ipsecping_operator.notify.gateways import PathFacts, gateway_alerts

from .alerts import alerts, facts, finding

(DOWN,) = alerts(finding(HealthyReason.DOWN))
(LOSS,) = alerts(finding(HealthyReason.LOSS_HIGH))


def moved(alert: Alert) -> Alert:
    """The same with another address."""
    labels = {**dict(alert.labels), "remote_ip": "203.0.113.99"}
    return Alert(
        kind=alert.kind,
        path=alert.path,
        labels=tuple(sorted(labels.items())),
        summary=alert.summary,
        description=alert.description,
    )


def test_it_fires_once_it_has_lasted_without_a_break() -> None:
    book = AlertBook()
    assert book.put("a", [DOWN], now=0, wall=0)
    assert book.next_change(0) == 60
    assert not book.firing(59)
    book.put("a", [], now=59, wall=0)
    book.put("a", [DOWN], now=59.5, wall=0)
    assert not book.firing(119)
    assert [*book.firing(119.5)] == [DOWN.labels]
    assert book.next_change(119.5) is None
    assert book.put("a", [], now=200, wall=0), "what was there is over"
    assert not book.put("a", [], now=201, wall=0)
    assert not book.firing(200)


def test_what_waits_longer_fires_sooner_once_it_need_not_and_then_never_later() -> None:
    book, later = AlertBook(), replace(LOSS, later=900.0)
    book.put("a", [later], now=0, wall=0)
    assert book.next_change(0) == 1200
    assert book.put("a", [LOSS], now=100, wall=0), "somebody has to be woken"
    assert book.next_change(100) == 400
    assert not book.put("a", [later], now=200, wall=0)
    assert book.next_change(200) == 400
    book.put("b", [later], now=0, wall=0)
    book.put("b", [LOSS], now=1100, wall=0)
    assert len(book.firing(1200)) == 1
    book.put("b", [], now=1201, wall=0)


def test_another_address_does_not_begin_it_anew() -> None:
    book = AlertBook()
    book.put("a", [DOWN], now=0, wall=1000)
    book.put("a", [moved(DOWN)], now=30, wall=2000)
    ((labels, held),) = book.firing(60).items()
    assert dict(labels)["remote_ip"] == "203.0.113.99"
    assert held.began == 1000 + 60 * 10**9, "when it fired"


def test_what_lasts_already_when_it_is_first_seen_fires_at_once() -> None:
    book = AlertBook()
    book.put("a", [DOWN, LOSS], now=10, wall=400 * 10**9, age=lambda alert: 100 if alert is DOWN else 0)
    assert {labels: held.began for labels, held in book.firing(10).items()} == {DOWN.labels: 360 * 10**9}
    assert book.next_change(10) == 310


def test_a_gateway_is_told_of_by_all_its_checks_together() -> None:
    book = AlertBook()
    book.put_facts("a", (facts("a", down=True),), now=0, wall=0)
    book.put_facts("b", (facts("b", down=True),), now=10, wall=0)
    assert not book.firing(69)
    ((labels, _),) = book.firing(70).items()
    assert dict(labels)["alertname"] == "IPsecPingGatewayDown"
    assert book.put_facts("b", (), now=80, wall=0)
    assert not book.firing(80)


def test_a_change_of_one_gateway_costs_no_look_at_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one gateway for each of 2,000 checks it took 12 ms of the event loop, for each of them."""
    seen = list[int]()

    def counted(told: Iterable[PathFacts]) -> Iterator[Alert]:
        known = [*told]
        seen.append(len(known))
        return gateway_alerts(known)

    monkeypatch.setattr(alert_book, "gateway_alerts", counted)
    book = AlertBook()
    for name in "abcdef":
        book.put_facts(name, (facts(name, down=True, ike_down=True, gateway=f"gw-{name}"),), now=0, wall=0)
    assert seen == [1] * 6
    assert len(book.firing(60)) == 6
    # A check is moved from one gateway to another.
    assert book.put_facts("a", (facts("a", down=False, gateway="gw-b"),), now=70, wall=0)
    assert seen[6:] == [0, 2]
    assert {dict(labels)["gateway"] for labels in book.firing(70)} == {f"gw-{name}" for name in "cdef"}


def test_what_is_only_said_otherwise_wakes_nobody() -> None:
    """Each look takes in the alerts of all checks, and unhealthy checks are reported on every few seconds."""
    book = AlertBook()
    book.put("a", [DOWN], now=0, wall=0)
    assert not book.put("a", [replace(DOWN, description="no answer to the last 31 packets")], now=1, wall=0)
    ((_, held),) = book.firing(60).items()
    assert held.alert.description == "no answer to the last 31 packets"
    assert book.put("a", [moved(DOWN)], now=70, wall=0)


def test_a_check_of_another_gateway_leaves_the_one_that_it_named() -> None:
    book = AlertBook()
    one, other = (
        replace(facts("a", down=True), routing=routed(name), ike_down=True) for name in ("one", "other")
    )
    book.put_facts("a", (one,), now=0, wall=0)
    assert book.put_facts("a", (other,), now=600, wall=0)
    assert not book.firing(600)
    (labels,) = book.firing(1200)
    assert dict(labels)["gateway"] == "other"


def routed(gateway: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**dict(facts("a", down=True).routing), "gateway": gateway}.items()))
