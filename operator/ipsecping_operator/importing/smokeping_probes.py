"""SmokePing's probe modules as probes of a check: what each becomes, and which of its options."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .given import Given, NoCounterpart, at_least_icmp_size, duration

_RUNNING = ("binary", "forks", "offset", "mininterval", "blazemode", "usestdout", "avgselect")
"""How SmokePing starts and paces the programs that measure for it."""
_REDIRECTS = [200, 301, 302, 303, 307, 308]


@dataclass(slots=True)
class Probe:
    """What a probe of SmokePing's becomes."""

    method: dict[str, Any]
    """Such as `{"icmp": {}}`."""
    common: dict[str, Any] = field(default_factory=dict)
    """Fields that all probes have."""
    spec: dict[str, Any] = field(default_factory=dict)
    """Fields of the check."""
    target: str | None = None
    """Whom it measures, where that is not the host."""


def convert(module: str, given: Given, host: str) -> Probe:
    """What a probe module becomes with these options. Raises NoCounterpart."""
    made = _MODULES.get(module)
    if made is None:
        raise NoCounterpart(f"the probe {module} has no counterpart")
    probe = made(given, host)
    if (timeout := given.number("timeout")) is not None:
        probe.common["timeout"] = duration(timeout * 1000)
    for name, field_of in (("sourceaddress", "address"), ("interface", "interface")):
        if "source" not in probe.spec and (source := given.take(name, str)) is not None:
            probe.spec["source"] = {field_of: source}
            given.leave_taken(name, f"SmokePing's host has it: pods have another one, see source.{field_of}")
    if (wait := given.number("waittime")) is not None:
        probe.common["spacing"] = duration(wait * 1000)
    for name in _RUNNING:
        given.leave(name, "says how SmokePing measures, and needs no counterpart")
    return probe


def _icmp(given: Given, host: str) -> Probe:
    probe = Probe({"icmp": {}})
    _whole(given, "packetsize", probe.common, "size")
    at_least_icmp_size(given, "packetsize", probe.common)
    if (interval := given.number("hostinterval")) is not None:
        probe.common["spacing"] = duration(interval * 1000)
    tos = given.take("tos", str)
    if tos is not None and re.fullmatch("0x[0-9a-fA-F]{1,2}|[0-9]{1,3}", tos):
        value = int(tos, 0 if "x" in tos else 10)
        if value % 4:
            given.leave_taken("tos", "sets ECN bits: of it there is the code point alone, dscp")
        probe.common["dscp"] = value >> 2
    _family(given, "protocol", probe)
    return probe


def _icmp6(given: Given, host: str) -> Probe:
    probe = _icmp(given, host)
    probe.spec["family"] = "IPv6"
    return probe


def _echo_icmp(given: Given, host: str) -> Probe:
    probe = Probe({"icmp": {}})
    _family(given, "ipversion", probe)
    return probe


def _tcp(port: int, lacking: str = "") -> Callable[[Given, str], Probe]:
    def make(given: Given, host: str) -> Probe:
        method: dict[str, Any] = {"port": port}
        _whole(given, "port", method, "port")
        probe = Probe({"tcp": method})
        _family(given, "ipversion", probe)
        if lacking:
            given.leave_taken("probe", lacking)
        return probe

    return make


def _ssh(given: Given, host: str) -> Probe:
    probe = _tcp(22)(given, host)
    probe.method["tcp"]["steps"] = [{"expect": "^SSH-"}]
    given.leave("greeting", "nothing is sent: the server's greeting is waited for")
    given.leave("keytype", "no key is asked for: the server's greeting is waited for")
    return probe


def _echo(given: Given, host: str) -> Probe:
    if given.take("udp", str) in (None, "no", "0"):
        raise NoCounterpart("EchoPing by TCP has no counterpart: use tcp, for the time to connect")
    method: dict[str, Any] = {"port": 7}
    _whole(given, "port", method, "port")
    probe = Probe({"udpEcho": method})
    _whole(given, "size", probe.common, "size")
    _family(given, "ipversion", probe)
    return probe


