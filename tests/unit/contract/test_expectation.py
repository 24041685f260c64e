"""What counts as having got through, and what a round shows of the expectation."""

from dataclasses import replace

import pytest

from ipsecping.contract import (
    METHODS,
    CheckRef,
    Expect,
    HttpOptions,
    IkeOptions,
    Invalidity,
    LossReason,
    PathMtu,
    PlannedProbe,
    ProbeType,
    Refusal,
    RefusedAnswers,
    RefusedKind,
    RoundResult,
    TcpOptions,
    TlsOptions,
    as_expected,
    destination,
    named,
    packets_reached,
)
from ipsecping.contract.figure import figures_by_name
from ipsecping.contract.methods.names import is_domain_name
from ipsecping.contract.web_url import parse_url

REF = CheckRef(uid="u", namespace="n", name="c", generation=1, nonce="x", path="default")
PROBE = PlannedProbe(name="p", type=ProbeType.TCP, count=1, spacing_ms=10, timeout_ms=10, size=0, port=22)


def round_of(
    received: int = 0,
    reverse: int | None = None,
    invalid: Invalidity | None = None,
    mtu: PathMtu | None = None,
    **losses: int,
) -> RoundResult:
    counted = {getattr(LossReason, name.upper()): count for name, count in losses.items()}
    sent = received + sum(counted.values())
    return RoundResult(
        check=REF, probe="p", type=ProbeType.UDP_ECHO, started_at=0, duration=0, sent=sent, received=received,
        losses=counted, reverse_lost=reverse, invalid=invalid, figures=figures_by_name(*filter(None, [mtu])),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "reached"),
    [
        (round_of(received=3), 3),
        (round_of(timeout=3), 0),
        (round_of(refused=2, timeout=1), 2),
        (round_of(unreachable=1, prohibited=1, message_too_big=1), 0),
        (round_of(auth_failed=1, tls_failed=1, unexpected_status=1, bad_answer=1), 4),
        (round_of(received=1, timeout=5, reverse=4), 5),
        (round_of(refused=2, reverse=2), 2),
        (round_of(timeout=1, mtu=PathMtu(forward=None, reverse=None, too_big=False)), 0),
        (round_of(timeout=1, mtu=PathMtu(forward=1280, reverse=None, too_big=False)), 1),
    ],
)
def test_packets_reached_counts_every_sign_that_the_far_end_gave(result: RoundResult, reached: int) -> None:
    assert packets_reached(result) == reached


@pytest.mark.parametrize(
    ("result", "reachable", "blocked"),
    [
        (round_of(received=1, timeout=2), True, False),
        (round_of(timeout=3), False, True),
        (round_of(unreachable=3), False, True),
        (round_of(refused=3), False, False),
        (round_of(invalid=Invalidity.INTERNAL_ERROR), None, None),
        (round_of(timeout=3, invalid=Invalidity.LATE_TICKS), None, None),
        (round_of(received=1, timeout=2, invalid=Invalidity.LATE_TICKS), True, False),
    ],
)
def test_a_round_is_as_expected_or_not_or_shows_nothing(
    result: RoundResult, reachable: bool | None, blocked: bool | None
) -> None:
    assert as_expected(Expect.REACHABLE, result) is reachable
    assert as_expected(Expect.BLOCKED, result) is blocked


def test_packets_go_to_the_target_unless_the_options_name_another_host() -> None:
    def goes_to(options: HttpOptions | IkeOptions | None) -> str:
        made = PlannedProbe(
            name="p", type=ProbeType.HTTP, count=1, spacing_ms=10, timeout_ms=10, size=0, options=options
        )
        return destination(made, "10.0.0.1")

    assert goes_to(None) == "10.0.0.1"
    assert goes_to(HttpOptions(url="https://app.example:8443/x")) == "app.example"
    assert goes_to(IkeOptions(gateway="gw.example")) == "gw.example"


