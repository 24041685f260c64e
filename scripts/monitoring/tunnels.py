"""Alerts about tunnels and checks."""

from collections.abc import Iterator

from .alert import (
    CHECK,
    LESS,
    PATH,
    PROBE,
    WHERE,
    WORST,
    Alert,
    by_reason,
    diagnosed,
    limit,
    measured,
    of_check,
    on_checks,
    on_paths,
    probes_with,
)

_IN_WINDOW = f" unless on ({PROBE}) ipsecping:outage_in_window"
_ALL_DOWN = f"min by ({CHECK}) (ipsecping:path_down) == 1"
_PERCENTILES = "; ".join(
    f"{name}:" + measured("ipsecping_rtt_percentile_seconds", "humanizeDuration", f', percentile="{name}"')
    + limit(f"rtt_{name}_seconds", "humanizeDuration")
    for name in ("p50", "p90", "p99")
)  # fmt: skip
_ENDING = (
    f"max by ({PROBE}) (ipsecping_certificate_expiry_timestamp_seconds) - time() <= "
    f"on ({PROBE}) max by ({PROBE}) (ipsecping_certificate_required_seconds)"
)
_OF_GATEWAY = "without (check, tunnel_name, path, target, remote_ip, severity)"
_AT_GATEWAY = 'ipsecping:alerting_info{gateway!="", severity="critical"} * on (' + PATH + ") group_left ()"
# What a window of maintenance has seen is no fault, also when one looks back.
_MAINTAINED = f"unless on ({CHECK}) max_over_time(ipsecping:check_maintenance[{{over}}]) == 1"
_QUIET = f'max by ({PATH}) (max_over_time(ipsecping:probe_finding{{status!="True"}}[90m]))'

_UNDISTURBED = f"unless on ({PATH}) {_QUIET} {_MAINTAINED.format(over='90m')}"


def tunnel_alerts() -> Iterator[Alert]:
    """Yield the alerts about checks, the gravest first."""
    yield Alert(
        name="IPsecPingGatewayDown",
        expr=f"""
(
  min {_OF_GATEWAY} ({_AT_GATEWAY} min by ({PATH}) (ipsecping:probe_down{{type="IKE"}})) == 1
  unless
  min {_OF_GATEWAY} ({_AT_GATEWAY} ipsecping:path_down) == 0
)
or
(
  min {_OF_GATEWAY} ({_AT_GATEWAY} ipsecping:path_down) == 1
  and
  count {_OF_GATEWAY} (
    max without (path, target, remote_ip) ({_AT_GATEWAY} ipsecping:path_down)
  ) > 1
)""",
        wait="1m",
        severity="critical",
        summary="Gateway {{ $labels.gateway }} is down, as far as {{ $labels.namespace }} knows it",
        description="No tunnel there works, and its IKE daemon answers no check of the namespace, or there "
        "are two tunnels at least (Down).",
    )
    yield Alert(
        name="IPsecPingTunnelDown",
        expr=on_paths("ipsecping:path_down == 1") + f"\n* on ({CHECK}) group_left ()\n({_ALL_DOWN})",
        wait="1m",
        severity=WORST,
        summary=f"{{{{ $labels.tunnel_name }}}}: the tunnel is down {WHERE}",
        description="No answer in"
        + limit("down_after_rounds", "humanize", " ")
        + " rounds in succession, on any path (Down)."
        + probes_with("Down")
        + diagnosed(),
    )
    yield Alert(
        name="IPsecPingPathDown",
        expr=on_paths(f"ipsecping:path_down == 1 unless on ({CHECK}) ({_ALL_DOWN})"),
        wait="1m",
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: one path is down, another works {WHERE}",
        description="No answer in"
        + limit("down_after_rounds", "humanize", " ")
        + " rounds in succession (Down)."
        + probes_with("Down")
        + diagnosed(),
    )
    yield Alert(
        name="IPsecPingProbeDown",
        expr=on_paths(
            f"count by ({PATH}) (ipsecping:probe_down == 1) unless on ({PATH}) (ipsecping:path_down == 1)"
        ),
        wait="5m",
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: some probes get no answer, others do {WHERE}",
        description="The path carries packets; what these probes ask does not answer (Down)."
        + probes_with("Down"),
    )
    yield by_reason(
        "TrafficLeak",
        "UnexpectedlyReachable|SourceMismatch",
        "traffic passes that should not, or beside the tunnel",
        "A packet that was to be blocked got through, or packets arrive from an address outside of "
        "verify.sourceSeen.",
        wait="1m",
        severity=WORST,
    )
    yield by_reason(
        "LossHigh",
        "LossHigh",
        "loss above the limit",
        "Loss over the window:"
        + measured("ipsecping_loss_ratio", "humanizePercentage")
        + limit("loss_ratio", "humanizePercentage")
        + ".",
        but=_IN_WINDOW,
        diagnose=True,
    )
    yield by_reason(
        "FlowLoss",
        "FlowLoss",
        "some flows lose every packet",
        "Of the ways that traffic is spread over, one is dead. Dead flows:"
        + measured("ipsecping_flows", "humanize", ', state="dead"')
        + ".",
        but=_IN_WINDOW,
        diagnose=True,
    )
    yield by_reason(
        "LossBurst",
        "LossBurst",
        "packets lost one after the other for too long",
        "Longest in the window:"
        + measured("ipsecping_longest_loss_seconds", "humanizeDuration")
        + limit("burst_seconds", "humanizeDuration")
        + ".",
        wait="1m",
        but=_IN_WINDOW,
        diagnose=True,
    )
    yield by_reason(
        "LatencyHigh",
        "LatencyHigh",
        "round-trip time above the limit",
        f"Over the window, {_PERCENTILES}.",
        diagnose=True,
    )
    yield by_reason(
        "JitterHigh",
        "JitterHigh",
        "jitter above the limit",
        "Over the window:"
        + measured("ipsecping_jitter_seconds", "humanizeDuration")
        + limit("jitter_seconds", "humanizeDuration")
        + ".",
    )
    yield by_reason(
        "PathMTULow",
        "PathMTULow",
        "path MTU below the limit",
        "Largest packet that passes, in bytes:"
        + measured("ipsecping_path_mtu_bytes", "humanize")
        + limit("path_mtu_bytes", "humanize")
        + ".",
    )
    yield by_reason(
        "PacketsAltered",
        "HopsMismatch|DSCPMismatch",
        "packets arrive otherwise than spec.verify allows",
        "They passed more or fewer routers, or their DSCP or ECN was changed on the way.",
    )
    yield Alert(
        name="IPsecPingCertificateExpiring",
        expr=on_paths(f"min by ({PATH}) ({_ENDING})"),
        wait="5m",
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: a certificate ends too soon {WHERE}",
        description="It is valid for {{ $value | humanizeDuration }}, less than tls.minValidDays asks for.",
    )
    yield by_reason(
        "ProbeFailed",
        "ProbeFailed",
        "what answers is not as asked for",
        "The path carries packets; keys, certificates, status codes or contents are wrong.",
        but=f" unless on ({PROBE}) ({_ENDING})",
    )
    yield by_reason(
        "AuditFailed",
        "AuditFailed",
        "the reflector answers what it should not",
        "Found by the last audit and not accepted by the probe.",
        wait="0m",
    )
    yield by_reason(
        "Stale",
        "StaleResults|NoResults",
        "no results",
        "Whether the tunnel works is not known: silence is not health.",
    )
    yield by_reason(
        "MeasurementInvalid",
        "MeasurementInvalid",
        "the prober itself is at fault",
        "Its rounds say nothing about the tunnel: the node is short of time or buffers.",
        wait="10m",
    )
    yield by_reason(
        "TargetUnresolved",
        "TargetUnresolved",
        "the target's name has no address",
        "Nothing was sent, and nothing is known about the tunnel.",
    )
    yield by_reason(
        "VerifyUnknown",
        "SourceUnknown|DSCPUnknown|HopsUnknown",
        "spec.verify cannot be judged",
        "The reflector does not tell how packets arrive.",
        wait="15m",
    )
    yield from _over_time()


