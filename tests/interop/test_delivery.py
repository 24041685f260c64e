"""What a person sees of an alert: each example for Alertmanager as written, and the service that it names."""

import html
import itertools
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ipsecping_operator.api.conditions import HealthyReason

from ..docs.documents import block
from ..peers.services import Api, Exporter, awaited
from . import delivery, published
from .delivery import Examples, by_the_operator, of_the_gateway

DOWN = "hq-dc1: the tunnel is down on hq/default to 203.0.113.10 (203.0.113.10)"
RUNBOOK = f"{delivery.RUNBOOKS}/IPsecPingTunnelDown.md"
SEEN = (
    "no answer to the last 30 packets. Probes: ping (Down).",
    "kubectl -n network describe itc hq",
    RUNBOOK,
)
"""What there is to read of DOWN, beside its first line."""
ODD = (
    "<!channel> R&D <b>x</b>",
    "*bold* _it_ `code` ~gone~",
    "\"quoted\" 'too' \\ {{ .Labels }} $x %s",
    "Köln ⇄ 東京, 🔥",
    "a,b,c",
)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    """All examples, each with its service. Tests tell their alerts apart by the cluster."""
    with delivery.running(tmp_path_factory.mktemp("delivery")) as running:
        yield running


_NUMBERS = itertools.count()


@pytest.fixture
def cluster() -> str:
    """The label that tells the alerts of one test, and of one attempt at it, from all others."""
    return f"c{next(_NUMBERS)}"


def events(examples: Examples, cluster: str, count: int) -> list[Any]:
    """The first events at PagerDuty about a cluster, each as its API wants it."""

    def found() -> list[Any]:
        calls = examples.api["pagerduty"].calls
        return [each.content for each in calls if f" {cluster}] " in each.content["payload"]["summary"]]

    awaited(lambda: len(found()) >= count)
    for each in examples.api["pagerduty"].calls:
        published.pagerduty(each)
    return found()


def opened(examples: Examples, cluster: str, count: int = 1) -> list[Any]:
    """The first alerts at Opsgenie about a cluster, each as its API wants it."""
    api = examples.api["opsgenie"]

    def found() -> list[Any]:
        created = [each.content for each in api.calls if each.path == "/v2/alerts"]
        return [each for each in created if f" {cluster}] " in each["message"]]

    awaited(lambda: len(found()) >= count)
    for each in api.calls:
        published.opsgenie(each)
    return found()


def closed(api: Api) -> list[str]:
    """The aliases that were closed at Opsgenie."""
    paths = (each.path.removeprefix("/v2/alerts/") for each in api.calls)
    return [path.partition("/")[0] for path in paths if path.endswith("/close?identifierType=alias")]


def posts(examples: Examples, cluster: str, count: int) -> list[Any]:
    """The first attachments in Slack about a cluster."""

    def found() -> list[Any]:
        shown = [each.content["attachments"][0] for each in examples.api["slack"].calls]
        return [each for each in shown if f" {cluster}] " in each["title"]]

    awaited(lambda: len(found()) >= count)
    for each in examples.api["slack"].calls:
        published.slack(each)
    return found()


def mails(examples: Examples, cluster: str, count: int) -> list[tuple[str, str, str]]:
    """Subject, text and HTML of the first mails about a cluster."""

    def found() -> list[Any]:
        return [each for each in examples.mailbox.mails if f" {cluster}] " in str(each["Subject"])]

    awaited(lambda: len(found()) >= count)
    return [published.mail(each) for each in found()]


def test_pagerduty_opens_an_incident_and_closes_the_same(examples: Examples, cluster: str) -> None:
    examples.tell(by_the_operator({}, cluster=cluster))
    (opened,) = events(examples, cluster, 1)
    assert opened["event_action"] == "trigger"
    assert opened["routing_key"] == delivery.SECRETS["pagerduty-routing-key"]
    assert opened["links"] == [{"href": RUNBOOK, "text": "Runbook"}]
    payload = opened["payload"]
    assert (payload["summary"], payload["severity"]) == (f"[CRITICAL {cluster}] {DOWN}", "critical")
    assert (payload["component"], payload["group"]) == ("hq-dc1", "198.51.100.7")
    assert payload["class"] == "IPsecPingTunnelDown"
    assert all(each in payload["custom_details"]["firing"] for each in (DOWN, *SEEN))
    examples.tell(by_the_operator({}, cluster=cluster, resolved=True))
    _, over = events(examples, cluster, 2)
    assert (over["event_action"], over["dedup_key"]) == ("resolve", opened["dedup_key"])
    assert over["payload"]["summary"] == f"[RESOLVED {cluster}] {DOWN}"
    assert over["payload"]["custom_details"]["resolved"].startswith("RESOLVED after 2m")


