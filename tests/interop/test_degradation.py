"""A week of the past in a real Prometheus, with the rules as they are delivered: what is degradation.

The past is exported by the operator's own code and recorded by promtool, so that a week takes seconds.
"""

import json
import random
import re
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml

from ..peers import monitoring
from ..peers.backfill import Past, Span, line
from .courses import LEASE, ROUND, Course, Running

RULES = Path(__file__).parents[2] / "manifests" / "monitoring" / "rules.yaml"
MINUTE, HOUR, DAY = 60, 3600, 86_400
BEGINS = -8 * DAY - 12 * HOUR
LOOKED_AT = -10 * HOUR
"""From then on there is each round, and alerts are looked for."""
BEFORE = 30 * MINUTE
"""Between two rounds of what is only compared with."""
NOT_SCRAPED = range(-5 * DAY, -4 * DAY)
REPLACED = (-3 * DAY, -40 * MINUTE)
"""When another operator took over."""
RISES = -6 * HOUR
STANDBY = 9
"""Number of the pod that waits for the Lease all the time."""
JOB = "ipsecping"
Told = set[tuple[str, str]]
"""Alert and check."""

noise = random.Random(17)


def noisy(milliseconds: float) -> float:
    return milliseconds * noise.uniform(0.97, 1.03)


def rising(at: float) -> float:
    """A third more, slowly, within three hours."""
    return noisy(20 * (1 + 0.3 * min(max((at - RISES) / (3 * HOUR), 0), 1)))


def daily(at: float, *, more: float, begins: float = 3) -> float:
    """Six busy hours each day, which began so many hours before the present."""
    return noisy(20 * (1 + more if (at + begins * HOUR) % DAY < 6 * HOUR else 1))


def after_holidays(at: float) -> float:
    """No busy hours on four days, then as before."""
    return noisy(20) if -5 * DAY < at < -12 * HOUR else daily(at, more=1)