def _over_time() -> Iterator[Alert]:
    """Yield those that take more than one look."""
    yield Alert(
        name="IPsecPingFlapping",
        # As long as an outage's losses are in the window, the next one is the same to the operator.
        expr=on_checks(
            f"(\n  max by ({CHECK}) (changes(ipsecping:probe_down[1h])) / 2 >= 4\n"
            f"  or max by ({CHECK}) (increase(ipsecping_outages_total[1h])) >= 4\n)\n"
            + _MAINTAINED.format(over="1h")
        ),
        wait="0m",
        severity=LESS,
        summary="{{ $labels.tunnel_name }}: {{ $value | humanize }} outages of {{ $labels.check }} in an "
        "hour",
        description="It comes and goes. Healthy is now: "
        + of_check(
            "ipsecping_check_reason", "{{ .Labels.status }} ({{ .Labels.reason }})", ', type="Healthy"'
        ),
    )
    yield Alert(
        name="IPsecPingCheckNotReady",
        expr=on_checks(f'max by ({CHECK}) (ipsecping_check_reason{{type="Ready", status!="True"}})'),
        wait="10m",
        severity=LESS,
        summary="{{ $labels.tunnel_name }}: check {{ $labels.check }} is not set up",
        description="Ready is not True: "
        + of_check("ipsecping_check_reason", "{{ .Labels.reason }}", ', type="Ready"')
        + ". kubectl -n {{ $labels.namespace }} describe itc {{ $labels.check }} says which field.",
    )
    yield Alert(
        name="IPsecPingLatencyDegraded",
        expr=on_paths(f"max by ({PATH}) (ipsecping:rtt_p50:rise > 1.25) {_UNDISTURBED}"),
        wait="30m",
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: slower than it used to be {WHERE}",
        description="Within its limits, but the median of the last hour is {{ $value | humanize }} times "
        "that of the same hours of the last week.",
    )
    yield Alert(
        name="IPsecPingLossDegraded",
        expr=on_paths(f"max by ({PATH}) (ipsecping:loss:rise > 0.002) {_UNDISTURBED}"),
        wait="30m",
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: loses more than it used to {WHERE}",
        description="Within its limits, but over the last hour {{ $value | humanizePercentage }} more than "
        "twice what was lost in the same hours of the last week.",
    )
