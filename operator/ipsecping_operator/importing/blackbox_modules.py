"""blackbox_exporter's modules as probes of a check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from ipsecping.contract.pattern import MalformedPattern, Pattern
from ipsecping_operator.api.scalars import is_ip

from .given import Given, NoCounterpart, at_least_icmp_size
from .outcome import slug

_FINE = [200, 201, 202, 203, 204, 205, 206, 207, 208, 226]
"""What is meant by 2xx, as far as codes are registered."""
_MAX_CODES = 16
_MAX_REDIRECTS = 10


@dataclass(slots=True)
class Measured:
    """What a module becomes for a target."""

    target: str
    method: dict[str, Any]
    common: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)


def convert(name: str, prober: str, given: Given, target: str) -> Measured:
    """What a module named so becomes; `given`: the options of its prober. Raises NoCounterpart."""
    made = _PROBERS.get(prober)
    if made is None:
        raise NoCounterpart(f"prober {prober or '(none)'} has no counterpart")
    measured = made(name, given, target)
    preferred = given.take("preferred_ip_protocol", str)
    fallback = given.take("ip_protocol_fallback", bool)
    if preferred in ("ip4", "ip6") and fallback is False:
        measured.spec["family"] = "IPv4" if preferred == "ip4" else "IPv6"
    elif preferred is not None and not is_ip(measured.target):
        given.leave_taken("preferred_ip_protocol", "a preference has no counterpart: family takes one alone")
    address = given.take("source_ip_address", str)
    if address is not None and address.startswith(("127.", "::1", "0.0.0.0")):
        given.leave_taken("source_ip_address", "is none that packets can leave with")
    elif address is not None:
        measured.spec["source"] = {"address": address}
        given.leave_taken(
            "source_ip_address", "the exporter's host has it: pods have another, see source.address"
        )
    return measured


def _icmp(name: str, given: Given, target: str) -> Measured:
    measured = Measured(target.lower(), {"icmp": {}})
    for option, ours in (("payload_size", "size"), ("ttl", "ttl")):
        if value := given.take(option, int):
            measured.common[ours] = value
    at_least_icmp_size(given, "payload_size", measured.common)
    if given.take("dont_fragment", bool):
        given.leave_taken("dont_fragment", "a probe of type pathMTU finds the largest packet that passes")
    return measured


def _dns(name: str, given: Given, target: str) -> Measured:
    if given.take("dns_over_tls", bool):
        raise NoCounterpart("dns_over_tls has no counterpart")
    host, port = host_and_port(target)
    method: dict[str, Any] = {"query": given.take("query_name", str) or ""}
    if (kind := given.take("query_type", str)) is None:
        given.leave_taken("query_type", "ANY, which it is by default, has no counterpart: A is asked for")
    else:
        method["recordType"] = kind.upper()
    if port is not None:
        method["port"] = port
    if (transport := given.take("transport_protocol", str)) is not None:
        method["transport"] = transport.upper()
    if rcodes := given.texts("valid_rcodes"):
        method["rcodes"] = rcodes
    given.leave("validate_answer_rrs", "patterns have no counterpart: see networks and answers")
    if given.take("recursion_desired", bool) is False:
        given.leave_taken("recursion_desired", "recursion is always asked for")
    if given.take("query_class", str) not in (None, "IN"):
        raise NoCounterpart("query_class other than IN has no counterpart")
    return Measured(host, {"dns": method})


def _tcp(name: str, given: Given, target: str) -> Measured:
    host, port = host_and_port(target)
    if port is None:
        raise NoCounterpart("a target of a tcp module needs a port")
    method: dict[str, Any] = {"port": port}
    tls = given.take("tls", bool)
    settings = given.group("tls_config")
    steps = given.take("query_response", list) or []
    talk, start = _conversation(steps, given)
    if start is not None:
        method["startTLS"] = start
    if tls or start is not None:
        method["tls"] = _tls(name, settings)
    settings.end()
    if talk:
        method["steps"] = talk
    return Measured(host, {"tcp": method})


def _conversation(steps: list[Any], given: Given) -> tuple[list[dict[str, str]], str | None]:
    """The steps behind STARTTLS where there is one, and the protocol that it belongs to."""
    start = None
    plain = [each for each in steps if isinstance(each, dict)]
    begins = [number for number, each in enumerate(plain) if each.get("starttls")]
    if begins:
        start = _protocol([str(each.get("send", "")) for each in plain[: begins[0]]])
        plain = plain[begins[0] + 1 :]
    talk: list[dict[str, str]] = []
    for each in plain:
        step = given.part(each, "query_response")
        expected, sent = step.take("expect", str), step.take("send", str)
        if sent is not None and "${" in sent:
            raise NoCounterpart("query_response sends what was received before (${1}): no counterpart")
        if step.has("expect_bytes") or step.has("send_bytes"):
            raise NoCounterpart("query_response of bytes has no counterpart")
        if expected is not None and not _is_pattern(expected):
            raise NoCounterpart("query_response expects a pattern that has no counterpart")
        step.end()
        line = None if sent is None else f"{sent}\n"
        if talk and expected is None and line is not None and "send" in talk[-1]:
            talk[-1]["send"] += line
        elif found := {
            key: value for key, value in (("expect", expected), ("send", line)) if value is not None
        }:
            talk.append(found)
    return talk, start


def _protocol(sent: list[str]) -> str:
    """Whose STARTTLS it is."""
    if any(line.upper().startswith(("EHLO", "HELO")) for line in sent):
        return "SMTP"
    if any(line.strip().upper().endswith(" STARTTLS") for line in sent):
        return "IMAP"
    raise NoCounterpart("query_response: STARTTLS of a protocol that has no counterpart")


def _http(name: str, given: Given, target: str) -> Measured:
    for option in ("proxy_url", "proxy_from_environment", "oauth2"):
        if given.has(option):
            raise NoCounterpart(f"http.{option} has no counterpart")
    versions = given.texts("valid_http_versions")
    if versions and not any(each.startswith("HTTP/1") for each in versions):
        raise NoCounterpart("http.valid_http_versions without HTTP/1.1: no other is spoken")
    host, url = _url(target, given)
    method: dict[str, Any] = {"url": url}
    _request(given, method)
    _answer(given, method)
    settings = given.group("tls_config")
    if url.startswith("https:"):
        if tls := _tls(name, settings):
            method["tls"] = tls
    else:
        settings.leave_all("matters where the target is one of https")
    settings.end()
    _credentials(name, given, method)
    return Measured(host, {"http": method})


def _url(target: str, given: Given) -> tuple[str, str]:
    """Host and URL of a target."""
    try:
        parts = urlsplit(target if "://" in target else f"http://{target}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NoCounterpart(f"no URL: {error}") from None
    if not host or parts.scheme not in ("http", "https"):
        raise NoCounterpart("no URL of http or https")
    if parts.username is not None or parts.password is not None:
        raise NoCounterpart("a URL with a user: credentials belong into a Secret (basicAuth)")
    if given.take("fail_if_ssl", bool) and parts.scheme == "https":
        raise NoCounterpart("fail_if_ssl and a target of https contradict each other")
    if given.take("fail_if_not_ssl", bool) and parts.scheme == "http":
        given.leave_taken("fail_if_not_ssl", "a redirect to https is followed; write the url with https")
    where = f"[{host}]" if ":" in host else host
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return host, f"{parts.scheme}://{where}{'' if port is None else f':{port}'}{path or '/'}"


def _request(given: Given, method: dict[str, Any]) -> None:
    if (verb := given.take("method", str)) is not None:
        method["method"] = verb.upper()
    _request_headers(given, method)
    if (body := given.take("body", str)) is not None:
        method["body"] = body
    given.leave("body_file", "write what is in the file into body")
    refused = given.take("no_follow_redirects", bool)
    if given.take("follow_redirects", bool) is not False and not refused:
        method["maxRedirects"] = _MAX_REDIRECTS
    compression = given.take("compression", str)
    if compression == "gzip":
        method["gzip"] = True
    elif compression is not None:
        given.leave_taken("compression", "gzip alone has a counterpart")


def _request_headers(given: Given, method: dict[str, Any]) -> None:
    headers = given.take("headers", dict) or {}
    sent = []
    for name, value in headers.items():
        if str(name).lower() == "host":
            method["host"] = str(value)
        elif str(name).lower() == "accept-encoding":
            if str(value).lower() == "gzip":
                method["gzip"] = True
            elif str(value).lower() != "identity":
                given.leave_taken("headers", "of Accept-Encoding gzip alone has a counterpart")
        elif str(name).lower() == "authorization":
            given.leave_taken("headers", "Authorization comes from a Secret: basicAuth or bearerToken")
        else:
            sent.append({"name": str(name), "value": str(value)})
    if sent:
        method["headers"] = sent


def _answer(given: Given, method: dict[str, Any]) -> None:
    codes = [each for each in given.take("valid_status_codes", list) or [] if isinstance(each, int)]
    if len(codes) > _MAX_CODES:
        given.leave_taken("valid_status_codes", f"there are the first {_MAX_CODES} of {len(codes)}")
    method["statusCodes"] = codes[:_MAX_CODES] or _FINE
    if given.take("accept_any_response", bool):
        given.leave_taken("accept_any_response", "2xx is expected: at most 16 codes can be listed")
    for option, ours in (
        ("fail_if_body_matches_regexp", "bodyNotMatches"),
        ("fail_if_body_not_matches_regexp", "bodyMatches"),
    ):
        if patterns := _patterns(given, option):
            method[ours] = patterns
    _headers(given, method)


def _patterns(given: Given, option: str) -> list[str]:
    found = []
    for pattern in given.texts(option):
        if _is_pattern(pattern):
            found.append(pattern)
        else:
            given.leave_taken(option, "a pattern has no counterpart, for its syntax or its size")
    return found


def _headers(given: Given, method: dict[str, Any]) -> None:
    matched: list[dict[str, str]] = []
    not_matched: list[dict[str, str]] = []
    for option, ours in (("fail_if_header_matches", not_matched), ("fail_if_header_not_matches", matched)):
        for each in given.take(option, list) or []:
            rule = given.part(each, option)
            name, pattern = rule.take("header", str) or "", rule.take("regexp", str) or ""
            missing = rule.take("allow_missing", bool)
            rule.end()
            if not _is_pattern(pattern):
                given.leave_taken(option, "a pattern has no counterpart, for its syntax or its size")
            elif ours is matched and missing:
                given.leave_taken(option, "allow_missing has no counterpart here")
            else:
                ours.append({"name": name, "pattern": pattern})
                if ours is not_matched and not missing:
                    matched.append({"name": name, "pattern": ".*"})
    if matched:
        method["headerMatches"] = matched
    if not_matched:
        method["headerNotMatches"] = not_matched


def _credentials(name: str, given: Given, method: dict[str, Any]) -> None:
    secret = f"ipsecping-{slug(name)}"
    basic, authorization = given.group("basic_auth"), given.group("authorization")
    if (user := basic.take("username", str)) is not None:
        method["basicAuth"] = {"username": user, "password": {"secretName": secret, "key": "password"}}
        _secret(basic, ("password", "password_file"), f"put it into Secret {secret}, key password")
    how = authorization.take("type", str)
    if given.has("bearer_token") or given.has("bearer_token_file") or how in (None, "Bearer"):
        why = f"put it into Secret {secret}, key token"
        if _secret(given, ("bearer_token", "bearer_token_file"), why) | _secret(
            authorization, ("credentials", "credentials_file"), why
        ):
            method["bearerToken"] = {"secretName": secret, "key": "token"}
    basic.end()
    authorization.end()
    verified = method["url"].startswith("https:") and not method.get("tls", {}).get("insecureSkipVerify")
    if ("basicAuth" in method or "bearerToken" in method) and not verified:
        method["insecureCredentials"] = True


def _secret(given: Given, names: tuple[str, ...], why: str) -> bool:
    return sum(given.leave(each, why) for each in names) > 0


def _tls(name: str, given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if (server := given.take("server_name", str)) is not None:
        found["serverName"] = server
    unverified = given.take("insecure_skip_verify", bool)
    if unverified:
        found["insecureSkipVerify"] = True
    holder = f"ipsecping-{slug(name)}"
    authority = _secret(given, ("ca_file", "ca"), f"put it into ConfigMap {holder}, key ca.crt")
    if authority and not unverified:
        found["ca"] = {"configMapName": holder, "key": "ca.crt"}
    if _secret(given, ("cert_file", "cert"), f"put it into Secret {holder}, key tls.crt"):
        found["clientCertificate"] = {"secretName": holder, "key": "tls.crt"}
    if _secret(given, ("key_file", "key"), f"put it into Secret {holder}, key tls.key"):
        found["clientKey"] = {"secretName": holder, "key": "tls.key"}
    return found


def host_and_port(text: str) -> tuple[str, int | None]:
    """`db.example:5432`, `[2001:db8::1]:53`, `10.0.0.1`: host and port. Raises NoCounterpart."""
    if text.count(":") > 1 and not text.startswith("["):
        return text.lower(), None
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NoCounterpart(f"no host and port: {error}") from None
    if not host or parts.path or parts.query or "@" in parts.netloc:
        raise NoCounterpart("no host and port")
    return host, port


@lru_cache(maxsize=1024)
def _is_pattern(text: str) -> bool:
    try:
        Pattern(text)
    except MalformedPattern:
        return False
    return True


_PROBERS: Mapping[str, Callable[[str, Given, str], Measured]] = {
    "http": _http,
    "tcp": _tcp,
    "dns": _dns,
    "icmp": _icmp,
}