COURSES = (
    Course(name="rising", rtt=rising),
    Course(
        name="lossy", rtt=lambda at: noisy(20), answered=lambda at: 9 + (at < RISES or at // ROUND % 4 > 0)
    ),
    Course(name="down", rtt=lambda at: noisy(20), answered=lambda at: 0 if at > -30 * MINUTE else 10),
    Course(name="back", rtt=lambda at: noisy(26 if -9 * HOUR < at < -5 * HOUR else 20)),
    Course(name="daily", rtt=lambda at: daily(at, more=0.3)),
    Course(name="summer", rtt=lambda at: daily(at, more=1, begins=4 if at > -12 * HOUR else 3)),
    Course(name="holidays", rtt=after_holidays),
    Course(name="weekend", rtt=after_holidays, since=-5 * DAY - 12 * HOUR),
    Course(name="young", rtt=rising, since=-2 * HOUR),
    Course(
        name="moved",
        rtt=lambda at: noisy(40 if at > RISES else 20),
        target=lambda at: "10.50.9.9" if at > RISES else "10.50.1.10",
    ),
    Course(name="jittery", rtt=lambda at: noisy(20), spread=lambda at: 2 if at > RISES else 0.1),
    Course(name="flat", rtt=lambda at: 20),
)


@dataclass(frozen=True)
class Watched:
    """What a Prometheus knows that has watched these checks for a week."""

    present: int
    folder: Path
    past: Past
    operator: Running
    fired: Sequence[Span]

    def spans(self, check: str) -> list[tuple[str, int, int]]:
        """Alerts about a check, and from which minute to which they fired; 0 is the present."""
        return [
            (each.name, int(each.first - self.present) // MINUTE, int(each.last - self.present) // MINUTE)
            for each in self.fired
            if each.labels.get("check") == check
        ]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, promtool: str) -> Watched:
    """The week, and what would have fired in its last hours."""
    folder = tmp_path_factory.mktemp("week")
    # The newest samples are good for five minutes: so long may it take to get to the last test.
    present = int(time.time())
    past = Past(folder, yaml.safe_load(RULES.read_text()))
    operator = _lived_through(past, present)
    begun = present + LOOKED_AT

    def since(record: str) -> int:
        return present + BEGINS if record.endswith((":avg1h", ":max2h")) else begun

    past.record(since, present, every=2 * MINUTE)
    with monitoring.prometheus({}, folder) as url:
        fired = past.fired(url, begun + 2 * HOUR, present, MINUTE)
    return Watched(present, folder, past, operator, fired)


def _lived_through(past: Past, present: int) -> Running:
    """Let operators work, one after the other, and be scraped."""
    asked = set(re.findall(r"ipsecping_[a-z0-9_]+", RULES.read_text()))
    operator, pod, lines = Running(COURSES, present), 1, list[str]()
    for at in (*range(BEGINS, LOOKED_AT, BEFORE), *range(LOOKED_AT, 1, ROUND)):
        if at in NOT_SCRAPED:
            continue
        if pod <= len(REPLACED) and at >= REPLACED[pod - 1]:
            operator, pod = operator.succeeded(), pod + 1
        operator.measure(at)
        operator.judge(at)
        for sample in operator.exported(at, asked):
            labels = {**sample.labels, **scraped_from(pod)}
            lines.append(line(sample.name, labels, sample.value, at=present + at))
        standby = {"lease": LEASE, **scraped_from(STANDBY)}
        lines.append(line("ipsecping_operator_leader", standby, 0, at=present + at))
    past.write(lines)
    return operator


def scraped_from(pod: int) -> dict[str, str]:
    return {"job": JOB, "instance": f"10.0.0.{pod}:9090", "pod": f"operator-{pod}"}


@pytest.mark.long
def test_an_outage_fires_down_and_nothing_else(watched: Watched) -> None:
    ((name, first, last),) = watched.spans("down")
    assert (name, last) == ("IPsecPingTunnelDown", 0)
    assert first < -10


def test_a_slow_rise_of_30_percent_fires_degradation_and_nothing_else(watched: Watched) -> None:
    """Once, though the operator is replaced meanwhile, and a day of the history is missing."""
    ((name, first, last),) = watched.spans("rising")
    assert (name, last) == ("IPsecPingLatencyDegraded", 0)
    assert RISES // MINUTE < first < REPLACED[1] // MINUTE


def test_a_rise_that_is_over_is_told_no_more(watched: Watched) -> None:
    ((name, _, last),) = watched.spans("back")
    assert name == "IPsecPingLatencyDegraded"
    assert last < -4 * 60


def test_a_rise_of_loss_within_the_limits_fires_its_degradation_and_nothing_else(watched: Watched) -> None:
    ((name, _, last),) = watched.spans("lossy")
    assert (name, last) == ("IPsecPingLossDegraded", 0)


@pytest.mark.parametrize(
    "check", [each.name for each in COURSES if each.name not in {"down", "rising", "back", "lossy"}]
)
def test_what_is_usual_or_cannot_be_compared_fires_nothing(watched: Watched, check: str) -> None:
    assert watched.spans(check) == []


def test_nothing_is_told_of_the_operator(watched: Watched) -> None:
    assert {each.name for each in watched.fired if "check" not in each.labels} == set()


def test_a_prometheus_that_goes_on_from_there_fires_the_same_by_its_own_rules(watched: Watched) -> None:
    """Those rules that history is not recorded by are evaluated each second; those for it once a minute."""
    lasting = [each for each in watched.fired if each.last == watched.present]
    watched.past.write(each.remembered() for each in lasting)
    server, _ = prometheus_client.start_http_server(0, "127.0.0.1", watched.operator.registry(0))
    target = {"targets": [f"127.0.0.1:{server.server_port}"], "labels": scraped_from(len(REPLACED) + 1)}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": JOB, "honor_labels": True, "static_configs": [target]}],
    }
    try:
        with monitoring.prometheus(config, watched.folder, "--rules.alert.for-grace-period=0s") as url:
            told = _settled(url, len(lasting))
    finally:
        server.shutdown()
        server.server_close()
    assert told == {
        ("IPsecPingTunnelDown", "down"),
        ("IPsecPingLatencyDegraded", "rising"),
        ("IPsecPingLossDegraded", "lossy"),
    }


def _settled(url: str, count: int) -> Told:
    """What fires once so many do."""
    deadline = time.monotonic() + 60
    told: Told = set()
    while len(told) < count:
        assert time.monotonic() < deadline, f"only {told} fire"
        time.sleep(0.2)
        told = {(each["labels"]["alertname"], each["labels"].get("check", "")) for each in _firing(url)}
    return told


def _firing(url: str) -> Iterator[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v1/alerts", timeout=10) as answer:
        for each in json.load(answer)["data"]["alerts"]:
            if each["state"] == "firing":
                yield each
