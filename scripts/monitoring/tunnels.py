"""Alerts about tunnels and checks."""

from collections.abc import Iterator

from ipsecping_operator.notify import alert_kinds as kinds

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

_NO_OUTAGE = f" unless on ({PROBE}) ipsecping:outage_in_window unless on ({PROBE}) ipsecping:outage_undecided"
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
        name=kinds.GATEWAY_DOWN.alertname,
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
        wait=kinds.GATEWAY_DOWN.wait,
        severity="critical",
        summary="Gateway {{ $labels.gateway }} is down, as far as {{ $labels.namespace }} knows it",
        description=kinds.GATEWAY_DOWN.meaning,
    )
    yield Alert(
        name=kinds.TUNNEL_DOWN.alertname,
        expr=on_paths("ipsecping:path_down == 1") + f"\n* on ({CHECK}) group_left ()\n({_ALL_DOWN})",
        wait=kinds.TUNNEL_DOWN.wait,
        severity=WORST,
        summary=f"{{{{ $labels.tunnel_name }}}}: {kinds.TUNNEL_DOWN.summary} {WHERE}",
        description="No answer in"
        + limit("down_after_rounds", "humanize", " ", ", of ")
        + " rounds in succession, on any path (Down)."
        + probes_with("Down")
        + diagnosed(),
    )
    yield Alert(
        name=kinds.PATH_DOWN.alertname,
        expr=on_paths(f"ipsecping:path_down == 1 unless on ({CHECK}) ({_ALL_DOWN})"),
        wait=kinds.PATH_DOWN.wait,
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: {kinds.PATH_DOWN.summary} {WHERE}",
        description="No answer in"
        + limit("down_after_rounds", "humanize", " ", ", of ")
        + " rounds in succession (Down)."
        + probes_with("Down")
        + diagnosed(),
    )
    yield Alert(
        name=kinds.PROBE_DOWN.alertname,
        expr=on_paths(
            f"count by ({PATH}) (ipsecping:probe_down == 1) unless on ({PATH}) (ipsecping:path_down == 1)"
        ),
        wait=kinds.PROBE_DOWN.wait,
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: {kinds.PROBE_DOWN.summary} {WHERE}",
        description=kinds.PROBE_DOWN.meaning + probes_with("Down"),
    )
    yield by_reason(kinds.TRAFFIC_LEAK)
    yield by_reason(
        kinds.LOSS_HIGH,
        "Loss over the window:"
        + measured("ipsecping_loss_ratio", "humanizePercentage")
        + limit("loss_ratio", "humanizePercentage")
        + ".",
        but=_NO_OUTAGE,
    )
    yield by_reason(
        kinds.FLOW_LOSS,
        " Dead flows:" + measured("ipsecping_flows", "humanize", ', state="dead"') + ".",
        but=_NO_OUTAGE,
    )
    yield by_reason(
        kinds.LOSS_BURST,
        "Longest in the window:"
        + measured("ipsecping_longest_loss_seconds", "humanizeDuration")
        + limit("burst_seconds", "humanizeDuration")
        + ".",
        but=_NO_OUTAGE,
    )
    yield by_reason(kinds.LATENCY_HIGH, f"Over the window, {_PERCENTILES}.")
    yield by_reason(
        kinds.JITTER_HIGH,
        "Over the window:"
        + measured("ipsecping_jitter_seconds", "humanizeDuration")
        + limit("jitter_seconds", "humanizeDuration")
        + ".",
    )
    yield by_reason(
        kinds.PATH_MTU_LOW,
        "Largest packet that passes, in bytes:"
        + measured("ipsecping_path_mtu_bytes", "humanize")
        + limit("path_mtu_bytes", "humanize")
        + ".",
    )
    yield by_reason(kinds.PACKETS_ALTERED)
    yield Alert(
        name=kinds.CERTIFICATE_EXPIRING.alertname,
        expr=on_paths(f"min by ({PATH}) ({_ENDING})"),
        wait=kinds.CERTIFICATE_EXPIRING.wait,
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: {kinds.CERTIFICATE_EXPIRING.summary} {WHERE}",
        description="It is valid for {{ $value | humanizeDuration }}, less than tls.minValidDays asks for.",
    )
    yield by_reason(kinds.PROBE_FAILED, but=f" unless on ({PROBE}) ({_ENDING})")
    yield from map(
        by_reason,
        (
            *(kinds.AUDIT_FAILED, kinds.STALE, kinds.MEASUREMENT_INVALID, kinds.TARGET_UNRESOLVED),
            kinds.VERIFY_UNKNOWN,
        ),
    )
    yield from _over_time()


def _over_time() -> Iterator[Alert]:
    """Yield those that take more than one look."""
    yield Alert(
        name=kinds.FLAPPING.alertname,
        # As long as an outage's losses are in the window, the next one is the same to the operator.
        expr=on_checks(
            f"(\n  max by ({CHECK}) (changes(ipsecping:probe_down[1h])) / 2 >= 4\n"
            f"  or max by ({CHECK}) (increase(ipsecping_outages_total[1h])) >= 4\n)\n"
            + _MAINTAINED.format(over="1h")
        ),
        wait=kinds.FLAPPING.wait,
        severity=LESS,
        summary="{{ $labels.tunnel_name }}: {{ $value | humanize }} outages of {{ $labels.check }} in an "
        "hour",
        description="It comes and goes. Healthy is now: "
        + of_check(
            "ipsecping_check_reason", "{{ .Labels.status }} ({{ .Labels.reason }})", ', type="Healthy"'
        ),
    )
    yield Alert(
        name=kinds.CHECK_NOT_READY.alertname,
        expr=on_checks(f'max by ({CHECK}) (ipsecping_check_reason{{type="Ready", status!="True"}})'),
        wait=kinds.CHECK_NOT_READY.wait,
        severity=LESS,
        summary="{{ $labels.tunnel_name }}: check {{ $labels.check }} is not set up",
        description="Ready is not True: "
        + of_check("ipsecping_check_reason", "{{ .Labels.reason }}", ', type="Ready"')
        + ". kubectl -n {{ $labels.namespace }} describe itc {{ $labels.check }} says which field.",
    )
    yield Alert(
        name="IPsecPingLatencyDegraded",
        expr=on_paths(f"max by ({PATH}) (ipsecping:rtt_p50:rise > 1.2) {_UNDISTURBED}"),
        wait="30m",
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: slower than it used to be {WHERE}",
        description="Within its limits, but the median of the last hour is {{ $value | humanize }} times "
        "what is usual at this time of day.",
    )
    yield Alert(
        name="IPsecPingLossDegraded",
        expr=on_paths(f"max by ({PATH}) (ipsecping:loss:rise > 0.002) {_UNDISTURBED}"),
        wait="30m",
        severity=LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: loses more than it used to {WHERE}",
        description="Within its limits, but over the last hour {{ $value | humanizePercentage }} more than "
        "twice what is usually lost at this time of day.",
    )