def _dns(given: Given, host: str) -> Probe:
    server = given.take("server", str)
    asked = given.take("lookup", str) or given.take("dns_request", str)
    method: dict[str, Any] = {"query": asked or host}
    if (kind := given.take("recordtype", str) or given.take("dns_type", str)) is not None:
        method["recordType"] = kind.upper()
    _whole(given, "port", method, "port")
    if (transport := given.take("protocol", str)) is not None:
        method["transport"] = transport.upper()
    if given.take("require_noerror", str) in (None, "0"):
        given.leave_taken("probe", "counts any answer; here it has to be NOERROR with a record (rcodes)")
    if given.take("require_answers", str) not in (None, "0", "1"):
        given.leave_taken("require_answers", "one record is enough here")
    probe = Probe({"dns": method}, target=server)
    _family(given, "ipversion", probe)
    return probe


def _curl(given: Given, host: str) -> Probe:
    form = given.take("urlformat", str) or given.take("url", str) or ""
    if not form.lower().startswith(("http://", "https://")):
        raise NoCounterpart("Curl has a counterpart for http and https alone")
    method: dict[str, Any] = {"url": _lower(form.replace("%host%", in_url(host)))}
    if (agent := given.take("agent", str)) is not None:
        method["headers"] = [{"name": "User-Agent", "value": agent.removeprefix("User-Agent:").strip()}]
    if given.take("insecure_ssl", str) not in (None, "0", "no"):
        method["tls"] = {"insecureSkipVerify": True}
    if given.take("follow_redirects", str) == "yes":
        method["maxRedirects"] = 10
    if (expected := given.take("expect", str)) is not None:
        method["bodyMatches"] = [re.escape(expected)]
    given.leave_taken("probe", "counts an answer of any status; here it has to be 200 (statusCodes)")
    given.leave("extraargs", "arguments of curl are not read: they may be anything")
    given.leave("extrare", "arguments of curl are not read")
    return Probe({"http": method})


def _http(scheme: str) -> Callable[[Given, str], Probe]:
    def make(given: Given, host: str) -> Probe:
        path = given.take("url", str) or "/"
        if not path.startswith("/"):
            raise NoCounterpart("a url to be had through a proxy or cache has no counterpart")
        port = given.take("port", str)
        where = in_url(host) if port is None else f"{in_url(host)}:{port}"
        method: dict[str, Any] = {"url": f"{scheme}://{where}{path}"}
        if given.take("accept_redirects", str) not in (None, "0", "no"):
            method["statusCodes"] = _REDIRECTS
        for name in ("ignore_cache", "revalidate_data"):
            given.leave(name, "no cache is asked for anything: write the header with headers")
        probe = Probe({"http": method})
        _family(given, "ipversion", probe)
        return probe

    return make


def in_url(host: str) -> str:
    """A host as a URL has it."""
    return f"[{host}]" if ":" in host else host.lower()


def _lower(url: str) -> str:
    """A URL in lower case up to its path."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme.lower()}{separator}{authority.lower()}{slash}{path}"


def _whole(given: Given, name: str, into: dict[str, Any], as_: str) -> None:
    if (value := given.number(name)) is not None:
        into[as_] = int(value)


def _family(given: Given, name: str, probe: Probe) -> None:
    version = given.take(name, str)
    if version in ("4", "6"):
        probe.spec["family"] = f"IPv{version}"


_CONNECTS = "holds a conversation; here the time to connect is measured (tcp.steps can hold one)"
_MODULES: Mapping[str, Callable[[Given, str], Probe]] = {
    "FPing": _icmp,
    "FPing6": _icmp6,
    "FPingContinuous": _icmp,
    "TCPPing": _tcp(80),
    "SSH": _ssh,
    "AnotherSSH": _ssh,
    "DNS": _dns,
    "AnotherDNS": _dns,
    "EchoPingDNS": _dns,
    "Curl": _curl,
    "EchoPing": _echo,
    "EchoPingIcmp": _echo_icmp,
    "EchoPingHttp": _http("http"),
    "EchoPingHttps": _http("https"),
    "EchoPingSmtp": _tcp(25, _CONNECTS),
    "EchoPingLDAP": _tcp(389, _CONNECTS),
    "LDAP": _tcp(389, _CONNECTS),
}
