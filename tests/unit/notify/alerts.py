"""Short ways to make alerts, and who takes them."""

from collections.abc import Mapping, Sequence

from ipsecping.contract import Expect, ProbeType
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.notify.alert_book import Held
from ipsecping_operator.notify.alerts import Alert, Labels, Subject, alerts_of
from ipsecping_operator.notify.findings import ProbeFinding
from ipsecping_operator.notify.gateways import PathFacts
from ipsecping_operator.status.conditions import Condition

ROUTING = {
    "namespace": "network",
    "check": "hq",
    "tunnel_name": "hq-dc1",
    "path": "default",
    "target": "203.0.113.10",
    "remote_ip": "203.0.113.10",
    "gateway": "",
    "severity": "critical",
    "team": "wan",
}


def finding(
    reason: HealthyReason,
    probe: str = "ping",
    *,
    path: str = "default",
    expect: Expect = Expect.REACHABLE,
    kind: ProbeType = ProbeType.ICMP,
    certificate_ends: bool = False,
    silent: bool = False,
) -> ProbeFinding:
    return ProbeFinding(
        path=path,
        probe=probe,
        type=kind,
        expect=expect,
        reason=reason,
        message=f"{reason} on {path}/{probe}",
        certificate_ends=certificate_ends,
        silent=silent,
    )


def alerts(
    *found: ProbeFinding,
    paths: Sequence[str] = ("default",),
    severity: str = "critical",
    lately_down: Sequence[tuple[str, str]] = (),
    undecided: Sequence[tuple[str, str]] = (),
    ready: Condition | None = None,
    healthy: Condition | None = None,
    outages: int = 0,
    diagnosis: str = "",
) -> list[Alert]:
    subject = Subject(
        routing={path: {**ROUTING, "path": path, "severity": severity} for path in paths},
        found=found,
        ready=ready,
        healthy=healthy,
        lately_down=frozenset(lately_down),
        undecided=frozenset(undecided),
        outages=outages,
        diagnosis=diagnosis,
    )
    return list(alerts_of(subject))


def named(found: Sequence[Alert]) -> list[tuple[str, str, str]]:
    """Name, path and severity of each."""
    return [(each.kind.name, each.path, dict(each.labels)["severity"]) for each in found]


def firing(*found: Alert, since: float = 0.0, began: int = 0) -> Mapping[Labels, Held]:
    return {each.labels: Held(alert=each, fires_at=since + each.kind.seconds, began=began) for each in found}


def facts(
    check: str, *, down: bool | None, ike_down: bool | None = None, gateway: str = "198.51.100.2"
) -> PathFacts:
    """What a path of that check says of its gateway."""
    routing = (("gateway", gateway), ("namespace", "network"), ("severity", "critical"))
    return PathFacts(check=check, routing=routing, down=down, ike_down=ike_down)