def test_a_certificate_bears_the_hosts_name_unless_the_plan_names_another() -> None:
    def name(tls: TlsOptions) -> str | None:
        options = named(replace(PROBE, options=TcpOptions(tls=tls)), "far.example").options
        assert isinstance(options, TcpOptions)
        assert options.tls is not None
        return options.tls.server_name

    assert name(TlsOptions()) == "far.example"
    assert name(TlsOptions(server_name="other.example")) == "other.example"
    assert named(PROBE, "far.example") == PROBE


@pytest.mark.parametrize(
    ("text", "host", "port", "authority", "target"),
    [
        ("http://10.0.0.1", "10.0.0.1", 80, "10.0.0.1", "/"),
        ("https://a.example/x?y=1#z", "a.example", 443, "a.example", "/x?y=1"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1", 8080, "[2001:db8::1]:8080", "/"),
        ("https://a.example:443?q", "a.example", 443, "a.example", "/?q"),
    ],
)
def test_the_parts_of_a_url(text: str, host: str, port: int, authority: str, target: str) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.authority, url.request_target) == (host, port, authority, target)


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "a.example", "http://", "http://a:0/", "http://a:x/", "http://a:99999/", "http://u:p@a/",
     "http://a/\r\nX: y", "http://a/ b", "http://ä/", "http://[::1/"],
)  # fmt: skip
def test_a_wrong_url_is_refused_in_the_plan_with_its_field(url: str) -> None:
    with pytest.raises(ValueError, match=r"^probe\.options\.url: "):
        METHODS[ProbeType.HTTP].read_options({"url": url}, "probe.options")


def test_a_server_name_that_no_certificate_bears_is_refused_in_the_plan() -> None:
    for good in ("far.example", "10.0.0.1", "2001:db8::1"):
        METHODS[ProbeType.TCP].read_options({"tls": {"serverName": good}}, "probe.options")
    with pytest.raises(ValueError, match=r"^probe\.options\.tls\.serverName: "):
        METHODS[ProbeType.TCP].read_options({"tls": {"serverName": ".a"}}, "probe.options")


@pytest.mark.parametrize(
    "name", ["a", "a.example", "a.example.", "_sip._tcp.example", "a-b.example", ".", "*.x"]
)
def test_domain_names(name: str) -> None:
    assert is_domain_name(name)
    METHODS[ProbeType.DNS].read_options({"query": name}, "probe.options")


@pytest.mark.parametrize(
    "name", ["a..b", ".a", "ä.example", "a b", "x" * 64, ".".join(["x" * 60] * 5), "a.."]
)
def test_what_is_no_domain_name_is_refused_in_the_plan(name: str) -> None:
    with pytest.raises(ValueError, match=r"^probe\.options\.query: "):
        METHODS[ProbeType.DNS].read_options({"query": name}, "probe.options")


def test_an_answer_from_elsewhere_shows_that_its_packet_arrived() -> None:
    kind = RefusedKind(Refusal.OTHER_SOURCE, source="10.0.0.9")
    lost = replace(round_of(Timeout=3), figures=figures_by_name(RefusedAnswers.of({kind: 9})))
    assert packets_reached(lost) == 3
    assert as_expected(Expect.BLOCKED, lost) is False
    short = replace(lost, figures=figures_by_name(RefusedAnswers.of({RefusedKind(Refusal.TOO_SHORT, 20): 9})))
    assert packets_reached(short) == 0


def test_an_answer_that_came_too_late_shows_that_its_packet_arrived() -> None:
    late = RefusedAnswers.of({RefusedKind(Refusal.TOO_LATE): 2})
    blocked = replace(round_of(Timeout=3), figures=figures_by_name(late))
    assert packets_reached(blocked) == 2
    assert as_expected(Expect.BLOCKED, blocked) is False


def test_a_lower_bound_of_the_losses_on_the_way_back_is_one_of_what_arrived() -> None:
    assert packets_reached(replace(round_of(Timeout=3), min_reverse_lost=2)) == 2