def test_opsgenie_opens_an_alert_and_closes_it_by_its_alias(examples: Examples, cluster: str) -> None:
    examples.tell(by_the_operator({}, cluster=cluster))
    (alert,) = opened(examples, cluster)
    assert (alert["message"], alert["priority"]) == (f"[CRITICAL {cluster}] {DOWN}", "P1")
    assert alert["tags"] == ["IPsecPingTunnelDown", "hq-dc1"]
    assert all(each in alert["description"] for each in (DOWN, *SEEN))
    assert alert["details"]["team"] == "wan"
    examples.tell(by_the_operator({}, cluster=cluster, resolved=True))
    awaited(lambda: alert["alias"] in closed(examples.api["opsgenie"]))
    assert {each.fields["Authorization"] for each in examples.api["opsgenie"].calls} == {
        f"GenieKey {delivery.SECRETS['opsgenie-api-key']}"
    }


def test_slack_shows_what_is_wrong_and_that_it_is_over(examples: Examples, cluster: str) -> None:
    examples.tell(by_the_operator({}, cluster=cluster))
    (post,) = posts(examples, cluster, 1)
    assert (post["title"], post["color"]) == (f"[CRITICAL {cluster}] {DOWN}", "danger")
    assert post["fallback"] == post["title"], "what a phone shows"
    assert all(each in post["text"] for each in (DOWN, *SEEN))
    examples.tell(by_the_operator({}, cluster=cluster, resolved=True))
    _, over = posts(examples, cluster, 2)
    assert (over["title"], over["color"]) == (f"[RESOLVED {cluster}] {DOWN}", "good")
    assert "FIRING" not in over["text"]


def test_a_mail_says_so_in_its_subject_in_text_and_in_html(examples: Examples, cluster: str) -> None:
    examples.tell(by_the_operator({}, cluster=cluster))
    ((subject, text, page),) = mails(examples, cluster, 1)
    documented = block("alerts.md", "text", behind="## What arrives")
    assert timeless(text).strip() == timeless(documented).strip()
    assert subject == f"[CRITICAL {cluster}] {DOWN}"
    assert all(each in text and each in page for each in (DOWN, *SEEN))
    assert f'<a href="{RUNBOOK}">' in page
    examples.tell(by_the_operator({}, cluster=cluster, resolved=True))
    _, (subject, text, page) = mails(examples, cluster, 2)
    assert subject == f"[RESOLVED {cluster}] {DOWN}"
    assert text.startswith("RESOLVED after 2m")
    assert "resolved after 2m" in page
    assert examples.mailbox.logins == {("alertmanager@example.com", delivery.SECRETS["smtp-password"])}


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", ("critical", "P1", "danger")), ("warning", ("warning", "P3", "warning")),
     ("info", ("info", "P5", "warning"))],
)  # fmt: skip
def test_how_grave_it_is_holds_for_each_service(
    examples: Examples, cluster: str, severity: str, expected: tuple[str, ...]
) -> None:
    examples.tell(by_the_operator({"severity": severity}, cluster=cluster))
    event, alert = events(examples, cluster, 1)[0], opened(examples, cluster)[0]
    post = posts(examples, cluster, 1)[0]
    assert (event["payload"]["severity"], alert["priority"], post["color"]) == expected
    assert post["title"].startswith(f"[{severity.upper()} {cluster}] ")


def test_an_alert_about_no_check_names_its_gateway(examples: Examples, cluster: str) -> None:
    labels = {"alertname": "IPsecPingGatewayDown", "severity": "critical", "namespace": "network"}
    where = {"gateway": "198.51.100.7", "cluster": cluster}
    told = {
        "summary": "Gateway 198.51.100.7 is down",
        "description": "No tunnel works.",
        "runbook_url": "a/b.md",
    }
    examples.tell([{"labels": {**labels, **where}, "annotations": told}])
    event = events(examples, cluster, 1)[0]
    assert event["payload"]["component"] == "198.51.100.7"
    assert "links" not in event, "a path in the repository is no link"
    assert opened(examples, cluster)[0]["tags"] == ["IPsecPingGatewayDown", "198.51.100.7"]
    ((_, text, page),) = mails(examples, cluster, 1)
    assert "kubectl" not in text + page
    assert "Runbook: a/b.md" in text
    assert "<a" not in page


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_odd_names_are_read_as_they_are(examples: Examples, cluster: str, name: str) -> None:
    message = f"it said <{name}> & {'x' * 3000}"
    examples.tell(by_the_operator({"tunnel_name": name}, cluster=cluster, message=message))
    summary = f"[CRITICAL {cluster}] {name}: the tunnel is down on hq/default to 203.0.113.10 (203.0.113.10)"
    event, alert = events(examples, cluster, 1)[0], opened(examples, cluster)[0]
    assert (event["payload"]["summary"], event["payload"]["component"]) == (summary, name)
    assert alert["message"] == summary
    assert alert["tags"][1:] == [name.replace(",", " ")], "a comma parts tags"
    post = posts(examples, cluster, 1)[0]
    for each in (post["title"], post["fallback"], post["text"]):
        assert name in html.unescape(each)
        assert "<" not in each, "Slack would take it for a link or a call to the channel"
    assert "text" not in post["mrkdwn_in"], "Slack would take stars and the like for markup"
    ((subject, text, page),) = mails(examples, cluster, 1)
    assert summary.startswith(subject)
    assert f"{name}: the tunnel is down" in subject
    assert name in text
    assert name in html.unescape(page)
    assert "<b>x" not in page
    assert text.count("x") < 2000
    assert "…\n" in text, "what was cut says so"


