"""What is recorded: the state that alerts share, and the last hour beside the last week."""

from collections.abc import Iterator

from ipsecping_operator.notify.alert_kinds import LOSSES, UNDECIDED_MINUTES

from .alert import CHECK, PATH, PROBE

MEASURED = f"{PROBE}, type, target"
"""What has a history of its own: another target is as far away as it is."""
WEEK_AGO = "offset 167h"
"""Of a maximum over two hours: this time of day a week ago, give or take an hour."""
READ_AGAIN = "1m"
"""An operator that takes over has read by then what agents hold of the time before."""
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
    yield _record(
        "ipsecping:probe_silent",
        f"""
max by ({PROBE}) (
  ipsecping_probe_silent
  or (last_over_time(ipsecping_probe_silent[5m]) unless on ({CHECK}) ipsecping_probe_finding)
)""",
    )
    # IKE goes to the gateway, beside the tunnel. A probe of more patience than the others delays nothing.
    downs = 'ipsecping:probe_down{type!="IKE"}'
    yield _record(
        "ipsecping:path_down",
        f"""
min by ({PATH}) ({downs} unless on ({PROBE}) ipsecping:probe_silent)
or 0 * min by ({PATH}) ({downs})""",
    )
    yield _record(
        "ipsecping:down_timestamp_seconds",
        f"""
max by ({PROBE}) (
  time() * (ipsecping:probe_down == 1 or ipsecping:probe_silent and on ({PATH}) ipsecping:path_down == 1)
)
or (ipsecping:down_timestamp_seconds > time() - 90000)""",
    )
    # An outage begins with losses as well: until a packet is answered they are no fault of their own. But
    # where the next round is an hour away, nobody is to wait for it.
    losses = f'max by ({PROBE}) (ipsecping:probe_finding{{reason=~"{"|".join(sorted(LOSSES))}"}})'
    # Less than none is: one was answered. An operator that takes over counts anew: fewer are no answer, nor
    # are those that it reads again.
    received, since = "ipsecping_packets_received_total", "ipsecping:packets_received:since_loss"
    answered = f"max by ({PROBE}) ({received})"
    leads = f"ipsecping_operator_leader offset {READ_AGAIN} == 1"
    settled = f"max by ({PROBE}) ({received} and on (cluster, job, instance) ({leads}))"
    yield _record(
        since, f"(0 * ({since} < {settled}) - 1 or {answered} or {since})\nand on ({PROBE}) {losses}"
    )
    yield _record(
        "ipsecping:outage_undecided",
        f"{answered} == {since}\nunless {since} == {since} offset {UNDECIDED_MINUTES}m",
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
    """Yield the last hour, what is usual at this time of day, and how far the one is above the other."""
    median = 'ipsecping_rtt_percentile_seconds{percentile="p50"}'
    # Each sample counts once, also while an operator takes over from another.
    yield _record(
        "ipsecping:rtt_p50_seconds:avg1h",
        f"sum by ({MEASURED}) (sum_over_time({median}[1h]))\n"
        f"/ sum by ({MEASURED}) (count_over_time({median}[1h]))",
    )
    yield _record(
        "ipsecping:loss_ratio:avg1h",
        f"""
1 - sum by ({MEASURED}) (increase(ipsecping_packets_received_total{{type!="IKE"}}[1h]))
/ (sum by ({MEASURED}) (increase(ipsecping_packets_sent_total{{type!="IKE"}}[1h])) > 0)""",
    )
    for name in ("ipsecping:rtt_p50_seconds", "ipsecping:loss_ratio"):
        yield _record(f"{name}:max2h", f"max_over_time({name}:avg1h[2h])")
        yield _record(f"{name}:week", _usual(f"{name}:max2h"))
    # A millisecond more or less is no degradation, nor is what was so a week ago.
    yield _record(
        "ipsecping:rtt_p50:rise",
        f"""
ipsecping:rtt_p50_seconds:avg1h / ipsecping:rtt_p50_seconds:week
and ipsecping:rtt_p50_seconds:avg1h - ipsecping:rtt_p50_seconds:week > 0.001
unless ipsecping:rtt_p50_seconds:avg1h < 1.1 * (ipsecping:rtt_p50_seconds:max2h {WEEK_AGO})""",
    )
    yield _record(
        "ipsecping:loss:rise",
        f"""
ipsecping:loss_ratio:avg1h - 2 * ipsecping:loss_ratio:week
unless ipsecping:loss_ratio:avg1h < 1.1 * (ipsecping:loss_ratio:max2h {WEEK_AGO})""",
    )


def _usual(slowest: str) -> str:
    """Return the expression of the median of the last seven days, at this time of day give or take an hour.

    So clocks that are set in spring make no busy hour a new one. Without a week of history it is the greatest
    of three days at least, for a weekend is no measure of a Monday.
    """
    days = "\n  or ".join(
        f'label_replace({slowest} offset {24 * day - 1}h, "day", "{day}", "", "")' for day in range(1, 8)
    )
    return f"""
(
  quantile by ({MEASURED}) (0.5,
  {days}
  )
  and {slowest} {WEEK_AGO}
  or max by ({MEASURED}) (
  {days}
  )
)
and count by ({MEASURED}) (
  {days}
) >= 3"""


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
