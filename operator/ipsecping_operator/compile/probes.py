"""From a probe as the spec writes it to the one that a prober executes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ipsecping.contract import (
    DnsOptions,
    Expect,
    HttpOptions,
    IkeOptions,
    Options,
    PathMtuOptions,
    PlannedProbe,
    ProbeType,
    RecordType,
    StampOptions,
    TcpOptions,
    TlsOptions,
    least_payload,
)
from ipsecping_operator.api import defaults, durations
from ipsecping_operator.api.methods import UNPACED, Tls
from ipsecping_operator.api.probes import MEMBERS, Probe

from .compiled import DAY, CompiledCheck, KeyRef
from .durations import shortest


def planned_probe(probe: Probe, *, gateway: str | None, ask_source: bool = False) -> PlannedProbe:
    """The probe with every default filled in.

    `gateway` is the one that ike probes ask; `ask_source`: stamp probes are to ask which source address the
    far end sees.
    """
    (kind,) = probe.members
    paced = kind not in UNPACED
    options = _OPTIONS[kind](probe, gateway) if kind in _OPTIONS else None
    if isinstance(options, StampOptions) and ask_source and probe.may_ask_source:
        options = replace(options, ask_source=True)
    return PlannedProbe(
        name=probe.name,
        type=kind,
        count=probe.packets if paced else 1,
        spacing_ms=durations.milliseconds(probe.spacing or defaults.SPACING),
        timeout_ms=durations.milliseconds(probe.timeout or defaults.TIMEOUT),
        size=probe.size or defaults.SIZE.get(kind) or least_payload(kind, options),
        port=_PORTS[kind](probe) if kind in _PORTS else None,
        dscp=probe.dscp or 0,
        expect=probe.expect or Expect.REACHABLE,
        options=options,
    )


def effective_probe(probe: PlannedProbe, check: CompiledCheck) -> dict[str, Any]:
    """The probe as a spec with nothing left out."""
    written: dict[str, Any] = {"name": probe.name}
    if probe.type not in UNPACED:
        written |= {"count": probe.count, "spacing": shortest(probe.spacing_ms * 10**6)}
    written["timeout"] = shortest(probe.timeout_ms * 10**6)
    if probe.size:
        written["size"] = probe.size
    return written | {
        "dscp": probe.dscp,
        "expect": probe.expect.value,
        MEMBERS[probe.type]: _member(probe, check),
    }


def _member(probe: PlannedProbe, check: CompiledCheck) -> dict[str, Any]:
    member: dict[str, Any] = {} if probe.port is None else {"port": probe.port}
    match probe.options:
        case StampOptions():
            return member | _effective_auth(probe, check)
        case TcpOptions(tls=tls) if tls is not None:
            return member | {"tls": _effective_tls(tls, probe, check)}
        case HttpOptions() as http:
            secure = http.url.startswith("https:")
            written = {"url": http.url, "statusCodes": list(http.status_codes)}
            return written | ({"tls": _effective_tls(http.tls, probe, check)} if secure else {})
        case DnsOptions() as dns:
            return member | {"query": dns.query, "recordType": dns.record_type.value}
        case PathMtuOptions() as mtu:
            return member | {"min": mtu.min, "max": mtu.max} | _effective_auth(probe, check)
        case IkeOptions() as ike:
            return {"detectNAT": ike.detect_nat}
        case _:
            return member


def _effective_auth(probe: PlannedProbe, check: CompiledCheck) -> dict[str, Any]:
    key = check.keys.get(probe.name)
    return {} if key is None else {"auth": {"secretName": key.name, "key": key.key}}


def _effective_tls(tls: TlsOptions, probe: PlannedProbe, check: CompiledCheck) -> dict[str, Any]:
    written: dict[str, Any] = {"insecureSkipVerify": not tls.verify, "strict": tls.strict}
    if tls.server_name is not None:
        written["serverName"] = tls.server_name
    if probe.name in check.authorities:
        ca = check.authorities[probe.name]
        written["ca"] = {"configMapName": ca.name, "key": ca.key}
    if probe.name in check.thresholds.certificate_ns:
        written["minValidDays"] = check.thresholds.certificate_ns[probe.name] // DAY
    return written


def key_of(probe: Probe) -> KeyRef | None:
    """The key that the probe signs with, if any."""
    auth = probe.auth
    return None if auth is None else KeyRef(kind="Secret", name=auth.secret_name, key=auth.key)


def authority_of(probe: Probe) -> KeyRef | None:
    """The certificates that the probe trusts instead of the system's, if any."""
    ca = probe.tls.ca if probe.tls else None
    return None if ca is None else KeyRef(kind="ConfigMap", name=ca.config_map_name, key=ca.key)


# What a member is must be looked up by type: mypy cannot know that the one named is not None.
_PORTS: Mapping[ProbeType, Callable[[Any], int]] = MappingProxyType(
    {
        ProbeType.UDP_ECHO: lambda probe: probe.udp_echo.port,
        ProbeType.STAMP: lambda probe: probe.stamp.port or defaults.STAMP_PORT,
        ProbeType.TCP: lambda probe: probe.tcp.port,
        ProbeType.DNS: lambda probe: probe.dns.port or defaults.DNS_PORT,
        ProbeType.PATH_MTU: lambda probe: probe.path_mtu.port or defaults.STAMP_PORT,
    }
)


def _stamp(probe: Any, gateway: str | None) -> Options:
    return StampOptions(key_file=_key_file(probe))


def _key_file(probe: Probe) -> str | None:
    key = key_of(probe)
    return None if key is None else key.file


def _tls(probe: Probe) -> TlsOptions:
    tls, ca = probe.tls or Tls(), authority_of(probe)
    return TlsOptions(
        server_name=tls.server_name,
        ca_file=None if ca is None else ca.file,
        verify=not tls.insecure_skip_verify,
        strict=bool(tls.strict),
    )


def _tcp(probe: Any, gateway: str | None) -> Options:
    return TcpOptions(tls=None if probe.tcp.tls is None else _tls(probe))


def _http(probe: Any, gateway: str | None) -> Options:
    codes = probe.http.status_codes or (defaults.STATUS_CODE,)
    return HttpOptions(url=probe.http.url, status_codes=codes, tls=_tls(probe))


def _dns(probe: Any, gateway: str | None) -> Options:
    return DnsOptions(query=probe.dns.query, record_type=probe.dns.record_type or RecordType.A)


def _path_mtu(probe: Any, gateway: str | None) -> Options:
    mtu = probe.path_mtu
    return PathMtuOptions(min=mtu.least, max=mtu.most, key_file=_key_file(probe))


def _ike(probe: Any, gateway: str | None) -> Options:
    assert gateway is not None, "a rule of the spec asks for it"
    return IkeOptions(gateway=gateway, detect_nat=bool(probe.ike.detect_nat))


_OPTIONS: Mapping[ProbeType, Callable[[Any, str | None], Options]] = MappingProxyType(
    {
        ProbeType.STAMP: _stamp,
        ProbeType.TCP: _tcp,
        ProbeType.HTTP: _http,
        ProbeType.DNS: _dns,
        ProbeType.PATH_MTU: _path_mtu,
        ProbeType.IKE: _ike,
    }
)