def test_a_text_of_several_lines_makes_no_line_of_its_own(examples: Examples, cluster: str) -> None:
    """Not from us: rules of somebody else's making may do that."""
    labels = {"alertname": "IPsecPingOurs", "severity": "warning", "cluster": cluster}
    told = {"summary": "one\r\nBcc: all@example.com\n\ntwo", "description": "three\nRunbook: none"}
    examples.tell([{"labels": labels, "annotations": told}])
    ((subject, text, _),) = mails(examples, cluster, 1)
    assert subject == f"[WARNING {cluster}] one Bcc: all@example.com two"
    assert "\nthree Runbook: none\n" in text


def test_the_longest_names_leave_room_for_what_is_wrong(examples: Examples, cluster: str) -> None:
    label = "n" * 63
    longest = dict.fromkeys(("namespace", "check", "path", "team"), label)
    routing = {
        **longest,
        "tunnel_name": "🔥" * 63,
        "target": "t" * 253,
        "remote_ip": "2001:db8:" + "ffff:" * 6 + "1",
    }
    paths = [{**routing, "path": f"{number}{'p' * 62}"} for number in range(8)]
    examples.tell(
        by_the_operator(*paths, cluster=cluster, reason=HealthyReason.LOSS_BURST, message="m" * 4096)
    )
    wrong = f"{'🔥' * 63}: consecutive packets lost for"
    alert = awaited(lambda: next((each for each in opened(examples, cluster)), None))
    assert wrong in alert["message"]
    assert wrong in events(examples, cluster, 1)[0]["payload"]["summary"]
    assert wrong[:80] in mails(examples, cluster, 1)[0][0]
    assert wrong in posts(examples, cluster, 1)[0]["title"]


def exported(reason: str) -> list[str]:
    """What an operator exports of a check with one probe that is found so: STATUS/REASON."""
    status, _, why = reason.partition("/")
    check = 'namespace="network",check="hq",tunnel_name="hq-dc1"'
    path = f'{check},path="default",target="203.0.113.10"'
    routing = f'{path},remote_ip="203.0.113.10",gateway="198.51.100.7",severity="critical",team="wan"'
    probe = f'{path},probe="ping",type="ICMP",expect="Reachable",status="{status}",reason="{why}"'
    return [
        'ipsecping_operator_leader{lease="ipsecping-system/ipsecping"} 1',
        f"ipsecping_alerting_info{{{routing}}} 1",
        f'ipsecping_threshold{{{check},kind="window_seconds"}} 300',
        f'ipsecping_threshold{{{check},kind="down_after_rounds"}} 3',
        f"ipsecping_probe_finding{{{probe}}} 1",
    ]


def test_what_a_prometheus_tells_is_read_as_what_the_operator_tells(
    examples: Examples, cluster: str, tmp_path: Path
) -> None:
    exporter = Exporter(exported("False/Down"))
    with exporter.listening() as at, delivery.prometheus(examples, at, tmp_path, cluster=cluster):
        event, alert = events(examples, cluster, 1)[0], opened(examples, cluster)[0]
        assert event["payload"]["summary"] == alert["message"] == f"[CRITICAL {cluster}] {DOWN}"
        said = "No answer in 3 rounds in succession, on any path (Down). Probes: ping (Down)."
        page = "docs/runbooks/IPsecPingTunnelDown.md"
        read = alert["description"], posts(examples, cluster, 1)[0]["text"], mails(examples, cluster, 1)[0][1]
        for text in read:
            assert all(each in text for each in (DOWN, said, "kubectl -n network describe itc hq", page))
        exporter.lines = exported("True/WithinThresholds")
        over = events(examples, cluster, 2)[1]
        assert (over["event_action"], over["dedup_key"]) == ("resolve", event["dedup_key"])
        awaited(lambda: alert["alias"] in closed(examples.api["opsgenie"]))
        assert posts(examples, cluster, 2)[1]["title"] == f"[RESOLVED {cluster}] {DOWN}"
        assert mails(examples, cluster, 2)[1][0] == f"[RESOLVED {cluster}] {DOWN}"


