"""What is recorded: the state that alerts share, and the last hour beside the last week."""

from collections.abc import Iterator

from .alert import CHECK, PATH, PROBE

TARGETS = "job, instance, pod, container, endpoint, service, node, prometheus"
"""What Prometheus says of where a series comes from: another operator that takes over changes no alert."""


def state() -> Iterator[dict[str, str]]:
    """Yield what alerts share. While no operator works, what was last known goes on for 5 minutes.

    Operators of one release have one Lease; those of others, beside them in the same job, know other checks.
    """
    yield _record(
        "ipsecping:check_maintenance",
        f"max by ({CHECK}) (\n  {_last_known('ipsecping_check_maintenance')}\n)",
    )
    # While a window of spec.maintenance is open, no alert about the check is wanted.
    yield _record(
        "ipsecping:alerting_info",
        f"max without ({TARGETS}) (\n  {_last_known('ipsecping_alerting_info')}\n)\n"
        f"unless on ({CHECK}) ipsecping:check_maintenance == 1",
    )
    yield _record(
        "ipsecping:probe_finding",
        f"""
max by ({PROBE}, type, expect, status, reason) (
  ipsecping_probe_finding
  or (last_over_time(ipsecping_probe_finding[5m]) unless on ({CHECK}) ipsecping_probe_finding)
)""",
    )
    yield _record(
        "ipsecping:probe_down",
        f"""
max by ({PROBE}, type) (
  ipsecping:probe_finding{{expect="Reachable", reason="Down"}}
  or 0 * ipsecping:probe_finding{{expect="Reachable", status!="Unknown"}}
)""",
    )
    # IKE goes to the gateway, beside the tunnel.
    yield _record("ipsecping:path_down", f'min by ({PATH}) (ipsecping:probe_down{{type!="IKE"}})')
    yield _record(
        "ipsecping:down_timestamp_seconds",
        f"""
max by ({PROBE}) (time() * (ipsecping:probe_down == 1))
or (ipsecping:down_timestamp_seconds > time() - 90000)""",
    )
    # After an outage its losses stay in the window: they are no second fault.
    yield _record(
        "ipsecping:outage_in_window",
        f"""
(time() - ipsecping:down_timestamp_seconds)
< on ({CHECK}) group_left ()
(max by ({CHECK}) (ipsecping_threshold{{kind="window_seconds"}}) + 60)""",
    )


def history() -> Iterator[dict[str, str]]:
    """Yield the last hour, and the median of that hour on the days of the last week, three at least."""
    yield _record(
        "ipsecping:rtt_p50_seconds:avg1h",
        f'avg by ({PROBE}) (avg_over_time(ipsecping_rtt_percentile_seconds{{percentile="p50"}}[1h]))',
    )
    yield _record(
        "ipsecping:loss_ratio:avg1h",
        f"""
1 - sum by ({PROBE}) (increase(ipsecping_packets_received_total{{type!="IKE"}}[1h]))
/ (sum by ({PROBE}) (increase(ipsecping_packets_sent_total{{type!="IKE"}}[1h])) > 0)""",
    )
    for name in ("ipsecping:rtt_p50_seconds", "ipsecping:loss_ratio"):
        days = "\n  or ".join(
            f'label_replace({name}:avg1h offset {day}d, "day", "{day}", "", "")' for day in range(1, 8)
        )
        yield _record(
            f"{name}:week",
            f"quantile by ({PROBE}) (0.5,\n  {days}\n)\n"
            f"and on ({PROBE})\ncount by ({PROBE}) (\n  {days}\n) >= 3",
        )
    # A millisecond more or less is no degradation.
    yield _record(
        "ipsecping:rtt_p50:rise",
        "ipsecping:rtt_p50_seconds:avg1h / ipsecping:rtt_p50_seconds:week\n"
        "and ipsecping:rtt_p50_seconds:avg1h - ipsecping:rtt_p50_seconds:week > 0.001",
    )
    yield _record("ipsecping:loss:rise", "ipsecping:loss_ratio:avg1h - 2 * ipsecping:loss_ratio:week")


def _last_known(metric: str) -> str:
    """Return the expression of what a metric says, or said last while no other of its Lease leads."""
    return f"""{metric}
  or (
    last_over_time({metric}[5m])
    unless on (cluster, job, instance) (
      last_over_time(ipsecping_operator_leader[5m])
      and on (cluster, job, lease) ipsecping_operator_leader == 1
    )
  )"""


def _record(name: str, expr: str) -> dict[str, str]:
    return {"record": name, "expr": expr.strip() + "\n"}