def test_the_end_that_comes_while_an_alert_is_inhibited_is_told_when_it_is_told_again(
    examples: Examples, cluster: str
) -> None:
    """Else an incident would stay open for ever: the operator tells of ends again, as a Prometheus does."""
    loss = HealthyReason.LOSS_HIGH
    examples.tell(by_the_operator({}, cluster=cluster, reason=loss))
    opened = events(examples, cluster, 1)[0]
    examples.tell(by_the_operator({}, cluster=cluster))
    events(examples, cluster, 2)
    over = by_the_operator({}, cluster=cluster, reason=loss, resolved=True)
    examples.tell(over)
    time.sleep(3 * delivery.GATHERS)
    assert len(events(examples, cluster, 2)) == 2, "Alertmanager tells nobody of it"
    examples.tell(by_the_operator({}, cluster=cluster, resolved=True))
    events(examples, cluster, 3)
    examples.tell(over)
    told = events(examples, cluster, 4)[3]
    assert (told["event_action"], told["dedup_key"]) == ("resolve", opened["dedup_key"])


def timeless(text: str) -> str:
    return re.sub(r"since [0-9-]+ [0-9:]+ UTC", "since then", text)


def down(names: Sequence[str], cluster: str, *, resolved: bool = False) -> list[dict[str, Any]]:
    routings: list[Mapping[str, str]] = [
        {"check": name, "tunnel_name": name, "gateway": ""} for name in names
    ]
    return by_the_operator(*routings, cluster=cluster, resolved=resolved, seconds=0)


def test_fifty_tunnels_are_one_message_to_read_and_fifty_incidents_to_acknowledge(
    examples: Examples, cluster: str
) -> None:
    names = [f"branch{number:02d}" for number in range(50)]
    examples.tell(down(names, cluster))
    post, (subject, text, _) = posts(examples, cluster, 1)[0], mails(examples, cluster, 1)[0]
    assert post["title"].startswith(f"[CRITICAL {cluster}] 50 alerts: branch00: the tunnel is down")
    assert post["title"] == subject
    for shown in (post["text"], text):
        assert shown.count("FIRING since") == 10
        assert "and 40 more that fire" in shown
    incidents = events(examples, cluster, 50)
    assert len({each["dedup_key"] for each in incidents}) == len(incidents) == 50
    assert len({each["alias"] for each in opened(examples, cluster, 50)}) == 50


def test_fifty_tunnels_of_a_gateway_that_is_down_are_one_incident(examples: Examples, cluster: str) -> None:
    names = [f"branch{number:02d}" for number in range(50)]
    examples.tell(of_the_gateway(*names, cluster=cluster))
    tunnels = [{"check": name, "tunnel_name": name} for name in names]
    examples.tell(by_the_operator(*tunnels, cluster=cluster))
    (event,) = events(examples, cluster, 1)
    assert event["payload"]["class"] == "IPsecPingGatewayDown"
    time.sleep(3 * delivery.GATHERS)
    assert len(events(examples, cluster, 1)) == len(opened(examples, cluster)) == 1
    assert len(posts(examples, cluster, 1)) == len(mails(examples, cluster, 1)) == 1
    examples.tell(of_the_gateway("a", "b", cluster=cluster, gateway="192.0.2.7"))
    first, second = events(examples, cluster, 2)
    assert first["dedup_key"] != second["dedup_key"], "whoever acknowledged the one is called for the other"


def test_of_two_tunnels_of_which_one_has_healed_the_other_is_in_the_subject(
    examples: Examples, cluster: str
) -> None:
    examples.tell(down(["a", "b"], cluster))
    first = posts(examples, cluster, 1)[0]
    assert first["title"].startswith(f"[CRITICAL {cluster}] 2 alerts: a: ")
    examples.tell(down(["a"], cluster, resolved=True))
    second = posts(examples, cluster, 2)[1]
    assert second["title"].startswith(f"[CRITICAL {cluster}] b: the tunnel is down")
    assert "RESOLVED after" in second["text"]
    assert second["color"] == "danger"
